//! [`GeneratorLog`]: what the generator told of itself, second by second.

use std::time::Duration;

use super::figures::{GeneratorFigures, GeneratorSnapshot, WorkerFigures, WorkerShare};
use super::finding::{Finding, FindingKind, Verdict};
use super::limits::GeneratorLimits;
use super::pulse::{Lags, ProcessPulse, WorkerPulse};
use crate::clock::Moment;
use crate::metrics::figures::TrendFigures;
use crate::metrics::histogram::Histogram;
use crate::metrics::sample::Trend;
use crate::metrics::shard::Shard;

/// How long a stretch is that is judged as one.
const SECOND: Duration = Duration::from_secs(1);
/// Fewer than this share of ports or files left is worth a note, and of memory half of it.
const FEW: f64 = 0.1;

/// Everything that is known of the generator of a run.
#[derive(Clone, Debug)]
pub(in crate::metrics) struct GeneratorLog {
    pub(in crate::metrics) limits: GeneratorLimits,
    workers: Vec<WorkerLog>,
    /// Of the whole run.
    lags: Lags,
    second: Second,
    lateness: Lateness,
    process: ProcessLog,
    pub(in crate::metrics) paused: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct WorkerLog {
    first: Option<WorkerPulse>,
    /// At the begin of the present second.
    mark: WorkerPulse,
    last: WorkerPulse,
    /// In the last full second.
    share: WorkerShare,
    peak: f64,
}

/// The present second.
#[derive(Clone, Debug, Default)]
struct Second {
    began: Moment,
    lags: Lags,
    response: Histogram,
    connect: Histogram,
}

/// How long workers were late, and the worst of it.
#[derive(Clone, Copy, Debug, Default)]
struct Lateness {
    run: Duration,
    total: Duration,
    starved: Duration,
    /// Up to now, without a break.
    row: Duration,
    longest: Duration,
    saturated: Duration,
    /// Lag, and the response time beside it.
    worst: (Duration, Option<Duration>),
}

#[derive(Clone, Copy, Debug, Default)]
struct ProcessLog {
    present: ProcessPulse,
    most_files: Option<u64>,
    least_ports: Option<u64>,
    most_time_wait: Option<u64>,
    least_memory: Option<u64>,
    /// When first looked at: what is left is compared with it.
    first_memory: Option<u64>,
    jumps: u64,
    largest_jump: Duration,
}

impl GeneratorLog {
    pub(in crate::metrics) fn new(workers: usize, started: Moment) -> Self {
        Self {
            limits: GeneratorLimits::default(),
            workers: vec![WorkerLog::default(); workers],
            lags: Lags::default(),
            second: Second {
                began: started,
                ..Second::default()
            },
            lateness: Lateness::default(),
            process: ProcessLog::default(),
            paused: Duration::ZERO,
        }
    }

    /// A worker's latest pulse.
    pub(in crate::metrics) fn worker(&mut self, worker: usize, pulse: WorkerPulse) {
        let log = &mut self.workers[worker];
        if log.first.is_none() {
            log.first = Some(pulse);
            log.mark = pulse;
        }
        log.last = pulse;
    }

    pub(in crate::metrics) fn process(&mut self, pulse: ProcessPulse) {
        self.process.add(pulse);
    }

    /// What workers measured since the last call.
    pub(in crate::metrics) fn add(&mut self, window: &Shard) {
        self.lags.merge(window.lags());
        self.second.lags.merge(window.lags());
        for tally in window.groups() {
            for (trend, histogram) in [
                (Trend::Response, &mut self.second.response),
                (Trend::Connect, &mut self.second.connect),
            ] {
                if let Some(values) = tally.trend(trend) {
                    histogram.merge(values);
                }
            }
        }
    }

    /// Judges the present second, if it is over.
    pub(in crate::metrics) fn judge(&mut self, now: Moment) {
        let length = now - self.second.began;
        if length < SECOND {
            return;
        }
        for worker in &mut self.workers {
            worker.end_second();
        }
        let busiest = |share: fn(&WorkerShare) -> f64| {
            self.workers
                .iter()
                .map(|worker| share(&worker.share))
                .fold(0.0, f64::max)
        };
        let overloaded = busiest(|share| share.cpu) >= self.limits.busy;
        let starved = !overloaded && busiest(|share| share.cpu + share.waiting) >= self.limits.busy;
        let (lag, response) = (self.second.lag(), self.second.reference());
        let late = (overloaded || starved) && self.limits.is_late(lag, response, starved);
        self.lateness.add(length, late, starved, overloaded);
        if late && lag > self.lateness.worst.0 {
            self.lateness.worst = (lag, response);
        }
        self.second = Second {
            began: now,
            ..Second::default()
        };
    }

    /// The state of things, with what workers measured in the window before it and how many connects failed for want of
    /// something local.
    pub(in crate::metrics) fn snapshot(&self, window: &Shard, exhausted: u64) -> GeneratorSnapshot {
        GeneratorSnapshot {
            timer_lag: figures(&window.lags().timer),
            loop_lag: figures(&window.lags().busy),
            workers: self.workers.iter().map(|worker| worker.share).collect(),
            late_for: self.lateness.row,
            problems: self.problems(exhausted),
            notes: self.notes(),
            process: self.process.present,
            paused_for: self.paused,
        }
    }

    /// What is to be told at the end.
    pub(in crate::metrics) fn figures(&self, exhausted: u64) -> GeneratorFigures {
        let problems = self.problems(exhausted);
        let (process, lateness) = (&self.process, &self.lateness);
        GeneratorFigures {
            verdict: if problems.is_empty() {
                Verdict::Valid
            } else {
                Verdict::Invalid
            },
            tolerated: self.limits.tolerate,
            problems,
            notes: self.notes(),
            timer_lag_ms: figures(&self.lags.timer),
            loop_lag_ms: figures(&self.lags.busy),
            workers: self.workers.iter().filter_map(WorkerLog::figures).collect(),
            late_s: lateness.total.as_secs_f64(),
            late_longest_s: lateness.longest.as_secs_f64(),
            saturated_s: lateness.saturated.as_secs_f64(),
            open_files: process.most_files,
            open_file_limit: process.present.file_limit,
            ports: process.present.ports,
            ports_left: process.least_ports,
            time_wait: process.most_time_wait,
            memory_left_bytes: process.least_memory,
            clock_jumps: process.jumps,
            clock_jump_s: process.largest_jump.as_secs_f64(),
            paused_s: self.paused.as_secs_f64(),
        }
    }

    fn problems(&self, exhausted: u64) -> Vec<Finding> {
        let late = &self.lateness;
        let mut problems = Vec::new();
        if self.limits.is_sustained(late.longest, late.total, late.run) {
            let starved = late.starved * 2 > late.total;
            let kind = if starved {
                FindingKind::Starved
            } else {
                FindingKind::Overloaded
            };
            problems.push(Finding::new(kind, self.lateness_in_words(starved)));
        }
        if exhausted > 0 {
            problems.push(Finding::new(
                FindingKind::Exhausted,
                format!(
                    "{exhausted} connects failed because this machine had no port, file or memory for them"
                ),
            ));
        }
        problems
    }

    fn lateness_in_words(&self, starved: bool) -> String {
        let late = &self.lateness;
        let what = if starved {
            "a worker waited for a core that others had"
        } else {
            "a worker had no rest"
        };
        let response = late
            .worst
            .1
            .map(|response| format!(" beside response times of {response:.1?}"))
            .unwrap_or_default();
        format!(
            "{what} and was late for {:.0} s of {:.0} s, by up to {:.1?} at the 99th percentile of a second{response}",
            late.total.as_secs_f64(),
            late.run.as_secs_f64(),
            late.worst.0
        )
    }

    fn notes(&self) -> Vec<Finding> {
        let (process, late) = (&self.process, &self.lateness);
        let few = |left: Option<u64>, all: Option<u64>, share: f64| {
            left.zip(all)
                .filter(|(left, all)| (*left as f64) < *all as f64 * share)
        };
        let mut notes = Vec::new();
        let mut note = |kind, reason| notes.push(Finding::new(kind, reason));
        if late.saturated >= self.limits.sustained {
            let seconds = late.saturated.as_secs_f64();
            note(
                FindingKind::Saturated,
                format!("a worker had no rest for {seconds:.0} s, though it was not late"),
            );
        }
        if let Some((left, all)) = few(process.least_ports, process.present.ports, FEW) {
            note(
                FindingKind::FewPorts,
                format!("only {left} of {all} local ports were left"),
            );
        }
        let limit = process.present.file_limit;
        let free = limit
            .zip(process.most_files)
            .map(|(limit, files)| limit.saturating_sub(files));
        if let Some((left, all)) = few(free, limit, FEW) {
            note(
                FindingKind::FewFiles,
                format!("only {left} of {all} open files were left"),
            );
        }
        if let Some((left, all)) = few(process.least_memory, process.first_memory, FEW / 2.0) {
            let mib = |bytes: u64| bytes >> 20;
            note(
                FindingKind::LittleMemory,
                format!("only {} of {} MiB of memory were left", mib(left), mib(all)),
            );
        }
        if process.jumps > 0 {
            let (times, most) = (process.jumps, process.largest_jump);
            note(
                FindingKind::ClockSet,
                format!("the wall clock was set {times} times, by up to {most:.1?}"),
            );
        }
        notes
    }
}

impl WorkerLog {
    fn end_second(&mut self) {
        self.share = share(self.mark, self.last);
        self.peak = self.peak.max(self.share.cpu);
        self.mark = self.last;
    }

    /// `None` for a worker that never told.
    fn figures(&self) -> Option<WorkerFigures> {
        let whole = share(self.first?, self.last);
        Some(WorkerFigures {
            cpu: whole.cpu,
            cpu_peak: self.peak.max(whole.cpu),
            waiting: self.last.waited.map(|_| whole.waiting),
        })
    }
}

/// What a thread did between two pulses.
fn share(from: WorkerPulse, to: WorkerPulse) -> WorkerShare {
    let length = (to.at - from.at).as_secs_f64();
    if length <= 0.0 {
        return WorkerShare::default();
    }
    let waited = |pulse: WorkerPulse| pulse.waited.unwrap_or_default();
    WorkerShare {
        cpu: to.cpu.saturating_sub(from.cpu).as_secs_f64() / length,
        waiting: waited(to).saturating_sub(waited(from)).as_secs_f64() / length,
    }
}

impl Second {
    /// What a moment that a worker read off the clock may be off by.
    fn lag(&self) -> Duration {
        self.lags.timer.quantile(0.99).max(self.lags.busy.quantile(0.99))
    }

    /// What the lag is compared with: response times or, where nothing is answered, those of connects.
    fn reference(&self) -> Option<Duration> {
        [&self.response, &self.connect]
            .into_iter()
            .find(|histogram| !histogram.is_empty())
            .map(|histogram| histogram.quantile(0.99))
    }
}

impl Lateness {
    fn add(&mut self, length: Duration, late: bool, starved: bool, overloaded: bool) {
        self.run += length;
        if late {
            self.total += length;
            self.row += length;
            self.longest = self.longest.max(self.row);
            self.starved += if starved { length } else { Duration::ZERO };
        } else {
            self.row = Duration::ZERO;
            self.saturated += if overloaded { length } else { Duration::ZERO };
        }
    }
}

impl ProcessLog {
    fn add(&mut self, pulse: ProcessPulse) {
        let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        self.present = pulse;
        self.most_files = self.most_files.max(pulse.open_files);
        self.least_ports = least(self.least_ports, pulse.ports_left);
        self.most_time_wait = self.most_time_wait.max(pulse.time_wait);
        self.least_memory = least(self.least_memory, pulse.available_bytes);
        self.first_memory = self.first_memory.or(pulse.available_bytes);
        if !pulse.clock_jump.is_zero() {
            self.jumps += 1;
            self.largest_jump = self.largest_jump.max(pulse.clock_jump);
        }
    }
}

fn figures(histogram: &Histogram) -> Option<TrendFigures> {
    (!histogram.is_empty()).then(|| TrendFigures::new(histogram))
}
