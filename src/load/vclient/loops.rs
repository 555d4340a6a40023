//! [`Loops`]: where a flow stands in its loops, and when the next round is to begin.

use std::time::Duration;

use rand::RngExt;

use crate::clock::Moment;
use crate::scenario::{ClientRng, Every, LoopOp, MAX_LOOP_DEPTH};

/// The loops that a flow is inside of, outermost first.
#[derive(Debug, Default)]
pub(super) struct Loops {
    frames: [Frame; MAX_LOOP_DEPTH],
    depth: u8,
    /// The run is paused: the whole flow stands still. It is kept here because here it costs a client no byte.
    pub(super) held: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// When the loop was reached; its duration counts from here.
    began: Moment,
    /// The intended begin of round 0, before jitter.
    origin: Moment,
    /// The round under way.
    round: u64,
}

/// What follows the end of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Another round, without a schedule: at once.
    Next,
    /// Another round, intended for this moment, which may have passed.
    At(Moment),
    /// The loop is over.
    Over,
}

impl Loops {
    /// Leaves all loops.
    pub(super) fn clear(&mut self) {
        self.depth = 0;
    }

    /// Enters a loop that the flow was intended to reach at `at`. [`Round::Over`] if it has no round at all.
    pub(super) fn enter(&mut self, op: &LoopOp, at: Moment, stopping: bool, random: &mut ClientRng) -> Round {
        let Some(frame) = self.frames.get_mut(usize::from(self.depth)) else {
            return Round::Over;
        };
        let spread = op
            .every
            .as_ref()
            .filter(|every| every.spread)
            .map(|every| every.interval);
        *frame = Frame {
            began: at,
            origin: at + below(spread.unwrap_or_default(), random),
            round: 0,
        };
        self.depth += 1;
        self.begin_round(op, at, stopping, random)
    }

    /// Ends a round of the innermost loop at `at`.
    pub(super) fn end_round(
        &mut self,
        op: &LoopOp,
        at: Moment,
        stopping: bool,
        random: &mut ClientRng,
    ) -> Round {
        match self.innermost() {
            Some(frame) => frame.round += 1,
            None => return Round::Over,
        }
        self.begin_round(op, at, stopping, random)
    }

    /// Moves the schedules of all loops.
    pub(super) fn postpone(&mut self, by: Duration) {
        for frame in &mut self.frames[..usize::from(self.depth)] {
            frame.began += by;
            frame.origin += by;
        }
    }

    /// Leaves the innermost loop.
    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn innermost(&mut self) -> Option<&mut Frame> {
        self.frames.get_mut(usize::from(self.depth).checked_sub(1)?)
    }

    fn begin_round(&mut self, op: &LoopOp, at: Moment, stopping: bool, random: &mut ClientRng) -> Round {
        let Some(frame) = self.innermost() else {
            return Round::Over;
        };
        let planned = op.every.as_ref().map(|every| round_begin(frame, every));
        // A round that is late begins now, so `duration` is compared with the later of the two.
        let begin = planned.unwrap_or(at).max(at);
        let over = op.times.is_some_and(|times| frame.round >= times)
            || op.duration.is_some_and(|length| begin >= frame.began + length)
            || (stopping && is_unbounded(op));
        match (over, &op.every, planned) {
            (true, ..) => {
                self.leave();
                Round::Over
            }
            (false, Some(every), Some(planned)) => Round::At(planned + below(every.jitter, random)),
            _ => Round::Next,
        }
    }
}

/// Whether a loop has no end of its own.
pub(super) fn is_unbounded(op: &LoopOp) -> bool {
    op.times.is_none() && op.duration.is_none()
}

fn round_begin(frame: &Frame, every: &Every) -> Moment {
    let interval = u64::try_from(every.interval.as_nanos()).unwrap_or(u64::MAX);
    frame.origin + Duration::from_nanos(interval.saturating_mul(frame.round))
}

/// A random time from zero up to, but not including, `limit`.
fn below(limit: Duration, random: &mut ClientRng) -> Duration {
    match u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX) {
        0 => Duration::ZERO,
        nanos => Duration::from_nanos(random.random_range(0..nanos)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::client_rng;

    const SECOND: Duration = Duration::from_secs(1);

    fn every(interval: Duration) -> Option<Every> {
        Some(Every {
            interval,
            jitter: Duration::ZERO,
            spread: false,
        })
    }

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_schedule_never_drifts_however_late_its_rounds_are() {
        let op = LoopOp {
            times: Some(4),
            duration: None,
            every: every(SECOND),
            end: 1,
        };
        let (mut loops, mut random) = (Loops::default(), client_rng(1, 1));
        assert_eq!(loops.enter(&op, at(10), false, &mut random), Round::At(at(10)));
        assert_eq!(
            loops.end_round(&op, at(13), false, &mut random),
            Round::At(at(11))
        );
        assert_eq!(
            loops.end_round(&op, at(13), false, &mut random),
            Round::At(at(12))
        );
        assert_eq!(
            loops.end_round(&op, at(13), false, &mut random),
            Round::At(at(13))
        );
        assert_eq!(loops.end_round(&op, at(13), false, &mut random), Round::Over);
    }

    #[test]
    fn no_round_begins_at_or_after_the_duration() {
        let op = LoopOp {
            times: None,
            duration: Some(2 * SECOND),
            every: every(SECOND),
            end: 1,
        };
        let (mut loops, mut random) = (Loops::default(), client_rng(1, 1));
        assert_eq!(loops.enter(&op, at(10), false, &mut random), Round::At(at(10)));
        assert_eq!(
            loops.end_round(&op, at(10), false, &mut random),
            Round::At(at(11))
        );
        assert_eq!(
            loops.end_round(&op, at(11), false, &mut random),
            Round::Over,
            "no wait for a round that may not be"
        );
        let unscheduled = LoopOp {
            times: None,
            duration: Some(SECOND),
            every: None,
            end: 1,
        };
        assert_eq!(loops.enter(&unscheduled, at(10), false, &mut random), Round::Next);
        assert_eq!(
            loops.end_round(&unscheduled, at(11), false, &mut random),
            Round::Over
        );
    }

    #[test]
    fn loops_nest_and_end_where_they_should() {
        let outer = LoopOp {
            times: Some(2),
            duration: None,
            every: None,
            end: 9,
        };
        let inner = LoopOp {
            times: Some(1),
            duration: None,
            every: None,
            end: 8,
        };
        let never = LoopOp {
            times: Some(0),
            duration: None,
            every: None,
            end: 8,
        };
        let (mut loops, mut random) = (Loops::default(), client_rng(1, 1));
        assert_eq!(loops.enter(&outer, at(0), false, &mut random), Round::Next);
        assert_eq!(loops.enter(&inner, at(0), false, &mut random), Round::Next);
        assert_eq!(loops.end_round(&inner, at(0), false, &mut random), Round::Over);
        assert_eq!(loops.enter(&never, at(0), false, &mut random), Round::Over);
        assert_eq!(loops.end_round(&outer, at(0), false, &mut random), Round::Next);
        assert_eq!(loops.end_round(&outer, at(0), false, &mut random), Round::Over);
        assert_eq!(loops.depth, 0);
    }

    #[test]
    fn a_stop_ends_only_loops_without_a_bound() {
        let endless = LoopOp {
            times: None,
            duration: None,
            every: None,
            end: 1,
        };
        let bounded = LoopOp {
            times: Some(2),
            duration: None,
            every: None,
            end: 1,
        };
        let (mut loops, mut random) = (Loops::default(), client_rng(1, 1));
        assert_eq!(loops.enter(&endless, at(0), false, &mut random), Round::Next);
        assert_eq!(loops.enter(&bounded, at(0), true, &mut random), Round::Next);
        assert_eq!(loops.end_round(&bounded, at(0), true, &mut random), Round::Next);
        assert_eq!(loops.end_round(&bounded, at(0), true, &mut random), Round::Over);
        assert_eq!(loops.end_round(&endless, at(0), true, &mut random), Round::Over);
    }

    #[test]
    fn spread_moves_the_schedule_and_jitter_only_its_rounds() {
        let schedule = Every {
            interval: SECOND,
            jitter: SECOND / 4,
            spread: true,
        };
        let op = LoopOp {
            times: Some(50),
            duration: None,
            every: Some(schedule),
            end: 1,
        };
        let (mut loops, mut random) = (Loops::default(), client_rng(1, 1));
        let mut round = loops.enter(&op, at(0), false, &mut random);
        let origin = loops.frames[0].origin;
        assert!(origin < at(1) && origin > at(0));
        let mut shifts = Vec::new();
        let mut n = 0;
        while let Round::At(begin) = round {
            let shift = begin - (origin + n * SECOND);
            assert!(shift < SECOND / 4);
            shifts.push(shift);
            n += 1;
            round = loops.end_round(&op, begin, false, &mut random);
        }
        shifts.sort();
        shifts.dedup();
        assert!(shifts.len() > 40, "each round is moved by a time of its own");
    }
}
