//! [`Baseline`]: a scenario run several times, kept with its histograms so that a later one can be compared with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::{
    Form, FormError, Histogram, HistogramError, Outcome, Summary, Tally, Totals, Trend, Verdict,
};

/// Name and version of the form. A field that is added keeps the version; one that is removed or changes its meaning
/// makes a new one.
pub const BASELINE_SCHEMA: &str = "wsbench.baseline/1";

const FORM: Form = Form {
    schema: BASELINE_SCHEMA,
    what: "a baseline",
    maker: "`wsbench baseline save NAME SCENARIO`",
    remedy: "save the baseline again",
};

/// A scenario that was run several times against one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// [`BASELINE_SCHEMA`].
    pub schema: String,
    /// What people call it.
    pub name: String,
    /// When it was made: RFC 3339, UTC.
    pub created: String,
    /// Version of wsbench.
    pub version: String,
    /// What was run.
    pub scenario: ScenarioId,
    /// What it was run against, as a URL.
    pub target: String,
    /// Where it was run.
    pub machine: Machine,
    /// Each run, in order.
    pub repeats: Vec<Repeat>,
}

/// What was run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioId {
    /// Its name.
    pub name: String,
    /// Hash of everything in it that influences the load.
    pub fingerprint: String,
}

/// The machine that generated the load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and architecture, as `linux x86_64`.
    pub system: String,
    /// Model of the processor; empty where the system does not tell.
    pub cpu: String,
    /// Processor cores that wsbench may use.
    pub cores: usize,
}

/// One run of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// How fast the machine was before and after it.
    pub pace: Pace,
    /// What it measured.
    pub summary: Summary,
    /// The distributions of each client group, in the scenario's order.
    pub histograms: Vec<GroupHistograms>,
}

/// How fast a fixed piece of work went, in rounds per second: before a run and after it. Machines have states of speed
/// that last for minutes; runs in different ones say nothing about each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Before the run.
    pub before: f64,
    /// After it.
    pub after: f64,
}

/// The distributions of one client group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupHistograms {
    /// The group's name.
    pub group: String,
    /// Each trend that was recorded: HdrHistogram's V2 encoding, compressed, in base64; in nanoseconds.
    pub trends: BTreeMap<Trend, String>,
}

/// Why a baseline could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is no baseline of this form.
    #[error(transparent)]
    Form(#[from] FormError),
    /// It holds no run.
    #[error("it holds no run; save the baseline again")]
    Empty,
    /// A histogram in it is damaged.
    #[error("the histogram of `{trend}` in repeat {repeat} is damaged ({source}); save the baseline again")]
    Histogram {
        /// Of what.
        trend: &'static str,
        /// In which run, counted from 1.
        repeat: usize,
        /// What is wrong with it.
        source: HistogramError,
    },
}

impl Baseline {
    /// Reads a baseline and checks that everything in it can be used.
    ///
    /// # Errors
    ///
    /// If the text breaks off, is something else, has another version's form, or holds a damaged histogram.
    pub fn from_json(text: &str) -> Result<Self, BaselineError> {
        let baseline: Self = FORM.read(text)?;
        if baseline.repeats.is_empty() {
            return Err(BaselineError::Empty);
        }
        for (index, repeat) in baseline.repeats.iter().enumerate() {
            for (trend, encoded) in repeat.histograms.iter().flat_map(|group| &group.trends) {
                Histogram::from_base64(encoded).map_err(|source| BaselineError::Histogram {
                    trend: trend.label(),
                    repeat: index + 1,
                    source,
                })?;
            }
        }
        Ok(baseline)
    }

    /// The baseline as JSON with a line feed at its end.
    ///
    /// # Errors
    ///
    /// None that this type can cause; the serialiser's signature has one.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Repeat {
    /// One run with everything that it measured.
    #[must_use]
    pub fn new(summary: Summary, totals: &Totals, pace: Pace) -> Self {
        let of = |tally: &Tally| {
            Trend::ALL
                .into_iter()
                .filter_map(|trend| Some((trend, tally.trend(trend)?.to_base64())))
                .collect()
        };
        Self {
            pace,
            summary,
            histograms: totals
                .groups
                .iter()
                .map(|(name, tally)| GroupHistograms {
                    group: name.to_string(),
                    trends: of(tally),
                })
                .collect(),
        }
    }

    /// Whether the run's numbers say something about the target.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.summary.books.balanced
            && self.summary.run.outcome == Outcome::Completed
            && self.summary.generator.verdict == Verdict::Valid
    }

    /// A trend's distribution, of one group or of all together.
    #[must_use]
    pub fn histogram(&self, group: Option<&str>, trend: Trend) -> Option<Histogram> {
        let mut merged: Option<Histogram> = None;
        for part in &self.histograms {
            if group.is_some_and(|group| group != part.group) {
                continue;
            }
            // A damaged one was refused when the baseline was read.
            let Some(histogram) = part
                .trends
                .get(&trend)
                .and_then(|encoded| Histogram::from_base64(encoded).ok())
            else {
                continue;
            };
            match &mut merged {
                Some(merged) => merged.merge(&histogram),
                None => merged = Some(histogram),
            }
        }
        merged
    }
}

impl Pace {
    /// Speeds that differ by more than this factor belong to different states of the machine.
    pub const TOLERANCE: f64 = 1.15;

    /// Of the whole run.
    #[must_use]
    pub fn mean(self) -> f64 {
        (self.before * self.after).sqrt()
    }

    /// Whether the machine kept its speed over the run.
    #[must_use]
    pub fn is_steady(self) -> bool {
        self.before.max(self.after) <= self.before.min(self.after) * Self::TOLERANCE
    }
}

#[cfg(test)]
mod tests;
