//! [`CloseCodes`]: how often each close code was seen, by who sent the first Close frame.

use super::sample::Side;

/// How many distinct codes are told apart per side; a peer that sends random codes must not grow our memory.
pub const MAX_DISTINCT_CODES: usize = 32;

/// Close codes by [`Side`]; at most [`MAX_DISTINCT_CODES`] per side are told apart, the rest counts as "other".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseCodes {
    sides: [SideCodes; Side::ALL.len()],
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SideCodes {
    /// Ascending by code.
    counts: Vec<(u16, u64)>,
    other: u64,
}

impl CloseCodes {
    /// Counts `n` connections that `by` closed with `code`.
    pub fn add(&mut self, by: Side, code: u16, n: u64) {
        let side = &mut self.sides[by as usize];
        match side.counts.binary_search_by_key(&code, |&(code, _)| code) {
            Ok(at) => side.counts[at].1 += n,
            Err(at) if side.counts.len() < MAX_DISTINCT_CODES => side.counts.insert(at, (code, n)),
            Err(_) => side.other += n,
        }
    }

    /// Codes and how often `by` sent each, in ascending order of the code.
    pub fn counts(&self, by: Side) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.sides[by as usize]
            .counts
            .iter()
            .copied()
            .filter(|&(_, count)| count > 0)
    }

    /// How often `by` sent a code that is not told apart.
    #[must_use]
    pub const fn other(&self, by: Side) -> u64 {
        self.sides[by as usize].other
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for by in Side::ALL {
            for (code, count) in other.counts(by) {
                self.add(by, code, count);
            }
            self.sides[by as usize].other += other.other(by);
        }
    }

    /// Forgets all counts and keeps the known codes' places, so that the next round allocates nothing.
    pub fn clear(&mut self) {
        for side in &mut self.sides {
            side.counts.iter_mut().for_each(|(_, count)| *count = 0);
            side.other = 0;
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        Side::ALL
            .iter()
            .all(|&by| self.counts(by).next().is_none() && self.other(by) == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_per_side_in_order() {
        let mut codes = CloseCodes::default();
        for (by, code) in [
            (Side::Server, 1008),
            (Side::Server, 1001),
            (Side::Client, 1000),
            (Side::Server, 1008),
        ] {
            codes.add(by, code, 1);
        }
        assert_eq!(
            codes.counts(Side::Server).collect::<Vec<_>>(),
            [(1001, 1), (1008, 2)]
        );
        assert_eq!(codes.counts(Side::Client).collect::<Vec<_>>(), [(1000, 1)]);
        assert_eq!(codes.counts(Side::Nobody).count(), 0);
    }

    #[test]
    fn a_peer_with_endless_codes_fills_the_bound_and_then_the_rest() {
        let mut codes = CloseCodes::default();
        (3000..4000).for_each(|code| codes.add(Side::Server, code, 1));
        assert_eq!(codes.counts(Side::Server).count(), MAX_DISTINCT_CODES);
        assert_eq!(codes.other(Side::Server), 1000 - MAX_DISTINCT_CODES as u64);

        let mut merged = CloseCodes::default();
        merged.merge(&codes);
        merged.merge(&codes);
        let total: u64 = merged.counts(Side::Server).map(|(_, count)| count).sum();
        assert_eq!(total + merged.other(Side::Server), 2000);
    }

    #[test]
    fn clearing_leaves_nothing_to_merge() {
        let mut codes = CloseCodes::default();
        codes.add(Side::Nobody, 1006, 3);
        codes.clear();
        assert!(codes.is_empty());
    }
}
