//! From two sides to a [`Comparison`].

use std::collections::BTreeSet;

use crate::gate::baseline::Baseline;
use crate::metrics::ThresholdUnit;

use super::comparable::differences;
use super::feature::{Feature, features};
use super::outcome::{Aspect, COMPARISON_SCHEMA, Comparison, Row, SideInfo, Verdict};
use super::permutation::{Sample, Stratum, Tested, least_p, median, test};
use super::selection::{Selection, select};

/// One chance in forty on each side: five in a hundred comparisons of equal targets find some difference, half of them
/// for the worse.
const CHANCE: f64 = 0.025;

/// Standard deviation between two sessions on one machine, as a part: what a restart, an update or another day changes,
/// and runs of one session cannot show.
const BETWEEN_SESSIONS: f64 = 0.02;

/// What a comparison takes for granted.
#[derive(Clone, Debug)]
pub struct CompareOptions {
    /// The smallest change that matters, as a part.
    pub margin: f64,
    /// What may differ between the sides.
    pub accept: BTreeSet<Aspect>,
    /// Whether the runs of the sides took turns. If not, they are of different sessions.
    pub interleaved: bool,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            margin: 0.1,
            accept: BTreeSet::new(),
            interleaved: false,
        }
    }
}

/// Compares B with A.
#[must_use]
pub fn compare(a: &Baseline, b: &Baseline, options: &CompareOptions) -> Comparison {
    let side = |baseline: &Baseline| SideInfo {
        name: baseline.name.clone(),
        repeats: baseline.repeats.len(),
        used: 0,
    };
    let mut comparison = Comparison {
        schema: COMPARISON_SCHEMA.to_owned(),
        verdict: Verdict::CannotTell,
        reason: String::new(),
        a: side(a),
        b: side(b),
        interleaved: options.interleaved,
        margin: options.margin,
        differences: differences(a, b, &options.accept),
        notes: Vec::new(),
        rows: Vec::new(),
    };
    if let Some(text) = not_comparable(&comparison) {
        comparison.reason = text;
        return comparison;
    }
    let Selection { sides, strata, notes } = select(a, b);
    comparison.notes = notes;
    (comparison.a.used, comparison.b.used) = (sides[0].len(), sides[1].len());
    if let Some(text) = too_few(&comparison, &strata) {
        comparison.reason = text;
        return comparison;
    }
    let features = features([&sides[0], &sides[1]]);
    let samples: Vec<Sample> = features.iter().map(sample).collect();
    let mut rows: Vec<(Row, f64)> = features
        .iter()
        .zip(test(&samples, &strata))
        .map(|(feature, tested)| (row(feature, &tested, options), tested.difference.abs()))
        .collect();
    rows.sort_by(|(a, difference), (b, other)| rank(a).cmp(&rank(b)).then(other.total_cmp(difference)));
    comparison.rows = rows.into_iter().map(|(row, _)| row).collect();
    (comparison.verdict, comparison.reason) = overall(&comparison.rows);
    comparison
}

fn not_comparable(comparison: &Comparison) -> Option<String> {
    let open: Vec<_> = comparison
        .differences
        .iter()
        .filter(|difference| !difference.accepted)
        .collect();
    let first = open.first()?;
    let texts: Vec<&str> = open.iter().map(|difference| difference.text.as_str()).collect();
    Some(format!(
        "not comparable: {} (`--accept {}` compares nevertheless)",
        texts.join("; "),
        first.what.word()
    ))
}

fn too_few(comparison: &Comparison, strata: &[Stratum]) -> Option<String> {
    let (a, b) = (comparison.a.used, comparison.b.used);
    // With fewer runs than two for each mean there is no noise to learn.
    if a + b >= 2 * strata.len() + 4 && least_p(strata) <= CHANCE {
        return None;
    }
    let had = (comparison.a.repeats, comparison.b.repeats);
    let left = if had == (a, b) {
        format!("{a} runs of A and {b} of B")
    } else {
        format!(
            "{a} of {} runs of A and {b} of {} of B that can be compared",
            had.0, had.1
        )
    };
    Some(format!(
        "{left} are too few: with so few, chance alone could look like any change; 4 of each are the least, 20 are advised"
    ))
}

fn sample(feature: &Feature) -> Sample {
    let [a, b] = [&feature.values[0], &feature.values[1]]
        .map(|side| side.iter().map(|&value| feature.badness(value)).collect());
    Sample { a, b }
}

fn row(feature: &Feature, tested: &Tested, options: &CompareOptions) -> Row {
    let margin = options.margin;
    // An estimate of a change as large as the margin may come out lower; one of a trifle hardly reaches a third of it.
    let (difference, least) = (tested.difference, (margin / 3.0).ln_1p());
    let whole = margin.ln_1p();
    let interval = if options.interleaved {
        tested.margin
    } else {
        tested.margin.hypot(2.0 * BETWEEN_SESSIONS)
    };
    let (low, high) = (difference - interval, difference + interval);
    let verdict = if tested.p_worse <= CHANCE && difference >= least && low > 0.0 {
        Verdict::Regressed
    } else if tested.p_better <= CHANCE && difference <= -least && high < 0.0 {
        Verdict::Improved
    } else if low > -whole && high < whole {
        Verdict::Same
    } else {
        Verdict::CannotTell
    };
    let ends = [feature.change(low), feature.change(high)];
    Row {
        figure: feature.name.clone(),
        group: feature.group.clone(),
        unit: feature.unit,
        a: median(feature.values[0].clone()),
        b: median(feature.values[1].clone()),
        change: feature.change(difference),
        low: ends[0].min(ends[1]),
        high: ends[0].max(ends[1]),
        noise: tested.noise.exp_m1(),
        p: (2.0 * tested.p_worse.min(tested.p_better)).min(1.0),
        verdict,
        decisive: feature.decisive,
    }
}

/// The most telling first.
const fn rank(row: &Row) -> u8 {
    match (row.verdict, row.decisive) {
        (Verdict::Regressed, _) => 0,
        (Verdict::Improved, _) => 1,
        (Verdict::CannotTell, true) => 2,
        (Verdict::Same, _) => 3,
        (Verdict::CannotTell, false) => 4,
    }
}

fn overall(rows: &[Row]) -> (Verdict, String) {
    let of = |verdict: Verdict| rows.iter().filter(move |row| row.verdict == verdict);
    let told = |verdict: Verdict| of(verdict).take(3).map(in_words).collect::<Vec<_>>().join("; ");
    if of(Verdict::Regressed).next().is_some() {
        return (Verdict::Regressed, told(Verdict::Regressed));
    }
    if let Some(row) = of(Verdict::CannotTell).find(|row| row.decisive) {
        return (
            Verdict::CannotTell,
            format!(
                "{}: the runs differ by {:.1} % among themselves, so the change may be anything from {:+.1} % to {:+.1} %; more or longer runs would tell",
                named(row),
                row.noise * 100.0,
                row.low * 100.0,
                row.high * 100.0
            ),
        );
    }
    if of(Verdict::Improved).next().is_some() {
        return (Verdict::Improved, told(Verdict::Improved));
    }
    if rows.iter().any(|row| row.decisive) {
        let reason = "no figure changed by as much as the margin".to_owned();
        return (Verdict::Same, reason);
    }
    let reason = "the runs measured too little to compare: no replies, no messages".to_owned();
    (Verdict::CannotTell, reason)
}

fn named(row: &Row) -> String {
    match &row.group {
        Some(group) => format!("{} of {group}", row.figure),
        None => row.figure.clone(),
    }
}

/// `response_time p(99): 10.2ms instead of 9.1ms (+12.1 %)`.
fn in_words(row: &Row) -> String {
    let [a, b] = [row.a, row.b].map(|value| row.unit.show(value));
    let change = if row.unit == ThresholdUnit::Share {
        format!("{:+.2} percentage points", (row.b - row.a) * 100.0)
    } else {
        format!("{:+.1} %", row.change * 100.0)
    };
    format!("{}: {b} instead of {a} ({change})", named(row))
}

#[cfg(test)]
mod tests;
