//! [`Timeline`]: collects a [`Series`] while a run goes on, in bounded memory.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use super::figures::TrendFigures;
use super::handover::Gauges;
use super::histogram::Packed;
use super::sample::{CloseCause, Counter, ErrorClass, Trend};
use super::series::{Point, SERIES_TRENDS, Series, Slice};
use super::shard::Shard;
use super::tally::Tally;

/// The interval at the begin of a run.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);
/// Slices over all points, groups included; a slice takes a few kB.
const MAX_SLICES: usize = 1_200;
/// The most points: five minutes of seconds.
const MAX_POINTS: usize = 300;
/// Points that are kept however many groups there are.
const MIN_POINTS: usize = 60;

/// A run over time, as far as it has come.
#[derive(Debug)]
pub(super) struct Timeline {
    interval: Duration,
    limit: usize,
    /// When the present interval began, since the run's begin.
    began: Duration,
    /// Measured in the present interval.
    open: Shard,
    gauges: Gauges,
    points: Vec<Kept>,
}

/// An interval that is over.
#[derive(Debug)]
struct Kept {
    at: Duration,
    length: Duration,
    gauges: Gauges,
    /// All groups together first; then each, if there are several.
    lanes: Vec<Lane>,
}

/// What happened to one group in one interval.
#[derive(Debug, Default)]
struct Lane {
    counters: BTreeMap<Counter, u64>,
    closed: u64,
    lost: u64,
    errors: u64,
    trends: BTreeMap<Trend, Packed>,
}

impl Timeline {
    pub(super) fn new(groups: usize) -> Self {
        let slices = if groups > 1 { groups + 1 } else { 1 };
        Self {
            interval: FIRST_INTERVAL,
            // Even, so that the points can be joined in pairs.
            limit: (MAX_SLICES / slices).clamp(MIN_POINTS, MAX_POINTS) & !1,
            began: Duration::ZERO,
            open: Shard::new(groups),
            gauges: Gauges::default(),
            points: Vec::new(),
        }
    }

    /// Takes in what was measured up to `elapsed`, and ends the present interval if its time is over.
    pub(super) fn add(&mut self, window: &Shard, gauges: Gauges, elapsed: Duration) {
        self.open.merge(window);
        self.gauges = gauges;
        if elapsed >= self.due() {
            self.close(elapsed);
        }
    }

    /// When the present interval is over: the next multiple of the interval, so that intervals that end a little late do
    /// not add up.
    fn due(&self) -> Duration {
        let begun = self.began.as_nanos() / self.interval.as_nanos();
        self.interval * (u32::try_from(begun).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// The whole, with what was measured after the last interval's end.
    pub(super) fn finish(mut self, rest: &Shard, gauges: Gauges, elapsed: Duration) -> Series {
        self.open.merge(rest);
        self.gauges = gauges;
        if elapsed > self.began || !self.open.is_empty() {
            self.close(elapsed.max(self.began));
        }
        Series {
            interval_s: self.interval.as_secs_f64(),
            points: self.points.iter().map(Kept::point).collect(),
        }
    }

    fn close(&mut self, elapsed: Duration) {
        let groups = self.open.groups();
        let mut lanes = vec![Lane::of(groups)];
        if groups.len() > 1 {
            lanes.extend(groups.iter().map(|group| Lane::of(std::slice::from_ref(group))));
        }
        self.points.push(Kept {
            at: self.began,
            length: elapsed - self.began,
            gauges: self.gauges,
            lanes,
        });
        self.began = elapsed;
        self.open.clear();
        if self.points.len() >= self.limit {
            self.thin();
        }
    }

    /// Joins each point with its neighbour.
    fn thin(&mut self) {
        let mut points = mem::take(&mut self.points).into_iter();
        while let Some(mut point) = points.next() {
            if let Some(next) = points.next() {
                point.join(next);
            }
            self.points.push(point);
        }
        self.interval *= 2;
    }
}

impl Kept {
    fn join(&mut self, next: Self) {
        self.length += next.length;
        self.gauges = next.gauges;
        for (mine, theirs) in self.lanes.iter_mut().zip(next.lanes) {
            mine.join(theirs);
        }
    }

    fn point(&self) -> Point {
        let mut slices = self
            .lanes
            .iter()
            .enumerate()
            .map(|(index, lane)| lane.slice(index == 0));
        Point {
            at_s: seconds(self.at),
            length_s: seconds(self.length),
            clients_wanted: self.gauges.clients_wanted,
            clients_active: self.gauges.clients_active,
            connections_open: self.gauges.connections_open,
            total: slices.next().unwrap_or_default(),
            groups: slices.collect(),
        }
    }
}

impl Lane {
    fn of(groups: &[Tally]) -> Self {
        let sum = |of: &dyn Fn(&Tally) -> u64| groups.iter().map(of).sum::<u64>();
        let counters = Counter::ALL
            .into_iter()
            .map(|counter| (counter, sum(&|tally| tally.counter(counter))))
            .filter(|(_, n)| *n > 0);
        let causes = |lost_only: bool| {
            CloseCause::ALL
                .into_iter()
                .filter(move |cause| !lost_only || cause.is_lost())
                .map(|cause| sum(&|tally| tally.cause(cause)))
                .sum()
        };
        let errors = ErrorClass::ALL
            .into_iter()
            .map(|class| sum(&|tally| tally.errors().count(class)));
        Self {
            counters: counters.collect(),
            closed: causes(false),
            lost: causes(true),
            errors: errors.sum(),
            trends: SERIES_TRENDS
                .into_iter()
                .filter_map(|trend| Some((trend, packed(groups, trend)?)))
                .collect(),
        }
    }

    fn join(&mut self, next: Self) {
        for (counter, n) in next.counters {
            *self.counters.entry(counter).or_default() += n;
        }
        self.closed += next.closed;
        self.lost += next.lost;
        self.errors += next.errors;
        for (trend, theirs) in next.trends {
            let joined = match self.trends.get(&trend) {
                Some(mine) => mine.merged(&theirs),
                None => theirs,
            };
            self.trends.insert(trend, joined);
        }
    }

    fn slice(&self, histograms: bool) -> Slice {
        let mut slice = Slice {
            counters: self.counters.clone(),
            closed: self.closed,
            lost: self.lost,
            errors: self.errors,
            ..Slice::default()
        };
        for (&trend, packed) in &self.trends {
            let histogram = packed.unpack();
            slice.trends_ms.insert(trend, TrendFigures::new(&histogram));
            if histograms {
                slice.histograms.insert(trend, histogram.to_base64());
            }
        }
        slice
    }
}

/// To the microsecond: more would only be noise.
fn seconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e6
}

/// A trend of all these groups together.
fn packed(groups: &[Tally], trend: Trend) -> Option<Packed> {
    let mut recorded = groups.iter().filter_map(|group| group.trend(trend));
    let first = recorded.next()?;
    let Some(second) = recorded.next() else {
        return Some(first.pack());
    };
    let mut whole = first.clone();
    whole.merge(second);
    recorded.for_each(|next| whole.merge(next));
    Some(whole.pack())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{GroupId, Histogram};

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// One message and one response of `n` ms in each group.
    fn window(groups: usize, n: u64) -> Shard {
        let mut shard = Shard::new(groups);
        for group in (0..groups as u16).map(GroupId) {
            shard.add(group, Counter::MessagesSent, 1);
            shard.record(group, Trend::Response, Duration::from_millis(n));
        }
        shard
    }

    fn gauges(n: u64) -> Gauges {
        Gauges {
            clients_wanted: n,
            clients_active: n,
            connections_open: n,
        }
    }

    #[test]
    fn a_point_covers_a_second_and_the_last_one_what_is_left() {
        let mut timeline = Timeline::new(1);
        for quarter in 1..=9_u32 {
            timeline.add(&window(1, 1), gauges(u64::from(quarter)), second(1) / 4 * quarter);
        }
        let series = timeline.finish(&window(1, 5), gauges(0), second(1) / 4 * 9);
        let shape: Vec<_> = series
            .points
            .iter()
            .map(|point| {
                (
                    point.at_s,
                    point.length_s,
                    point.total.counter(Counter::MessagesSent),
                    point.connections_open,
                )
            })
            .collect();
        assert_eq!(shape, [(0.0, 1.0, 4, 4), (1.0, 1.0, 4, 8), (2.0, 0.25, 2, 0)]);
        assert!((series.points[2].total.trends_ms[&Trend::Response].max - 5.0).abs() < 1e-9);
        assert!(series.points[0].groups.is_empty());
    }

    #[test]
    fn intervals_that_end_late_do_not_drift() {
        let mut timeline = Timeline::new(1);
        for quarter in 1..=40_u32 {
            let late = Duration::from_millis(u64::from(quarter % 4));
            timeline.add(&window(1, 1), gauges(1), second(1) / 4 * quarter + late);
        }
        let series = timeline.finish(&Shard::new(1), gauges(0), second(10));
        assert_eq!(series.points.len(), 10);
        assert!(
            series
                .points
                .iter()
                .all(|point| (point.length_s - 1.0).abs() < 0.01)
        );
    }

    #[test]
    fn a_long_run_keeps_its_sums_and_its_percentiles_in_fewer_points() {
        let mut timeline = Timeline::new(1);
        for n in 1..=3_000 {
            timeline.add(&window(1, n % 100 + 1), gauges(n), second(n));
        }
        let series = timeline.finish(&Shard::new(1), gauges(0), second(3_000));
        assert!(series.points.len() < MAX_POINTS && series.points.len() >= MAX_POINTS / 2);
        assert_eq!(series.interval_s, 16.0);
        let sent: u64 = series
            .points
            .iter()
            .map(|point| point.total.counter(Counter::MessagesSent))
            .sum();
        assert_eq!(sent, 3_000);
        let covered: f64 = series.points.iter().map(|point| point.length_s).sum();
        assert!((covered - 3_000.0).abs() < 1e-6);
        // The histograms of all points make the histogram of the run.
        let mut whole = Histogram::new();
        for point in &series.points {
            let decoded = Histogram::from_base64(&point.total.histograms[&Trend::Response]).unwrap();
            whole.merge(&decoded);
        }
        assert_eq!(whole.count(), 3_000);
        assert_eq!(
            whole.quantile(0.5).as_millis(),
            50,
            "milliseconds run from 1 to 100"
        );
        let first = &series.points[0].total.trends_ms[&Trend::Response];
        assert_eq!((first.count, first.min, first.max), (16, 2.0, 17.0));
    }

    #[test]
    fn groups_are_told_apart_and_bound_the_number_of_points() {
        let mut timeline = Timeline::new(2);
        timeline.add(&window(2, 3), gauges(1), second(1));
        let series = timeline.finish(&Shard::new(2), gauges(0), second(1));
        let point = &series.points[0];
        assert_eq!(point.total.counter(Counter::MessagesSent), 2);
        assert_eq!(point.groups.len(), 2);
        assert_eq!(point.groups[1].counter(Counter::MessagesSent), 1);
        assert!(
            point.groups[0].histograms.is_empty(),
            "too large to keep for every group"
        );
        assert_eq!(
            [1, 3, 9, 500].map(|groups| Timeline::new(groups).limit),
            [300, 300, 120, 60]
        );
    }
}
