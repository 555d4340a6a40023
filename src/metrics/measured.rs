//! [`Measured`]: the exact figures of a run so far, for whoever judges it.

use std::time::Duration;

use super::handover::Gauges;
use super::tally::Tally;

/// Every group's tally since the run began. Unlike a snapshot it has whole histograms, so any percentile can be asked for.
#[derive(Clone, Debug)]
pub struct Measured<'a> {
    /// Time since the run began.
    pub elapsed: Duration,
    /// The highest value of each gauge so far.
    pub peak: Gauges,
    /// Name and tally of each group, in the plan's order.
    pub groups: Vec<(&'a str, &'a Tally)>,
}
