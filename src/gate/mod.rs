//! Judging runs: thresholds, baselines and comparisons.
//!
//! ```text
//! "response_time{group:chat}" + "p(95)<250ms" -> Threshold -> Judge (live, then final) -> metrics::Thresholds
//! ```
//!
//! A metric's name and selectors are read in `metric.rs`, a condition in `expression.rs`; `docs/gate.md` lists both.

mod baseline;
mod compare;
mod expression;
mod gateway;
mod judge;
mod metric;
#[cfg(test)]
mod testing;
mod threshold;

pub use baseline::{
    BASELINE_SCHEMA, Baseline, BaselineError, GroupHistograms, Machine, Pace, Repeat, ScenarioId,
};
pub use compare::{
    Aspect, COMPARISON_SCHEMA, CompareOptions, Comparison, Difference, Row, SideInfo, Verdict, compare,
};
pub use expression::{Aggregate, Expression, Operator};
pub use gateway::{
    Added, Fact, Finding, GATEWAY_SCHEMA, GatewayRecord, GatewayVerdict, Round, Subject,
    judge as judge_gateway,
};
pub use judge::Judge;
pub use metric::Metric;
pub use threshold::{Threshold, ThresholdError};
