//! [`Rate`]: events per second, written as `250/s`, `6000/m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{UnitError, deserialize_from_notation, split_number};

const EXPECTED: &str = "a rate (examples: 250/s, 6000/m, 2.5k/s)";

/// Events per second, finite and never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// `events` per second; negative and non-finite values become zero.
    #[must_use]
    pub fn per_second(events: f64) -> Self {
        Self(if events.is_finite() { events.max(0.0) } else { 0.0 })
    }

    /// Events per second.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// The time from one event to the next, or `None` if there are no events.
    #[must_use]
    pub fn interval(self) -> Option<Duration> {
        (self.0 > 0.0).then(|| Duration::from_secs_f64((1.0 / self.0).min(1e9)))
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError::new(text, EXPECTED);
        let (events, unit) = text.trim().split_once('/').ok_or_else(error)?;
        let (number, suffix) = split_number(events.trim()).ok_or_else(error)?;
        let factor = match suffix.trim() {
            "" => 1.0,
            "k" | "K" => 1e3,
            "M" => 1e6,
            _ => return Err(error()),
        };
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            _ => return Err(error()),
        };
        Ok(Self::per_second(number * factor / seconds))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", (self.0 * 1e3).round() / 1e3)
    }
}

deserialize_from_notation!(Rate, "a rate such as 250/s or 6000/m", from_integer: |_| None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rates_and_knows_the_interval() {
        for (text, per_second) in [("250/s", 250.0), ("6000/m", 100.0), ("2.5k/s", 2_500.0)] {
            assert!(
                (text.parse::<Rate>().unwrap().get() - per_second).abs() < 1e-9,
                "{text}"
            );
        }
        assert_eq!(
            "250/s".parse::<Rate>().unwrap().interval(),
            Some(Duration::from_millis(4))
        );
        assert_eq!("0/s".parse::<Rate>().unwrap().interval(), None);
        for text in ["", "5", "-1/s", "5/fortnight", "x/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
