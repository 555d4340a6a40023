//! Conditions that the run must meet.

use std::time::Duration;

use super::context::Context;
use crate::gate::{Expression, Metric, Threshold, ThresholdError};
use crate::scenario::document::{Condition, ThresholdSpec};
use crate::scenario::plan::Group;
use crate::scenario::yaml::{Entries, Field, List, Located, Position, ScalarOr, Text};

pub(super) fn thresholds(
    context: &mut Context<'_>,
    written: &Entries<ScalarOr<Field<String>, List<Condition>>>,
    groups: &[Group],
) -> Vec<Threshold> {
    let mut found = Vec::new();
    for (key, conditions) in &written.0 {
        let Some(metric) = metric(context, key, groups) else {
            continue;
        };
        match conditions {
            ScalarOr::Scalar(condition) => found.extend(short(context, &metric, condition)),
            ScalarOr::Other(list) => {
                found.extend(list.items.iter().filter_map(|condition| match condition {
                    ScalarOr::Scalar(condition) => short(context, &metric, condition),
                    ScalarOr::Other(spec) => long(context, &metric, spec),
                }));
            }
        }
    }
    found
}

fn metric(context: &mut Context<'_>, key: &Text, groups: &[Group]) -> Option<Metric> {
    let metric = Metric::parse(&key.value)
        .map_err(|error| problem(context, key.at, &key.value, error))
        .ok()?;
    metric
        .check_group(groups.iter().map(|group| group.name.as_str()))
        .map_err(|message| context.problem(key.at, message))
        .ok()?;
    Some(metric)
}

fn short(context: &mut Context<'_>, metric: &Metric, condition: &Field<String>) -> Option<Threshold> {
    let text = context.value(condition)?;
    let expression = Expression::parse(&text, metric)
        .map_err(|error| problem(context, condition.at, &text, error))
        .ok()?;
    Some(Threshold {
        metric: metric.clone(),
        expression,
        abort_on_fail: false,
        delay_abort_eval: Duration::ZERO,
    })
}

fn long(
    context: &mut Context<'_>,
    metric: &Metric,
    Located { value: spec, .. }: &Located<ThresholdSpec>,
) -> Option<Threshold> {
    let abort_on_fail = context.value_or(spec.abort_on_fail.as_ref(), false);
    let delay_abort_eval = context.value_or(spec.delay_abort_eval.as_ref(), Duration::ZERO);
    if let Some(delay) = &spec.delay_abort_eval
        && !abort_on_fail
    {
        context.problem(delay.at, "`delay_abort_eval` needs `abort_on_fail: true`");
    }
    Some(Threshold {
        abort_on_fail,
        delay_abort_eval,
        ..short(context, metric, &spec.threshold)?
    })
}

/// The text may differ from that of the file where it has variables; then the place is that of its begin.
fn problem(
    context: &mut Context<'_>,
    at: Position,
    text: &str,
    ThresholdError { offset, message }: ThresholdError,
) {
    context.problem_inside(at, text, offset, message);
}
