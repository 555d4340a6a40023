//! [`Summary`]: everything that is kept of a run, in a versioned form (`docs/summary.schema.json`).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::books::Books;
use super::figures::Figures;
use super::form::{Form, FormError};
use super::generator::GeneratorFigures;
use super::outcome::{Outcome, RunEnd};
use super::recorder::Totals;
use super::sample::Trend;
use super::series::Series;
use super::tally::Tally;
use super::threshold::Thresholds;
use super::timestamp::{compact, rfc3339};

/// Name and version of the form. A field that is added keeps the version; one that is removed or changes its meaning
/// makes a new one.
pub const SCHEMA: &str = "wsbench.summary/1";

const FORM: Form = Form {
    schema: SCHEMA,
    what: "a summary of wsbench",
    maker: "`wsbench run --out json=FILE`",
    remedy: "run the scenario again",
};

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
    /// The run's thresholds and whether they held.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// What the run cost.
    pub processes: Processes,
    /// Whether the generator can be believed; as valid as it was taken for in the summary of an earlier version.
    #[serde(default)]
    pub generator: GeneratorFigures,
    /// Whether every begin has its end.
    pub books: Books,
    /// The run over time; empty in the summary of an earlier version.
    #[serde(default)]
    pub series: Series,
    /// Histograms of all groups together, as [`Histogram::to_base64`](super::Histogram::to_base64) writes them.
    #[serde(default)]
    pub histograms: BTreeMap<Trend, String>,
    /// The machine; absent if nobody told.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// The scenario; absent if nobody told.
    #[serde(default)]
    pub scenario: Option<ScenarioText>,
}

/// The machine that generated the load.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Operating system and its version.
    pub system: String,
    /// Name of the processor, if the system tells.
    pub processor: Option<String>,
    /// Cores that the generator may use.
    pub cores: u64,
    /// Memory of the machine, if the system tells.
    pub memory_bytes: Option<u64>,
    /// Threads of the generator.
    pub workers: u64,
}

/// What was asked for, with its secrets taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioText {
    /// Where it was read.
    pub file: String,
    /// The file's text.
    pub text: String,
    /// Variables that the command line set, as `KEY=VAL`.
    pub variables: Vec<String>,
}

/// What was run, when, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Tells this run from others: name and begin; empty in the summary of an earlier version.
    #[serde(default)]
    pub id: String,
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
    /// Its histograms, like those of the total.
    #[serde(default)]
    pub histograms: BTreeMap<Trend, String>,
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

impl Summary {
    /// The summary of a run that has ended, without thresholds.
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
                histograms: histograms(tally),
            })
            .collect();
        let books = Books::check(&total, groups.iter().map(|group| (&*group.name, &group.figures)));
        let (outcome, reason) = Outcome::judge(&facts.end, &total);
        let run = RunInfo {
            id: run_id(&facts.name, facts.started),
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
            thresholds: Thresholds::default(),
            processes,
            generator: totals.generator.clone(),
            books,
            series: totals.series.clone(),
            histograms: histograms(&totals.total),
            environment: None,
            scenario: None,
        }
    }

    /// The figures of the whole run only: without its course over time and its histograms, which take most of the space.
    #[must_use]
    pub fn without_series(mut self) -> Self {
        self.series = Series::default();
        self.histograms.clear();
        self.groups.iter_mut().for_each(|group| group.histograms.clear());
        self
    }

    /// Reads a summary that an earlier run exported.
    ///
    /// # Errors
    ///
    /// If the text is not a summary, or one of another form.
    pub fn from_json(text: &str) -> Result<Self, FormError> {
        FORM.read(text)
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

fn histograms(tally: &Tally) -> BTreeMap<Trend, String> {
    Trend::ALL
        .into_iter()
        .filter_map(|trend| Some((trend, tally.trend(trend)?.to_base64())))
        .collect()
}

/// `iot-20261005T123000Z`: letters, digits, `-` and `_` only, so that it can be a file's name anywhere.
fn run_id(name: &str, started: SystemTime) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().take(60).map(safe).collect();
    let name = name.trim_matches('-');
    let name = if name.is_empty() { "run" } else { name };
    format!("{name}-{}", compact(started))
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
