//! [`DashboardConfig`]: the settings of the mode.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

use crate::units::{Count, Span};

/// Settings of the mode.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DashboardConfig {
    /// Time between ticks for clients that do not ask for another (1 s); from 10 ms to 60 s.
    #[serde(deserialize_with = "interval")]
    pub interval: Span,
    /// How many made-up series each tick has beside the server's own figures (16); at most 10,000.
    #[serde(deserialize_with = "series")]
    pub series: Count,
}

impl Default for DashboardConfig {
    fn default() -> Self {
        Self {
            interval: Span::from_secs(1),
            series: Count(16),
        }
    }
}

/// The shortest and the longest interval.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60);
/// Most series.
const MAX_SERIES: u64 = 10_000;

/// An interval out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an interval is from 10ms to 60s")]
pub(super) struct OutOfBounds;

/// `interval`, if there may be such a one.
pub(super) fn check_interval(interval: Duration) -> Result<Duration, OutOfBounds> {
    if (SHORTEST..=LONGEST).contains(&interval) {
        Ok(interval)
    } else {
        Err(OutOfBounds)
    }
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let Span(interval) = Span::deserialize(deserializer)?;
    check_interval(interval).map(Span).map_err(D::Error::custom)
}

fn series<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
    let count = Count::deserialize(deserializer)?;
    if count.0 > MAX_SERIES {
        return Err(D::Error::custom("there are at most 10000 series"));
    }
    Ok(count)
}
