//! Sizes and times that are drawn anew each time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::quantity::{Deviation, Weight};
use crate::scenario::yaml::{Entries, Field, List, Located};
use crate::units::ByteSize;

/// A size that is drawn anew for each message: exactly one of the distributions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "size", deny_unknown_fields)]
pub(in crate::scenario) struct SizeSpec {
    /// Two bounds, both included.
    pub(in crate::scenario) uniform: Option<Located<List<Field<ByteSize>>>>,
    /// The mean.
    pub(in crate::scenario) exponential: Option<Field<ByteSize>>,
    /// Around a mean.
    pub(in crate::scenario) normal: Option<Located<NormalSpec>>,
    /// Many small, a few large.
    pub(in crate::scenario) lognormal: Option<Located<LogNormalSpec>>,
    /// Sizes with their weights.
    pub(in crate::scenario) choice: Option<Located<Entries<Field<Weight>>>>,
    /// The longest, with every distribution that has no end of its own.
    pub(in crate::scenario) max: Option<Field<ByteSize>>,
}

/// A normal distribution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "normal distribution", deny_unknown_fields)]
pub(in crate::scenario) struct NormalSpec {
    /// The mean.
    pub(in crate::scenario) mean: Field<ByteSize>,
    /// The standard deviation.
    pub(in crate::scenario) deviation: Field<ByteSize>,
}

/// A lognormal distribution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "lognormal distribution", deny_unknown_fields)]
pub(in crate::scenario) struct LogNormalSpec {
    /// Half of all are smaller.
    pub(in crate::scenario) median: Field<ByteSize>,
    /// Standard deviation of the natural logarithm.
    pub(in crate::scenario) sigma: Field<Deviation>,
}

/// A time that is drawn anew each time: exactly one of the distributions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "think time", deny_unknown_fields)]
pub(in crate::scenario) struct ThinkTime {
    /// Two bounds.
    pub(in crate::scenario) uniform: Option<Located<List<Field<Duration>>>>,
    /// The mean.
    pub(in crate::scenario) exponential: Option<Field<Duration>>,
    /// Around a mean.
    pub(in crate::scenario) normal: Option<Located<NormalTime>>,
    /// Many short, a few long.
    pub(in crate::scenario) lognormal: Option<Located<LogNormalTime>>,
    /// The longest, with every distribution that has no end of its own; 24h by default.
    pub(in crate::scenario) max: Option<Field<Duration>>,
}

/// A normal distribution of times.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "normal think time", deny_unknown_fields)]
pub(in crate::scenario) struct NormalTime {
    /// The mean.
    pub(in crate::scenario) mean: Field<Duration>,
    /// The standard deviation.
    pub(in crate::scenario) deviation: Field<Duration>,
}

/// A lognormal distribution of times.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "lognormal think time", deny_unknown_fields)]
pub(in crate::scenario) struct LogNormalTime {
    /// Half of all are shorter.
    pub(in crate::scenario) median: Field<Duration>,
    /// Standard deviation of the natural logarithm.
    pub(in crate::scenario) sigma: Field<Deviation>,
}
