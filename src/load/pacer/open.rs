//! [`OpenPacer`]: clients that arrive at a rate, whatever the target does.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::scenario::{Arrivals, OpenStage};

/// The offset of every arrival, in order.
///
/// A stage from `p` to `q` arrivals per second over the time `d` has the rate `r(t) = p + (q - p) t/d`, and so
///
/// ```text
/// A(t) = N + p t + (q - p) t²/2d
/// ```
///
/// arrivals until its time `t`, where `N` is the number of all stages before it. Constant arrivals put number `k` (from 0)
/// where `A(t) = k`. A Poisson process puts it where `A(t)` is the sum of `k + 1` exponential variables of mean 1: the
/// process of rate 1, its time stretched by the inverse of `A`. Solved without cancellation, `y` being `A(t) - N`:
///
/// ```text
/// t = 2y / (p + √(p² + 2y (q - p)/d))
/// ```
#[derive(Clone, Debug)]
pub struct OpenPacer {
    /// The stages after `stage`, the next one last.
    stages: Vec<OpenStage>,
    stage: OpenStage,
    /// Begin of `stage`.
    start: Duration,
    /// `A` at the begin of `stage`.
    before: f64,
    /// `A` at the next arrival.
    next: f64,
    /// Spaces the arrivals of a Poisson process.
    random: Option<Pcg64Mcg>,
}

/// Sums of rates that should be whole numbers are so up to rounding; an arrival at the very end of a stage belongs to the next.
const ROUNDING: f64 = 1e-6;

impl OpenPacer {
    /// The same seed gives the same arrivals.
    #[must_use]
    pub fn new(stages: &[OpenStage], arrivals: Arrivals, seed: u64) -> Self {
        let mut random = match arrivals {
            Arrivals::Constant => None,
            Arrivals::Poisson => Some(Pcg64Mcg::seed_from_u64(seed)),
        };
        Self {
            stages: stages.iter().rev().copied().collect(),
            stage: OpenStage {
                duration: Duration::ZERO,
                from: 0.0,
                to: 0.0,
            },
            start: Duration::ZERO,
            before: 0.0,
            next: random.as_mut().map_or(0.0, exponential),
            random,
        }
    }

    /// Arrivals of the present stage.
    fn in_stage(&self) -> f64 {
        f64::midpoint(self.stage.from, self.stage.to) * self.stage.duration.as_secs_f64()
    }

    /// When the present stage has had `count` arrivals.
    fn offset(&self, count: f64) -> Duration {
        let OpenStage { duration, from, to } = self.stage;
        let slope = (to - from) / duration.as_secs_f64();
        let root = (from * from + 2.0 * count * slope).max(0.0).sqrt();
        let seconds = if count > 0.0 {
            2.0 * count / (from + root)
        } else {
            0.0
        };
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(duration)
            .min(duration)
    }
}

impl Iterator for OpenPacer {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        while self.next - self.before >= self.in_stage() - ROUNDING {
            self.before += self.in_stage();
            self.start += self.stage.duration;
            self.stage = self.stages.pop()?;
        }
        let at = self.start + self.offset((self.next - self.before).max(0.0));
        self.next += self.random.as_mut().map_or(1.0, exponential);
        Some(at)
    }
}

/// An exponential variable of mean 1.
fn exponential(random: &mut Pcg64Mcg) -> f64 {
    -(1.0 - random.random::<f64>()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(seconds: u64, from: f64, to: f64) -> OpenStage {
        OpenStage {
            duration: Duration::from_secs(seconds),
            from,
            to,
        }
    }

    fn seconds(stages: &[OpenStage], arrivals: Arrivals) -> Vec<f64> {
        OpenPacer::new(stages, arrivals, 7)
            .map(|at| at.as_secs_f64())
            .collect()
    }

    #[test]
    fn a_constant_rate_spaces_arrivals_evenly() {
        let arrivals = seconds(&[stage(2, 5.0, 5.0)], Arrivals::Constant);
        assert_eq!(arrivals.len(), 10);
        for (k, at) in arrivals.iter().enumerate() {
            assert!((at - k as f64 / 5.0).abs() < 1e-9, "{k}: {at}");
        }
    }

    #[test]
    fn a_ramp_follows_its_integral() {
        let arrivals = seconds(&[stage(10, 0.0, 20.0), stage(10, 20.0, 0.0)], Arrivals::Constant);
        assert_eq!(arrivals.len(), 200);
        for (k, at) in arrivals.iter().enumerate() {
            let integral = if *at < 10.0 {
                at * at
            } else {
                200.0 - (20.0 - at).powi(2)
            };
            assert!((integral - k as f64).abs() < 1e-5, "{k}: {at}");
        }
    }

    #[test]
    fn rates_that_do_not_divide_the_stages_carry_over() {
        let arrivals = seconds(&[stage(1, 1.5, 1.5), stage(1, 1.5, 1.5)], Arrivals::Constant);
        assert_eq!(arrivals.len(), 3);
        assert!((arrivals[2] - 4.0 / 3.0).abs() < 1e-9);
        assert!(seconds(&[stage(5, 0.0, 0.0)], Arrivals::Constant).is_empty());
        assert!(seconds(&[], Arrivals::Poisson).is_empty());
    }

    #[test]
    fn poisson_has_the_rate_and_the_spread_of_its_process() {
        let arrivals = seconds(&[stage(100, 500.0, 500.0)], Arrivals::Poisson);
        let count = arrivals.len() as f64;
        // Five standard deviations of a Poisson variable of mean 50,000.
        assert!((count - 50_000.0).abs() < 5.0 * 50_000_f64.sqrt(), "{count}");
        let gaps: Vec<_> = arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let variation = variance.sqrt() / mean;
        assert!(
            (variation - 1.0).abs() < 0.03,
            "exponential gaps deviate by their mean: {variation}"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_arrivals() {
        let stages = [stage(3, 10.0, 40.0)];
        assert_eq!(
            seconds(&stages, Arrivals::Poisson),
            seconds(&stages, Arrivals::Poisson)
        );
        let other: Vec<_> = OpenPacer::new(&stages, Arrivals::Poisson, 8)
            .map(|at| at.as_secs_f64())
            .collect();
        assert_ne!(seconds(&stages, Arrivals::Poisson), other);
    }
}
