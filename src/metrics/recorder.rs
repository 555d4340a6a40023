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
mod tests;
