//! [`Delay`]: how long a message takes. [`Stall`]: when nothing passes.

use std::f64::consts::TAU;
use std::time::Duration;

use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::notation::{Call, span};
use crate::clock::Moment;

/// The distribution of a delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Delay {
    /// Always the same.
    Fixed(Duration),
    /// Anything between the two, equally likely.
    Uniform(Duration, Duration),
    /// Exponential with this mean.
    Exponential(Duration),
    /// Normal with this mean and standard deviation, cut off at zero.
    Normal(Duration, Duration),
}

/// How a delay is written.
pub(super) const DELAY: &str = "`50ms`, `uniform(LOW,HIGH)`, `exponential(MEAN)` or `normal(MEAN,DEVIATION)`";

impl Delay {
    /// Reads the notation.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match Call::parse(text) {
            Call::Plain(fixed) => span(fixed).map(Self::Fixed),
            Call::One("exponential", mean) => span(mean).map(Self::Exponential),
            Call::Two("normal", mean, deviation) => Some(Self::Normal(span(mean)?, span(deviation)?)),
            Call::Two("uniform", low, high) => {
                let (low, high) = (span(low)?, span(high)?);
                (low <= high).then_some(Self::Uniform(low, high))
            }
            _ => None,
        }
    }

    /// The next delay.
    pub(super) fn draw(&self, rng: &mut Pcg64Mcg) -> Duration {
        // Above zero, so that its logarithm exists.
        let mut chance = || 1.0 - rng.random::<f64>();
        match *self {
            Self::Fixed(delay) => delay,
            Self::Uniform(low, high) => low + (high - low).mul_f64(1.0 - chance()),
            Self::Exponential(mean) => mean.mul_f64(-chance().ln()),
            Self::Normal(mean, deviation) => {
                // Box and Muller's transform.
                let standard = (-2.0 * chance().ln()).sqrt() * (TAU * chance()).cos();
                let seconds = mean.as_secs_f64() + deviation.as_secs_f64() * standard;
                Duration::from_secs_f64(seconds.max(0.0))
            }
        }
    }
}

/// A server that stands still for `length` at the end of every `period`, counted from its start: all connections with the same
/// stall stand still together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stall {
    pub(super) length: Duration,
    pub(super) period: Duration,
}

/// How a stall is written.
pub(super) const STALL: &str = "LENGTH/PERIOD such as `1s/10s`, LENGTH being the shorter";

impl Stall {
    /// Reads the notation.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (length, period) = text.split_once('/')?;
        let (length, period) = (span(length)?, span(period)?);
        (!length.is_zero() && length < period).then_some(Self { length, period })
    }

    /// The end of the stall that `now` falls into.
    pub(super) fn end(&self, now: Moment) -> Option<Moment> {
        let period = self.period.as_nanos();
        let into = u128::from(now.as_nanos()) % period;
        let left = u64::try_from(period - into).ok()?;
        let stalled = into >= period - self.length.as_nanos();
        stalled.then(|| now + Duration::from_nanos(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and standard deviation of many delays, in milliseconds.
    fn moments(text: &str) -> (f64, f64) {
        let delay = Delay::parse(text).unwrap();
        let mut rng = Pcg64Mcg::new(7);
        let drawn: Vec<f64> = (0..20_000)
            .map(|_| delay.draw(&mut rng).as_secs_f64() * 1e3)
            .collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|ms| (ms - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn delays_follow_their_distribution() {
        for (text, mean, deviation) in [
            ("20ms", 20.0, 0.0),
            ("uniform(5ms,50ms)", 27.5, 45.0 / 12_f64.sqrt()),
            ("exponential(20ms)", 20.0, 20.0),
            ("normal(100ms, 10ms)", 100.0, 10.0),
        ] {
            let (got_mean, got_deviation) = moments(text);
            assert!((got_mean - mean).abs() <= mean * 0.03, "{text}: mean {got_mean}");
            assert!(
                (got_deviation - deviation).abs() <= deviation * 0.03 + 1e-9,
                "{text}: deviation {got_deviation}"
            );
        }
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let delay = Delay::parse("normal(20ms,5ms)").unwrap();
        let draw = |seed| {
            let mut rng = Pcg64Mcg::new(seed);
            [(); 5].map(|()| delay.draw(&mut rng))
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_stall_is_the_end_of_its_period() {
        let stall = Stall::parse("1s/10s").unwrap();
        let at = |millis| Moment::ZERO + Duration::from_millis(millis);
        assert_eq!(stall.end(at(0)), None);
        assert_eq!(stall.end(at(8_999)), None);
        assert_eq!(stall.end(at(9_000)), Some(at(10_000)));
        assert_eq!(stall.end(at(9_999)), Some(at(10_000)));
        assert_eq!(stall.end(at(10_000)), None);
        assert_eq!(stall.end(at(29_500)), Some(at(30_000)));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "",
            "20",
            "uniform(9ms,1ms)",
            "uniform(1ms)",
            "normal(1ms)",
            "gamma(1ms)",
            "uniform(1ms,2ms",
        ] {
            assert_eq!(Delay::parse(text), None, "{text}");
        }
        for text in ["1s", "10s/1s", "1s/1s", "0/1s", "x/1s"] {
            assert_eq!(Stall::parse(text), None, "{text}");
        }
    }
}
