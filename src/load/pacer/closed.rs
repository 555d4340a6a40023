//! [`ClosedPacer`]: a number of clients that each stage moves along a line.

use std::time::Duration;

use crate::scenario::ClosedStage;

/// One client more or one less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A client starts at this offset.
    Start(Duration),
    /// The client that started last stops at this offset.
    Stop(Duration),
}

impl Change {
    /// When.
    #[must_use]
    pub const fn at(self) -> Duration {
        match self {
            Self::Start(at) | Self::Stop(at) => at,
        }
    }
}

/// All changes of a closed model, in order.
///
/// A stage from `a` to `b` clients over the time `d`, beginning at `s`, draws the line `w(t) = a + (b - a)(t - s)/d`.
/// Client `k` (from 0) is wanted while `w(t) > k`: it starts where a rising line crosses `k`,
///
/// ```text
/// t = s + (k - a) d / (b - a)
/// ```
///
/// and stops where a falling line comes down to it. A ramp up begins with a client at once, a ramp down to zero ends with
/// the last one at its very end, and `d = 0` changes all of them at once.
#[derive(Clone, Debug)]
pub struct ClosedPacer {
    /// The stages after `stage`, the next one last.
    stages: Vec<ClosedStage>,
    stage: ClosedStage,
    /// Begin of `stage`.
    start: Duration,
    /// Clients at the begin of `stage`.
    from: u64,
    /// Clients after the changes so far.
    clients: u64,
}

impl ClosedPacer {
    /// A run begins with no clients.
    #[must_use]
    pub fn new(stages: &[ClosedStage]) -> Self {
        Self {
            stages: stages.iter().rev().copied().collect(),
            stage: ClosedStage {
                duration: Duration::ZERO,
                clients: 0,
            },
            start: Duration::ZERO,
            from: 0,
            clients: 0,
        }
    }

    /// Where the line has moved by `steps` clients.
    fn crossing(&self, steps: u64) -> Duration {
        let length = self.stage.clients.abs_diff(self.from);
        let nanos = self.stage.duration.as_nanos() * u128::from(steps) / u128::from(length.max(1));
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl Iterator for ClosedPacer {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        loop {
            let to = self.stage.clients;
            if self.clients < to {
                let at = self.crossing(self.clients - self.from);
                self.clients += 1;
                return Some(Change::Start(at));
            }
            if self.clients > to {
                self.clients -= 1;
                return Some(Change::Stop(self.crossing(self.from - self.clients)));
            }
            let next = self.stages.pop()?;
            self.start += self.stage.duration;
            self.from = to;
            self.stage = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn stage(seconds: u64, clients: u64) -> ClosedStage {
        ClosedStage {
            duration: Duration::from_secs(seconds),
            clients,
        }
    }

    #[test]
    fn ramps_up_holds_and_ramps_down() {
        let changes: Vec<_> =
            ClosedPacer::new(&[stage(4, 4), stage(10, 4), stage(2, 2), stage(0, 0)]).collect();
        let expected = [
            Change::Start(Duration::ZERO),
            Change::Start(SECOND),
            Change::Start(2 * SECOND),
            Change::Start(3 * SECOND),
            Change::Stop(15 * SECOND),
            Change::Stop(16 * SECOND),
            Change::Stop(16 * SECOND),
            Change::Stop(16 * SECOND),
        ];
        assert_eq!(changes, expected);
    }

    #[test]
    fn jumps_at_once() {
        let changes: Vec<_> = ClosedPacer::new(&[stage(0, 3), stage(5, 3), stage(0, 1)]).collect();
        assert_eq!(changes[..3], [Change::Start(Duration::ZERO); 3]);
        assert_eq!(changes[3..], [Change::Stop(5 * SECOND); 2]);
    }

    #[test]
    fn no_stage_wants_nobody() {
        assert_eq!(ClosedPacer::new(&[]).count(), 0);
        assert_eq!(ClosedPacer::new(&[stage(30, 0)]).count(), 0);
    }

    proptest! {
        #[test]
        fn follows_the_line(
            stages in prop::collection::vec((0..50_u64, 0..200_u64), 0..6),
            at in 0..300_u64,
        ) {
            let stages: Vec<_> = stages.into_iter().map(|(seconds, clients)| stage(seconds, clients)).collect();
            // Half a second beside the whole ones, so that no two changes coincide with the moment asked for.
            let at = Duration::from_millis(at * 1000 + 500);
            let mut clients = 0_i64;
            let mut last = Duration::ZERO;
            for change in ClosedPacer::new(&stages) {
                prop_assert!(change.at() >= last, "in order");
                last = change.at();
                if change.at() <= at {
                    clients += if matches!(change, Change::Start(_)) { 1 } else { -1 };
                }
            }
            let (mut start, mut line) = (Duration::ZERO, 0.0);
            let mut wanted = None;
            for stage in &stages {
                let end = start + stage.duration;
                if wanted.is_none() && at < end {
                    let part = (at - start).as_secs_f64() / stage.duration.as_secs_f64();
                    wanted = Some(line + (stage.clients as f64 - line) * part);
                }
                (start, line) = (end, stage.clients as f64);
            }
            let wanted = wanted.unwrap_or(line);
            prop_assert!((clients as f64 - wanted).abs() < 1.0 + 1e-6, "{} clients on a line at {}", clients, wanted);
        }
    }
}
