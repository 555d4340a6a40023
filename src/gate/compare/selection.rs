//! Which runs can be compared: those that completed, each with those made while the machine had the same speed.
//!
//! The choice looks at how runs ended and at the machine's pace, never at what they measured, so it favours no side.

use crate::gate::baseline::{Baseline, Pace, Repeat};

use super::permutation::Stratum;

/// The runs of both sides that are compared, stratum after stratum.
pub(super) struct Selection<'a> {
    pub(super) sides: [Vec<&'a Repeat>; 2],
    /// The states of the machine's speed, slowest first, in which both sides were run.
    pub(super) strata: Vec<Stratum>,
    /// What was left out and why.
    pub(super) notes: Vec<String>,
}

/// Chooses runs and puts those together that were made at one speed of the machine.
pub(super) fn select<'a>(a: &'a Baseline, b: &'a Baseline) -> Selection<'a> {
    let mut notes = Vec::new();
    for (side, baseline) in [("A", a), ("B", b)] {
        notes.extend(baseline.repeats.iter().enumerate().filter_map(|(index, repeat)| {
            Some(format!(
                "run {} of {side} is left out: {}",
                index + 1,
                fault(repeat)?
            ))
        }));
    }
    let mut runs: Vec<(&Repeat, bool)> = [(a, false), (b, true)]
        .into_iter()
        .flat_map(|(baseline, on_b)| baseline.repeats.iter().map(move |repeat| (repeat, on_b)))
        .filter(|(repeat, _)| fault(repeat).is_none())
        .collect();
    runs.sort_by(|(one, _), (other, _)| one.pace.mean().total_cmp(&other.pace.mean()));
    let mut selection = Selection {
        sides: [Vec::new(), Vec::new()],
        strata: Vec::new(),
        notes,
    };
    for state in states(&runs) {
        selection.take(state);
    }
    if selection.strata.len() > 1 {
        selection.notes.push(format!(
            "the machine had {} speeds; runs are compared within each, while A and B are medians over all",
            selection.strata.len()
        ));
    }
    selection
}

impl<'a> Selection<'a> {
    /// Takes in the runs of one state of the machine, if both sides have some.
    fn take(&mut self, state: &[(&'a Repeat, bool)]) {
        let side = |wanted: bool| {
            state
                .iter()
                .filter(move |(_, on_b)| *on_b == wanted)
                .map(|(repeat, _)| *repeat)
        };
        let stratum = Stratum {
            a: side(false).count(),
            b: side(true).count(),
        };
        if stratum.a == 0 || stratum.b == 0 {
            let only = if stratum.a == 0 { "B" } else { "A" };
            self.notes.push(format!(
                "{} left out: the machine had that speed during {only} only",
                match state.len() {
                    1 => format!("1 run of {only} is"),
                    more => format!("{more} runs of {only} are"),
                }
            ));
            return;
        }
        self.sides[0].extend(side(false));
        self.sides[1].extend(side(true));
        self.strata.push(stratum);
    }
}

/// Why a run cannot be compared, if it cannot.
fn fault(repeat: &Repeat) -> Option<String> {
    if !repeat.is_usable() {
        let run = &repeat.summary.run;
        let why = match &run.reason {
            Some(reason) => reason,
            None if repeat.summary.books.balanced => "the generator was the bottleneck",
            None => "its books do not balance",
        };
        return Some(format!("{}: {why}", run.outcome));
    }
    if !repeat.pace.is_steady() {
        let change = (repeat.pace.after / repeat.pace.before - 1.0) * 100.0;
        return Some(format!("the machine's speed changed by {change:+.0} % during it"));
    }
    None
}

/// Splits runs that are sorted by speed where the speed leaves the tolerance around the slowest of a state.
fn states<'r, 'a>(mut runs: &'r [(&'a Repeat, bool)]) -> Vec<&'r [(&'a Repeat, bool)]> {
    let mut states = Vec::new();
    while let Some((slowest, _)) = runs.first() {
        let limit = slowest.pace.mean() * Pace::TOLERANCE;
        let end = runs.partition_point(|(repeat, _)| repeat.pace.mean() <= limit);
        let (state, rest) = runs.split_at(end.max(1));
        states.push(state);
        runs = rest;
    }
    states
}
