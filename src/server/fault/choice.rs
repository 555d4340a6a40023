//! [`Choice`]: which messages a fault meets.

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::notation::{Call, whole_number};

/// Which messages of a connection a fault meets. Messages count from one, in the server's direction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Choice {
    /// Those with these numbers.
    Numbers(Vec<u64>),
    /// Each n-th.
    Every(u64),
    /// Each with this probability.
    Chance(f64),
}

/// How a choice is written.
pub(super) const CHOICE: &str =
    "message numbers from 1 (`3` or `3,7`), `every(N)`, or `chance(P)` with P from 0 to 1";

impl Choice {
    /// Reads the notation.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let count = |text| whole_number(text).filter(|&n| n > 0);
        match Call::parse(text) {
            Call::Plain(numbers) => numbers
                .split(',')
                .map(count)
                .collect::<Option<_>>()
                .map(Self::Numbers),
            Call::One("every", n) => count(n).map(Self::Every),
            Call::One("chance", probability) => {
                let probability: f64 = probability.parse().ok()?;
                (0.0..=1.0)
                    .contains(&probability)
                    .then_some(Self::Chance(probability))
            }
            _ => None,
        }
    }

    /// Whether the message with this number is met.
    pub(super) fn meets(&self, number: u64, rng: &mut Pcg64Mcg) -> bool {
        match self {
            Self::Numbers(numbers) => numbers.contains(&number),
            Self::Every(n) => number.is_multiple_of(*n),
            Self::Chance(probability) => rng.random_bool(*probability),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(text: &str, messages: u64) -> Vec<u64> {
        let choice = Choice::parse(text).unwrap();
        let mut rng = Pcg64Mcg::new(1);
        (1..=messages).filter(|&n| choice.meets(n, &mut rng)).collect()
    }

    #[test]
    fn numbers_and_multiples() {
        assert_eq!(met("3", 10), [3]);
        assert_eq!(met("7, 3", 10), [3, 7]);
        assert_eq!(met("every(4)", 10), [4, 8]);
    }

    #[test]
    fn a_chance_meets_its_share() {
        assert!(met("chance(0)", 1000).is_empty());
        assert_eq!(met("chance(1)", 5), [1, 2, 3, 4, 5]);
        let share = met("chance(0.25)", 10_000).len();
        assert!((2300..2700).contains(&share), "{share}");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "0",
            "-1",
            "x",
            "1,,2",
            "every(0)",
            "every(1,2)",
            "chance(1.5)",
            "chance(x)",
            "often(1)",
        ] {
            assert_eq!(Choice::parse(text), None, "{text}");
        }
    }
}
