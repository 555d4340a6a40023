//! [`Size`]: lengths of payloads, fixed or drawn from a distribution.

use rand::RngExt;

use super::template::ClientRng;

/// A length in bytes, drawn anew for each payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Size {
    /// Always the same.
    Fixed(usize),
    /// Evenly between two bounds, both included.
    Uniform(usize, usize),
    /// Exponential with this mean, cut off at `max`.
    Exponential {
        /// Mean before the cut.
        mean: f64,
        /// The longest.
        max: usize,
    },
    /// Normal, cut off at 0 and at `max`.
    Normal {
        /// Mean before the cut.
        mean: f64,
        /// Standard deviation before the cut.
        deviation: f64,
        /// The longest.
        max: usize,
    },
    /// Lognormal: its logarithm is normal; cut off at `max`.
    LogNormal {
        /// Logarithm of the median.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
        /// The longest.
        max: usize,
    },
    /// One of several lengths, each with its share; the weights are running sums.
    Choice(Box<[(u64, usize)]>),
}

impl Size {
    /// Draws a length.
    #[must_use]
    pub fn draw(&self, random: &mut ClientRng) -> usize {
        match self {
            Self::Fixed(length) => *length,
            Self::Uniform(low, high) => random.random_range(*low..=*high),
            Self::Exponential { mean, max } => bounded(-mean * (1.0 - random.random::<f64>()).ln(), *max),
            Self::Normal { mean, deviation, max } => bounded(mean + deviation * normal(random), *max),
            Self::LogNormal { mu, sigma, max } => bounded((mu + sigma * normal(random)).exp(), *max),
            Self::Choice(options) => {
                let total = options.last().map_or(0, |(sum, _)| *sum);
                let drawn = random.random_range(0..total.max(1));
                let chosen = options.partition_point(|(sum, _)| *sum <= drawn);
                options.get(chosen).map_or(0, |(_, length)| *length)
            }
        }
    }

    /// The shortest and the longest.
    #[must_use]
    pub fn bounds(&self) -> (usize, usize) {
        match self {
            Self::Fixed(length) => (*length, *length),
            Self::Uniform(low, high) => (*low, *high),
            Self::Exponential { max, .. } | Self::Normal { max, .. } | Self::LogNormal { max, .. } => {
                (0, *max)
            }
            Self::Choice(options) => {
                let lengths = || options.iter().map(|(_, length)| *length);
                (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0))
            }
        }
    }
}

fn bounded(length: f64, max: usize) -> usize {
    (length.round().max(0.0) as usize).min(max)
}

/// A standard normal number (Box and Muller 1958); the second of each pair is thrown away, which keeps a client's
/// state at its generator alone.
pub(crate) fn normal(random: &mut ClientRng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::client_rng;

    fn mean(size: &Size) -> f64 {
        const DRAWS: usize = 40_000;
        let mut random = client_rng(1, 1);
        let (low, high) = size.bounds();
        let drawn: Vec<usize> = (0..DRAWS).map(|_| size.draw(&mut random)).collect();
        assert!(
            drawn.iter().all(|length| (low..=high).contains(length)),
            "{size:?}"
        );
        drawn.iter().sum::<usize>() as f64 / DRAWS as f64
    }

    #[test]
    fn every_distribution_has_its_mean_and_keeps_its_bounds() {
        let near = |size: &Size, expected: f64| {
            let found = mean(size);
            assert!(
                (found / expected - 1.0).abs() < 0.03,
                "{size:?}: {found}, not {expected}"
            );
        };
        near(&Size::Fixed(100), 100.0);
        near(&Size::Uniform(10, 20), 15.0);
        near(
            &Size::Exponential {
                mean: 1000.0,
                max: 1 << 20,
            },
            1000.0,
        );
        near(
            &Size::Normal {
                mean: 1000.0,
                deviation: 100.0,
                max: 1 << 20,
            },
            1000.0,
        );
        let (mu, sigma) = (1000_f64.ln(), 0.5_f64);
        near(
            &Size::LogNormal {
                mu,
                sigma,
                max: 1 << 20,
            },
            (mu + sigma * sigma / 2.0).exp(),
        );
        near(&Size::Choice([(3, 100), (4, 1000)].into()), 325.0);
    }

    #[test]
    fn the_tail_is_cut_at_the_maximum() {
        let size = Size::Exponential {
            mean: 1000.0,
            max: 10,
        };
        assert!(mean(&size) <= 10.0);
        let size = Size::Normal {
            mean: 0.0,
            deviation: 5.0,
            max: 3,
        };
        assert!(mean(&size) < 3.0);
    }
}
