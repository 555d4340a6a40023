//! [`Verdict`]: what came out of a run, in the same words for every report.

use crate::metrics::{
    Equation, GeneratorFigures, Outcome, Summary, ThresholdResult, ThresholdState, ThresholdVerdict,
    Verdict as Validity,
};

use super::format::{count, seconds};

/// What came out of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether all went well.
    pub(super) ok: bool,
    /// `completed in 30s`.
    pub(super) headline: String,
    /// Why it is not well, in sentences.
    pub(super) reasons: Vec<String>,
    /// Everything that was checked.
    pub(super) checks: Vec<Check>,
}

/// One thing that a run has to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    /// What was to hold: `books balance`, `response p(95) < 200`.
    pub(super) name: String,
    /// What it belongs to: `run`, `books`.
    pub(super) kind: &'static str,
    /// What was found.
    pub(super) found: String,
    /// Whether it held.
    pub(super) ok: bool,
    /// More about why not, a line each.
    pub(super) details: Vec<String>,
}

impl Verdict {
    pub(super) fn of(summary: &Summary) -> Self {
        let mut checks = vec![outcome(summary), books(summary), generator(&summary.generator)];
        checks.extend(summary.thresholds.results.iter().map(threshold));
        let ok = checks.iter().all(|check| check.ok);
        let generator = &summary.generator;
        let run = &summary.run;
        let outcome = match run.outcome {
            Outcome::Completed => format!("completed in {}", seconds(run.duration_s)),
            other => format!("{other} after {}", seconds(run.duration_s)),
        };
        let headline = if !summary.books.balanced {
            format!("the books do not balance ({outcome})")
        } else if generator.verdict == Validity::Invalid {
            let tolerated = if generator.tolerated {
                ", which was allowed"
            } else {
                ""
            };
            format!("invalid, the generator was the bottleneck{tolerated} ({outcome})")
        } else if run.outcome == Outcome::Completed && summary.thresholds.verdict == ThresholdVerdict::Crossed
        {
            format!("{outcome}, but not within its thresholds")
        } else {
            outcome
        };
        Self {
            ok,
            headline,
            reasons: run.reason.iter().cloned().chain(advice(generator)).collect(),
            checks,
        }
    }

    /// `✓` or `✗`.
    pub(super) const fn sign(&self) -> &'static str {
        sign(self.ok)
    }
}

pub(super) const fn sign(ok: bool) -> &'static str {
    if ok { "✓" } else { "✗" }
}

fn outcome(summary: &Summary) -> Check {
    let run = &summary.run;
    Check {
        name: "the plan was carried out".to_owned(),
        kind: "run",
        found: run.outcome.to_string(),
        ok: run.outcome == Outcome::Completed,
        details: run.reason.iter().cloned().collect(),
    }
}

fn generator(figures: &GeneratorFigures) -> Check {
    let valid = figures.verdict == Validity::Valid;
    let notes = figures
        .notes
        .iter()
        .map(|note| format!("note: {}; {}", note.reason, note.advice));
    Check {
        name: "the generator kept up".to_owned(),
        kind: "generator",
        found: match (valid, figures.tolerated) {
            (true, _) => "valid",
            (false, true) => "invalid, which was allowed",
            (false, false) => "invalid: the numbers say little about the target",
        }
        .to_owned(),
        ok: !figures.fails(),
        details: advice(figures).chain(notes).collect(),
    }
}

/// What is wrong with the generator, and what to do about it.
fn advice(figures: &GeneratorFigures) -> impl Iterator<Item = String> {
    figures
        .problems
        .iter()
        .map(|problem| format!("{}; {}", problem.reason, problem.advice))
}

fn threshold(result: &ThresholdResult) -> Check {
    let details = result.aborted.then(|| "it ended the run".to_owned());
    Check {
        name: result.to_string(),
        kind: "thresholds",
        found: result.present(),
        ok: result.state == ThresholdState::Passed,
        details: details.into_iter().collect(),
    }
}

fn books(summary: &Summary) -> Check {
    let books = &summary.books;
    // With one group its equations repeat those of the total.
    let all = summary.groups.len() > 1;
    let shown = |equation: &&Equation| all || equation.group.is_none();
    let equations = books.equations.iter().filter(shown).count() as u64;
    let broken: Vec<String> = books.broken().filter(shown).map(ToString::to_string).collect();
    Check {
        name: "the books balance".to_owned(),
        kind: "books",
        found: if books.balanced {
            format!("all {} equations hold", count(equations))
        } else {
            format!(
                "{} of {} equations do not hold",
                count(broken.len() as u64),
                count(equations)
            )
        },
        ok: books.balanced,
        details: broken,
    }
}
