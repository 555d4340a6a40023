//! Which charts a run gets.

use crate::metrics::{Counter, Histogram, Point, Summary, Trend, TrendFigures};
use crate::report::format::{bytes, count, millis, seconds, short};

use super::chart::{Axis, Chart, Line, Scale};

const TIME: Axis = Axis {
    scale: Scale::Linear,
    label: seconds,
};
const DURATION: Axis = Axis {
    scale: Scale::Logarithmic,
    label: millis,
};
const NUMBER: Axis = Axis {
    scale: Scale::Linear,
    label: number,
};
const VOLUME: Axis = Axis {
    scale: Scale::Linear,
    label: bytes,
};
/// Percentiles are placed by how many nines they have.
const NINES: Axis = Axis {
    scale: Scale::Linear,
    label: percentile,
};

/// Every chart that has something to show.
pub(super) fn of(summary: &Summary) -> Vec<Chart> {
    let points = &summary.series.points;
    let charts = [
        latency(points, "Response time", Trend::Response),
        spectrum(summary),
        over_time(
            points,
            "Messages per second",
            NUMBER,
            [
                ("sent", |point: &Point| point.rate(Counter::MessagesSent)),
                ("received", |point: &Point| point.rate(Counter::MessagesReceived)),
            ],
        ),
        over_time(
            points,
            "Clients and connections",
            NUMBER,
            [
                ("clients wanted", |point: &Point| point.clients_wanted as f64),
                ("clients active", |point: &Point| point.clients_active as f64),
                ("connections open", |point: &Point| point.connections_open as f64),
            ],
        ),
        over_time(
            points,
            "Bytes per second",
            VOLUME,
            [
                ("out", |point: &Point| point.rate(Counter::BytesSent)),
                ("in", |point: &Point| point.rate(Counter::BytesReceived)),
            ],
        ),
        latency(points, "Connect time", Trend::Connect),
        latency(points, "Ping round trip", Trend::Ping),
        latency(points, "Send lag of the generator", Trend::SendLag),
        over_time(
            points,
            "Connects and failures per second",
            NUMBER,
            [
                ("opened", |point: &Point| point.rate(Counter::ConnectOpened)),
                ("closed", |point: &Point| point.per_second(point.total.closed)),
                ("lost", |point: &Point| point.per_second(point.total.lost)),
                ("errors", |point: &Point| point.per_second(point.total.errors)),
            ],
        ),
    ];
    charts.into_iter().filter(Chart::is_worth_it).collect()
}

type Read = fn(&Point) -> f64;
type ReadTrend = fn(&TrendFigures) -> f64;

fn over_time<const N: usize>(
    points: &[Point],
    title: &'static str,
    y: Axis,
    lines: [(&'static str, Read); N],
) -> Chart {
    let lines = lines.map(|(name, read)| Line {
        name,
        points: points
            .iter()
            .map(|point| (middle(point), Some(read(point))))
            .collect(),
    });
    chart(title, TIME, y, lines.into())
}

fn latency(points: &[Point], title: &'static str, trend: Trend) -> Chart {
    let percentiles: [(&str, ReadTrend); 4] = [
        ("p50", |figures| figures.med),
        ("p90", |figures| figures.p90),
        ("p99", |figures| figures.p99),
        ("max", |figures| figures.max),
    ];
    let lines = percentiles.map(|(name, read)| Line {
        name,
        points: points
            .iter()
            .map(|point| (middle(point), point.total.trends_ms.get(&trend).map(read)))
            .collect(),
    });
    chart(title, TIME, DURATION, lines.into())
}

/// Latency by percentile over the whole run, as HdrHistogram's plots have it.
fn spectrum(summary: &Summary) -> Chart {
    let lines = [
        ("response", Trend::Response),
        ("service", Trend::Service),
        ("connect", Trend::Connect),
        ("ping", Trend::Ping),
    ]
    .into_iter()
    .filter_map(|(name, trend)| {
        let histogram = Histogram::from_base64(summary.histograms.get(&trend)?).ok()?;
        let points = histogram
            .counts()
            .iter_quantiles(4)
            .map(|step| (step.quantile_iterated_to(), step.value_iterated_to()))
            // 100 % lies at infinity; the longest value is at the percentile just before it.
            .take_while(|(quantile, _)| *quantile < 1.0)
            .map(|(quantile, nanos)| (nines(quantile), Some(nanos as f64 / 1e6)))
            .collect();
        Some(Line { name, points })
    });
    chart("Latency by percentile", NINES, DURATION, lines.collect())
}

/// 0 % is 0, 90 % is 1, 99 % is 2, 99.9 % is 3.
fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

fn percentile(nines: f64) -> String {
    if (nines - nines.round()).abs() > 1e-6 {
        return String::new();
    }
    let decimals = (nines.round() as usize).saturating_sub(2);
    format!("{:.decimals$}%", (1.0 - 10_f64.powf(-nines)) * 100.0)
}

fn middle(point: &Point) -> f64 {
    point.at_s + point.length_s / 2.0
}

/// `1,200`, `15k`, `2.5M`: short, for an axis.
fn number(value: f64) -> String {
    match value {
        ..10.0 => short(value),
        ..10_000.0 => count(value.round() as u64),
        ..1e6 => format!("{}k", short(value / 1e3)),
        _ => format!("{}M", short(value / 1e6)),
    }
}

fn chart(title: &'static str, x: Axis, y: Axis, lines: Vec<Line>) -> Chart {
    let described: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            let (low, high) = line.extent()?;
            Some(format!(
                "{} from {} to {}",
                line.name,
                (y.label)(low),
                (y.label)(high)
            ))
        })
        .collect();
    Chart {
        title,
        description: format!("{title}: {}.", described.join("; ")),
        x,
        y,
        lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_short() {
        assert_eq!(
            [0.0, 0.5, 999.4, 1_200.0, 15_000.0, 2_500_000.0].map(number),
            ["0", "0.5", "999", "1,200", "15k", "2.5M"]
        );
        assert_eq!(
            [0.0, 0.5, 1.0, 2.0, 3.0, 5.0].map(percentile),
            ["0%", "", "90%", "99%", "99.9%", "99.999%"]
        );
        assert!((nines(0.99) - 2.0).abs() < 1e-9);
    }
}
