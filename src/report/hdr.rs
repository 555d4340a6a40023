//! HdrHistogram's own files: the interval log (`.hlog`) and the percentile distribution (`.hgrm`).
//!
//! Values are nanoseconds in the log, as HdrHistogram's tools expect of latencies, and milliseconds in the distribution.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::Histogram as Counts;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::metrics::{Histogram, SERIES_TRENDS, Summary, Trend, unix_seconds};

use super::ReportError;
use super::names::name;

/// Nanoseconds in a millisecond: the unit of an interval's maximum in the log.
const MAX_VALUE_DIVISOR: f64 = 1e6;
/// Lines of a distribution for each halving of the distance to 100 %, as the tools write it.
const TICKS_PER_HALF: u32 = 5;

/// The interval log: for each interval one histogram of each trend, told apart by their tags.
pub(super) fn interval_log(summary: &Summary) -> Result<Vec<u8>, ReportError> {
    let failed = |error: &dyn std::fmt::Debug| ReportError::Histogram(format!("{error:?}"));
    let start = UNIX_EPOCH + Duration::from_secs(unix_seconds(&summary.run.started).unwrap_or(0));
    let mut file = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    {
        let run = format!("wsbench {}: {}", summary.run.version, one_line(&summary.run.name));
        let mut log = IntervalLogWriterBuilder::new()
            .add_comment(&run)
            .add_comment("Values in nanoseconds, Interval_Max in milliseconds")
            .with_start_time(start)
            .with_base_time(start)
            .with_max_value_divisor(MAX_VALUE_DIVISOR)
            .begin_log_with(&mut file, &mut serializer)
            .map_err(|error| failed(&error))?;
        for point in &summary.series.points {
            let [begin, length] = [point.at_s, point.length_s].map(Duration::try_from_secs_f64);
            let begin = begin.map_err(|error| failed(&error))?;
            let length = length.map_err(|error| failed(&error))?;
            for trend in SERIES_TRENDS {
                let Some(text) = point.total.histograms.get(&trend) else {
                    continue;
                };
                let counts = decode(trend, text)?;
                log.write_histogram(counts.counts(), begin, length, Tag::new(&name(trend)))
                    .map_err(|error| failed(&error))?;
            }
        }
    }
    Ok(file)
}

/// The percentile distribution of a trend over the whole run.
pub(super) fn distribution(summary: &Summary, trend: Trend) -> Result<Vec<u8>, ReportError> {
    let text = summary
        .histograms
        .get(&trend)
        .ok_or_else(|| ReportError::NotRecorded { trend: name(trend) })?;
    Ok(percentiles(decode(trend, text)?.counts()).into_bytes())
}

/// The trend that a distribution is of if nobody says which: what most people come for, or what there is instead.
pub(super) fn main_trend(summary: &Summary) -> Trend {
    [Trend::Response, Trend::Connect, Trend::Ping]
        .into_iter()
        .find(|trend| summary.histograms.contains_key(trend))
        .unwrap_or(Trend::Response)
}

fn decode(trend: Trend, text: &str) -> Result<Histogram, ReportError> {
    Histogram::from_base64(text).map_err(|error| {
        ReportError::Histogram(format!(
            "the summary's histogram of {} is damaged: {error}",
            name(trend)
        ))
    })
}

/// In the form of HdrHistogram's `outputPercentileDistribution`.
fn percentiles(counts: &Counts<u64>) -> String {
    let millis = |nanos: u64| nanos as f64 / 1e6;
    let mut out = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut total = 0;
    // Writing to a string cannot fail.
    for step in counts.iter_quantiles(TICKS_PER_HALF) {
        let value = millis(counts.highest_equivalent(step.value_iterated_to()));
        let quantile = step.quantile_iterated_to();
        total += step.count_since_last_iteration();
        let _ = write!(out, "{value:12.3} {quantile:2.12} {total:10}");
        if quantile < 1.0 {
            let _ = write!(out, " {:14.2}", 1.0 / (1.0 - quantile));
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]\n#[Max     = {:12.3}, Total count    = {:12}]\n\
         #[Buckets = {:12}, SubBuckets     = {:12}]",
        counts.mean() / 1e6,
        counts.stdev() / 1e6,
        millis(counts.max()),
        counts.len(),
        counts.buckets(),
        2 * 1024,
    );
    out
}

/// A comment of the log ends with its line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::report::text::tests::{sample, three_seconds};

    #[test]
    fn the_log_holds_every_interval_that_measured_something() {
        let file = interval_log(&three_seconds()).unwrap();
        let mut found = Vec::new();
        for entry in IntervalLogIterator::new(&file) {
            if let LogEntry::Interval(interval) = entry.unwrap() {
                let bytes = STANDARD.decode(interval.encoded_histogram()).unwrap();
                let counts: Counts<u64> = Deserializer::new().deserialize(&mut &*bytes).unwrap();
                found.push((
                    interval.tag().unwrap().as_str().to_owned(),
                    interval.start_timestamp().as_secs(),
                    interval.duration().as_secs(),
                    interval.max().round() as u64,
                    counts.len(),
                ));
            }
        }
        assert_eq!(
            found,
            [
                ("response".to_owned(), 0, 1, 100, 100),
                ("response".to_owned(), 2, 1, 150, 50)
            ]
        );
    }

    #[test]
    fn a_name_cannot_break_the_log() {
        let mut summary = three_seconds();
        summary.run.name = "a\n#[StartTime: 1.0]\nb".to_owned();
        let file = String::from_utf8(interval_log(&summary).unwrap()).unwrap();
        assert_eq!(
            file.lines()
                .filter(|line| line.starts_with("#[StartTime"))
                .count(),
            1,
            "{file}"
        );
    }

    #[test]
    fn the_distribution_in_the_form_of_the_tools() {
        let text = String::from_utf8(distribution(&three_seconds(), Trend::Response).unwrap()).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_was_not_recorded_has_no_distribution() {
        let summary = three_seconds();
        let error = distribution(&summary, Trend::Ping).unwrap_err().to_string();
        assert!(error.contains("no `ping`"), "{error}");
        assert_eq!(main_trend(&summary), Trend::Response);
        let mut damaged = sample();
        damaged.histograms = BTreeMap::from([(Trend::Ping, "HISTFAAA".to_owned())]);
        assert_eq!(main_trend(&damaged), Trend::Ping);
        let error = distribution(&damaged, Trend::Ping).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
    }
}
