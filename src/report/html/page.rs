//! The page: what stands where.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::metrics::{Counter, Summary, Trend};
use crate::report::ReportError;
use crate::report::format::{bytes, count, counted, memory, millis, percent, rate};
use crate::report::verdict::{Verdict, sign};

use super::chart::Chart;
use super::{charts, tables};

const STYLE: &str = include_str!("style.css");
/// Nothing may be loaded from anywhere, and nothing may run.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The whole page.
pub(in crate::report) fn render(summary: &Summary) -> Result<String, ReportError> {
    let verdict = Verdict::of(summary);
    let run = &summary.run;
    let charts = charts::of(summary);
    let figures = charts.iter().map(figure).collect::<Result<Vec<_>, _>>()?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(format!("wsbench {}", run.version));
                title { (verdict.sign()) " " (run.name) " - wsbench" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(summary, &verdict))
                main {
                    (tiles(summary))
                    (checks(&verdict))
                    @if !figures.is_empty() {
                        section aria-labelledby="charts" {
                            h2 id="charts" { "Over time" }
                            p.note { (interval(summary)) }
                            div.charts { @for figure in &figures { (figure) } }
                        }
                    }
                    (tables::all(summary))
                    (scenario(summary))
                    (environment(summary))
                }
                footer { "wsbench " (run.version) " · run " (run.id) }
            }
        }
    };
    Ok(page.into_string())
}

fn header(summary: &Summary, verdict: &Verdict) -> Markup {
    let run = &summary.run;
    html! {
        header class=(if verdict.ok { "good" } else { "bad" }) {
            p.verdict {
                span.sign aria-hidden="true" { (verdict.sign()) }
                strong { (if verdict.ok { "Passed" } else { "Failed" }) ": " (verdict.headline) }
            }
            @for reason in &verdict.reasons { p.reason { (reason) } }
            h1 { (run.name) }
            dl.facts {
                div { dt { "Target" } dd { (run.target) } }
                div { dt { "Started" } dd { time datetime=(run.started) { (run.started) } } }
                div { dt { "Peak" } dd {
                    (counted(run.peak_clients, "client")) ", " (counted(run.peak_connections, "connection"))
                } }
                div { dt { "Seed" } dd { (run.seed) } }
            }
        }
    }
}

/// The figures that people look for first.
fn tiles(summary: &Summary) -> Markup {
    let total = &summary.total;
    let n = |counter| total.counter(counter);
    let lost = n(Counter::SentLostTimeout) + n(Counter::SentLostConnection);
    let errors: u64 = total.errors.values().map(|error| error.count).sum();
    let traffic = total.rate(Counter::BytesSent) + total.rate(Counter::BytesReceived);
    let mut tiles = vec![(
        "connections opened",
        count(n(Counter::ConnectOpened)),
        format!(
            "{} failed, {} lost",
            count(n(Counter::ConnectFailed)),
            count(total.lost())
        ),
    )];
    if n(Counter::MessagesSent) + n(Counter::MessagesReceived) > 0 {
        tiles.push((
            "messages sent",
            rate(total.rate(Counter::MessagesSent)),
            format!("{} in all", count(n(Counter::MessagesSent))),
        ));
        tiles.push((
            "messages received",
            rate(total.rate(Counter::MessagesReceived)),
            format!("{} in all", count(n(Counter::MessagesReceived))),
        ));
        tiles.push((
            "messages lost",
            count(lost),
            format!("{} of those sent", percent(lost, n(Counter::MessagesSent))),
        ));
    }
    for (label, trend) in [("response p99", Trend::Response), ("connect p99", Trend::Connect)] {
        if let Some(figures) = total.trend(trend) {
            let note = format!("p50 {}, max {}", millis(figures.med), millis(figures.max));
            tiles.push((label, millis(figures.p99), note));
        }
    }
    tiles.push((
        "traffic",
        format!("{}/s", bytes(traffic)),
        "out and in".to_owned(),
    ));
    tiles.push(("errors", count(errors), "of every class".to_owned()));
    html! {
        section aria-label="Key figures" {
            dl.tiles {
                @for (label, value, note) in &tiles {
                    div { dt { (label) } dd.value { (value) } dd.note { (note) } }
                }
            }
        }
    }
}

fn checks(verdict: &Verdict) -> Markup {
    html! {
        section aria-labelledby="checks" {
            h2 id="checks" { "Checks" }
            div.scroll tabindex="0" role="group" aria-labelledby="checks" {
                table {
                    thead { tr { th scope="col" { "Result" } th scope="col" { "Check" } th scope="col" { "Found" } } }
                    tbody {
                        @for check in &verdict.checks {
                            tr {
                                td class=(if check.ok { "good" } else { "bad" }) {
                                    (sign(check.ok)) " " (if check.ok { "passed" } else { "failed" })
                                }
                                th scope="row" { (check.name) }
                                td {
                                    (check.found)
                                    @if !check.details.is_empty() {
                                        ul { @for detail in &check.details { li { (detail) } } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn figure(chart: &Chart) -> Result<Markup, ReportError> {
    let svg = chart.svg()?;
    Ok(html! {
        figure {
            figcaption { (chart.title) }
            div role="img" aria-label=(chart.description) { (PreEscaped(svg)) }
            ul.legend aria-hidden="true" {
                @for (index, line) in chart.lines.iter().enumerate() {
                    li class=(format!("line{}", index + 1)) {
                        svg viewBox="0 0 24 6" { line x1="0" y1="3" x2="24" y2="3" {} }
                        (line.name)
                    }
                }
            }
        }
    })
}

fn interval(summary: &Summary) -> String {
    let series = &summary.series;
    let interval = if (series.interval_s - 1.0).abs() < 1e-9 {
        "second".to_owned()
    } else {
        format!("{} s", series.interval_s)
    };
    format!(
        "{} points, one for each {interval} of the run. Times are on a logarithmic scale where they differ much.",
        count(series.points.len() as u64)
    )
}

fn scenario(summary: &Summary) -> Markup {
    let Some(scenario) = &summary.scenario else {
        return html! {};
    };
    html! {
        section aria-labelledby="scenario" {
            h2 id="scenario" { "Scenario" }
            p { code { (scenario.file) } }
            @if !scenario.variables.is_empty() {
                p { "Set on the command line: " @for variable in &scenario.variables { code { (variable) } " " } }
            }
            details open {
                summary { "Its text, without secrets" }
                pre.scroll tabindex="0" { (scenario.text) }
            }
        }
    }
}

fn environment(summary: &Summary) -> Markup {
    let run = &summary.run;
    html! {
        section aria-labelledby="environment" {
            h2 id="environment" { "Environment" }
            dl.facts {
                @if let Some(machine) = &summary.environment {
                    div { dt { "System" } dd { (machine.system) } }
                    @if let Some(processor) = &machine.processor { div { dt { "Processor" } dd { (processor) } } }
                    div { dt { "Cores" } dd { (machine.cores) } }
                    @if let Some(bytes) = machine.memory_bytes {
                        div { dt { "Memory" } dd { (memory(bytes as f64)) } }
                    }
                    div { dt { "Generator threads" } dd { (machine.workers) } }
                }
                div { dt { "wsbench" } dd { (run.version) } }
            }
        }
    }
}

#[cfg(test)]
mod tests;
