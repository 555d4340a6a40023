//! [`Expression`]: a condition such as `p(95)<250ms`, in k6's grammar.
//!
//! ```text
//! expression = aggregate operator limit
//! aggregate  = "avg" | "min" | "med" | "max" | "p(" number ")" | "rate" | "count" | "value"
//! operator   = "<" | "<=" | ">" | ">=" | "==" | "===" | "!="
//! limit      = number with the unit of the metric: 250ms, 1%, 500/s, 64KiB; a bare duration is in milliseconds
//! ```

use std::fmt;

use crate::units::{ByteSize, Count, Rate, Span, nearest, quoted, suggestion};

use super::metric::{Kind, Metric};
use super::threshold::ThresholdError;

/// A condition on a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// As it was written, without blanks.
    text: String,
    /// Which number of the metric.
    pub aggregate: Aggregate,
    /// How it compares.
    pub operator: Operator,
    /// With what, in the unit of the metric under the aggregate.
    pub limit: f64,
}

/// A number made of everything that a metric measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// Arithmetic mean.
    Avg,
    /// Least.
    Min,
    /// Median.
    Med,
    /// Greatest.
    Max,
    /// What so many percent do not exceed, 0 to 100.
    Percentile(f64),
    /// Per second, or the share of the whole where the metric counts a part of something.
    Rate,
    /// How many.
    Count,
    /// The number itself.
    Value,
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `==`, or `===` as k6 knows it too
    Equal,
    /// `!=`
    NotEqual,
}

/// Longer ones first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 7] = [
    ("===", Operator::Equal),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Expression {
    /// Reads a condition on `metric`.
    ///
    /// # Errors
    ///
    /// If the metric has no such aggregate, or the text is not of the grammar above.
    pub fn parse(text: &str, metric: &Metric) -> Result<Self, ThresholdError> {
        let Some(at) = text.find(['<', '>', '=', '!']) else {
            return Err(ThresholdError::new(
                text.len(),
                format!("expected a condition such as `{}`", metric.kind().example()),
            ));
        };
        let (left, rest) = text.split_at(at);
        let Some((sign, operator)) = OPERATORS.into_iter().find(|(sign, _)| rest.starts_with(sign)) else {
            let known = quoted(OPERATORS.iter().map(|(sign, _)| *sign));
            return Err(ThresholdError::new(at, format!("expected one of {known}")));
        };
        let aggregate = aggregate(left, metric)?;
        let right = &rest[sign.len()..];
        let limit_at = at + sign.len() + (right.len() - right.trim_start().len());
        let limit = limit(right.trim(), aggregate, metric.kind())
            .map_err(|message| ThresholdError::new(limit_at, message))?;
        Ok(Self {
            text: text.split_whitespace().collect(),
            aggregate,
            operator,
            limit,
        })
    }
}

/// As it was written, without blanks.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Operator {
    /// Whether `value` compares so with `limit`.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "`==` and `!=` of the grammar mean just that")]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::Greater => value > limit,
            Self::AtLeast => value >= limit,
            Self::Equal => value == limit,
            Self::NotEqual => value != limit,
        }
    }
}

impl Kind {
    const fn aggregates(self) -> &'static [&'static str] {
        match self {
            Self::Trend => &["avg", "min", "med", "max", "p(N)", "count"],
            Self::Counter { .. } | Self::Share => &["count", "rate"],
            Self::Gauge => &["value"],
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Trend => "p(95)<250ms",
            Self::Counter { bytes: true } => "rate<10MiB/s",
            Self::Counter { bytes: false } => "rate>500/s",
            Self::Share => "rate<1%",
            Self::Gauge => "value>=1000",
        }
    }
}

fn aggregate(left: &str, metric: &Metric) -> Result<Aggregate, ThresholdError> {
    let offset = left.len() - left.trim_start().len();
    let word = left.trim();
    let kind = metric.kind();
    let is_percentile = word.starts_with("p(");
    let known = if is_percentile { "p(N)" } else { word };
    if !kind.aggregates().contains(&known) {
        let message = format!(
            "`{metric}` has no `{word}`{}\n  it has: {}",
            suggestion(nearest(word, kind.aggregates().iter().copied())),
            quoted(kind.aggregates().iter().copied())
        );
        return Err(ThresholdError::new(offset, message));
    }
    Ok(match word {
        "avg" => Aggregate::Avg,
        "min" => Aggregate::Min,
        "med" => Aggregate::Med,
        "max" => Aggregate::Max,
        "rate" => Aggregate::Rate,
        "count" => Aggregate::Count,
        "value" => Aggregate::Value,
        _ => Aggregate::Percentile(percent(word).ok_or_else(|| {
            ThresholdError::new(
                offset,
                format!("`{word}` is not a percentile such as `p(95)` or `p(99.9)`, from 0 to 100"),
            )
        })?),
    })
}

fn percent(word: &str) -> Option<f64> {
    let number = word.strip_prefix("p(")?.strip_suffix(')')?.trim();
    number
        .parse()
        .ok()
        .filter(|percent| (0.0..=100.0).contains(percent))
}

fn limit(text: &str, aggregate: Aggregate, kind: Kind) -> Result<f64, String> {
    let bare: Option<f64> = text.parse().ok().filter(|number: &f64| number.is_finite());
    let read = match (kind, aggregate) {
        (Kind::Trend, aggregate) if aggregate != Aggregate::Count => {
            bare.or_else(|| text.parse().ok().map(|Span(span)| span.as_nanos() as f64 / 1e6))
        }
        (Kind::Share, Aggregate::Rate) => bare.or_else(|| {
            let percent: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
            percent.is_finite().then_some(percent / 100.0)
        }),
        (Kind::Counter { bytes: true }, _) => bare.or_else(|| {
            let size = text.strip_suffix("/s").unwrap_or(text);
            size.parse().ok().map(|ByteSize(bytes)| bytes as f64)
        }),
        (_, Aggregate::Rate) => bare.or_else(|| text.parse().ok().map(Rate::get)),
        _ => bare.or_else(|| text.parse().ok().map(|Count(count)| count as f64)),
    };
    let wanted = match (kind, aggregate) {
        (Kind::Trend, aggregate) if aggregate != Aggregate::Count => {
            "a duration such as 250ms or 1.5s (a bare number is in milliseconds)"
        }
        (Kind::Share, Aggregate::Rate) => "a share such as 0.01 or 1%",
        (Kind::Counter { bytes: true }, Aggregate::Rate) => "bytes per second such as 10MiB/s",
        (Kind::Counter { bytes: true }, _) => "a size such as 64KiB",
        (_, Aggregate::Rate) => "a number per second such as 500 or 500/s",
        _ => "a number such as 100 or 10k",
    };
    read.ok_or_else(|| format!("`{text}` is not {wanted}"))
}

#[cfg(test)]
mod tests;
