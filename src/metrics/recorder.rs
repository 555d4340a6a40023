//! [`Recorder`]: merges the workers' shards, shows the run while it goes on and holds its totals at the end.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;

use super::figures::Figures;
use super::generator::{GeneratorFigures, GeneratorLimits, GeneratorLog, ProcessPulse};
use super::handover::{Collector, Gauges, Handover, ShardSender, connect};
use super::measured::Measured;
use super::sample::{Counter, ErrorClass, Trend};
use super::series::Series;
use super::shard::Shard;
use super::snapshot::{GroupSnapshot, Snapshot};
use super::spread::Spread;
use super::tally::Tally;
use super::timeline::Timeline;

/// The only place where the measurements of a run come together.
///
/// It has no thread and no clock of its own: whoever owns it calls [`tick`](Self::tick) as often as it wants to see a
/// new snapshot, and [`finish`](Self::finish) when the workers have ended.
#[derive(Debug)]
pub struct Recorder {
    names: Vec<Arc<str>>,
    collector: Collector,
    started: Moment,
    /// Since the run began, without the present window.
    cumulative: Shard,
    /// Since the last snapshot.
    window: Shard,
    /// How each worker stood at its latest hand-over.
    workers: Vec<Standing>,
    peak: Gauges,
    timeline: Timeline,
    /// Up to when the run was measured by the last tick. Workers hand over in their own time, so a window ends here and not
    /// at the tick: what it holds, divided by its length, is then the true rate.
    measured: Moment,
    spreads: bool,
    generator: GeneratorLog,
}

/// A worker at its latest hand-over.
#[derive(Clone, Copy, Debug)]
struct Standing {
    until: Moment,
    gauges: Gauges,
    /// The highest of each gauge since the hand-over before.
    peak: Gauges,
    finished: bool,
}

impl Standing {
    fn new(at: Moment) -> Self {
        Self {
            until: at,
            gauges: Gauges::default(),
            peak: Gauges::default(),
            finished: false,
        }
    }
}

/// Everything that a run measured.
#[derive(Clone, Debug)]
pub struct Totals {
    /// All groups together.
    pub total: Tally,
    /// Name and tally of each group, in the plan's order.
    pub groups: Vec<(Arc<str>, Tally)>,
    /// The highest value of each gauge. With several workers the highest sum of what each had within a fifth of a second.
    pub peak: Gauges,
    /// The run over time.
    pub series: Series,
    /// What the generator measured of itself.
    pub generator: GeneratorFigures,
    /// How long the run was paused.
    pub paused: Duration,
}

impl Totals {
    /// The same for a judge; the run took `elapsed`.
    #[must_use]
    pub fn measured(&self, elapsed: Duration) -> Measured<'_> {
        Measured {
            elapsed,
            peak: self.peak,
            groups: self.groups.iter().map(|(name, tally)| (&**name, tally)).collect(),
        }
    }
}

impl Recorder {
    /// A recorder for these groups and one [`ShardSender`] per worker; the run begins at `started`.
    #[must_use]
    pub fn new<N: AsRef<str>>(groups: &[N], workers: usize, started: Moment) -> (Self, Vec<ShardSender>) {
        let (collector, senders) = connect(groups.len(), workers);
        let recorder = Self {
            names: groups.iter().map(|name| Arc::from(name.as_ref())).collect(),
            collector,
            started,
            cumulative: Shard::new(groups.len()),
            window: Shard::new(groups.len()),
            workers: vec![Standing::new(started); workers],
            peak: Gauges::default(),
            timeline: Timeline::new(groups.len()),
            measured: started,
            spreads: false,
            generator: GeneratorLog::new(workers, started),
        };
        (recorder, senders)
    }

    /// From now on snapshots hold [spreads](GroupSnapshot::spreads): someone draws them.
    pub const fn show_spreads(&mut self) {
        self.spreads = true;
    }

    /// From when on the run is invalid; the defaults if nobody says.
    pub const fn set_limits(&mut self, limits: GeneratorLimits) {
        self.generator.limits = limits;
    }

    /// Takes in what the generator's process holds now.
    pub fn process(&mut self, pulse: ProcessPulse) {
        self.generator.process(pulse);
    }

    /// How long the run has been paused so far.
    pub const fn paused(&mut self, length: Duration) {
        self.generator.paused = length;
    }

    /// Takes in what the workers have handed over, and makes a snapshot of it. Never waits.
    pub fn tick(&mut self, now: Moment) -> Arc<Snapshot> {
        self.drain();
        Arc::new(self.snapshot(now))
    }

    /// What has been measured up to the last snapshot, `elapsed` after the begin.
    #[must_use]
    pub fn measured(&self, elapsed: Duration) -> Measured<'_> {
        Measured {
            elapsed,
            peak: self.peak,
            groups: self
                .names
                .iter()
                .map(|name| &**name)
                .zip(self.cumulative.groups())
                .collect(),
        }
    }

    /// Takes in what the workers have handed over. Never waits.
    pub fn drain(&mut self) {
        while let Ok(handover) = self.collector.incoming.try_recv() {
            self.take(handover);
        }
    }

    /// Waits until every worker has finished or is gone, then gives the totals.
    #[must_use]
    pub fn finish(mut self) -> Totals {
        while let Ok(handover) = self.collector.incoming.recv() {
            self.take(handover);
        }
        self.cumulative.merge(&self.window);
        let present = self.present();
        self.generator.add(&self.window);
        let total = sum(self.cumulative.groups());
        let measured = self.measured.max(self.reached()).since(self.started);
        Totals {
            series: self.timeline.finish(&self.window, present, measured),
            generator: self.generator.figures(exhausted(&total)),
            paused: self.generator.paused,
            total,
            groups: self
                .names
                .into_iter()
                .zip(self.cumulative.into_groups())
                .collect(),
            peak: self.peak,
        }
    }

    /// Name and tally of each group since the run began, as the last tick left them.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &Tally)> {
        self.names
            .iter()
            .map(|name| &**name)
            .zip(self.cumulative.groups())
    }

    fn take(
        &mut self,
        Handover {
            worker,
            shard,
            until,
            gauges,
            peak,
            pulse,
            last,
        }: Handover,
    ) {
        if let Some(pulse) = pulse {
            self.generator.worker(worker, pulse);
        }
        self.window.merge(&shard);
        self.collector.give_back(worker, shard);
        self.workers[worker] = Standing {
            until,
            gauges,
            peak,
            finished: last,
        };
        self.peak = self.peak.max(self.over_workers(|worker| worker.peak));
    }

    fn present(&self) -> Gauges {
        self.over_workers(|worker| worker.gauges)
    }

    fn over_workers(&self, of: impl Fn(&Standing) -> Gauges) -> Gauges {
        self.workers
            .iter()
            .fold(Gauges::default(), |sum, worker| sum.plus(of(worker)))
    }

    /// Up to when the run was measured: the mean of the workers at work, or the end of the last.
    fn reached(&self) -> Moment {
        let at_work = self.workers.iter().filter(|worker| !worker.finished);
        let since_begin = |worker: &Standing| worker.until.since(self.started);
        let count = at_work.clone().count() as u32;
        if count > 0 {
            self.started + at_work.map(since_begin).sum::<Duration>() / count
        } else {
            self.workers
                .iter()
                .map(|worker| worker.until)
                .max()
                .unwrap_or(self.started)
        }
    }

    fn snapshot(&mut self, now: Moment) -> Snapshot {
        let elapsed = now.since(self.started);
        // A worker that finishes is no longer one of the mean, which may move it back.
        let reached = self.reached().max(self.measured);
        let length = reached.since(mem::replace(&mut self.measured, reached));
        self.cumulative.merge(&self.window);
        self.timeline
            .add(&self.window, self.present(), reached.since(self.started));
        self.generator.add(&self.window);
        self.generator.judge(now);
        let total = sum(self.cumulative.groups());
        let snapshot = Snapshot {
            generator: self.generator.snapshot(&self.window, exhausted(&total)),
            elapsed,
            window: length,
            gauges: self.present(),
            total: group_snapshot(
                "".into(),
                (&total, elapsed),
                (&sum(self.window.groups()), length),
                self.spreads,
            ),
            groups: self
                .names
                .iter()
                .zip(self.cumulative.groups().iter().zip(self.window.groups()))
                .map(|(name, (cumulative, window))| {
                    group_snapshot(
                        Arc::clone(name),
                        (cumulative, elapsed),
                        (window, length),
                        self.spreads,
                    )
                })
                .collect(),
        };
        self.window.clear();
        snapshot
    }
}

fn group_snapshot(
    name: Arc<str>,
    cumulative: (&Tally, Duration),
    window: (&Tally, Duration),
    spreads: bool,
) -> GroupSnapshot {
    let spread = |trend| Some((trend, Spread::new(cumulative.0.trend(trend)?)));
    GroupSnapshot {
        name,
        cumulative: Figures::new(cumulative.0, cumulative.1),
        window: Figures::new(window.0, window.1),
        spreads: Trend::ALL
            .into_iter()
            .filter(|_| spreads)
            .filter_map(spread)
            .collect(),
    }
}

/// Connects that failed for want of something local. Where none ever succeeded it may be the address that is wrong.
fn exhausted(total: &Tally) -> u64 {
    match total.counter(Counter::ConnectOpened) {
        0 => 0,
        _ => total.errors().count(ErrorClass::Exhausted),
    }
}

fn sum(groups: &[Tally]) -> Tally {
    let mut total = Tally::default();
    groups.iter().for_each(|group| total.merge(group));
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::GroupId;
    use std::thread;

    const FIRST: GroupId = GroupId(0);
    const SECOND: GroupId = GroupId(1);

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    fn open(connections: u64) -> Gauges {
        Gauges {
            connections_open: connections,
            ..Gauges::default()
        }
    }

    #[test]
    fn spreads_are_made_for_whoever_asked() {
        let (mut recorder, mut senders) = Recorder::new(&["a", "b"], 1, Moment::ZERO);
        senders[0]
            .shard()
            .record(SECOND, Trend::Ping, Duration::from_millis(5));
        senders[0].flush(at(1), Gauges::default());
        assert!(recorder.tick(at(1)).total.spreads.is_empty());
        recorder.show_spreads();
        let snapshot = recorder.tick(at(2));
        assert!(snapshot.groups[0].spreads.is_empty());
        for group in [&snapshot.total, &snapshot.groups[1]] {
            assert_eq!(group.spreads[&Trend::Ping].count(), 1);
        }
    }

    #[test]
    fn a_snapshot_shows_the_whole_run_and_the_last_window() {
        let (mut recorder, mut senders) = Recorder::new(&["a", "b"], 2, Moment::ZERO);
        for (sender, n) in senders.iter_mut().zip([10, 20]) {
            sender.shard().add(FIRST, Counter::MessagesSent, n);
            sender
                .shard()
                .record(SECOND, Trend::Ping, Duration::from_millis(n));
            sender.flush(at(2), open(n));
        }
        let first = recorder.tick(at(2));
        assert_eq!(first.gauges, open(30));
        assert_eq!(first.total.cumulative.counter(Counter::MessagesSent), 30);
        assert!((first.total.window.rate(Counter::MessagesSent) - 15.0).abs() < 1e-9);

        senders[0].shard().add(SECOND, Counter::MessagesSent, 6);
        for (sender, connections) in senders.iter_mut().zip([1, 20]) {
            sender.flush(at(3), open(connections));
        }
        let second = recorder.tick(at(3));
        assert_eq!(
            (second.elapsed, second.window),
            (Duration::from_secs(3), Duration::from_secs(1))
        );
        assert_eq!(second.gauges, open(21));
        assert_eq!(second.total.cumulative.counter(Counter::MessagesSent), 36);
        assert_eq!(second.total.window.counter(Counter::MessagesSent), 6);
        let [a, b] = &second.groups[..] else {
            panic!("two groups")
        };
        assert_eq!((&*a.name, a.cumulative.counter(Counter::MessagesSent)), ("a", 30));
        assert_eq!(b.cumulative.trend(Trend::Ping).unwrap().count, 2);
        assert_eq!(b.window.trend(Trend::Ping), None);
    }

    #[test]
    fn a_recorder_that_is_behind_loses_nothing() {
        let (recorder, mut senders) = Recorder::new(&["only"], 1, Moment::ZERO);
        let mut sender = senders.remove(0);
        for round in 0..100 {
            sender.shard().add(FIRST, Counter::MessagesSent, 1);
            sender
                .shard()
                .error(FIRST, ErrorClass::ReplyTimeout, || format!("round {round}"));
            sender.flush(at(round), Gauges::default());
        }
        sender.finish(at(100), Gauges::default());
        let totals = recorder.finish();
        assert_eq!(totals.total.counter(Counter::MessagesSent), 100);
        assert_eq!(totals.total.errors().count(ErrorClass::ReplyTimeout), 100);
    }

    #[test]
    fn workers_on_their_threads_and_a_ticking_recorder_agree_to_the_last_sample() {
        const EACH: u64 = 10_000;
        let (mut recorder, senders) = Recorder::new(&["only"], 4, Moment::ZERO);
        let workers: Vec<_> = senders
            .into_iter()
            .map(|mut sender| {
                thread::spawn(move || {
                    for n in 0..EACH {
                        sender.shard().add(FIRST, Counter::MessagesReceived, 1);
                        sender
                            .shard()
                            .record(FIRST, Trend::Response, Duration::from_nanos(n));
                        if n % 7 == 0 {
                            sender.flush(Moment::ZERO, open(1));
                        }
                    }
                    sender.finish(Moment::ZERO, open(0));
                })
            })
            .collect();
        let mut windows = 0;
        while !workers.iter().all(thread::JoinHandle::is_finished) {
            windows += recorder
                .tick(Moment::ZERO)
                .total
                .window
                .counter(Counter::MessagesReceived);
            thread::yield_now();
        }
        let last = recorder.tick(Moment::ZERO);
        assert_eq!(
            windows + last.total.window.counter(Counter::MessagesReceived),
            4 * EACH
        );
        assert_eq!(last.gauges, open(0));
        let totals = recorder.finish();
        assert_eq!(totals.total.trend(Trend::Response).unwrap().count(), 4 * EACH);
        assert_eq!(totals.groups[0].1.counter(Counter::MessagesReceived), 4 * EACH);
    }

    #[test]
    fn a_worker_outlives_a_recorder_that_is_gone() {
        let (recorder, mut senders) = Recorder::new(&["only"], 1, Moment::ZERO);
        drop(recorder);
        let mut sender = senders.remove(0);
        sender.flush(at(1), Gauges::default());
        sender.flush(at(2), Gauges::default());
        sender.finish(at(3), Gauges::default());
    }

    #[test]
    fn the_peak_is_of_all_workers_together() {
        let (mut recorder, mut senders) = Recorder::new(&["only"], 2, Moment::ZERO);
        for (worker, connections) in [(0, 5), (1, 7), (0, 1), (1, 2)] {
            senders[worker].flush(at(1), open(connections));
            recorder.drain();
        }
        drop(senders);
        assert_eq!(recorder.finish().peak, open(12));
    }

    #[test]
    fn a_steady_rate_is_steady_however_ticks_and_hand_overs_beat() {
        let ms = |millis: u64| Moment::ZERO + Duration::from_millis(millis);
        let (mut recorder, mut senders) = Recorder::new(&["only"], 2, Moment::ZERO);
        let mut rates = Vec::new();
        for now in (10..=10_000).step_by(10) {
            for (sender, phase) in senders.iter_mut().zip([0, 90]) {
                sender.shard().add(FIRST, Counter::MessagesSent, 5);
                if (now + phase) % 200 == 0 {
                    sender.flush(ms(now), Gauges::default());
                }
            }
            if now % 250 == 0 {
                rates.push(recorder.tick(ms(now)).total.window.rate(Counter::MessagesSent));
            }
        }
        // The first hand-over of the second worker comes after 110 ms.
        assert!(
            rates[2..].iter().all(|rate| (rate - 1_000.0).abs() < 1e-6),
            "{rates:?}"
        );
        senders
            .into_iter()
            .for_each(|sender| sender.finish(ms(10_000), Gauges::default()));
        let totals = recorder.finish();
        assert_eq!(totals.total.counter(Counter::MessagesSent), 10_000);
        let whole = &totals.series.points[1..totals.series.points.len() - 1];
        assert!(
            whole
                .iter()
                .all(|point| (point.rate(Counter::MessagesSent) - 1_000.0).abs() < 1e-3),
            "{whole:?}"
        );
    }

    #[test]
    fn a_worker_that_has_finished_does_not_stretch_the_windows_of_the_others() {
        let (mut recorder, mut senders) = Recorder::new(&["only"], 2, Moment::ZERO);
        senders.remove(0).finish(at(1), Gauges::default());
        for second in 1..=5 {
            senders[0].shard().add(FIRST, Counter::MessagesSent, 10);
            senders[0].flush(at(second), Gauges::default());
            let snapshot = recorder.tick(at(second));
            assert_eq!(snapshot.window, Duration::from_secs(1));
            assert!((snapshot.total.window.rate(Counter::MessagesSent) - 10.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_peak_between_two_hand_overs_counts() {
        let (mut recorder, mut senders) = Recorder::new(&["only"], 1, Moment::ZERO);
        for connections in [1, 3, 0] {
            senders[0].saw(open(connections));
        }
        senders[0].flush(at(1), open(0));
        senders[0].flush(at(2), open(1));
        recorder.drain();
        drop(senders);
        assert_eq!(recorder.finish().peak, open(3));
    }
}
