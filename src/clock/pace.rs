//! [`Pace`]: so many bytes each time.

use std::time::Duration;

use super::Moment;

/// Lets bytes pass in portions.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Bytes of a portion.
    portion: u64,
    /// From the begin of a portion to that of the next.
    every: Duration,
    /// Bytes of the present portion that did not pass yet.
    left: u64,
    /// When the next portion begins.
    next: Moment,
}

/// How often a rate is kept: often enough to look even, rarely enough to cost little.
const RATE_PERIOD: Duration = Duration::from_millis(50);

impl Pace {
    /// Portions of so many bytes, one in each interval. Without bytes nothing ever passes.
    #[must_use]
    pub const fn new(portion: u64, every: Duration) -> Self {
        Self {
            portion,
            every,
            left: 0,
            next: Moment::ZERO,
        }
    }

    /// So many bytes per second.
    #[must_use]
    pub fn per_second(bytes: u64) -> Self {
        if bytes == 0 {
            return Self::new(0, Duration::ZERO);
        }
        let portion = (bytes as f64 * RATE_PERIOD.as_secs_f64()).max(1.0).floor();
        Self::new(portion as u64, Duration::from_secs_f64(portion / bytes as f64))
    }

    /// How many bytes may pass now.
    ///
    /// `begun` is called at the begin of each portion.
    ///
    /// # Errors
    /// None may; some may at this moment.
    pub fn allowance(&mut self, now: Moment, begun: impl FnOnce()) -> Result<usize, Moment> {
        if self.portion == 0 {
            return Err(Moment::NEVER);
        }
        if self.left == 0 {
            if now < self.next {
                return Err(self.next);
            }
            begun();
            self.left = self.portion;
            // From the moment that was due, so that the pace holds; after a rest, from now.
            let due = self.next + self.every;
            self.next = if due > now { due } else { now + self.every };
        }
        Ok(usize::try_from(self.left).unwrap_or(usize::MAX))
    }

    /// So many passed.
    pub fn passed(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(1) + Duration::from_millis(millis)
    }

    #[test]
    fn portions_keep_their_pace_although_they_are_fetched_late() {
        let mut pace = Pace::new(3, Duration::from_millis(10));
        let mut portions = 0;
        assert_eq!(pace.allowance(at(0), || portions += 1), Ok(3));
        pace.passed(2);
        assert_eq!(pace.allowance(at(1), || portions += 1), Ok(1));
        pace.passed(1);
        assert_eq!(pace.allowance(at(2), || portions += 1), Err(at(10)));
        assert_eq!(pace.allowance(at(14), || portions += 1), Ok(3));
        pace.passed(3);
        assert_eq!(pace.allowance(at(15), || portions += 1), Err(at(20)));
        assert_eq!(portions, 2);
    }

    #[test]
    fn nothing_passes_at_a_rate_of_nothing() {
        assert_eq!(Pace::per_second(0).allowance(at(0), || {}), Err(Moment::NEVER));
    }

    #[test]
    fn a_rate_is_kept_whether_high_or_low() {
        for rate in [1, 7, 1024, 10_000_000] {
            let mut pace = Pace::per_second(rate);
            let (mut now, mut passed) = (at(0), 0);
            while now < at(10_000) {
                match pace.allowance(now, || {}) {
                    Ok(bytes) => {
                        passed += bytes;
                        pace.passed(bytes);
                    }
                    Err(next) => now = next,
                }
            }
            let expected = rate as f64 * 10.0;
            assert!(
                (passed as f64 / expected - 1.0).abs() < 0.02 || passed.abs_diff(expected as usize) <= 1,
                "{rate}: {passed}"
            );
        }
    }
}
