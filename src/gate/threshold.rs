//! [`Threshold`]: a metric, a condition on it, and whether crossing it ends the run.

use std::fmt;
use std::time::Duration;

use crate::units::{nearest, quoted, suggestion};

use super::expression::Expression;
use super::metric::Metric;

/// One condition that a run must meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// What is looked at.
    pub metric: Metric,
    /// What must hold of it.
    pub expression: Expression,
    /// End the run as soon as it is crossed.
    pub abort_on_fail: bool,
    /// With `abort_on_fail`: not before this much of the run is over.
    pub delay_abort_eval: Duration,
}

/// What is wrong with a metric's name or a condition, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ThresholdError {
    /// Byte offset in the text that was read.
    pub offset: usize,
    /// What is wrong and what was expected.
    pub message: String,
}

impl ThresholdError {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
        }
    }
}

impl Threshold {
    /// A threshold that does not end the run.
    ///
    /// # Errors
    ///
    /// If either text is wrong; the offset is into the text that the error is about, and
    /// [`of_flag`](Self::of_flag) counts from the begin of both.
    pub fn new(metric: &str, expression: &str) -> Result<Self, ThresholdError> {
        let metric = Metric::parse(metric)?;
        let expression = Expression::parse(expression, &metric)?;
        Ok(Self {
            metric,
            expression,
            abort_on_fail: false,
            delay_abort_eval: Duration::ZERO,
        })
    }

    /// Reads `metric: expression`, the form of the command line.
    ///
    /// # Errors
    ///
    /// If it is not that form, or either part is wrong.
    pub fn of_flag(text: &str) -> Result<Self, ThresholdError> {
        // A selector has a colon too, so the one after the braces counts.
        let after_selectors = text.find('}').map_or(0, |end| end + 1);
        let Some(colon) = text[after_selectors..].find(':').map(|at| at + after_selectors) else {
            return Err(ThresholdError::new(
                text.len(),
                "expected `metric: condition`, for example `response_time: p(95)<250ms`",
            ));
        };
        let shift = |by: usize| {
            move |error: ThresholdError| ThresholdError {
                offset: error.offset + by,
                ..error
            }
        };
        let metric = Metric::parse(&text[..colon])?;
        let expression = Expression::parse(&text[colon + 1..], &metric).map_err(shift(colon + 1))?;
        Ok(Self {
            metric,
            expression,
            abort_on_fail: false,
            delay_abort_eval: Duration::ZERO,
        })
    }

    /// Checks that the group which the metric selects exists.
    ///
    /// # Errors
    ///
    /// If there is no such group.
    pub fn check_group<'a>(&self, groups: impl Iterator<Item = &'a str> + Clone) -> Result<(), String> {
        let Some(wanted) = self.metric.group() else {
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
}

/// `response_time{group:chat}: p(95)<250ms`.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.metric, self.expression)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_split_at_the_colon_behind_the_selectors() {
        for text in [
            "response_time: p(95)<250ms",
            "response_time{group:chat}:p(95)<250ms",
            "errors{class:reply_timeout}: count<10",
        ] {
            let threshold = Threshold::of_flag(text).unwrap();
            assert_eq!(
                threshold.to_string().replace(' ', ""),
                text.replace(' ', ""),
                "{text}"
            );
        }
        let error = Threshold::of_flag("response_time p(95)<250ms").unwrap_err();
        assert!(error.message.contains("`metric: condition`"), "{error}");
        let error = Threshold::of_flag("response_time: p(95)<abc").unwrap_err();
        assert_eq!(error.offset, 21, "{error}");
    }

    #[test]
    fn a_group_that_is_not_there_is_told_with_those_that_are() {
        let threshold = Threshold::of_flag("response_time{group:chta}: avg<1s").unwrap();
        let error = threshold.check_group(["chat", "feed"].into_iter()).unwrap_err();
        assert!(
            error.contains("did you mean `chat`?") && error.contains("`feed`"),
            "{error}"
        );
        assert!(threshold.check_group(["chta"].into_iter()).is_ok());
    }
}
