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
///
/// Multiplied by a factor `f` since `A` was `a` and the number of arrivals `n`, arrival `k` is where `A(t) = a + (k - n)/f`.
#[derive(Clone, Debug)]
pub struct OpenPacer {
    stages: Vec<OpenStage>,
    /// Index of the stage of the next arrival.
    stage: usize,
    /// Begin of that stage.
    start: Duration,
    /// `A` at the begin of that stage.
    before: f64,
    /// The number, or the sum of exponential variables, of the next arrival.
    next: f64,
    factor: f64,
    /// `A`, and what `next` would have been, when the factor was last changed.
    since: (f64, f64),
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
            stages: stages.to_vec(),
            stage: 0,
            start: Duration::ZERO,
            before: 0.0,
            next: random.as_mut().map_or(0.0, exponential),
            factor: 1.0,
            since: (0.0, 0.0),
            random,
        }
    }

    /// The next arrival, or `None` if there will be none, unless the factor changes.
    pub fn peek(&mut self) -> Option<Duration> {
        // What was due when the factor changed is due still.
        let ahead = self.next - self.since.1;
        let wanted = self.since.0 + if ahead > 0.0 { ahead / self.factor } else { 0.0 };
        while let Some(stage) = self.stages.get(self.stage) {
            let arrivals = in_stage(stage);
            if wanted - self.before < arrivals - ROUNDING {
                return Some(self.start + offset(stage, (wanted - self.before).max(0.0)));
            }
            self.before += arrivals;
            self.start += stage.duration;
            self.stage += 1;
        }
        None
    }

    /// Multiplies the rates by `factor` from the offset `at` on.
    pub fn set_factor(&mut self, factor: f64, at: Duration) {
        let reached = self.reached(at);
        self.since = (reached, self.since.1 + (reached - self.since.0) * self.factor);
        self.factor = factor;
        // The next arrival may be sooner now.
        (self.stage, self.start, self.before) = (0, Duration::ZERO, 0.0);
    }

    /// `A` at the offset `at`.
    fn reached(&self, at: Duration) -> f64 {
        let (mut start, mut sum) = (Duration::ZERO, 0.0);
        for stage in &self.stages {
            let OpenStage { duration, from, to } = *stage;
            let end = start + duration;
            if at < end {
                let (time, length) = ((at.saturating_sub(start)).as_secs_f64(), duration.as_secs_f64());
                return sum + from * time + (to - from) * time * time / (2.0 * length);
            }
            sum += in_stage(stage);
            start = end;
        }
        sum
    }
}

impl Iterator for OpenPacer {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let at = self.peek()?;
        self.next += self.random.as_mut().map_or(1.0, exponential);
        Some(at)
    }
}

/// Arrivals of a stage.
fn in_stage(stage: &OpenStage) -> f64 {
    f64::midpoint(stage.from, stage.to) * stage.duration.as_secs_f64()
}

/// When a stage has had `count` arrivals.
fn offset(stage: &OpenStage, count: f64) -> Duration {
    let OpenStage { duration, from, to } = *stage;
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

    #[test]
    fn a_factor_changes_the_rate_from_its_moment_on() {
        let mut pacer = OpenPacer::new(
            &[stage(10, 10.0, 10.0), stage(10, 10.0, 10.0)],
            Arrivals::Constant,
            7,
        );
        let mut arrivals: Vec<Duration> = Vec::new();
        while pacer.peek().is_some_and(|at| at < Duration::from_secs(5)) {
            arrivals.extend(pacer.next());
        }
        assert_eq!(arrivals.len(), 50);
        pacer.set_factor(4.0, Duration::from_secs(5));
        while pacer.peek().is_some_and(|at| at < Duration::from_secs(15)) {
            arrivals.extend(pacer.next());
        }
        assert_eq!(arrivals.len(), 50 + 400, "the second stage as well");
        pacer.set_factor(0.0, Duration::from_millis(15_010));
        assert_eq!(
            pacer.next(),
            Some(Duration::from_millis(15_010)),
            "it was due before"
        );
        assert_eq!(pacer.next(), None);
        pacer.set_factor(0.5, Duration::from_secs(17));
        arrivals.extend(&mut pacer);
        assert_eq!(arrivals.len(), 450 + 15);
        assert!(arrivals.is_sorted());
        assert_eq!(
            arrivals.last(),
            Some(&Duration::from_millis(19_920)),
            "0.4 of a step had passed"
        );
    }

    #[test]
    fn a_factor_that_comes_back_leaves_the_total_as_its_integral() {
        let stages = [stage(10, 0.0, 100.0)];
        let mut pacer = OpenPacer::new(&stages, Arrivals::Poisson, 3);
        pacer.set_factor(10.0, Duration::from_secs(2));
        pacer.set_factor(1.0, Duration::from_secs(4));
        let count = pacer.count() as f64;
        // A(2) = 20, A(4) = 80, A(10) = 500, five standard deviations.
        let expected = 20.0 + 600.0 + 420.0;
        assert!((count - expected).abs() < 5.0 * expected.sqrt(), "{count}");
    }
}
