//! [`Summary`]: everything that is kept of a run, in a versioned form (`docs/summary.schema.json`).

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::books::Books;
use super::figures::Figures;
use super::generator::GeneratorFigures;
use super::outcome::{Outcome, RunEnd};
use super::recorder::Totals;
use super::timestamp::rfc3339;

/// Name and version of the form. A field that is added keeps the version; one that is removed or changes its meaning
/// makes a new one.
pub const SCHEMA: &str = "wsbench.summary/1";

/// What a run was, what it measured and whether its books balance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SCHEMA`].
    pub schema: String,
    /// What was run, when, and how it ended.
    pub run: RunInfo,
    /// All groups together.
    pub total: Figures,
    /// Each group, in the scenario's order.
    pub groups: Vec<GroupSummary>,
    /// What the run cost.
    pub processes: Processes,
    /// Whether the generator can be believed; as valid as it was taken for in the summary of an earlier version.
    #[serde(default)]
    pub generator: GeneratorFigures,
    /// Whether every begin has its end.
    pub books: Books,
}

/// What was run, when, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Name of the scenario.
    pub name: String,
    /// What was tested, as a URL.
    pub target: String,
    /// Version of wsbench.
    pub version: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// How long it took, from the first client to the last connection's end.
    pub duration_s: f64,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in a sentence; absent if it completed.
    pub reason: Option<String>,
    /// The most clients that were active at once.
    pub peak_clients: u64,
    /// The most connections that were open at once.
    pub peak_connections: u64,
}

/// One group's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// The group's name.
    pub name: String,
    /// What was measured of it.
    pub figures: Figures,
}

/// What the run cost the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Processes {
    /// The process that generated the load.
    pub generator: ProcessUsage,
    /// The embedded server, if it was the target.
    pub server: Option<ProcessUsage>,
}

/// CPU, memory and files of one process; what the system does not tell is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessUsage {
    /// CPU time in user mode during the run, in seconds.
    pub cpu_user_s: f64,
    /// CPU time in the kernel during the run, in seconds.
    pub cpu_system_s: f64,
    /// Resident memory before the first client started.
    pub rss_start_bytes: Option<u64>,
    /// The most resident memory during the run.
    pub rss_peak_bytes: Option<u64>,
    /// The most files that were open at once.
    pub open_files: Option<u64>,
}

/// What only the one who ran it knows about a run.
#[derive(Clone, Debug)]
pub struct RunFacts {
    /// Name of the scenario.
    pub name: String,
    /// What was tested, as a URL.
    pub target: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// When it began.
    pub started: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// Why it ended.
    pub end: RunEnd,
}

/// Why a summary could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    /// It is not JSON, or not a summary.
    #[error("not a summary of wsbench ({0}); write one with `wsbench run --summary-export FILE`")]
    Malformed(#[from] serde_json::Error),
    /// It has another form.
    #[error("the summary has the form `{found}`, and this wsbench reads `{SCHEMA}`; run the scenario again")]
    OtherSchema {
        /// What the summary calls its form.
        found: String,
    },
}

impl Summary {
    /// The summary of a run that has ended.
    #[must_use]
    pub fn new(facts: RunFacts, totals: &Totals, processes: Processes) -> Self {
        let active = facts.duration.saturating_sub(totals.paused);
        let total = Figures::new(&totals.total, active);
        let groups: Vec<GroupSummary> = totals
            .groups
            .iter()
            .map(|(name, tally)| GroupSummary {
                name: name.to_string(),
                figures: Figures::new(tally, active),
            })
            .collect();
        let books = Books::check(&total, groups.iter().map(|group| (&*group.name, &group.figures)));
        let (outcome, reason) = Outcome::judge(&facts.end, &total);
        let run = RunInfo {
            name: facts.name,
            target: facts.target,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: facts.seed,
            started: rfc3339(facts.started),
            duration_s: facts.duration.as_secs_f64(),
            outcome,
            reason,
            peak_clients: totals.peak.clients_active,
            peak_connections: totals.peak.connections_open,
        };
        Self {
            schema: SCHEMA.to_owned(),
            run,
            total,
            groups,
            processes,
            generator: totals.generator.clone(),
            books,
        }
    }

    /// Reads a summary that an earlier run exported.
    ///
    /// # Errors
    ///
    /// If the text is not a summary, or one of another form.
    pub fn from_json(text: &str) -> Result<Self, SummaryError> {
        #[derive(Deserialize)]
        struct Form {
            schema: String,
        }
        let Form { schema } = serde_json::from_str(text)?;
        if schema != SCHEMA {
            return Err(SummaryError::OtherSchema { found: schema });
        }
        Ok(serde_json::from_str(text)?)
    }

    /// The summary as indented JSON, with a line feed at its end.
    ///
    /// # Errors
    ///
    /// None that this type can cause; the serialiser's signature has one.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl ProcessUsage {
    /// CPU time in user mode and in the kernel together, in seconds.
    #[must_use]
    pub fn cpu_s(&self) -> f64 {
        self.cpu_user_s + self.cpu_system_s
    }

    /// Growth of the resident memory from before the first client to its peak.
    #[must_use]
    pub fn rss_growth_bytes(&self) -> Option<u64> {
        Some(self.rss_peak_bytes?.saturating_sub(self.rss_start_bytes?))
    }
}
