//! [`Gcra`]: the generic cell rate algorithm, a token bucket in one number.
//!
//! The `governor` crate has it too, but reads a clock of its own, and its maps of keys grow until they are told to
//! shrink. With both replaced, what would remain of it is the two lines below.

use std::time::Duration;

use crate::clock::Moment;
use crate::units::Rate;

/// A rate with a burst. The state of a key is the moment at which its bucket is full again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    /// The time in which one permit comes back.
    interval: Duration,
    /// How far ahead of its rate a key may be: the burst without the permit that is asked for.
    tolerance: Duration,
}

impl Gcra {
    /// `burst` permits at once, and afterwards `rate`. A burst of zero counts as one; a rate of zero gives `None`.
    #[must_use]
    pub fn new(rate: Rate, burst: u32) -> Option<Self> {
        let interval = rate.interval()?;
        let tolerance = interval.saturating_mul(burst.max(1) - 1);
        Some(Self { interval, tolerance })
    }

    /// Takes a permit at `now` from a key whose bucket is full at `full_at`. Returns the key's new state.
    ///
    /// # Errors
    /// How long it is until a permit is there; the state stays as it is.
    pub fn take(self, full_at: Option<Moment>, now: Moment) -> Result<Moment, Duration> {
        let full_at = full_at.unwrap_or(now).max(now);
        let ahead = full_at - now;
        if ahead > self.tolerance {
            return Err(ahead - self.tolerance);
        }
        Ok(full_at + self.interval)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(per_second: f64) -> Rate {
        Rate::per_second(per_second)
    }

    #[test]
    fn a_burst_passes_at_once_and_then_the_rate() {
        let gcra = Gcra::new(rate(10.0), 3).unwrap();
        let at = |millis| Moment::ZERO + Duration::from_millis(millis);
        let mut state = None;
        let mut take = |now| match gcra.take(state, now) {
            Ok(next) => {
                state = Some(next);
                None
            }
            Err(wait) => Some(wait),
        };
        assert_eq!([take(at(0)), take(at(0)), take(at(0))], [None; 3]);
        assert_eq!(take(at(0)), Some(Duration::from_millis(100)));
        assert_eq!(take(at(99)), Some(Duration::from_millis(1)));
        assert_eq!(take(at(100)), None);
        assert_eq!(take(at(100)), Some(Duration::from_millis(100)));
        assert_eq!([take(at(900)), take(at(900)), take(at(900))], [None; 3]);
        assert!(take(at(900)).is_some());
    }

    #[test]
    fn a_rate_of_zero_is_no_limit_that_can_be_kept() {
        assert_eq!(Gcra::new(rate(0.0), 5), None);
    }

    proptest! {
        /// In no span of time does a key get more than the burst and what came back meanwhile.
        #[test]
        fn no_window_holds_more_than_burst_and_rate(
            per_second in 1_u32..50,
            burst in 1_u32..20,
            steps in prop::collection::vec(0_u64..400, 1..200),
        ) {
            let gcra = Gcra::new(rate(f64::from(per_second)), burst).unwrap();
            let (mut now, mut state, mut taken) = (Moment::ZERO, None, Vec::new());
            for step in steps {
                now += Duration::from_millis(step);
                if let Ok(next) = gcra.take(state, now) {
                    state = Some(next);
                    taken.push(now);
                }
            }
            for (first, &start) in taken.iter().enumerate() {
                for (last, &end) in taken.iter().enumerate().skip(first) {
                    let count = (last - first + 1) as f64;
                    let most = f64::from(burst) + (end - start).as_secs_f64() * f64::from(per_second);
                    prop_assert!(count <= most + 1e-6, "{count} > {most}");
                }
            }
        }

        /// A client that waits as long as it is told gets its permit, and not before.
        #[test]
        fn the_wait_is_exact(per_second in 1_u32..1_000, burst in 1_u32..20, later in 0_u64..5_000) {
            let gcra = Gcra::new(rate(f64::from(per_second)), burst).unwrap();
            let start = Moment::ZERO + Duration::from_millis(later);
            let mut state = None;
            let wait = loop {
                match gcra.take(state, start) {
                    Ok(next) => state = Some(next),
                    Err(wait) => break wait,
                }
            };
            prop_assert!(gcra.take(state, start + wait).is_ok());
            prop_assert!(gcra.take(state, start + (wait - Duration::from_nanos(1))).is_err());
        }
    }
}
