//! What summaries and snapshots hold of the generator.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Verdict};
use super::pulse::ProcessPulse;
use crate::metrics::figures::TrendFigures;

/// What a run's generator measured of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GeneratorFigures {
    /// Whether the run says something about its target.
    pub verdict: Verdict,
    /// An invalid run was to be taken for a valid one.
    pub tolerated: bool,
    /// Why the run is invalid.
    pub problems: Vec<Finding>,
    /// What is worth knowing of a valid one.
    pub notes: Vec<Finding>,
    /// How long after its due time each timer was looked at, in milliseconds.
    pub timer_lag_ms: Option<TrendFigures>,
    /// How long a worker was busy without looking at its sockets, per event, in milliseconds.
    pub loop_lag_ms: Option<TrendFigures>,
    /// Each worker.
    pub workers: Vec<WorkerFigures>,
    /// How long workers were late at their limit.
    pub late_s: f64,
    /// The longest such time without a break.
    pub late_longest_s: f64,
    /// How long a worker was at its limit without being late.
    pub saturated_s: f64,
    /// The most open files.
    pub open_files: Option<u64>,
    /// How many there may be.
    pub open_file_limit: Option<u64>,
    /// Local ports for connections to the target, all source addresses together.
    pub ports: Option<u64>,
    /// The fewest of them that were free; an estimate.
    pub ports_left: Option<u64>,
    /// The most connections of this machine in TIME_WAIT.
    pub time_wait: Option<u64>,
    /// The least memory that was available on this machine.
    pub memory_left_bytes: Option<u64>,
    /// How often the wall clock was set.
    pub clock_jumps: u64,
    /// By how much at most.
    pub clock_jump_s: f64,
    /// How long the run was paused; rates leave that time out.
    pub paused_s: f64,
}

/// A worker over the whole run. Shares are of one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerFigures {
    /// The share of the run for which it ran on a core.
    pub cpu: f64,
    /// That share in its busiest second.
    pub cpu_peak: f64,
    /// The share of the run for which it could have run and another thread had the core.
    pub waiting: Option<f64>,
}

/// The generator at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneratorSnapshot {
    /// How long after its due time each timer was looked at, in the window of the snapshot.
    pub timer_lag: Option<TrendFigures>,
    /// How long workers were busy without looking at their sockets, in the window of the snapshot.
    pub loop_lag: Option<TrendFigures>,
    /// Each worker in the last full second.
    pub workers: Vec<WorkerShare>,
    /// For how long workers have been late at their limit without a break; zero if they are not.
    pub late_for: Duration,
    /// What is wrong so far: the run would be invalid.
    pub problems: Vec<Finding>,
    /// What is worth knowing so far.
    pub notes: Vec<Finding>,
    /// What the process holds.
    pub process: ProcessPulse,
    /// How long the run was paused so far.
    pub paused_for: Duration,
}

/// A worker in some second; shares of one core.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkerShare {
    /// It ran.
    pub cpu: f64,
    /// It could have run and another thread had the core.
    pub waiting: f64,
}

impl GeneratorFigures {
    /// Whether the run is invalid and not to be taken for a valid one.
    #[must_use]
    pub const fn fails(&self) -> bool {
        matches!(self.verdict, Verdict::Invalid) && !self.tolerated
    }
}

impl GeneratorSnapshot {
    /// The worker that had the most to do.
    #[must_use]
    pub fn busiest(&self) -> Option<WorkerShare> {
        self.workers
            .iter()
            .copied()
            .max_by(|a, b| a.cpu.total_cmp(&b.cpu))
    }
}
