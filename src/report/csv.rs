//! The run over time as CSV (RFC 4180), for spreadsheets and scripts: one row for each interval and group.

use crate::metrics::{Counter, Point, SERIES_TRENDS, Slice, Summary, Trend, TrendFigures};

use super::ReportError;
use super::names::name;

/// The group's name in rows of all groups together.
const ALL: &str = "all";

/// A figure of a trend, by the name that its column ends with.
type TrendColumn = (&'static str, fn(&TrendFigures) -> f64);

const TREND_COLUMNS: [TrendColumn; 7] = [
    ("avg", |trend| trend.avg),
    ("min", |trend| trend.min),
    ("p50", |trend| trend.med),
    ("p90", |trend| trend.p90),
    ("p99", |trend| trend.p99),
    ("p999", |trend| trend.p999),
    ("max", |trend| trend.max),
];

/// The series with a line of column names. Counts are of the interval, not per second: `length_s` tells what to divide
/// by. A duration that nothing was measured of is empty; so are clients and connections of a single group.
pub(super) fn render(summary: &Summary) -> Result<Vec<u8>, ReportError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header())?;
    for point in &summary.series.points {
        writer.write_record(row(point, ALL, &point.total, true))?;
        for (group, slice) in summary.groups.iter().zip(&point.groups) {
            writer.write_record(row(point, &group.name, slice, false))?;
        }
    }
    writer
        .into_inner()
        .map_err(|error| ReportError::Csv(error.into_error().into()))
}

fn header() -> Vec<String> {
    let mut names: Vec<String> = [
        "at_s",
        "length_s",
        "group",
        "clients_wanted",
        "clients_active",
        "connections_open",
        "closed",
        "lost",
        "errors",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend(Counter::ALL.into_iter().map(name));
    for trend in SERIES_TRENDS {
        names.push(format!("{}_count", name(trend)));
        names.extend(
            TREND_COLUMNS
                .iter()
                .map(|(column, _)| format!("{}_{column}_ms", name(trend))),
        );
    }
    names
}

fn row(point: &Point, group: &str, slice: &Slice, gauges: bool) -> Vec<String> {
    let gauge = |value: u64| if gauges { value.to_string() } else { String::new() };
    let mut cells = vec![
        point.at_s.to_string(),
        point.length_s.to_string(),
        group.to_owned(),
        gauge(point.clients_wanted),
        gauge(point.clients_active),
        gauge(point.connections_open),
        slice.closed.to_string(),
        slice.lost.to_string(),
        slice.errors.to_string(),
    ];
    cells.extend(
        Counter::ALL
            .iter()
            .map(|&counter| slice.counter(counter).to_string()),
    );
    for trend in SERIES_TRENDS {
        cells.extend(trend_cells(slice, trend));
    }
    cells
}

fn trend_cells(slice: &Slice, trend: Trend) -> Vec<String> {
    match slice.trends_ms.get(&trend) {
        Some(figures) => std::iter::once(figures.count.to_string())
            .chain(TREND_COLUMNS.iter().map(|(_, read)| read(figures).to_string()))
            .collect(),
        None => std::iter::once("0".to_owned())
            .chain(TREND_COLUMNS.iter().map(|_| String::new()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::tests::three_seconds;

    #[test]
    fn a_row_for_each_interval_and_group() {
        let text = String::from_utf8(render(&three_seconds()).unwrap()).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_row_has_every_column_and_what_was_not_measured_is_empty() {
        let file = render(&three_seconds()).unwrap();
        let mut reader = csv::Reader::from_reader(&*file);
        let header = reader.headers().unwrap().clone();
        let column = |name: &str| header.iter().position(|found| found == name).unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), 3 * 3);
        let cell = |row: usize, name: &str| rows[row][column(name)].to_owned();
        assert_eq!(
            [cell(0, "group"), cell(1, "group"), cell(2, "group")],
            ["all", "sensors", "gateways"]
        );
        assert_eq!(
            (cell(6, "response_p50_ms"), cell(6, "response_max_ms")),
            ("75.038719".to_owned(), "150".to_owned())
        );
        assert_eq!(
            (cell(3, "response_count"), cell(3, "response_p50_ms")),
            ("0".to_owned(), String::new())
        );
        assert_eq!(
            (cell(3, "connections_open"), cell(4, "connections_open")),
            ("18".to_owned(), String::new())
        );
        let sent: u64 = (0..3)
            .map(|point| cell(3 * point, "messages_sent").parse::<u64>().unwrap())
            .sum();
        assert_eq!(sent, 300);
    }
}
