//! [`Thresholds`]: what became of a run's thresholds, as a summary keeps it. The `gate` judges them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// All thresholds of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Of all together.
    pub verdict: ThresholdVerdict,
    /// Each one, in the order of the scenario and then of the command line.
    pub results: Vec<ThresholdResult>,
}

/// Whether the thresholds of a run held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdVerdict {
    /// There were none.
    #[default]
    None,
    /// Every one held.
    Passed,
    /// At least one was crossed, or had nothing to be judged by.
    Crossed,
}

/// One threshold and how it stands: at present while the run goes on, for good at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// The metric with its selectors, such as `response_time{group:chat}`.
    pub metric: String,
    /// The condition, such as `p(95)<250ms`.
    pub expression: String,
    /// What `limit` and `value` are in.
    pub unit: ThresholdUnit,
    /// The right side of the condition.
    pub limit: f64,
    /// The left side; absent where nothing was measured.
    pub value: Option<f64>,
    /// How it stands.
    pub state: ThresholdState,
    /// Whether it ended the run early.
    pub aborted: bool,
}

/// How a threshold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdState {
    /// The condition holds.
    Passed,
    /// It does not.
    Crossed,
    /// Nothing was measured that could show either. At the end of a run this counts as crossed.
    NoData,
}

/// What a threshold's numbers are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdUnit {
    /// Milliseconds.
    Ms,
    /// How many.
    Count,
    /// How many per second.
    PerSecond,
    /// A part of the whole, 0 to 1.
    Share,
}

impl ThresholdResult {
    /// The present value with its unit, as `148.2ms`; `no data` where nothing was measured.
    #[must_use]
    pub fn present(&self) -> String {
        self.value
            .map_or_else(|| "no data".to_owned(), |value| self.unit.show(value))
    }

    /// The left side of the condition, as `p(95)`.
    #[must_use]
    pub fn aggregate(&self) -> &str {
        self.expression
            .split(['<', '>', '=', '!'])
            .next()
            .unwrap_or_default()
            .trim_end()
    }
}

/// `response_time{group:chat}: p(95)<250ms`.
impl fmt::Display for ThresholdResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.metric, self.expression)
    }
}

impl ThresholdUnit {
    /// A value with the unit: `148.2ms`, `12`, `99.5/s`, `0.31%`.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Ms => format!("{}ms", short(value)),
            Self::Count => short(value),
            Self::PerSecond => format!("{}/s", short(value)),
            Self::Share => format!("{}%", short(value * 100.0)),
        }
    }
}

/// Three decimals at most, and fewer where the number is large.
fn short(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 1_000.0 => 0,
        size if size >= 100.0 => 1,
        size if size >= 10.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_carry_their_unit() {
        let cases = [
            (ThresholdUnit::Ms, 148.237, "148.2ms"),
            (ThresholdUnit::Ms, 0.0415, "0.042ms"),
            (ThresholdUnit::Count, 120_000.0, "120000"),
            (ThresholdUnit::PerSecond, 99.5, "99.5/s"),
            (ThresholdUnit::Share, 0.003_1, "0.31%"),
            (ThresholdUnit::Share, 0.0, "0%"),
        ];
        for (unit, value, text) in cases {
            assert_eq!(unit.show(value), text);
        }
    }
}
