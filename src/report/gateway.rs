//! What a gateway changes, as text: the verdict first, then why, then what it changes and what it costs.

use crate::gate::{Added, Finding, GatewayRecord, GatewayVerdict, Verdict};

use super::format::{counted, millis};
use super::page::{Page, Row, Style, Tone};

/// The verdict for people, ending with a line feed. `name` is the gateway's.
#[must_use]
pub fn render(name: &str, record: &GatewayRecord, judged: &GatewayVerdict, style: Style) -> String {
    let mut page = Page::new(style);
    let (tone, mark, verdict) = match judged.verdict {
        Verdict::Same | Verdict::Improved => (Tone::Good, '✓', "as it should be"),
        Verdict::Regressed => (Tone::Bad, '✗', "worse than it should be"),
        Verdict::CannotTell => (Tone::Bad, '?', "cannot tell"),
    };
    page.line(tone, &format!("{mark} {name}: {verdict}"));
    for Finding { verdict, text } in &judged.findings {
        let mark = if *verdict == Verdict::Regressed {
            '✗'
        } else {
            '?'
        };
        page.line(Tone::Bad, &format!("  {mark} {text}"));
    }
    page.blank();
    page.line(
        Tone::Plain,
        &format!(
            "what the gateway changes ({} on each way)",
            counted(record.rounds as u64, "run")
        ),
    );
    if judged.changes.is_empty() {
        let text = if judged.findings.is_empty() {
            "  nothing but latency"
        } else {
            "  besides that, nothing but latency"
        };
        page.line(Tone::Plain, text);
    }
    for change in &judged.changes {
        page.line(Tone::Plain, &format!("  {change}"));
    }
    let rows: Vec<Row> = record.added.iter().map(latency).collect();
    page.section(
        "latency: directly to through the gateway, with the ratio's 95 % interval",
        &rows,
    );
    if !judged.notes.is_empty() {
        page.blank();
    }
    for note in &judged.notes {
        page.line(Tone::Plain, &format!("note: {note}"));
    }
    page.finish()
}

fn latency(added: &Added) -> Row {
    let interval = added
        .high
        .map_or(String::new(), |high| format!(" ({:.2} to {high:.2})", added.low));
    let sign = if added.added_ms() < 0.0 { "less" } else { "more" };
    Row::new(
        format!("{} {{{}}}", added.figure, added.group),
        format!(
            "{} to {}, {} {sign}, {:.2} times{interval}",
            millis(added.direct_ms),
            millis(added.through_ms),
            millis(added.added_ms().abs()),
            added.ratio,
        ),
    )
}

#[cfg(test)]
mod tests;
