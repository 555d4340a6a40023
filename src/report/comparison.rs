//! A comparison as text: the verdict first, then every figure with both values, the change and its interval.

use crate::gate::{Comparison, Row as Figure, SideInfo, Verdict};
use crate::metrics::ThresholdUnit;

use super::format::{counted, millis, rate};
use super::page::{Page, Row, Style, Tone};

/// The comparison for people, ending with a line feed.
#[must_use]
pub fn render(comparison: &Comparison, style: Style) -> String {
    let mut page = Page::new(style);
    let (tone, mark) = tone(comparison.verdict);
    page.line(tone, &format!("{mark} {}", comparison.verdict.label()));
    page.line(Tone::Plain, &format!("  {}", comparison.reason));
    let runs = if comparison.interleaved {
        "both sides in turns"
    } else {
        "one side after the other"
    };
    page.section(
        "sides",
        &[
            Row::new("A, the reference", side(&comparison.a)),
            Row::new("B, what is judged", side(&comparison.b)),
            Row::new("runs", runs),
            Row::new(
                "margin",
                format!("{:.3} %", comparison.margin * 100.0).replace(".000", ""),
            ),
        ],
    );
    let rows: Vec<Row> = comparison.rows.iter().map(figure).collect();
    page.section(
        "figures: A to B, change with its 95 % interval, noise between runs",
        &rows,
    );
    let said = comparison
        .differences
        .iter()
        .filter(|difference| difference.accepted)
        .map(|difference| format!("accepted: {}", difference.text))
        .chain(comparison.notes.iter().cloned());
    let notes: Vec<String> = said.collect();
    if !notes.is_empty() {
        page.blank();
    }
    for note in notes {
        page.line(Tone::Plain, &format!("note: {note}"));
    }
    page.finish()
}

const fn tone(verdict: Verdict) -> (Tone, char) {
    match verdict {
        Verdict::Improved | Verdict::Same => (Tone::Good, '✓'),
        Verdict::Regressed => (Tone::Bad, '✗'),
        Verdict::CannotTell => (Tone::Bad, '?'),
    }
}

fn side(info: &SideInfo) -> String {
    let runs = counted(info.repeats as u64, "run");
    if info.used == info.repeats {
        format!("{}, {runs}", info.name)
    } else {
        format!("{}, {} of {runs} compared", info.name, info.used)
    }
}

fn figure(figure: &Figure) -> Row {
    let (_, mark) = tone(figure.verdict);
    let group = figure
        .group
        .as_deref()
        .map_or(String::new(), |group| format!(" {{{group}}}"));
    let show = |value: f64| match figure.unit {
        ThresholdUnit::Ms => millis(value),
        ThresholdUnit::PerSecond => rate(value),
        ThresholdUnit::Share => format!("{:.2} %", value * 100.0),
        ThresholdUnit::Count => format!("{value:.0}"),
    };
    if figure.unit == ThresholdUnit::Share {
        let points = (figure.b - figure.a) * 100.0;
        let text = format!(
            "{} to {}, {points:+.2} points: {}",
            show(figure.a),
            show(figure.b),
            figure.verdict.label()
        );
        return Row::new(format!("{mark} {}{group}", figure.figure), text);
    }
    let percent = |part: f64| format!("{:+.1}", part * 100.0);
    Row::new(
        format!("{mark} {}{group}", figure.figure),
        format!(
            "{} to {}, {} % ({} to {}), noise {:.1} %: {}",
            show(figure.a),
            show(figure.b),
            percent(figure.change),
            percent(figure.low),
            percent(figure.high),
            figure.noise * 100.0,
            figure.verdict.label()
        ),
    )
}

#[cfg(test)]
mod tests;
