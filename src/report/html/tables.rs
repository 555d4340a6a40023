//! The page's tables.

use maud::{Markup, html};

use crate::metrics::{Books, Counter, Equation, Figures, Summary, Trend};
use crate::report::format::{count, millis, rate, seconds};
use crate::report::page::Row;
use crate::report::sections::counts;
use crate::report::text::{generator_rows, process_rows};

/// Every table, the important ones first.
pub(super) fn all(summary: &Summary) -> Markup {
    let groups = if summary.groups.len() > 1 {
        &summary.groups[..]
    } else {
        &[]
    };
    html! {
        section aria-labelledby="latency" {
            h2 id="latency" { "Latency" }
            (trends(&summary.total, "All groups together"))
            @for group in groups { (trends(&group.figures, &group.name)) }
        }
        section aria-labelledby="counts" {
            h2 id="counts" { "Counts" }
            div.columns { (sections(&summary.total)) }
            @for group in groups {
                details {
                    summary { "Group " strong { (group.name) } }
                    div.columns { (sections(&group.figures)) }
                }
            }
        }
        (errors(&summary.total))
        section aria-labelledby="cost" {
            h2 id="cost" { "What the run cost" }
            (rows("Processes", &process_rows(summary)))
            (rows("Generator", &generator_rows(&summary.generator)))
        }
        (books(&summary.books, groups.is_empty()))
        (series(summary))
    }
}

fn trends(figures: &Figures, caption: &str) -> Markup {
    let recorded: Vec<_> = Trend::ALL
        .into_iter()
        .filter_map(|trend| Some((trend, figures.trend(trend)?)))
        .collect();
    if recorded.is_empty() {
        return html! {};
    }
    html! {
        div.scroll tabindex="0" role="group" aria-label=(format!("Latency: {caption}")) {
            table.numbers {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "Phase" }
                    @for name in ["count", "avg", "min", "p50", "p90", "p95", "p99", "p99.9", "max", "stddev"] {
                        th scope="col" { (name) }
                    }
                } }
                tbody {
                    @for (trend, figures) in recorded {
                        tr {
                            th scope="row" { (trend.label()) }
                            td { (count(figures.count)) }
                            @for value in [
                                figures.avg, figures.min, figures.med, figures.p90, figures.p95, figures.p99,
                                figures.p999, figures.max, figures.stddev,
                            ] {
                                td { (millis(value)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn sections(figures: &Figures) -> Markup {
    html! { @for (heading, list) in counts(figures) { (rows(heading, &list)) } }
}

/// Labels and values.
fn rows(caption: &str, rows: &[Row]) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    html! {
        table.pairs {
            caption { (caption) }
            tbody { @for row in rows { tr { th scope="row" { (row.label) } td { (row.value) } } } }
        }
    }
}

fn errors(figures: &Figures) -> Markup {
    if figures.errors.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="errors" {
            h2 id="errors" { "Errors" }
            div.scroll tabindex="0" role="group" aria-labelledby="errors" {
                table {
                    thead { tr { th scope="col" { "Class" } th.number scope="col" { "Count" } th scope="col" { "The first" } } }
                    tbody {
                        @for (class, error) in &figures.errors {
                            tr {
                                th scope="row" { (class.label()) }
                                td.number { (count(error.count)) }
                                td { ul.examples { @for text in &error.examples { li { code { (text) } } } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn books(books: &Books, single: bool) -> Markup {
    // With one group its equations repeat those of the total.
    let shown: Vec<&Equation> = books
        .equations
        .iter()
        .filter(|equation| !single || equation.group.is_none())
        .collect();
    html! {
        section aria-labelledby="books" {
            h2 id="books" { "Books" }
            p { "Whatever began comes to exactly one end: each whole is the sum of its parts." }
            details open[!books.balanced] {
                summary { (count(shown.len() as u64)) " equations" }
                ul.equations {
                    @for equation in shown {
                        li class=(if equation.holds() { "good" } else { "bad" }) { (equation) }
                    }
                }
            }
        }
    }
}

/// The numbers behind the charts, for those who cannot see them and those who want to copy them.
fn series(summary: &Summary) -> Markup {
    let points = &summary.series.points;
    if points.is_empty() {
        return html! {};
    }
    let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), millis);
    html! {
        section aria-labelledby="series" {
            h2 id="series" { "The charts' numbers" }
            details {
                summary { (count(points.len() as u64)) " intervals" }
                div.scroll tabindex="0" role="group" aria-labelledby="series" {
                    table.numbers {
                        thead { tr {
                            @for name in [
                                "from", "clients", "open", "sent", "received", "p50", "p90", "p99", "max", "opened", "closed",
                                "lost", "errors",
                            ] { th scope="col" { (name) } }
                        } }
                        tbody {
                            @for point in points {
                                @let response = point.total.trends_ms.get(&Trend::Response);
                                tr {
                                    th scope="row" { (seconds(point.at_s)) }
                                    td { (count(point.clients_active)) }
                                    td { (count(point.connections_open)) }
                                    td { (rate(point.rate(Counter::MessagesSent))) }
                                    td { (rate(point.rate(Counter::MessagesReceived))) }
                                    td { (cell(response.map(|figures| figures.med))) }
                                    td { (cell(response.map(|figures| figures.p90))) }
                                    td { (cell(response.map(|figures| figures.p99))) }
                                    td { (cell(response.map(|figures| figures.max))) }
                                    td { (count(point.total.counter(Counter::ConnectOpened))) }
                                    td { (count(point.total.closed)) }
                                    td { (count(point.total.lost)) }
                                    td { (count(point.total.errors)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
