//! [`CloseReasons`]: what was given as the reason of a close, by who sent the first Close frame.

use super::sample::Side;

/// How many different codes with their reasons are told apart: a peer that puts a time or a number into its reasons must not
/// grow our memory.
pub const MAX_CLOSE_REASONS: usize = 32;

/// The first Close frames that gave a reason; at most [`MAX_CLOSE_REASONS`] are told apart, the rest counts as "other".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseReasons {
    entries: Vec<CloseReason>,
    other: u64,
}

/// A reason, and how often it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    /// Who sent the first Close frame.
    pub by: Side,
    /// Its code.
    pub code: u16,
    /// Its reason, never empty; at most 123 bytes.
    pub reason: Box<[u8]>,
    /// How often.
    pub count: u64,
}

impl CloseReasons {
    /// Counts `n` connections that `by` closed with `code` and `reason`; an empty reason is none.
    pub fn add(&mut self, by: Side, code: u16, reason: &[u8], n: u64) {
        if reason.is_empty() {
            return;
        }
        let full = self.entries.len() >= MAX_CLOSE_REASONS;
        let known = self
            .entries
            .iter_mut()
            .find(|entry| entry.by == by && entry.code == code && *entry.reason == *reason);
        match known {
            Some(entry) => entry.count += n,
            None if full => self.other += n,
            None => self.entries.push(CloseReason {
                by,
                code,
                reason: reason.into(),
                count: n,
            }),
        }
    }

    /// The reasons that were given, in the order in which they were first seen.
    pub fn iter(&self) -> impl Iterator<Item = &CloseReason> {
        self.entries.iter().filter(|entry| entry.count > 0)
    }

    /// How often a reason was given that is not told apart.
    #[must_use]
    pub const fn other(&self) -> u64 {
        self.other
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for entry in other.iter() {
            self.add(entry.by, entry.code, &entry.reason, entry.count);
        }
        self.other += other.other;
    }

    /// Forgets all counts and keeps the known reasons' places, so that the next round allocates nothing.
    pub fn clear(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.count = 0);
        self.other = 0;
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none() && self.other == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart_by_side_code_and_text() {
        let mut reasons = CloseReasons::default();
        for (by, code, reason) in [
            (Side::Server, 1008, &b"rate limit"[..]),
            (Side::Server, 1008, b"rate limit"),
            (Side::Server, 1013, b"rate limit"),
            (Side::Client, 1008, b"rate limit"),
            (Side::Server, 1000, b""),
        ] {
            reasons.add(by, code, reason, 1);
        }
        let mut merged = CloseReasons::default();
        merged.merge(&reasons);
        reasons.clear();
        assert!(reasons.is_empty());
        let counts: Vec<_> = merged
            .iter()
            .map(|entry| (entry.by, entry.code, entry.count))
            .collect();
        assert_eq!(
            counts,
            [
                (Side::Server, 1008, 2),
                (Side::Server, 1013, 1),
                (Side::Client, 1008, 1)
            ]
        );
    }

    #[test]
    fn a_peer_with_endless_reasons_fills_the_bound_and_then_the_rest() {
        let mut reasons = CloseReasons::default();
        for n in 0..1000 {
            reasons.add(Side::Server, 1011, format!("request {n}").as_bytes(), 1);
        }
        let told: u64 = reasons.iter().map(|entry| entry.count).sum();
        assert_eq!(
            (reasons.iter().count(), told + reasons.other()),
            (MAX_CLOSE_REASONS, 1000)
        );
    }
}
