//! [`Count`]: how many, written as `2000`, `10k`, `1.5M`.

use std::fmt;
use std::str::FromStr;

use super::{UnitError, deserialize_from_notation, split_number};

const EXPECTED: &str = "a count (examples: 2000, 10k, 1.5M)";

/// A whole number of things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(pub u64);

impl FromStr for Count {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError::new(text, EXPECTED);
        let (number, suffix) = split_number(text.trim()).ok_or_else(error)?;
        let factor = match suffix {
            "" => 1.0,
            "k" | "K" => 1e3,
            "M" => 1e6,
            _ => return Err(error()),
        };
        let count = number * factor;
        if count.fract() != 0.0 || count > 9e15 {
            return Err(error());
        }
        Ok(Self(count as u64))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

deserialize_from_notation!(Count, "a count such as 2000 or 10k", from_integer: |n| Some(Count(n)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_multiples() {
        for (text, count) in [
            ("2000", 2_000),
            ("10k", 10_000),
            ("1.5M", 1_500_000),
            ("1_000", 1_000),
        ] {
            assert_eq!(text.parse::<Count>().unwrap(), Count(count), "{text}");
        }
        for text in ["", "-4", "1.5", "3x", "1.2345k"] {
            assert!(text.parse::<Count>().is_err(), "{text}");
        }
    }
}
