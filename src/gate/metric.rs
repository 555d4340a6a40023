//! [`Metric`]: a name and selectors, as `response_time{group:chat}`, and how its value is read from what was measured.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, IntoDeserializer};

use crate::metrics::{
    CloseCause, Counter, ErrorClass, Histogram, Measured, Side, Tally, ThresholdUnit, Trend,
};
use crate::units::{nearest, quoted, suggestion};

use super::expression::Aggregate;
use super::threshold::ThresholdError;

/// Something that a run measures and a threshold may be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// As it was written, without blanks.
    text: String,
    source: Source,
    group: Option<String>,
}

/// Where a metric's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Trend(Trend),
    Counter(Counter),
    /// Messages whose reply never came.
    MessagesLost,
    /// Connections that ended without a Close frame.
    ConnectionsLost,
    Errors(Option<ErrorClass>),
    ConnectionsClosed(Option<CloseCause>),
    CloseCodes {
        by: Option<Side>,
        code: Option<u16>,
    },
    PeakClients,
    PeakConnections,
}

/// What kind of numbers a metric has, which decides the conditions it can be under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A distribution of durations.
    Trend,
    /// A number of things, and how many per second.
    Counter {
        /// Whether the things are bytes.
        bytes: bool,
    },
    /// A number of things out of others, and their share.
    Share,
    /// One number.
    Gauge,
}

/// What is no member of an enum of the samples, with the selectors that it takes.
const OTHERS: [(&str, Source, &[&str]); 7] = [
    ("messages_lost", Source::MessagesLost, &[]),
    ("connections_lost", Source::ConnectionsLost, &[]),
    ("errors", Source::Errors(None), &["class"]),
    ("connections_closed", Source::ConnectionsClosed(None), &["cause"]),
    (
        "close_codes",
        Source::CloseCodes { by: None, code: None },
        &["by", "code"],
    ),
    ("peak_clients", Source::PeakClients, &[]),
    ("peak_connections", Source::PeakConnections, &[]),
];

impl Metric {
    /// Reads a name with selectors.
    ///
    /// # Errors
    ///
    /// If there is no such metric, or it has no such selector; the nearest one is suggested.
    pub fn parse(text: &str) -> Result<Self, ThresholdError> {
        let start = text.len() - text.trim_start().len();
        let written = text.trim();
        let (name, selectors) = match written.split_once('{') {
            Some((name, rest)) => {
                let inner = rest.strip_suffix('}').ok_or_else(|| {
                    ThresholdError::new(
                        start + written.len(),
                        "expected `}` after the selectors, as in `response_time{group:chat}`",
                    )
                })?;
                (name.trim_end(), Some((inner, start + name.len() + 1)))
            }
            None => (written, None),
        };
        let source = source_named(name).ok_or_else(|| unknown(name, start))?;
        let mut metric = Self {
            text: name.to_owned(),
            source,
            group: None,
        };
        let Some((inner, mut offset)) = selectors else {
            return Ok(metric);
        };
        let mut written = Vec::new();
        for part in inner.split(',') {
            written.push(metric.select(name, part, offset)?);
            offset += part.len() + 1;
        }
        metric.text = format!("{name}{{{}}}", written.join(","));
        Ok(metric)
    }

    /// Takes in one `key:value`, and gives it without blanks.
    fn select(&mut self, name: &str, part: &str, offset: usize) -> Result<String, ThresholdError> {
        let offset = offset + part.len() - part.trim_start().len();
        let keys: Vec<&str> = ["group"]
            .into_iter()
            .chain(selectors_of(self.source).iter().copied())
            .filter(|_| !matches!(self.source, Source::PeakClients | Source::PeakConnections))
            .collect();
        if keys.is_empty() {
            return Err(ThresholdError::new(
                offset,
                format!("`{name}` takes no selectors"),
            ));
        }
        let expected = || {
            ThresholdError::new(
                offset,
                format!(
                    "expected a selector of `{name}` with its value, as `{}:...`\n  selectors: {}",
                    keys[0],
                    quoted(keys.iter().copied())
                ),
            )
        };
        let (key, value) = part.split_once(':').ok_or_else(expected)?;
        let (key, value) = (key.trim(), value.trim());
        if !keys.contains(&key) || value.is_empty() {
            return Err(expected());
        }
        match (key, &mut self.source) {
            ("class", Source::Errors(class)) => *class = Some(word(value, &ErrorClass::ALL, offset)?),
            ("cause", Source::ConnectionsClosed(cause)) => {
                *cause = Some(word(value, &CloseCause::ALL, offset)?);
            }
            ("by", Source::CloseCodes { by, .. }) => *by = Some(word(value, &Side::ALL, offset)?),
            ("code", Source::CloseCodes { code, .. }) => {
                let number = value.parse().ok().filter(|number| (1000..5000).contains(number));
                *code = Some(number.ok_or_else(|| {
                    ThresholdError::new(offset, format!("`{value}` is not a close code from 1000 to 4999"))
                })?);
            }
            _ => self.group = Some(value.to_owned()),
        }
        Ok(format!("{key}:{value}"))
    }

    /// The client group that is selected; none means all together.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Checks that the group which the metric selects exists.
    ///
    /// # Errors
    ///
    /// If there is no such group.
    pub fn check_group<'a>(&self, groups: impl Iterator<Item = &'a str> + Clone) -> Result<(), String> {
        let Some(wanted) = self.group() else {
            return Ok(());
        };
        if groups.clone().any(|name| name == wanted) {
            return Ok(());
        }
        Err(format!(
            "there is no client group `{wanted}`{}\n  groups: {}",
            suggestion(nearest(wanted, groups.clone())),
            quoted(groups)
        ))
    }

    pub(super) fn kind(&self) -> Kind {
        match self.source {
            Source::Trend(_) => Kind::Trend,
            Source::Counter(
                Counter::BytesSent | Counter::BytesReceived | Counter::PayloadSent | Counter::PayloadReceived,
            ) => Kind::Counter { bytes: true },
            Source::Counter(counter) if whole_of(counter).is_some() => Kind::Share,
            Source::Counter(_) | Source::Errors(_) => Kind::Counter { bytes: false },
            Source::MessagesLost
            | Source::ConnectionsLost
            | Source::ConnectionsClosed(_)
            | Source::CloseCodes { .. } => Kind::Share,
            Source::PeakClients | Source::PeakConnections => Kind::Gauge,
        }
    }

    /// What the numbers of this metric under this aggregate are in.
    pub(super) fn unit(&self, aggregate: Aggregate) -> ThresholdUnit {
        match (self.kind(), aggregate) {
            (_, Aggregate::Count) | (Kind::Gauge, _) => ThresholdUnit::Count,
            (Kind::Trend, _) => ThresholdUnit::Ms,
            (Kind::Share, _) => ThresholdUnit::Share,
            (Kind::Counter { .. }, _) => ThresholdUnit::PerSecond,
        }
    }

    /// The value in its [unit](Self::unit); none where nothing was measured that it could be computed from.
    pub(super) fn value(&self, aggregate: Aggregate, measured: &Measured<'_>) -> Option<f64> {
        if let Source::Trend(trend) = self.source {
            return self.of_trend(trend, aggregate, measured);
        }
        let sum = |of: &dyn Fn(&Tally) -> u64| self.tallies(measured).map(of).sum::<u64>() as f64;
        let amount = match self.source {
            Source::PeakClients => measured.peak.clients_active as f64,
            Source::PeakConnections => measured.peak.connections_open as f64,
            source => sum(&|tally| amount(source, tally)),
        };
        match (self.kind(), aggregate) {
            (Kind::Share, Aggregate::Rate) => {
                let whole = sum(&|tally| whole(self.source, tally));
                (whole > 0.0).then(|| amount / whole)
            }
            (Kind::Counter { .. }, Aggregate::Rate) => {
                let seconds = measured.elapsed.as_secs_f64();
                (seconds > 0.0).then(|| amount / seconds)
            }
            _ => Some(amount),
        }
    }

    fn of_trend(&self, trend: Trend, aggregate: Aggregate, measured: &Measured<'_>) -> Option<f64> {
        let mut histograms = self.tallies(measured).filter_map(|tally| tally.trend(trend));
        let Some(first) = histograms.next() else {
            return (aggregate == Aggregate::Count).then_some(0.0);
        };
        let rest: Vec<&Histogram> = histograms.collect();
        if rest.is_empty() {
            return Some(aggregate.of(first));
        }
        let mut merged = first.clone();
        rest.into_iter().for_each(|other| merged.merge(other));
        Some(aggregate.of(&merged))
    }

    fn tallies<'m>(&'m self, measured: &'m Measured<'_>) -> impl Iterator<Item = &'m Tally> {
        measured
            .groups
            .iter()
            .filter(|(name, _)| self.group.as_ref().is_none_or(|wanted| wanted == name))
            .map(|(_, tally)| *tally)
    }
}

/// As it was written, without blanks.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Aggregate {
    /// Of a distribution: milliseconds, or how many.
    fn of(self, histogram: &Histogram) -> f64 {
        let millis = |duration: Duration| duration.as_nanos() as f64 / 1e6;
        match self {
            Self::Avg => millis(histogram.mean()),
            Self::Min => millis(histogram.min()),
            Self::Med => millis(histogram.quantile(0.5)),
            Self::Max => millis(histogram.max()),
            Self::Percentile(percent) => millis(histogram.quantile(percent / 100.0)),
            Self::Count | Self::Rate | Self::Value => histogram.count() as f64,
        }
    }
}

/// Of what a counter counts a part, where it does.
const fn whole_of(counter: Counter) -> Option<Counter> {
    Some(match counter {
        Counter::ConnectFailed | Counter::ConnectAbandoned => Counter::ConnectAttempted,
        Counter::SentLostTimeout | Counter::SentLostConnection | Counter::RepliesLate => {
            Counter::MessagesSent
        }
        Counter::MessagesUnmatched => Counter::MessagesReceived,
        Counter::PingsUnanswered => Counter::PingsSent,
        Counter::FlowsFailed | Counter::FlowsInterrupted => Counter::FlowsStarted,
        Counter::ExpectsFailed | Counter::ExpectsInterrupted => Counter::ExpectsStarted,
        _ => return None,
    })
}

fn amount(source: Source, tally: &Tally) -> u64 {
    let closed = |wanted: &dyn Fn(CloseCause) -> bool| {
        CloseCause::ALL
            .into_iter()
            .filter(|&cause| wanted(cause))
            .map(|cause| tally.cause(cause))
            .sum()
    };
    match source {
        Source::Counter(counter) => tally.counter(counter),
        Source::MessagesLost => {
            tally.counter(Counter::SentLostTimeout) + tally.counter(Counter::SentLostConnection)
        }
        Source::ConnectionsLost => closed(&CloseCause::is_lost),
        Source::ConnectionsClosed(wanted) => closed(&|cause| wanted.is_none_or(|wanted| wanted == cause)),
        Source::Errors(wanted) => ErrorClass::ALL
            .into_iter()
            .filter(|&class| wanted.is_none_or(|wanted| wanted == class))
            .map(|class| tally.errors().count(class))
            .sum(),
        Source::CloseCodes { by, code } => Side::ALL
            .into_iter()
            .filter(|&side| by.is_none_or(|by| by == side))
            .map(|side| of_codes(tally, side, code))
            .sum(),
        Source::Trend(_) | Source::PeakClients | Source::PeakConnections => 0,
    }
}

/// How often `side` closed, with any code or with this one.
fn of_codes(tally: &Tally, side: Side, wanted: Option<u16>) -> u64 {
    let codes = tally.codes();
    let told_apart: u64 = codes
        .counts(side)
        .filter(|(code, _)| wanted.is_none_or(|wanted| wanted == *code))
        .map(|(_, count)| count)
        .sum();
    told_apart + if wanted.is_none() { codes.other(side) } else { 0 }
}

fn whole(source: Source, tally: &Tally) -> u64 {
    match source {
        Source::Counter(counter) => whole_of(counter).map_or(0, |whole| tally.counter(whole)),
        Source::MessagesLost => tally.counter(Counter::MessagesSent),
        _ => tally.counter(Counter::ConnectOpened),
    }
}

const fn selectors_of(source: Source) -> &'static [&'static str] {
    match source {
        Source::Errors(_) => &["class"],
        Source::ConnectionsClosed(_) => &["cause"],
        Source::CloseCodes { .. } => &["by", "code"],
        _ => &[],
    }
}

/// The name of a member of one of the samples' enums, as everywhere in a summary.
fn name_of(member: impl Serialize) -> String {
    match serde_json::to_value(member) {
        Ok(serde_json::Value::String(name)) => name,
        // Their members are words; the test of the names would show another thing.
        _ => String::new(),
    }
}

/// `response_time`, but `send_lag`: what is a time by its name already needs no suffix.
fn trend_name(trend: Trend) -> String {
    let name = name_of(trend);
    if name.ends_with("_lag") || name.ends_with("_time") {
        name
    } else {
        name + "_time"
    }
}

fn source_named(name: &str) -> Option<Source> {
    let in_others = || {
        OTHERS
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, source, _)| *source)
    };
    let trend = || {
        Trend::ALL
            .into_iter()
            .find(|&trend| trend_name(trend) == name || name_of(trend) == name)
            .map(Source::Trend)
    };
    let word: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
    let counter = || Counter::deserialize(word).ok().map(Source::Counter);
    in_others().or_else(trend).or_else(counter)
}

/// The names of all metrics.
pub(super) fn names() -> Vec<String> {
    Trend::ALL
        .into_iter()
        .map(trend_name)
        .chain(Counter::ALL.into_iter().map(name_of))
        .chain(OTHERS.iter().map(|(name, ..)| (*name).to_owned()))
        .collect()
}

fn unknown(name: &str, offset: usize) -> ThresholdError {
    let names = names();
    let known = || names.iter().map(String::as_str);
    // k6's counterpart, for those who bring a script.
    let from_k6 = match name {
        "ws_connecting" | "ws_connect_time" => Some("connect_time"),
        "ws_msgs_sent" => Some("messages_sent"),
        "ws_msgs_received" => Some("messages_received"),
        "ws_session_duration" => Some("session_time"),
        "ws_ping" => Some("ping_time"),
        "ws_sessions" => Some("connect_opened"),
        _ => None,
    };
    let meant = from_k6.or_else(|| nearest(name, known()));
    let all = if meant.is_some() {
        String::new()
    } else {
        format!("\n  metrics: {}", quoted(known()))
    };
    ThresholdError::new(
        offset,
        format!("unknown metric `{name}`{}{all}", suggestion(meant)),
    )
}

/// The member of `all` that is called `value`.
fn word<T: Copy + Serialize>(value: &str, all: &[T], offset: usize) -> Result<T, ThresholdError> {
    let names: Vec<String> = all.iter().map(name_of).collect();
    if let Some(index) = names.iter().position(|name| name == value) {
        return Ok(all[index]);
    }
    let known = || names.iter().map(String::as_str);
    Err(ThresholdError::new(
        offset,
        format!(
            "unknown value `{value}`{}\n  values: {}",
            suggestion(nearest(value, known())),
            quoted(known())
        ),
    ))
}

#[cfg(test)]
mod tests;
