//! [`Shard`]: what one worker measured since its last hand-over.

use std::time::Duration;

use super::generator::Lags;
use super::sample::{CloseCause, Counter, ErrorClass, Side, Trend};
use super::size_limits::SizeLimits;
use super::tally::Tally;

/// Index of a group in the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u16);

/// One [`Tally`] per group, owned by one worker at a time.
///
/// Every method that takes a group panics if the shard was made for fewer groups; ids come from the plan, not from input.
#[derive(Clone, Debug)]
pub struct Shard {
    groups: Vec<Tally>,
    lags: Lags,
}

impl Shard {
    /// An empty shard for this many groups.
    #[must_use]
    pub fn new(groups: usize) -> Self {
        Self {
            groups: vec![Tally::default(); groups],
            lags: Lags::default(),
        }
    }

    /// Records a duration.
    pub fn record(&mut self, group: GroupId, trend: Trend, value: Duration) {
        self.tally(group).record(trend, value);
    }

    /// Adds `n` to a counter.
    pub fn add(&mut self, group: GroupId, counter: Counter, n: u64) {
        self.tally(group).add(counter, n);
    }

    /// Counts the end of an opened connection.
    pub fn ended(&mut self, group: GroupId, cause: CloseCause) {
        self.tally(group).ended(cause);
    }

    /// Counts a close code by who sent the first Close frame, 1005 (no code) and 1006 (no frame) included.
    pub fn close_code(&mut self, group: GroupId, by: Side, code: u16) {
        self.tally(group).close_code(by, code);
    }

    /// Counts the reason of a first Close frame; an empty one is none.
    pub fn close_reason(&mut self, group: GroupId, by: Side, code: u16, reason: &[u8]) {
        self.tally(group).close_reason(by, code, reason);
    }

    /// What size probes of the group found.
    pub fn size_limits(&mut self, group: GroupId) -> &mut SizeLimits {
        self.tally(group).size_limits_mut()
    }

    /// Counts an error; `text` is called for the first few of its class only.
    pub fn error(&mut self, group: GroupId, class: ErrorClass, text: impl FnOnce() -> String) {
        self.tally(group).error(class, text);
    }

    /// Records how long after its due time a timer was looked at.
    pub fn timer_lag(&mut self, lag: Duration) {
        self.lags.timer.record(lag);
    }

    /// Records that the worker was busy for this long without looking at its sockets, and what it handled meanwhile.
    pub fn busy(&mut self, length: Duration, events: u64) {
        self.lags.busy.record_n(length, events);
    }

    /// How late the worker itself was.
    #[must_use]
    pub const fn lags(&self) -> &Lags {
        &self.lags
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.iter().all(Tally::is_empty)
    }

    /// Forgets every value and keeps the memory.
    pub fn clear(&mut self) {
        self.groups.iter_mut().for_each(Tally::clear);
        self.lags.clear();
    }

    /// Adds everything that `other`, which has the same groups, counted.
    pub fn merge(&mut self, other: &Self) {
        self.groups
            .iter_mut()
            .zip(&other.groups)
            .for_each(|(mine, theirs)| mine.merge(theirs));
        self.lags.merge(&other.lags);
    }

    /// The tallies, in the plan's order of groups.
    #[must_use]
    pub fn groups(&self) -> &[Tally] {
        &self.groups
    }

    pub(super) fn into_groups(self) -> Vec<Tally> {
        self.groups
    }

    fn tally(&mut self, group: GroupId) -> &mut Tally {
        &mut self.groups[usize::from(group.0)]
    }
}
