//! [`Comparison`]: what came out of comparing two sides, for reports.

use serde::{Deserialize, Serialize};

use crate::metrics::ThresholdUnit;

/// Name and version of the form of a comparison.
pub const COMPARISON_SCHEMA: &str = "wsbench.comparison/1";

/// Two sides, A the reference and B what is judged by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`COMPARISON_SCHEMA`].
    pub schema: String,
    /// The verdict on B.
    pub verdict: Verdict,
    /// It in a sentence: what got worse by how much, or why nothing can be told.
    pub reason: String,
    /// The reference.
    pub a: SideInfo,
    /// What is judged.
    pub b: SideInfo,
    /// Whether the repeats of both sides took turns.
    pub interleaved: bool,
    /// The smallest change that matters, as a part: 0.1 is ten percent.
    pub margin: f64,
    /// In what the two sides differ that should be the same.
    pub differences: Vec<Difference>,
    /// What else is to be known, in sentences; repeats that were left out, for example.
    pub notes: Vec<String>,
    /// Every figure that was compared, the most telling first; empty if the sides are not comparable.
    pub rows: Vec<Row>,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SideInfo {
    /// Name of the baseline, or URL of the target.
    pub name: String,
    /// How often it was run.
    pub repeats: usize,
    /// How many of these were compared.
    pub used: usize,
}

/// What comparing came to, for one figure or for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// B is better, by enough and beyond chance.
    Improved,
    /// A change as large as the margin would have shown, and none did.
    Same,
    /// B is worse, by enough and beyond chance.
    Regressed,
    /// The repeats differ too much among themselves, or there are too few of them.
    CannotTell,
}

/// Something that must be equal for two sides to be comparable, and is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What differs.
    pub what: Aspect,
    /// In words, with both values.
    pub text: String,
    /// Whether the user accepts it, so that the comparison goes on.
    pub accepted: bool,
}

/// What must be equal for two sides to be comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The scenario with what the command line set in it.
    Scenario,
    /// The version of wsbench.
    Version,
    /// The machine that generated the load.
    Machine,
}

/// One figure on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What it is, as `response_time p(99)` or `flows_failed rate`.
    pub figure: String,
    /// The client group; absent for all together.
    pub group: Option<String>,
    /// What `a` and `b` are in.
    pub unit: ThresholdUnit,
    /// Median over the repeats of A.
    pub a: f64,
    /// Median over the repeats of B.
    pub b: f64,
    /// How much more B has than A, as a part: 0.1 is ten percent more. Of a share it is the change in percentage points
    /// over one, see `docs/gate.md`.
    pub change: f64,
    /// Lower end of the change's 95 % confidence interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// How much two runs of an unchanged target differ: the spread that the repeats showed, as a part.
    pub noise: f64,
    /// How often chance alone would make any of the figures differ so much.
    pub p: f64,
    /// The verdict on this figure.
    pub verdict: Verdict,
    /// Whether the comparison as a whole cannot tell if this figure cannot.
    pub decisive: bool,
}

impl Verdict {
    /// For people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Same => "same",
            Self::Regressed => "regressed",
            Self::CannotTell => "cannot tell",
        }
    }
}

impl Aspect {
    /// The word of `--accept`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Version => "version",
            Self::Machine => "machine",
        }
    }
}
