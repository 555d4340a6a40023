//! [`Snapshot`]: the state of a run at one moment, for whoever shows or judges it while it goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::figures::Figures;
use super::generator::GeneratorSnapshot;
use super::handover::Gauges;
use super::sample::Trend;
use super::spread::Spread;

/// An immutable picture of a run; made once per tick and shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Time since the run began.
    pub elapsed: Duration,
    /// Time since the previous snapshot: the stretch that the `window` figures cover.
    pub window: Duration,
    /// Clients and connections now, over all workers.
    pub gauges: Gauges,
    /// What the generator measures of itself.
    pub generator: GeneratorSnapshot,
    /// All groups together.
    pub total: GroupSnapshot,
    /// Each group, in the plan's order.
    pub groups: Vec<GroupSnapshot>,
}

/// One group's part of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSnapshot {
    /// The group's name; empty for the total.
    pub name: Arc<str>,
    /// Since the run began.
    pub cumulative: Figures,
    /// Since the previous snapshot.
    pub window: Figures,
    /// How each trend's durations lie since the run began; only if the recorder was [asked](super::Recorder::show_spreads).
    pub spreads: BTreeMap<Trend, Spread>,
}

impl Default for GroupSnapshot {
    fn default() -> Self {
        Self {
            name: Arc::from(""),
            cumulative: Figures::default(),
            window: Figures::default(),
            spreads: BTreeMap::new(),
        }
    }
}
