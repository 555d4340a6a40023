//! [`Series`]: a run over time, in the form that is kept of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figures::TrendFigures;
use super::sample::{Counter, Trend};

/// What was measured in each interval of a run.
///
/// The number of points is bounded: a run that outgrows it has neighbouring points joined, which doubles the interval.
/// Joining adds counts and merges histograms, so sums and percentiles of the longer interval are exact.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// The intended length of a point in seconds: 1, or a power of two of it; the last point may be shorter.
    pub interval_s: f64,
    /// One for each interval, in order.
    pub points: Vec<Point>,
}

/// One interval of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Its begin, in seconds since the run's begin.
    pub at_s: f64,
    /// Its length in seconds, as it was measured.
    pub length_s: f64,
    /// Clients that the load model asked for at its end.
    pub clients_wanted: u64,
    /// Clients that ran a flow at its end.
    pub clients_active: u64,
    /// Connections that were open at its end.
    pub connections_open: u64,
    /// All groups together.
    pub total: Slice,
    /// Each group, in the summary's order; empty if there is only one.
    pub groups: Vec<Slice>,
}

/// What happened in one interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Counters by how much they grew; one that did not is absent.
    pub counters: BTreeMap<Counter, u64>,
    /// Connections that ended.
    pub closed: u64,
    /// Of those: without a Close frame, by the peer or the network.
    pub lost: u64,
    /// Errors of every class.
    pub errors: u64,
    /// Durations in milliseconds, of the trends in [`SERIES_TRENDS`] that something was recorded of.
    pub trends_ms: BTreeMap<Trend, TrendFigures>,
    /// Their histograms, as [`Histogram::to_base64`](super::Histogram::to_base64) writes them; of all groups together only.
    pub histograms: BTreeMap<Trend, String>,
}

/// The trends that a series holds; the others change too little over time to be worth the space.
pub const SERIES_TRENDS: [Trend; 5] = [
    Trend::Connect,
    Trend::Response,
    Trend::Service,
    Trend::Ping,
    Trend::SendLag,
];

impl Slice {
    /// How much a counter grew.
    #[must_use]
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters.get(&counter).copied().unwrap_or(0)
    }
}

impl Point {
    /// What happened in all groups together, per second.
    #[must_use]
    pub fn rate(&self, counter: Counter) -> f64 {
        self.per_second(self.total.counter(counter))
    }

    /// `n` per second of this interval.
    #[must_use]
    pub fn per_second(&self, n: u64) -> f64 {
        if self.length_s > 0.0 {
            n as f64 / self.length_s
        } else {
            0.0
        }
    }
}
