//! [`History`]: what was measured over time, in memory that does not grow with the run.
//!
//! Each group has two series: the last minutes in half seconds, whose oldest points are dropped, and the whole run, whose
//! points are joined in pairs whenever there are too many.

use std::collections::VecDeque;
use std::time::Duration;

use crate::metrics::{Counter, GroupSnapshot, Snapshot, Trend};

/// Points of the series of the last minutes, and the stretch of one.
const RECENT_POINTS: usize = 600;
const RECENT_STEP: f64 = 0.5;
/// Points of the series of the whole run; at least two, so that joining makes room.
const WHOLE_POINTS: usize = 300;

/// How a run went, of all clients and of each group.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// All clients first.
    groups: Vec<GroupHistory>,
}

#[derive(Clone, Debug)]
struct GroupHistory {
    recent: Series,
    whole: Series,
}

/// Points in the order of time.
#[derive(Clone, Debug)]
pub(super) struct Series {
    step: f64,
    limit: usize,
    when_full: WhenFull,
    points: VecDeque<Point>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WhenFull {
    DropOldest,
    HalveResolution,
}

/// What was measured in one stretch of time. Single precision is finer than any terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// The end of the stretch, in seconds of the run.
    pub(super) at: f64,
    covered: f32,
    pub(super) sent: f32,
    pub(super) received: f32,
    pub(super) bytes_sent: f32,
    pub(super) bytes_received: f32,
    pub(super) wanted: f32,
    pub(super) open: f32,
    pub(super) failed: f32,
    trends: [Percentiles; Trend::ALL.len()],
}

/// Percentiles of a stretch, in milliseconds; not a number if nothing was recorded. Of joined stretches it is the higher
/// one, so that no peak disappears from a chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Percentiles {
    pub(super) p50: f32,
    pub(super) p95: f32,
    pub(super) p99: f32,
}

impl History {
    /// Adds a snapshot, unless it covers no time.
    pub(super) fn push(&mut self, snapshot: &Snapshot) {
        if snapshot.window.is_zero() {
            return;
        }
        let groups = || std::iter::once(&snapshot.total).chain(&snapshot.groups);
        self.groups.resize_with(groups().count(), GroupHistory::default);
        for (history, group) in self.groups.iter_mut().zip(groups()) {
            let point = Point::new(snapshot, group);
            history.recent.push(point);
            history.whole.push(point);
        }
    }

    /// The points of a group (0 is all clients) in the last `window`, or in the whole run.
    pub(super) fn points(&self, group: usize, window: Option<Duration>) -> Vec<&Point> {
        let Some(history) = self.groups.get(group) else {
            return Vec::new();
        };
        let Some(window) = window else {
            return history.whole.points.iter().collect();
        };
        let end = history.recent.points.back().map_or(0.0, |point| point.at);
        let begin = end - window.as_secs_f64();
        history
            .recent
            .points
            .iter()
            .filter(|point| point.at >= begin)
            .collect()
    }
}

impl Default for GroupHistory {
    fn default() -> Self {
        Self {
            recent: Series::new(RECENT_STEP, RECENT_POINTS, WhenFull::DropOldest),
            whole: Series::new(RECENT_STEP, WHOLE_POINTS, WhenFull::HalveResolution),
        }
    }
}

impl Series {
    fn new(step: f64, limit: usize, when_full: WhenFull) -> Self {
        Self {
            step,
            limit,
            when_full,
            points: VecDeque::new(),
        }
    }

    fn push(&mut self, point: Point) {
        match self.points.back_mut() {
            Some(last) if slot(last, self.step) == slot(&point, self.step) => last.absorb(&point),
            _ => self.points.push_back(point),
        }
        if self.points.len() > self.limit {
            self.make_room();
        }
    }

    fn make_room(&mut self) {
        if self.when_full == WhenFull::DropOldest {
            self.points.pop_front();
            return;
        }
        self.step *= 2.0;
        for point in std::mem::take(&mut self.points) {
            match self.points.back_mut() {
                Some(last) if slot(last, self.step) == slot(&point, self.step) => last.absorb(&point),
                _ => self.points.push_back(point),
            }
        }
    }
}

/// The stretch of time that a point lies in, by its middle: its end may be the begin of the next one.
fn slot(point: &Point, step: f64) -> u64 {
    ((point.at - f64::from(point.covered) / 2.0) / step).max(0.0) as u64
}

impl Point {
    fn new(snapshot: &Snapshot, group: &GroupSnapshot) -> Self {
        let window = &group.window;
        let rate = |counter| window.rate(counter) as f32;
        let seconds = snapshot.window.as_secs_f32();
        Self {
            at: snapshot.elapsed.as_secs_f64(),
            covered: seconds,
            sent: rate(Counter::MessagesSent),
            received: rate(Counter::MessagesReceived),
            bytes_sent: rate(Counter::BytesSent),
            bytes_received: rate(Counter::BytesReceived),
            wanted: snapshot.gauges.clients_wanted as f32,
            open: snapshot.gauges.connections_open as f32,
            failed: window.counter(Counter::ConnectFailed) as f32 / seconds,
            trends: Trend::ALL.map(|trend| Percentiles::of(group, trend)),
        }
    }

    pub(super) fn trend(&self, trend: Trend) -> Percentiles {
        self.trends[trend as usize]
    }

    /// Becomes the point of both stretches together; `later` follows it.
    fn absorb(&mut self, later: &Self) {
        let (before, after) = (self.covered, later.covered);
        let whole = before + after;
        let joined = |first: f32, second: f32| (first * before + second * after) / whole;
        *self = Self {
            at: later.at,
            covered: whole,
            sent: joined(self.sent, later.sent),
            received: joined(self.received, later.received),
            bytes_sent: joined(self.bytes_sent, later.bytes_sent),
            bytes_received: joined(self.bytes_received, later.bytes_received),
            wanted: later.wanted,
            open: later.open,
            failed: joined(self.failed, later.failed),
            trends: std::array::from_fn(|at| self.trends[at].higher(later.trends[at])),
        };
    }
}

impl Percentiles {
    fn of(group: &GroupSnapshot, trend: Trend) -> Self {
        group.window.trend(trend).map_or(
            Self {
                p50: f32::NAN,
                p95: f32::NAN,
                p99: f32::NAN,
            },
            |figures| Self {
                p50: figures.med as f32,
                p95: figures.p95 as f32,
                p99: figures.p99 as f32,
            },
        )
    }

    /// `f32::max` takes the number if the other one is none.
    fn higher(self, other: Self) -> Self {
        Self {
            p50: self.p50.max(other.p50),
            p95: self.p95.max(other.p95),
            p99: self.p99.max(other.p99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use crate::metrics::{Figures, TrendFigures};

    /// A run of `ticks` quarter seconds with 10 messages each; the reply of tick `slow` takes a second.
    fn history(ticks: u32, slow: u32) -> History {
        const TICK: Duration = Duration::from_millis(250);
        let mut history = History::default();
        for tick in 1..=ticks {
            let p99 = if tick == slow { 1_000.0 } else { 1.0 };
            let group = GroupSnapshot {
                window: Figures {
                    rates_per_s: BTreeMap::from([(Counter::MessagesSent, 40.0)]),
                    trends_ms: BTreeMap::from([(
                        Trend::Response,
                        TrendFigures {
                            p99,
                            ..TrendFigures::default()
                        },
                    )]),
                    ..Figures::default()
                },
                ..GroupSnapshot::default()
            };
            history.push(&Snapshot {
                elapsed: TICK * tick,
                window: TICK,
                total: group.clone(),
                groups: vec![group],
                ..Snapshot::default()
            });
        }
        history
    }

    #[test]
    fn a_window_holds_its_stretch_and_no_more() {
        let history = history(4 * 120, 0);
        let minute = history.points(0, Some(Duration::from_secs(60)));
        assert!((118..=122).contains(&minute.len()), "{}", minute.len());
        assert!(minute.iter().all(|point| point.at >= 60.0));
        assert!(minute.iter().all(|point| (point.sent - 40.0).abs() < 0.01));
        assert_eq!(history.points(1, None).len(), history.points(0, None).len());
        assert!(history.points(2, None).is_empty(), "there is no such group");
    }

    #[test]
    fn a_long_run_keeps_its_length_its_average_and_its_peak_in_bounded_memory() {
        let history = history(4 * 3_600, 777);
        let whole = history.points(0, None);
        assert!((WHOLE_POINTS / 2 - 1..=WHOLE_POINTS).contains(&whole.len()));
        assert!((whole.last().unwrap().at - 3_600.0).abs() < 0.01);
        assert!(whole.iter().all(|point| (point.sent - 40.0).abs() < 0.01));
        let peaks = whole
            .iter()
            .filter(|point| point.trend(Trend::Response).p99 > 900.0);
        assert_eq!(peaks.count(), 1);
        let recent = history.points(0, Some(Duration::from_secs(100_000)));
        assert_eq!(recent.len(), RECENT_POINTS);
    }

    #[test]
    fn what_covers_no_time_adds_nothing() {
        let mut history = History::default();
        history.push(&Snapshot::default());
        assert!(history.points(0, None).is_empty());
    }
}
