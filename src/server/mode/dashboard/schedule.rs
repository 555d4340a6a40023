//! [`Schedule`]: when a client's ticks are due, without a clock.

use std::time::Duration;

use crate::clock::Moment;

/// When a client's ticks are due: at the multiples of the interval on the server's clock, so that a late tick delays no other
/// and that all clients with the same interval are served at the same moments.
#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    /// The multiple that was last due.
    reached: u64,
}

impl Schedule {
    /// Ticks after `now`.
    pub(super) fn new(interval: Duration, now: Moment) -> Self {
        let mut schedule = Self { interval, reached: 0 };
        schedule.reached = schedule.multiple_at(now);
        schedule
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// How many ticks became due since this was last asked. Only the newest is worth sending.
    pub(super) fn due(&mut self, now: Moment) -> u64 {
        let multiple = self.multiple_at(now).max(self.reached);
        multiple - std::mem::replace(&mut self.reached, multiple)
    }

    /// Time until the next tick.
    pub(super) fn wait(&self, now: Moment) -> Duration {
        let next = (self.reached + 1).saturating_mul(self.nanos());
        Moment::from_nanos(next) - now
    }

    fn multiple_at(&self, now: Moment) -> u64 {
        now.as_nanos() / self.nanos()
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn a23_a_late_tick_delays_no_other() {
        let mut schedule = Schedule::new(Duration::from_millis(250), at(1_010));
        assert_eq!(schedule.wait(at(1_010)), Duration::from_millis(240));
        assert_eq!(schedule.due(at(1_249)), 0);
        assert_eq!(schedule.due(at(1_259)), 1);
        assert_eq!(schedule.wait(at(1_259)), Duration::from_millis(241));
        assert_eq!(schedule.due(at(1_500)), 1);
        assert_eq!(schedule.wait(at(1_500)), Duration::from_millis(250));
    }

    #[test]
    fn ticks_that_were_missed_are_counted() {
        let mut schedule = Schedule::new(Duration::from_millis(10), at(5));
        assert_eq!(schedule.due(at(107)), 10);
        assert_eq!(schedule.wait(at(107)), Duration::from_millis(3));
    }

    #[test]
    fn a_clock_that_stands_still_brings_no_tick() {
        let mut schedule = Schedule::new(Duration::from_secs(1), at(3_000));
        assert_eq!(schedule.due(at(2_000)), 0);
        assert_eq!(schedule.wait(at(2_000)), Duration::from_secs(2));
    }
}
