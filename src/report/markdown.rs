//! The run as Markdown, for the summary of a CI step or a comment: the verdict, the checks, the figures that matter.

use std::fmt::Write as _;

use crate::metrics::{Counter, Figures, Summary, Trend};

use super::format::{bytes, count, millis, percent, rate};
use super::verdict::{Verdict, sign};

/// GitHub's and GitLab's dialect, which both have tables.
pub(super) fn render(summary: &Summary) -> String {
    let verdict = Verdict::of(summary);
    let run = &summary.run;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "## {} {}: {}\n",
        verdict.sign(),
        cell(&run.name),
        cell(&verdict.headline)
    );
    for reason in &verdict.reasons {
        let _ = writeln!(out, "> {}\n", cell(reason));
    }
    checks(&mut out, &verdict);
    figures(&mut out, summary);
    latencies(&mut out, summary);
    errors(&mut out, &summary.total);
    let _ = writeln!(
        out,
        "<sub>{} · {} · seed {} · wsbench {}</sub>",
        cell(&run.target),
        cell(&run.started),
        run.seed,
        cell(&run.version)
    );
    out
}

fn checks(out: &mut String, verdict: &Verdict) {
    out.push_str("| | check | found |\n|---|---|---|\n");
    for check in &verdict.checks {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            sign(check.ok),
            cell(&check.name),
            cell(&check.found)
        );
    }
    out.push('\n');
}

fn figures(out: &mut String, summary: &Summary) {
    let total = &summary.total;
    let n = |counter| total.counter(counter);
    let (sent, opened) = (n(Counter::MessagesSent), n(Counter::ConnectOpened));
    let lost = n(Counter::SentLostTimeout) + n(Counter::SentLostConnection);
    out.push_str("| | total | |\n|---|---:|---:|\n");
    let rows = [
        (
            "connections opened",
            opened,
            rate(total.rate(Counter::ConnectOpened)),
        ),
        (
            "connects failed",
            n(Counter::ConnectFailed),
            percent(n(Counter::ConnectFailed), n(Counter::ConnectAttempted)),
        ),
        ("connections lost", total.lost(), percent(total.lost(), opened)),
        ("messages sent", sent, rate(total.rate(Counter::MessagesSent))),
        (
            "messages received",
            n(Counter::MessagesReceived),
            rate(total.rate(Counter::MessagesReceived)),
        ),
        ("messages lost", lost, percent(lost, sent)),
    ];
    for (label, value, note) in rows {
        let _ = writeln!(out, "| {label} | {} | {note} |", count(value));
    }
    let _ = writeln!(
        out,
        "| bytes out / in | {} / {} | |\n",
        bytes(n(Counter::BytesSent) as f64),
        bytes(n(Counter::BytesReceived) as f64)
    );
}

fn latencies(out: &mut String, summary: &Summary) {
    let shown = [
        Trend::Response,
        Trend::Service,
        Trend::Connect,
        Trend::Ping,
        Trend::SendLag,
    ];
    let mut places = vec![("", &summary.total)];
    if summary.groups.len() > 1 {
        places.extend(summary.groups.iter().map(|group| (&*group.name, &group.figures)));
    }
    let mut rows = String::new();
    for (group, figures) in places {
        for (trend, values) in shown
            .into_iter()
            .filter_map(|trend| Some((trend, figures.trend(trend)?)))
        {
            let label = if group.is_empty() {
                trend.label().to_owned()
            } else {
                format!("{}: {}", cell(group), trend.label())
            };
            let cells = [
                values.avg, values.med, values.p90, values.p95, values.p99, values.max,
            ]
            .map(millis);
            let _ = writeln!(rows, "| {label} | {} |", cells.join(" | "));
        }
    }
    if !rows.is_empty() {
        let _ = writeln!(
            out,
            "| latency | avg | p50 | p90 | p95 | p99 | max |\n|---|---:|---:|---:|---:|---:|---:|\n{rows}"
        );
    }
}

fn errors(out: &mut String, total: &Figures) {
    if total.errors.is_empty() {
        return;
    }
    out.push_str("| error | count | first |\n|---|---:|---|\n");
    for (class, error) in &total.errors {
        let first = error.examples.first().map_or("", String::as_str);
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            class.label(),
            count(error.count),
            cell(first)
        );
    }
    out.push('\n');
}

/// Text that stays in its cell and means nothing to Markdown or HTML.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '~' | '@' | '#' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::{sample, single, unbalanced};

    #[test]
    fn a_run_that_passed() {
        insta::assert_snapshot!(render(&single()));
    }

    #[test]
    fn a_run_of_several_groups_that_crossed_a_threshold() {
        insta::assert_snapshot!(render(&sample()));
    }

    #[test]
    fn a_run_that_failed_says_why() {
        insta::assert_snapshot!(render(&unbalanced()));
    }

    #[test]
    fn text_of_a_peer_stays_text() {
        assert_eq!(
            cell("a|b\n<img> [x](y) `c` @team"),
            r"a\|b &lt;img> \[x\](y) \`c\` \@team"
        );
    }
}
