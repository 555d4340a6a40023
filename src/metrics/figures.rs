//! [`Figures`]: a [`Tally`] made readable, for snapshots, summaries and everything that is computed from them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::close_codes::CloseCodes;
use super::close_reasons::CloseReasons;
use super::histogram::Histogram;
use super::sample::{CloseCause, Counter, ErrorClass, Side, Trend};
use super::size_limits::SizeLimits;
use super::tally::Tally;

/// Counters whose value per second says something.
const RATED: [Counter; 6] = [
    Counter::ConnectOpened,
    Counter::MessagesSent,
    Counter::MessagesReceived,
    Counter::BytesSent,
    Counter::BytesReceived,
    Counter::FlowsCompleted,
];

/// What was measured of one group, or of all together, over a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Durations in milliseconds; a trend that nobody recorded is absent.
    pub trends_ms: BTreeMap<Trend, TrendFigures>,
    /// Every counter, zeros included.
    pub counters: BTreeMap<Counter, u64>,
    /// Some counters per second of the stretch.
    pub rates_per_s: BTreeMap<Counter, f64>,
    /// How many opened connections ended by each cause, zeros included.
    pub closed: BTreeMap<CloseCause, u64>,
    /// Close codes by who sent the first Close frame.
    pub close_codes: CloseCodeFigures,
    /// The share of the messages that members of rooms should have received and did; absent if there was none.
    pub reach: Option<f64>,
    /// Reasons that first Close frames gave.
    pub close_reasons: CloseReasonFigures,
    /// What size probes found; absent if there was none.
    pub size_limits: Option<SizeLimitFigures>,
    /// Errors by class; a class that did not happen is absent.
    pub errors: BTreeMap<ErrorClass, ErrorFigures>,
}

/// A trend in numbers: milliseconds, under k6's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrendFigures {
    /// How many durations were recorded.
    pub count: u64,
    /// Arithmetic mean.
    pub avg: f64,
    /// Shortest.
    pub min: f64,
    /// Median.
    pub med: f64,
    /// Longest.
    pub max: f64,
    /// 90th percentile.
    #[serde(rename = "p(90)")]
    pub p90: f64,
    /// 95th percentile.
    #[serde(rename = "p(95)")]
    pub p95: f64,
    /// 99th percentile.
    #[serde(rename = "p(99)")]
    pub p99: f64,
    /// 99.9th percentile.
    #[serde(rename = "p(99.9)")]
    pub p999: f64,
    /// Standard deviation.
    pub stddev: f64,
}

/// Close codes by who sent the first Close frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseCodeFigures {
    /// Sent by the load client; 1005 stands for a frame without a code.
    pub client: CodeCounts,
    /// Sent by the target or a gateway before it.
    pub server: CodeCounts,
    /// Connections that ended without a Close frame (1006).
    pub nobody: CodeCounts,
}

/// Reasons by who sent the first Close frame; frames without one are not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseReasonFigures {
    /// As `1008 rate limit exceeded`, with how often the load client gave it.
    pub client: BTreeMap<String, u64>,
    /// The same of the target, or a gateway before it.
    pub server: BTreeMap<String, u64>,
    /// Reasons beyond the number that is told apart.
    pub other: u64,
}

/// What size probes found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeLimitFigures {
    /// Probes that came to their end.
    pub probes: u64,
    /// The largest message that was accepted, in bytes; absent if none was.
    pub accepted: Option<SizeRange>,
    /// The smallest that was refused; absent if none was.
    pub refused: Option<SizeRange>,
    /// How refusals looked, with how often each was seen.
    pub refusals: BTreeMap<String, u64>,
    /// Refusals beyond the number that is told apart.
    pub other: u64,
}

/// The values of several probes: the same twice if they agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeRange {
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
}

/// How often each code was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeCounts {
    /// By code.
    pub codes: BTreeMap<u16, u64>,
    /// Codes beyond the number that is told apart.
    pub other: u64,
}

/// Errors of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorFigures {
    /// How many there were.
    pub count: u64,
    /// The first few different texts.
    pub examples: Vec<String>,
}

impl Figures {
    /// The figures of what `tally` counted in `stretch`.
    #[must_use]
    pub fn new(tally: &Tally, stretch: Duration) -> Self {
        let seconds = stretch.as_secs_f64();
        let rate = |counter| {
            if seconds > 0.0 {
                thousandths(tally.counter(counter) as f64 / seconds)
            } else {
                0.0
            }
        };
        Self {
            trends_ms: Trend::ALL
                .into_iter()
                .filter_map(|trend| Some((trend, TrendFigures::new(tally.trend(trend)?))))
                .collect(),
            counters: Counter::ALL
                .into_iter()
                .map(|counter| (counter, tally.counter(counter)))
                .collect(),
            rates_per_s: RATED
                .into_iter()
                .map(|counter| (counter, rate(counter)))
                .collect(),
            closed: CloseCause::ALL
                .into_iter()
                .map(|cause| (cause, tally.cause(cause)))
                .collect(),
            close_codes: CloseCodeFigures::new(tally.codes()),
            reach: reach(tally),
            close_reasons: CloseReasonFigures::new(tally.reasons()),
            size_limits: SizeLimitFigures::new(tally.size_limits()),
            errors: errors_of(tally),
        }
    }

    /// The value of a counter.
    #[must_use]
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters.get(&counter).copied().unwrap_or(0)
    }

    /// A counter per second; zero for a counter that has no rate.
    #[must_use]
    pub fn rate(&self, counter: Counter) -> f64 {
        self.rates_per_s.get(&counter).copied().unwrap_or(0.0)
    }

    /// How many opened connections ended by `cause`.
    #[must_use]
    pub fn closed(&self, cause: CloseCause) -> u64 {
        self.closed.get(&cause).copied().unwrap_or(0)
    }

    /// A trend, if it was recorded.
    #[must_use]
    pub fn trend(&self, trend: Trend) -> Option<&TrendFigures> {
        self.trends_ms.get(&trend)
    }

    /// How many errors of `class` happened.
    #[must_use]
    pub fn errors(&self, class: ErrorClass) -> u64 {
        self.errors.get(&class).map_or(0, |error| error.count)
    }

    /// Messages that members of rooms should have received: those that they received and those that were lost.
    #[must_use]
    pub fn fan_out_expected(&self) -> u64 {
        self.counter(Counter::FanOutReceived) + self.counter(Counter::FanOutLost)
    }

    /// How many connections the peer or the network ended without a Close frame.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.closed
            .iter()
            .filter(|(cause, _)| cause.is_lost())
            .map(|(_, count)| count)
            .sum()
    }
}

impl TrendFigures {
    /// The figures of a histogram.
    #[must_use]
    pub fn new(histogram: &Histogram) -> Self {
        let [med, p90, p95, p99, p999] = histogram.quantiles([0.5, 0.9, 0.95, 0.99, 0.999]).map(millis);
        Self {
            count: histogram.count(),
            avg: millis(histogram.mean()),
            min: millis(histogram.min()),
            med,
            max: millis(histogram.max()),
            p90,
            p95,
            p99,
            p999,
            stddev: millis(histogram.stddev()),
        }
    }
}

impl CloseCodeFigures {
    fn new(codes: &CloseCodes) -> Self {
        let of = |by| CodeCounts {
            codes: codes.counts(by).collect(),
            other: codes.other(by),
        };
        Self {
            client: of(Side::Client),
            server: of(Side::Server),
            nobody: of(Side::Nobody),
        }
    }

    /// The codes that `by` sent.
    #[must_use]
    pub const fn by(&self, by: Side) -> &CodeCounts {
        match by {
            Side::Client => &self.client,
            Side::Server => &self.server,
            Side::Nobody => &self.nobody,
        }
    }
}

impl CloseReasonFigures {
    fn new(reasons: &CloseReasons) -> Self {
        let mut figures = Self {
            other: reasons.other(),
            ..Self::default()
        };
        for entry in reasons.iter() {
            let text = format!("{} {}", entry.code, String::from_utf8_lossy(&entry.reason));
            let side = match entry.by {
                Side::Client => &mut figures.client,
                Side::Server | Side::Nobody => &mut figures.server,
            };
            *side.entry(text).or_default() += entry.count;
        }
        figures
    }
}

impl SizeLimitFigures {
    fn new(limits: &SizeLimits) -> Option<Self> {
        let range = |range: Option<(u64, u64)>| range.map(|(min, max)| SizeRange { min, max });
        (!limits.is_empty()).then(|| Self {
            probes: limits.probes,
            accepted: range(limits.accepted),
            refused: range(limits.refused),
            refusals: limits.looks().iter().cloned().collect(),
            other: limits.other,
        })
    }
}

fn reach(tally: &Tally) -> Option<f64> {
    let received = tally.counter(Counter::FanOutReceived);
    let expected = received + tally.counter(Counter::FanOutLost);
    (expected > 0).then(|| received as f64 / expected as f64)
}

fn errors_of(tally: &Tally) -> BTreeMap<ErrorClass, ErrorFigures> {
    let log = tally.errors();
    ErrorClass::ALL
        .into_iter()
        .filter(|&class| log.count(class) > 0)
        .map(|class| {
            (
                class,
                ErrorFigures {
                    count: log.count(class),
                    examples: log.examples(class).to_vec(),
                },
            )
        })
        .collect()
}

/// Three decimals: more would only be noise, and these survive the way through JSON exactly.
fn thousandths(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Milliseconds with nanosecond digits, so that nothing is lost on the way into JSON.
fn millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}
