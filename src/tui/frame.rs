//! What a view is given. The composition root fills it in; a part that is empty is shown as absent.

use std::sync::Arc;
use std::time::Duration;

use crate::metrics::Snapshot;

/// What is known of a run before it begins.
#[derive(Clone, Debug, Default)]
pub struct Brief {
    /// The scenario's name.
    pub name: String,
    /// What is tested, as a URL.
    pub target: String,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// What the keys for more and less load change.
    pub scaling: Scaling,
}

/// One stage of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// How long it lasts.
    pub length: Duration,
    /// Where it goes, for people: `2,000 clients`, `50/s`.
    pub goal: String,
}

/// What more or less load means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scaling {
    /// A number of clients.
    #[default]
    Clients,
    /// A factor on the rate of arrivals.
    Arrivals,
}

/// A run at one moment.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// What was measured.
    pub snapshot: Arc<Snapshot>,
    /// Whether the run is over, so that no further frame comes.
    pub ended: bool,
    /// The thresholds, in the scenario's order.
    pub thresholds: Vec<ThresholdLine>,
    /// Whether the generator itself is at its limits.
    pub health: Vec<HealthLine>,
    /// The latest thing that people should know, if there is one.
    pub note: Option<String>,
}

/// A threshold with its present value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdLine {
    /// The threshold as it was written, with its metric: `response: p(95)<250ms`.
    pub text: String,
    /// What the metric is now, for people; empty if nothing was measured yet.
    pub value: String,
    /// The verdict so far.
    pub standing: Standing,
}

/// One figure about the generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthLine {
    /// What it is about.
    pub label: String,
    /// The figure, for people.
    pub value: String,
    /// What to think of it.
    pub standing: Standing,
}

/// What to think of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known yet.
    #[default]
    Unknown,
    /// As it should be.
    Good,
    /// Close to a limit.
    Warning,
    /// Beyond a limit.
    Bad,
}
