//! The end-of-run text: the verdict first, then totals, then groups, then costs and books.

use crate::metrics::{
    Books, Counter, GeneratorFigures, Outcome, ProcessUsage, Processes, RunInfo, Summary, Verdict,
};

use super::format::{count, counted, memory, millis, seconds};
use super::page::{Page, Row, Style, Tone};
use super::sections::sections;

/// The summary as text for people, ending with a line feed.
#[must_use]
pub fn render(summary: &Summary, style: Style) -> String {
    let mut page = Page::new(style);
    verdict(&mut page, summary);
    page.section("run", &run_rows(&summary.run));
    for (heading, rows) in sections(&summary.total, page.width()) {
        page.section(heading, &rows);
    }
    // With one group the total says it all.
    if summary.groups.len() > 1 {
        for group in &summary.groups {
            for (heading, rows) in sections(&group.figures, page.width()) {
                page.section(&format!("{}: {heading}", group.name), &rows);
            }
        }
    }
    page.section("generator", &generator_rows(&summary.generator));
    page.section("processes", &process_rows(summary));
    books(&mut page, &summary.books, summary.groups.len());
    page.finish()
}

fn verdict(page: &mut Page, summary: &Summary) {
    let Summary {
        run,
        books,
        generator,
        ..
    } = summary;
    let outcome = match run.outcome {
        Outcome::Completed => format!("completed in {}", seconds(run.duration_s)),
        other => format!("{other} after {}", seconds(run.duration_s)),
    };
    if !books.balanced {
        page.line(
            Tone::Bad,
            &format!("✗ {}: the books do not balance ({outcome})", run.name),
        );
    } else if generator.verdict == Verdict::Invalid {
        let tolerated = if generator.tolerated {
            ", which was allowed"
        } else {
            ""
        };
        page.line(
            Tone::Bad,
            &format!(
                "✗ {}: invalid, the generator was the bottleneck{tolerated} ({outcome})",
                run.name
            ),
        );
    } else if run.outcome == Outcome::Completed {
        page.line(Tone::Good, &format!("✓ {}: {outcome}", run.name));
    } else {
        page.line(Tone::Bad, &format!("✗ {}: {outcome}", run.name));
    }
    if let Some(reason) = &run.reason {
        page.line(Tone::Plain, &format!("  {reason}"));
    }
    for problem in &generator.problems {
        page.line(Tone::Plain, &format!("  {}", problem.reason));
        page.line(Tone::Plain, &format!("  → {}", problem.advice));
    }
}

fn generator_rows(generator: &GeneratorFigures) -> Vec<Row> {
    let mut rows = Vec::new();
    let lags = [
        ("timer lag", &generator.timer_lag_ms),
        ("loop lag", &generator.loop_lag_ms),
    ];
    for (label, lag) in lags {
        if let Some(lag) = lag {
            let text = format!(
                "med={} p(99)={} max={}",
                millis(lag.med),
                millis(lag.p99),
                millis(lag.max)
            );
            rows.push(Row::new(label, text));
        }
    }
    if let Some(busiest) = generator.workers.iter().max_by(|a, b| a.cpu.total_cmp(&b.cpu)) {
        let mut text = format!(
            "{}, the busiest had {:.0}% of a core, {:.0}% in its busiest second",
            counted(generator.workers.len() as u64, "worker"),
            busiest.cpu * 100.0,
            busiest.cpu_peak * 100.0
        );
        if let Some(waiting) = busiest.waiting.filter(|share| *share >= 0.01) {
            text += &format!(", and waited {:.0}% of the time for one", waiting * 100.0);
        }
        rows.push(Row::new("workers", text));
    }
    if generator.late_s > 0.0 {
        let (total, longest) = (seconds(generator.late_s), seconds(generator.late_longest_s));
        rows.push(Row::new(
            "late",
            format!("{total} in all, {longest} without a break"),
        ));
    }
    if generator.paused_s > 0.0 {
        rows.push(Row::new(
            "paused",
            format!("{}, which rates leave out", seconds(generator.paused_s)),
        ));
    }
    for note in &generator.notes {
        rows.push(Row::new("note", format!("{}; {}", note.reason, note.advice)));
    }
    rows
}

fn run_rows(run: &RunInfo) -> Vec<Row> {
    vec![
        Row::new("target", &*run.target),
        Row::new(
            "started",
            format!("{}, wsbench {}, seed {}", run.started, run.version, run.seed),
        ),
        Row::new(
            "peak",
            format!(
                "{}, {}",
                counted(run.peak_clients, "client"),
                counted(run.peak_connections, "connection")
            ),
        ),
    ]
}

fn process_rows(summary: &Summary) -> Vec<Row> {
    let Processes { generator, server } = &summary.processes;
    let mut rows = usage_rows("generator", generator, summary);
    if let Some(server) = server {
        rows.extend(usage_rows("server", server, summary));
    }
    rows
}

fn usage_rows(name: &str, usage: &ProcessUsage, summary: &Summary) -> Vec<Row> {
    let mut cpu = format!(
        "{} (user {}, system {})",
        seconds(usage.cpu_s()),
        seconds(usage.cpu_user_s),
        seconds(usage.cpu_system_s)
    );
    let total = &summary.total;
    let messages = total.counter(Counter::MessagesSent) + total.counter(Counter::MessagesReceived);
    if messages > 0 {
        let per_million = usage.cpu_s() * 1e6 / messages as f64;
        cpu += &format!(", {} per million messages sent or received", seconds(per_million));
    }
    let mut rows = vec![Row::new(format!("{name} CPU"), cpu)];
    let mut holds = Vec::new();
    if let Some(peak) = usage.rss_peak_bytes {
        holds.push(format!("{} at its peak", memory(peak as f64)));
    }
    let connections = summary.run.peak_connections;
    if let Some(growth) = usage.rss_growth_bytes().filter(|_| connections > 0) {
        holds.push(format!(
            "{} per connection",
            memory(growth as f64 / connections as f64)
        ));
    }
    if let Some(files) = usage.open_files {
        holds.push(counted(files, "open file"));
    }
    if !holds.is_empty() {
        rows.push(Row::new(format!("{name} memory"), holds.join(", ")));
    }
    rows
}

fn books(page: &mut Page, books: &Books, groups: usize) {
    if books.balanced {
        let equations = books
            .equations
            .iter()
            .filter(|equation| equation.group.is_none())
            .count();
        let places = if groups > 1 {
            format!(", in total and in each of {groups} groups")
        } else {
            String::new()
        };
        page.section(
            "books",
            &[Row::new(
                "balanced",
                format!("all {} equations hold{places}", count(equations as u64)),
            )],
        );
        return;
    }
    page.blank();
    page.line(
        Tone::Bad,
        "books: something was lost, counted twice or forgotten; do not trust the numbers above",
    );
    // With one group its equations repeat those of the total.
    for equation in books
        .broken()
        .filter(|equation| groups > 1 || equation.group.is_none())
    {
        page.line(Tone::Plain, &format!("  {equation}"));
    }
}

#[cfg(test)]
pub(super) mod tests;
