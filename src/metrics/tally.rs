//! [`Tally`]: everything that was measured of one group of clients.

use std::time::Duration;

use super::close_codes::CloseCodes;
use super::close_reasons::CloseReasons;
use super::error_log::ErrorLog;
use super::histogram::Histogram;
use super::sample::{CloseCause, Counter, ErrorClass, Side, Trend};
use super::size_limits::SizeLimits;

/// Trends, counters, close causes, close codes and errors of one group, over some stretch of the run.
#[derive(Clone, Debug)]
pub struct Tally {
    /// A trend that nobody records costs a pointer.
    trends: [Option<Box<Histogram>>; Trend::ALL.len()],
    counters: [u64; Counter::COUNT],
    causes: [u64; CloseCause::ALL.len()],
    codes: CloseCodes,
    reasons: CloseReasons,
    size_limits: SizeLimits,
    errors: ErrorLog,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            trends: Default::default(),
            counters: [0; Counter::COUNT],
            causes: Default::default(),
            codes: CloseCodes::default(),
            reasons: CloseReasons::default(),
            size_limits: SizeLimits::default(),
            errors: ErrorLog::default(),
        }
    }
}

impl Tally {
    /// Records a duration.
    pub fn record(&mut self, trend: Trend, value: Duration) {
        self.trends[trend as usize].get_or_insert_default().record(value);
    }

    /// Adds `n` to a counter.
    pub fn add(&mut self, counter: Counter, n: u64) {
        self.counters[counter as usize] += n;
    }

    /// Counts the end of an opened connection.
    pub fn ended(&mut self, cause: CloseCause) {
        self.causes[cause as usize] += 1;
    }

    /// Counts a connection that `by` closed with `code`.
    pub fn close_code(&mut self, by: Side, code: u16) {
        self.codes.add(by, code, 1);
    }

    /// Counts the reason of a first Close frame.
    pub fn close_reason(&mut self, by: Side, code: u16, reason: &[u8]) {
        self.reasons.add(by, code, reason, 1);
    }

    pub(super) const fn size_limits_mut(&mut self) -> &mut SizeLimits {
        &mut self.size_limits
    }

    /// Counts an error; `text` is called for the first few of its class only.
    pub fn error(&mut self, class: ErrorClass, text: impl FnOnce() -> String) {
        self.errors.add(class, text);
    }

    /// The durations of a trend, if any were recorded.
    #[must_use]
    pub fn trend(&self, trend: Trend) -> Option<&Histogram> {
        self.trends[trend as usize]
            .as_deref()
            .filter(|histogram| !histogram.is_empty())
    }

    /// The value of a counter.
    #[must_use]
    pub const fn counter(&self, counter: Counter) -> u64 {
        self.counters[counter as usize]
    }

    /// How many opened connections ended by `cause`.
    #[must_use]
    pub const fn cause(&self, cause: CloseCause) -> u64 {
        self.causes[cause as usize]
    }

    /// Close codes by who sent the first Close frame.
    #[must_use]
    pub const fn codes(&self) -> &CloseCodes {
        &self.codes
    }

    /// Reasons of first Close frames.
    #[must_use]
    pub const fn reasons(&self) -> &CloseReasons {
        &self.reasons
    }

    /// What size probes found.
    #[must_use]
    pub const fn size_limits(&self) -> &SizeLimits {
        &self.size_limits
    }

    /// Errors by class.
    #[must_use]
    pub const fn errors(&self) -> &ErrorLog {
        &self.errors
    }

    /// Adds everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.trends.iter_mut().zip(&other.trends) {
            if let Some(theirs) = theirs.as_deref().filter(|theirs| !theirs.is_empty()) {
                mine.get_or_insert_default().merge(theirs);
            }
        }
        self.counters
            .iter_mut()
            .zip(&other.counters)
            .for_each(|(mine, theirs)| *mine += theirs);
        self.causes
            .iter_mut()
            .zip(&other.causes)
            .for_each(|(mine, theirs)| *mine += theirs);
        self.codes.merge(&other.codes);
        self.reasons.merge(&other.reasons);
        self.size_limits.merge(&other.size_limits);
        self.errors.merge(&other.errors);
    }

    /// Forgets every value and keeps the memory, so that the next round allocates nothing.
    pub fn clear(&mut self) {
        self.trends
            .iter_mut()
            .flatten()
            .filter(|trend| !trend.is_empty())
            .for_each(|trend| trend.clear());
        self.counters.fill(0);
        self.causes.fill(0);
        self.codes.clear();
        self.reasons.clear();
        self.size_limits = SizeLimits::default();
        self.errors.clear();
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trends.iter().flatten().all(|trend| trend.is_empty())
            && self.counters.iter().chain(&self.causes).all(|&count| count == 0)
            && self.codes.is_empty()
            && self.reasons.is_empty()
            && self.size_limits.is_empty()
            && self.errors.is_empty()
    }
}
