//! [`GeneratorLimits`]: from when on a run is invalid.

use std::time::Duration;

/// From when on a run says more about its generator than about its target. `docs/generator.md` gives the reasons for the
/// defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneratorLimits {
    /// A worker is never late with less lag than this at the 99th percentile of a second. 1 ms.
    pub lag: Duration,
    /// Nor with less than this share of the response time's 99th percentile in that second. 0.25.
    pub lag_share: f64,
    /// A worker is at its limit if it had or wanted a core for this share of a second. 0.95.
    pub busy: f64,
    /// A run is invalid if workers were late at their limit for this long without a break, or for a tenth of the run if
    /// that is longer. 5 s.
    pub sustained: Duration,
    /// An invalid run is reported as such and exits as if it were valid.
    pub tolerate: bool,
}

impl Default for GeneratorLimits {
    fn default() -> Self {
        Self {
            lag: Duration::from_millis(1),
            lag_share: 0.25,
            busy: 0.95,
            sustained: Duration::from_secs(5),
            tolerate: false,
        }
    }
}

/// A worker that waits for a core that others have is late only with this many times the lag: a scheduler hands out time
/// in slices of some milliseconds, and a run that shares its machine with its target must bear that.
const STARVED_FACTOR: u32 = 10;

impl GeneratorLimits {
    /// Whether a second's lag counts, beside a response time (both 99th percentiles), for workers that were at their limit
    /// by their own work or only together with what others had of their core.
    pub(super) fn is_late(&self, lag: Duration, response: Option<Duration>, starved: bool) -> bool {
        let floor = if starved {
            self.lag * STARVED_FACTOR
        } else {
            self.lag
        };
        lag > floor
            && response.is_none_or(|response| lag.as_secs_f64() > response.as_secs_f64() * self.lag_share)
    }

    /// Whether so much lateness makes a run invalid.
    pub(super) fn is_sustained(&self, longest: Duration, total: Duration, run: Duration) -> bool {
        !longest.is_zero() && longest >= self.sustained
            || !total.is_zero() && total >= self.sustained.max(run / 10)
    }
}
