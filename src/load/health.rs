//! Whether there is a target at all: what workers report about their connects, and when a run is given up early.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Moment;

use super::reactor::Census;

/// Without one open connection, a run is given up after this many failed attempts, if it is not too soon to tell.
const HOPELESS_ATTEMPTS: u64 = 20;
/// Too soon to tell, however many attempts failed: a server that has just been started may need that long.
const HOPELESS_AFTER: Duration = Duration::from_secs(1);
/// Without one open connection, a run is given up after this long, however few attempts failed.
const HOPELESS_ANYWAY: Duration = Duration::from_secs(3);
/// With all connections gone, a run is given up when attempts have failed for this long.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// Why a run ended before its plan did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyEnd {
    /// Not one connection could be opened: 20 attempts failed and 1 s passed, or any failed and 3 s passed.
    Unreachable,
    /// All connections were gone and for 5 s every attempt to open another failed.
    Lost,
}

/// What one worker last reported.
#[derive(Debug, Default)]
pub(super) struct WorkerHealth {
    open: AtomicU64,
    opened: AtomicU64,
    failed: AtomicU64,
}

impl WorkerHealth {
    pub(super) fn publish(&self, census: Census) {
        self.open.store(census.open, Ordering::Relaxed);
        self.opened.store(census.opened, Ordering::Relaxed);
        self.failed.store(census.failed, Ordering::Relaxed);
    }
}

/// Watches over all workers.
#[derive(Debug)]
pub(super) struct Watch {
    workers: Vec<Arc<WorkerHealth>>,
    verdict: Verdict,
}

/// The state of the judgement.
#[derive(Debug)]
struct Verdict {
    /// When a connection was last seen to open or to be open; the begin of the run before that.
    alive: Moment,
    opened: u64,
    /// Failed attempts at that moment.
    failed: u64,
}

/// Sums over all workers.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    open: u64,
    opened: u64,
    failed: u64,
}

impl Watch {
    pub(super) fn new(workers: Vec<Arc<WorkerHealth>>, begin: Moment) -> Self {
        Self {
            workers,
            verdict: Verdict {
                alive: begin,
                opened: 0,
                failed: 0,
            },
        }
    }

    /// The run is paused, so that nothing is to be concluded from what does not happen.
    pub(super) fn look_away(&mut self, now: Moment) {
        self.verdict.alive = now;
    }

    /// Whether the run is to be given up.
    pub(super) fn check(&mut self, now: Moment) -> Option<EarlyEnd> {
        let sum = |count: fn(&WorkerHealth) -> &AtomicU64| {
            self.workers
                .iter()
                .map(|worker| count(worker).load(Ordering::Relaxed))
                .sum()
        };
        let sums = Sums {
            open: sum(|w| &w.open),
            opened: sum(|w| &w.opened),
            failed: sum(|w| &w.failed),
        };
        self.verdict.judge(now, sums)
    }
}

impl Verdict {
    fn judge(&mut self, now: Moment, sums: Sums) -> Option<EarlyEnd> {
        if sums.open > 0 || sums.opened > self.opened {
            *self = Self {
                alive: now,
                opened: sums.opened,
                failed: sums.failed,
            };
            return None;
        }
        let (failed, dead) = (sums.failed - self.failed.min(sums.failed), now - self.alive);
        if self.opened > 0 {
            return (failed > 0 && dead >= LOST_AFTER).then_some(EarlyEnd::Lost);
        }
        let hopeless =
            failed >= HOPELESS_ATTEMPTS && dead >= HOPELESS_AFTER || failed > 0 && dead >= HOPELESS_ANYWAY;
        hopeless.then_some(EarlyEnd::Unreachable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::ZERO + Duration::from_millis(millis)
    }

    fn verdict() -> Verdict {
        Verdict {
            alive: at(0),
            opened: 0,
            failed: 0,
        }
    }

    fn sums(open: u64, opened: u64, failed: u64) -> Sums {
        Sums { open, opened, failed }
    }

    #[test]
    fn a_target_that_never_answers_is_unreachable() {
        assert_eq!(verdict().judge(at(900), sums(0, 0, 500)), None);
        assert_eq!(
            verdict().judge(at(1_000), sums(0, 0, 20)),
            Some(EarlyEnd::Unreachable)
        );
        assert_eq!(verdict().judge(at(2_900), sums(0, 0, 1)), None);
        assert_eq!(
            verdict().judge(at(3_000), sums(0, 0, 1)),
            Some(EarlyEnd::Unreachable)
        );
        assert_eq!(
            verdict().judge(at(60_000), sums(0, 0, 0)),
            None,
            "slow is not dead"
        );
    }

    #[test]
    fn a_target_is_lost_when_nothing_opens_for_a_while() {
        let mut verdict = verdict();
        assert_eq!(verdict.judge(at(1_000), sums(3, 3, 0)), None);
        assert_eq!(verdict.judge(at(2_000), sums(0, 3, 50)), None);
        assert_eq!(verdict.judge(at(5_900), sums(0, 3, 99)), None);
        assert_eq!(verdict.judge(at(6_000), sums(0, 3, 99)), Some(EarlyEnd::Lost));
    }

    #[test]
    fn short_lived_connections_and_idle_pauses_are_life() {
        let mut verdict = verdict();
        for second in 0..20 {
            assert_eq!(verdict.judge(at(second * 1_000), sums(0, second, second)), None);
        }
        assert_eq!(verdict.judge(at(90_000), sums(0, 19, 19)), None, "nobody tried");
    }
}
