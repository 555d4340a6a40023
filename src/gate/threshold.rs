//! [`Threshold`]: a metric, a condition on it, and whether crossing it ends the run.

use std::fmt;
use std::time::Duration;

use crate::units::{Span, UnitError};

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
    /// Reads `metric: condition`, the form of the command line. Options follow after semicolons:
    /// `errors: count<10; abort_on_fail; delay_abort_eval=10s`.
    ///
    /// # Errors
    ///
    /// If it is not that form, or a part of it is wrong.
    pub fn of_flag(text: &str) -> Result<Self, ThresholdError> {
        let mut parts = text.split(';');
        let condition = parts.next().unwrap_or_default();
        // A selector has a colon too, so the one after the braces counts.
        let after_selectors = condition.find('}').map_or(0, |end| end + 1);
        let Some(colon) = condition[after_selectors..]
            .find(':')
            .map(|at| at + after_selectors)
        else {
            return Err(ThresholdError::new(
                condition.len(),
                "expected `metric: condition`, for example `response_time: p(95)<250ms`",
            ));
        };
        let metric = Metric::parse(&condition[..colon])?;
        let expression =
            Expression::parse(&condition[colon + 1..], &metric).map_err(|error| ThresholdError {
                offset: error.offset + colon + 1,
                ..error
            })?;
        let mut threshold = Self {
            metric,
            expression,
            abort_on_fail: false,
            delay_abort_eval: Duration::ZERO,
        };
        let mut offset = condition.len() + 1;
        for option in parts {
            threshold
                .set(option.trim())
                .map_err(|message| ThresholdError::new(offset, message))?;
            offset += option.len() + 1;
        }
        Ok(threshold)
    }

    fn set(&mut self, option: &str) -> Result<(), String> {
        if option == "abort_on_fail" {
            self.abort_on_fail = true;
            return Ok(());
        }
        let Some(delay) = option.strip_prefix("delay_abort_eval=") else {
            return Err(format!(
                "unknown option `{option}`; options are `abort_on_fail` and `delay_abort_eval=10s`"
            ));
        };
        let Span(delay) = delay.parse().map_err(|error: UnitError| error.to_string())?;
        self.delay_abort_eval = delay;
        Ok(())
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
        let threshold = Threshold::of_flag("errors: count<1; abort_on_fail;delay_abort_eval=10s").unwrap();
        assert!(threshold.abort_on_fail && threshold.delay_abort_eval == Duration::from_secs(10));
        let error = Threshold::of_flag("errors: count<1; abort").unwrap_err();
        assert!(
            error.offset == 16 && error.message.contains("`abort_on_fail`"),
            "{error}"
        );
    }

    #[test]
    fn a_group_that_is_not_there_is_told_with_those_that_are() {
        let threshold = Threshold::of_flag("response_time{group:chta}: avg<1s").unwrap();
        let error = threshold
            .metric
            .check_group(["chat", "feed"].into_iter())
            .unwrap_err();
        assert!(
            error.contains("did you mean `chat`?") && error.contains("`feed`"),
            "{error}"
        );
        assert!(threshold.metric.check_group(["chta"].into_iter()).is_ok());
    }
}
