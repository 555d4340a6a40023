//! [`Added`]: what a gateway adds to a latency, as a ratio of runs that were made one after the other.

use serde::{Deserialize, Serialize};

use crate::metrics::{Figures, Summary, Trend, TrendFigures};

/// What is looked at: the trend, its percentile, and how many durations each run needs for it.
const FIGURES: [(Trend, &str, Percentile, u64); 6] = [
    (Trend::Response, "response p(50)", |trend| trend.med, 200),
    (Trend::Response, "response p(95)", |trend| trend.p95, 500),
    (Trend::Ping, "ping p(50)", |trend| trend.med, 20),
    (Trend::Delivery, "delivery p(50)", |trend| trend.med, 200),
    (Trend::Delivery, "delivery p(95)", |trend| trend.p95, 500),
    (Trend::Upgrade, "upgrade p(50)", |trend| trend.med, 10),
];

type Percentile = fn(&TrendFigures) -> f64;

/// Student's t for a 95 % interval, by degrees of freedom from 1 on; beyond the last one it hardly changes.
const STUDENT: [f64; 20] = [
    12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11,
    2.10, 2.09, 2.09,
];

/// One latency directly and through the gateway, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Added {
    /// The client group.
    pub group: String,
    /// What it is, as `response p(50)`.
    pub figure: String,
    /// Median over the direct runs.
    pub direct_ms: f64,
    /// Median over the runs through the gateway.
    pub through_ms: f64,
    /// How many times the direct latency that through the gateway is: the geometric mean over the rounds.
    pub ratio: f64,
    /// The same ratio of the fastest run through the gateway to the fastest direct one, which were disturbed the least.
    pub least: f64,
    /// Lower end of the ratio's 95 % interval; zero if one round is all there is.
    pub low: f64,
    /// Upper end of it; `None` if one round is all there is.
    pub high: Option<f64>,
}

impl Added {
    /// What the gateway adds.
    #[must_use]
    pub fn added_ms(&self) -> f64 {
        self.through_ms - self.direct_ms
    }

    /// Whether this is the middle of the latencies rather than their tail.
    pub(super) fn is_middle(&self) -> bool {
        self.figure.ends_with("p(50)")
    }

    /// Whether nothing can be told if nothing can be told of this. The others can raise an alarm, but their noise alone
    /// keeps no verdict back.
    pub(super) fn is_decisive(&self) -> bool {
        self.figure == FIGURES[0].1
    }
}

/// Every latency of which all runs of both sides have enough. Runs at the same place are of one round.
pub(super) fn added(direct: &[&Summary], through: &[&Summary]) -> Vec<Added> {
    if direct.len() != through.len() {
        return Vec::new();
    }
    let groups = direct.first().map_or(&[][..], |summary| &summary.groups[..]);
    let mut found = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        for (trend, figure, percentile, least) in FIGURES {
            let values = |side: &[&Summary]| -> Option<Vec<f64>> {
                let groups = side.iter().map(|summary| summary.groups.get(index));
                groups
                    .map(|group| value(&group?.figures, trend, percentile, least))
                    .collect()
            };
            if let (Some(direct), Some(through)) = (values(direct), values(through)) {
                found.push(compared(&group.name, figure, direct, through));
            }
        }
    }
    found
}

fn value(figures: &Figures, trend: Trend, percentile: Percentile, least: u64) -> Option<f64> {
    let figures = figures.trend(trend).filter(|trend| trend.count >= least)?;
    // A nanosecond stands in for nothing at all.
    Some(percentile(figures).max(1e-6))
}

fn compared(group: &str, figure: &str, direct: Vec<f64>, through: Vec<f64>) -> Added {
    let logs: Vec<f64> = direct
        .iter()
        .zip(&through)
        .map(|(direct, through)| (through / direct).ln())
        .collect();
    let count = logs.len() as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let half = half_width(&logs, mean);
    let fastest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let least = fastest(&through) / fastest(&direct);
    Added {
        group: group.to_owned(),
        figure: figure.to_owned(),
        direct_ms: median(direct),
        through_ms: median(through),
        ratio: mean.exp(),
        least,
        low: half.map_or(0.0, |half| (mean - half).exp()),
        high: half.map(|half| (mean + half).exp()),
    }
}

/// Half of the 95 % interval of a mean.
fn half_width(values: &[f64], mean: f64) -> Option<f64> {
    let freedom = values.len().checked_sub(1).filter(|&freedom| freedom > 0)?;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / freedom as f64;
    let student = STUDENT[(freedom - 1).min(STUDENT.len() - 1)];
    Some(student * (variance / values.len() as f64).sqrt())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests;
