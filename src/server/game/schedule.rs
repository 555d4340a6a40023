//! [`Schedule`]: when which tick is due.

use std::time::Duration;

use crate::clock::Moment;

/// Ticks at a fixed rate. Each is due at a moment that is reckoned from the start, so that being late never adds up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    start: Moment,
    hz: u32,
}

const NANOS: u128 = 1_000_000_000;

impl Schedule {
    pub(super) fn new(start: Moment, hz: u32) -> Self {
        Self { start, hz: hz.max(1) }
    }

    /// The tick after `last`: its number and moment. Those whose successor is due already are left out.
    pub(super) fn next(&self, last: u64, now: Moment) -> (u64, Moment) {
        let reached = now.since(self.start).as_nanos() * u128::from(self.hz) / NANOS;
        let number = u64::try_from(reached)
            .unwrap_or(u64::MAX)
            .max(last.saturating_add(1));
        (number, self.due(number))
    }

    fn due(&self, number: u64) -> Moment {
        // Rounded up, so that the moment of a tick is never before it is reached.
        let nanos = (u128::from(number) * NANOS).div_ceil(u128::from(self.hz));
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Moment {
        Moment::from_nanos(nanos)
    }

    #[test]
    fn a25_ticks_that_are_always_late_do_not_drift() {
        for hz in [1, 7, 20, 60, 120] {
            let schedule = Schedule::new(at(500), hz);
            let (mut last, mut now) = (0, at(500));
            for _ in 0..u64::from(hz) * 3600 {
                let (number, due) = schedule.next(last, now);
                assert_eq!(number, last + 1);
                // Every tick comes half a period late.
                now = due + Duration::from_nanos(500_000_000 / u64::from(hz));
                last = number;
            }
            assert_eq!(last, u64::from(hz) * 3600);
            assert_eq!(schedule.due(last), at(500 + 3_600_000_000_000));
        }
    }

    #[test]
    fn a25_ticks_that_were_slept_through_are_left_out() {
        let schedule = Schedule::new(at(0), 10);
        assert_eq!(schedule.next(5, at(730_000_000)), (7, at(700_000_000)));
        assert_eq!(schedule.next(7, at(730_000_000)), (8, at(800_000_000)));
    }
}
