//! Which runs can be compared: those that completed, made while the machine had the same speed.
//!
//! The choice looks at how runs ended and at the machine's pace, never at what they measured, so it favours no side.

use crate::gate::baseline::{Baseline, Pace, Repeat};

use super::permutation::Design;

/// A pair of sides whose swaps are to show one chance in forty needs so many pairs.
const PAIRS: usize = 6;

/// The runs of both sides that are compared, and how they may be relabelled.
pub(super) struct Selection<'a> {
    pub(super) sides: [Vec<&'a Repeat>; 2],
    pub(super) design: Design,
    /// What was left out and why.
    pub(super) notes: Vec<String>,
}

/// Chooses runs. With `interleaved`, run `n` of one side and run `n` of the other were neighbours in time.
pub(super) fn select<'a>(a: &'a Baseline, b: &'a Baseline, interleaved: bool) -> Selection<'a> {
    let mut notes = Vec::new();
    for (side, baseline) in [("A", a), ("B", b)] {
        for (index, repeat) in baseline.repeats.iter().enumerate() {
            if !repeat.is_usable() {
                let run = &repeat.summary.run;
                let why = run.reason.as_deref().unwrap_or("its books do not balance");
                notes.push(format!(
                    "run {} of {side} is left out: {}: {why}",
                    index + 1,
                    run.outcome
                ));
            } else if !repeat.pace.is_steady() {
                let change = repeat.pace.after / repeat.pace.before - 1.0;
                notes.push(format!(
                    "run {} of {side} is left out: the machine's speed changed by {:+.0} % during it",
                    index + 1,
                    change * 100.0
                ));
            }
        }
    }
    let good = |repeat: &&Repeat| repeat.is_usable() && repeat.pace.is_steady();
    if interleaved {
        let pairs: Vec<(&Repeat, &Repeat)> = a
            .repeats
            .iter()
            .zip(&b.repeats)
            .filter(|(a, b)| good(a) && good(b) && same_speed(a.pace.mean(), b.pace.mean()))
            .collect();
        if pairs.len() >= PAIRS {
            let apart = a
                .repeats
                .iter()
                .zip(&b.repeats)
                .filter(|(a, b)| good(a) && good(b))
                .count()
                - pairs.len();
            if apart > 0 {
                notes.push(format!(
                    "{apart} of the pairs are left out: the machine's speed changed between their runs"
                ));
            }
            let (a, b) = pairs.into_iter().unzip();
            return Selection {
                sides: [a, b],
                design: Design::Paired,
                notes,
            };
        }
    }
    let all = [a, b].map(|side| side.repeats.iter().filter(good).collect::<Vec<_>>());
    let sides = at_one_speed(&all);
    let left_out = all[0].len() + all[1].len() - sides[0].len() - sides[1].len();
    if left_out > 0 {
        notes.push(format!(
            "{left_out} runs are left out: the machine's speed was another one than in the {} of A and {} of B that are compared{}",
            sides[0].len(),
            sides[1].len(),
            speeds(&all)
        ));
    }
    Selection {
        sides,
        design: Design::Free,
        notes,
    }
}

fn same_speed(a: f64, b: f64) -> bool {
    a.max(b) <= a.min(b) * Pace::TOLERANCE
}

/// The largest selection within one state of the machine: as many runs as possible on the side that has fewer.
fn at_one_speed<'a>(all: &[Vec<&'a Repeat>; 2]) -> [Vec<&'a Repeat>; 2] {
    let within = |slowest: f64| {
        [&all[0], &all[1]].map(|side| {
            side.iter()
                .copied()
                .filter(|repeat| {
                    let speed = repeat.pace.mean();
                    speed >= slowest && same_speed(speed, slowest)
                })
                .collect::<Vec<_>>()
        })
    };
    all.iter()
        .flatten()
        .map(|repeat| within(repeat.pace.mean()))
        .max_by_key(|[a, b]| (a.len().min(b.len()), a.len() + b.len()))
        .unwrap_or_default()
}

/// `: B's median speed was 23 % below that of A`, where they differ.
fn speeds(all: &[Vec<&Repeat>; 2]) -> String {
    let [a, b] =
        [&all[0], &all[1]].map(|side| median(side.iter().map(|repeat| repeat.pace.mean()).collect()));
    if a <= 0.0 || b <= 0.0 || same_speed(a, b) {
        return String::new();
    }
    let (side, slow, fast) = if b < a { ("B", b, a) } else { ("A", a, b) };
    format!(
        "; over all runs the machine was {:.0} % slower during {side}",
        (1.0 - slow / fast) * 100.0
    )
}

/// The middle value, or the mean of the two in the middle; zero of nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}
