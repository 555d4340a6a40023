//! [`Span`]: a length of time written as `1h30m`, `250ms`, `1.5s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{UnitError, deserialize_from_notation, split_number};

const EXPECTED: &str = "a duration (examples: 250ms, 30s, 1h30m)";

/// A length of time, never negative. A bare number other than 0 is refused: its unit would be a guess.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

impl Span {
    /// A century is past any run; it also keeps conversions exact enough and inside u64.
    pub const MAX: Self = Self::from_secs(36_525 * 86_400);

    /// A span of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError::new(text, EXPECTED);
        let mut rest = text.trim();
        if rest == "0" {
            return Ok(Self::default());
        }
        if rest.is_empty() {
            return Err(error());
        }
        let mut nanos = 0.0_f64;
        while !rest.is_empty() {
            let (number, tail) = split_number(rest).ok_or_else(error)?;
            let unit_end = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
            nanos += number * nanos_per(&tail[..unit_end]).ok_or_else(error)?;
            rest = tail[unit_end..].trim_start();
        }
        if nanos > Self::MAX.0.as_nanos() as f64 {
            return Err(error());
        }
        Ok(Self(Duration::from_nanos(nanos.round() as u64)))
    }
}

fn nanos_per(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3_600e9,
        "d" => 86_400e9,
        _ => return None,
    })
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < 1_000_000_000 {
            let (unit, per) = if nanos < 1_000 {
                ("ns", 1.0)
            } else if nanos < 1_000_000 {
                ("us", 1e3)
            } else {
                ("ms", 1e6)
            };
            return write!(f, "{}{unit}", round3(nanos as f64 / per));
        }
        let whole = self.0.as_secs();
        for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
            let part = match unit {
                "d" => whole / size,
                "h" => whole % 86_400 / size,
                _ => whole % 3_600 / size,
            };
            if part > 0 {
                write!(f, "{part}{unit}")?;
            }
        }
        let seconds = (whole % 60) as f64 + f64::from(self.0.subsec_nanos()) / 1e9;
        if seconds > 0.0 {
            write!(f, "{}s", round3(seconds))
        } else {
            Ok(())
        }
    }
}

fn round3(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

deserialize_from_notation!(Span, "a duration such as 250ms, 30s or 1h30m", from_integer: |n| (n == 0).then(Span::default));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1_500),
            ("0", 0),
            ("2m 5s", 125_000),
        ] {
            assert_eq!(text.parse::<Span>().unwrap(), Span::from_millis(millis), "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_unit_or_no_sense() {
        for text in ["", "5", "-3s", "s", "1 parsec", "1e9s", "99999999d", "1h-3m"] {
            let error = text.parse::<Span>().unwrap_err();
            assert!(error.to_string().contains("examples: 250ms"), "{text}: {error}");
        }
    }

    #[test]
    fn prints_what_it_reads() {
        for text in ["250ms", "30s", "1h30m", "1.5s", "0s", "12us", "1d2h3m4s", "700ns"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }
}
