//! What workers and their process tell of themselves while a run goes on.

use std::time::Duration;

use crate::clock::Moment;
use crate::metrics::histogram::Histogram;

/// How late a worker was, whatever it was that it did too late.
#[derive(Clone, Debug, Default)]
pub struct Lags {
    /// How long after its due time each timer was looked at: until then what was to be sent was not.
    pub timer: Histogram,
    /// How long the worker was busy without looking at its sockets, counted for each event that it handled meanwhile: so
    /// long an arrival may have lain there before its moment was read off the clock.
    pub busy: Histogram,
}

impl Lags {
    pub(in crate::metrics) fn merge(&mut self, other: &Self) {
        self.timer.merge(&other.timer);
        self.busy.merge(&other.busy);
    }

    pub(in crate::metrics) fn clear(&mut self) {
        for histogram in [&mut self.timer, &mut self.busy] {
            if !histogram.is_empty() {
                histogram.clear();
            }
        }
    }
}

/// What a worker's thread has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerPulse {
    /// When this was read.
    pub at: Moment,
    /// Processor time of the thread.
    pub cpu: Duration,
    /// How long the thread could have run and another had the core; `None` where the system does not tell.
    pub waited: Option<Duration>,
}

/// What the generator's process holds now. `None` is what the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessPulse {
    /// Open files, sockets included.
    pub open_files: Option<u64>,
    /// How many it may have.
    pub file_limit: Option<u64>,
    /// Local ports that are free for connections to the target, all source addresses together; an estimate.
    pub ports_left: Option<u64>,
    /// All local ports for connections to the target.
    pub ports: Option<u64>,
    /// Connections of this machine in TIME_WAIT, each of which keeps a port.
    pub time_wait: Option<u64>,
    /// Memory of the machine that is available without swapping.
    pub available_bytes: Option<u64>,
    /// By how much the wall clock was set since the last pulse, whichever way.
    pub clock_jump: Duration,
}
