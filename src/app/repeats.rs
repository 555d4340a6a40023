//! Running a scenario several times, against one target or against two in turns.

use std::io::{Write, stderr};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::cli::LoadArgs;
use crate::exit;
use crate::gate::{BASELINE_SCHEMA, Baseline, Machine, Pace, Repeat, ScenarioId};
use crate::metrics::{Outcome, Trend, rfc3339};
use crate::net::system::{allowed_cores, cpu_model};
use crate::report::{Redactor, ReportError};
use crate::scenario::Plan;

use super::carry_out::quietly;
use super::failure::Failure;
use super::pace;
use super::prepare::Prepared;

/// A scenario against one target, and the runs of it so far.
pub(super) struct Side {
    /// Which side of a comparison; empty for a baseline.
    mark: &'static str,
    plan: Arc<Plan>,
    /// Without its secrets.
    target: String,
    redactor: Redactor,
    repeats: Vec<Repeat>,
}

impl Side {
    /// Reads the scenario.
    pub(super) fn new(
        mark: &'static str,
        scenario: &Path,
        target: Option<&str>,
        load: &LoadArgs,
    ) -> Result<Self, Failure> {
        let prepared = Prepared::new(scenario, target, load)?.without_thresholds();
        Ok(Self {
            mark,
            target: prepared.target(),
            plan: Arc::new(prepared.plan),
            redactor: prepared.redactor,
            repeats: Vec::new(),
        })
    }

    /// Runs it once more. A run that does not complete ends everything, with the exit code of that run.
    fn run(&mut self, load: &LoadArgs, of: u16) -> Result<(), Failure> {
        let number = self.repeats.len() + 1;
        let before = pace::measure().map_err(Failure::internal)?;
        let done = quietly(&self.plan, load)?;
        let after = pace::measure().map_err(Failure::internal)?;
        let run = &done.summary.run;
        if run.outcome != Outcome::Completed || !done.summary.books.balanced {
            let reason = run.reason.as_deref().map_or(String::new(), |reason| {
                format!(": {}", self.redactor.text(reason))
            });
            return Err(Failure {
                message: format!(
                    "run {number} of {of} against {} ended as {}{reason}; nothing was compared or saved",
                    self.target, run.outcome
                ),
                code: exit::for_summary(&done.summary),
            });
        }
        // A baseline has distributions of its own, and what happened in each second is not compared.
        let summary = done.summary.without_series();
        let repeat = Repeat::new(summary, &done.totals, Pace { before, after });
        if !load.quiet {
            // What is told on the way is a courtesy: a closed standard error is no reason to end.
            let _ = writeln!(stderr(), "{}", self.line(&repeat, number, of));
        }
        self.repeats.push(repeat);
        Ok(())
    }

    /// `A 3/10: p(50) 1.2ms, p(99) 3.4ms of 12,000 responses (embedded)`.
    fn line(&self, repeat: &Repeat, number: usize, of: u16) -> String {
        let what = repeat.summary.total.trend(Trend::Response).map_or_else(
            || format!("{:.1}s, no responses", repeat.summary.run.duration_s),
            |trend| {
                format!(
                    "p(50) {:.3}ms, p(99) {:.3}ms of {} responses",
                    trend.med, trend.p99, trend.count
                )
            },
        );
        let machine = if repeat.pace.is_steady() {
            ""
        } else {
            "; the machine's speed changed meanwhile"
        };
        format!("{}{number}/{of}: {what} ({}){machine}", self.mark, self.target)
    }

    /// Everything that was run, under a name and without secrets; what cannot be cleaned is not kept at all.
    pub(super) fn into_baseline(self, name: &str) -> Result<Baseline, Failure> {
        let baseline = Baseline {
            schema: BASELINE_SCHEMA.to_owned(),
            name: name.to_owned(),
            created: rfc3339(SystemTime::now()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: ScenarioId {
                name: self.plan.name.clone(),
                fingerprint: self.plan.fingerprint.clone(),
            },
            target: self.target,
            machine: machine(),
            repeats: self.repeats,
        };
        self.redactor
            .baseline(&baseline)
            .map_err(|error| Failure::internal(ReportError::from(error)))
    }

    /// As a comparison calls it.
    pub(super) fn target(&self) -> &str {
        &self.target
    }
}

/// Runs each side `times` times. Two sides take turns, A B B A, so that whatever drifts falls on both alike.
pub(super) fn repeat(sides: &mut [&mut Side], times: u16, load: &LoadArgs) -> Result<(), Failure> {
    for round in 0..times {
        if round % 2 == 1 {
            sides.reverse();
        }
        for side in sides.iter_mut() {
            side.run(load, times)?;
        }
        if round % 2 == 1 {
            sides.reverse();
        }
    }
    Ok(())
}

pub(super) fn machine() -> Machine {
    Machine {
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        cpu: cpu_model().unwrap_or_default(),
        cores: allowed_cores().len(),
    }
}
