//! [`SizeLimits`]: the largest messages that a target took, and what it did with larger ones.

/// How many different refusals are told apart.
pub const MAX_REFUSALS: usize = 16;

/// What size probes found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SizeLimits {
    /// Probes that came to their end.
    pub probes: u64,
    /// The smallest and the largest of what each of them saw accepted at most; absent if none saw any.
    pub accepted: Option<(u64, u64)>,
    /// The smallest and the largest of what each of them saw refused at least; absent if nothing was refused.
    pub refused: Option<(u64, u64)>,
    /// How refusals looked, and how often each was seen.
    looks: Vec<(String, u64)>,
    /// Refusals beyond the number that is told apart.
    pub other: u64,
}

impl SizeLimits {
    /// Counts a probe by the largest message that was accepted and the smallest that was refused.
    pub fn probed(&mut self, accepted: Option<u64>, refused: Option<u64>) {
        self.probes += 1;
        self.accepted = hull(self.accepted, accepted.map(|size| (size, size)));
        self.refused = hull(self.refused, refused.map(|size| (size, size)));
    }

    /// Counts `n` refusals that looked like this.
    pub fn refusal(&mut self, look: &str, n: u64) {
        let full = self.looks.len() >= MAX_REFUSALS;
        match self.looks.iter_mut().find(|(known, _)| known == look) {
            Some((_, count)) => *count += n,
            None if full => self.other += n,
            None => self.looks.push((look.to_owned(), n)),
        }
    }

    /// How refusals looked, and how often each was seen.
    #[must_use]
    pub fn looks(&self) -> &[(String, u64)] {
        &self.looks
    }

    /// Adds everything that `other` found.
    pub fn merge(&mut self, other: &Self) {
        self.probes += other.probes;
        self.accepted = hull(self.accepted, other.accepted);
        self.refused = hull(self.refused, other.refused);
        for (look, count) in &other.looks {
            self.refusal(look, *count);
        }
        self.other += other.other;
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.probes == 0 && self.looks.is_empty() && self.other == 0
    }
}

/// The range that holds both.
fn hull(one: Option<(u64, u64)>, other: Option<(u64, u64)>) -> Option<(u64, u64)> {
    match (one, other) {
        (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_range_of_what_all_probes_saw() {
        let mut total = SizeLimits::default();
        for (accepted, refused) in [
            (Some(65_536), Some(65_537)),
            (Some(1 << 20), None),
            (None, Some(1)),
        ] {
            let mut limits = SizeLimits::default();
            limits.probed(accepted, refused);
            limits.refusal("close 1009", 3);
            total.merge(&limits);
        }
        assert_eq!(
            (total.probes, total.looks()),
            (3, &[("close 1009".to_owned(), 9)][..])
        );
        assert_eq!(
            (total.accepted, total.refused),
            (Some((65_536, 1 << 20)), Some((1, 65_537)))
        );
    }

    #[test]
    fn refusals_that_all_look_different_are_bounded() {
        let mut limits = SizeLimits::default();
        (0..100).for_each(|n| limits.refusal(&format!("look {n}"), 1));
        assert_eq!(
            (limits.looks().len(), limits.other),
            (MAX_REFUSALS, 100 - MAX_REFUSALS as u64)
        );
    }
}
