//! [`Delay`]: drawing lengths of time.

use std::time::Duration;

use rand::RngExt;

use super::plan::Delay;
use super::size::normal;
use super::template::ClientRng;

impl Delay {
    /// Draws a length of time.
    #[must_use]
    pub fn draw(&self, random: &mut ClientRng) -> Duration {
        match *self {
            Self::Fixed(length) => length,
            Self::Uniform(low, high) => low + high.saturating_sub(low).mul_f64(random.random::<f64>()),
            Self::Exponential { mean, max } => times(mean, -(1.0 - random.random::<f64>()).ln(), max),
            Self::Normal { mean, deviation, max } => {
                let seconds = mean.as_secs_f64() + deviation.as_secs_f64() * normal(random);
                Duration::try_from_secs_f64(seconds.max(0.0)).map_or(max, |drawn| drawn.min(max))
            }
            Self::LogNormal { median, sigma, max } => times(median, (sigma * normal(random)).exp(), max),
        }
    }

    /// The mean of what is drawn, as if nothing were cut off.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match *self {
            Self::Fixed(length) => length,
            Self::Uniform(low, high) => low + high.saturating_sub(low) / 2,
            Self::Exponential { mean, max } | Self::Normal { mean, max, .. } => mean.min(max),
            Self::LogNormal { median, sigma, max } => times(median, (sigma * sigma / 2.0).exp(), max),
        }
    }

    /// Whether it can be other than zero.
    pub(super) const fn takes_time(&self) -> bool {
        match self {
            Self::Fixed(longest) | Self::Uniform(_, longest) => !longest.is_zero(),
            Self::Exponential { mean, max } => !mean.is_zero() && !max.is_zero(),
            Self::Normal { mean, deviation, max } => {
                !max.is_zero() && (!mean.is_zero() || !deviation.is_zero())
            }
            Self::LogNormal { median, max, .. } => !median.is_zero() && !max.is_zero(),
        }
    }
}

/// `length` times `factor`, at most `max`.
fn times(length: Duration, factor: f64, max: Duration) -> Duration {
    Duration::try_from_secs_f64(length.as_secs_f64() * factor).map_or(max, |product| product.min(max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::client_rng;

    const SECOND: Duration = Duration::from_secs(1);
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn every_distribution_has_its_mean() {
        const DRAWS: u32 = 40_000;
        for delay in [
            Delay::Fixed(SECOND),
            Delay::Uniform(SECOND, 3 * SECOND),
            Delay::Exponential {
                mean: SECOND,
                max: DAY,
            },
            Delay::Normal {
                mean: 10 * SECOND,
                deviation: SECOND,
                max: DAY,
            },
            Delay::LogNormal {
                median: SECOND,
                sigma: 0.5,
                max: DAY,
            },
        ] {
            let mut random = client_rng(1, 1);
            let sum: Duration = (0..DRAWS).map(|_| delay.draw(&mut random)).sum();
            let found = (sum / DRAWS).as_secs_f64() / delay.mean().as_secs_f64();
            assert!((found - 1.0).abs() < 0.03, "{delay:?}: {found} times its mean");
        }
    }

    #[test]
    fn what_is_too_long_or_below_zero_is_cut_off() {
        let mut random = client_rng(1, 1);
        let max = SECOND;
        for delay in [
            Delay::Exponential { mean: DAY, max },
            Delay::Normal {
                mean: SECOND,
                deviation: DAY,
                max,
            },
            Delay::LogNormal {
                median: DAY,
                sigma: 10.0,
                max,
            },
        ] {
            let drawn: Vec<_> = (0..500).map(|_| delay.draw(&mut random)).collect();
            assert!(
                drawn.iter().all(|length| *length <= max) && drawn.contains(&max),
                "{delay:?}"
            );
        }
    }
}
