//! Think times, fixed or drawn.

use std::time::Duration;

use super::context::Context;
use crate::scenario::document::{LogNormalTime, NormalTime, ThinkTime};
use crate::scenario::plan::Delay;
use crate::scenario::yaml::{Field, List, Located, ScalarOr};

/// The longest, unless the file says otherwise: distributions without an end of their own have one.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

enum Choice<'a> {
    Uniform(&'a Located<List<Field<Duration>>>),
    Exponential(&'a Field<Duration>),
    Normal(&'a NormalTime),
    LogNormal(&'a LogNormalTime),
}

pub(super) fn think(
    context: &mut Context<'_>,
    time: &ScalarOr<Field<Duration>, Located<ThinkTime>>,
) -> Option<Delay> {
    match time {
        ScalarOr::Scalar(fixed) => context.value(fixed).map(Delay::Fixed),
        ScalarOr::Other(drawn) => distribution(context, drawn),
    }
}

fn distribution(context: &mut Context<'_>, drawn: &Located<ThinkTime>) -> Option<Delay> {
    let Located { at, value: keys } = drawn;
    let options = [
        ("uniform", keys.uniform.as_ref().map(Choice::Uniform)),
        ("exponential", keys.exponential.as_ref().map(Choice::Exponential)),
        (
            "normal",
            keys.normal.as_ref().map(|spec| Choice::Normal(&spec.value)),
        ),
        (
            "lognormal",
            keys.lognormal.as_ref().map(|spec| Choice::LogNormal(&spec.value)),
        ),
    ];
    let choice = context.one_of(*at, "a think time", options)?;
    if let (Choice::Uniform(_), Some(field)) = (&choice, &keys.max) {
        context.problem(field.at, "`max` is for distributions without an end of their own");
    }
    let max = keys
        .max
        .as_ref()
        .map_or(Some(LONGEST), |field| context.positive(field));
    match choice {
        Choice::Uniform(bounds) => uniform(context, bounds),
        Choice::Exponential(mean) => {
            let mean = context.positive(mean)?;
            Some(Delay::Exponential { mean, max: max? })
        }
        Choice::Normal(NormalTime { mean, deviation }) => {
            let (mean, deviation) = (context.value(mean), context.value(deviation));
            Some(Delay::Normal {
                mean: mean?,
                deviation: deviation?,
                max: max?,
            })
        }
        Choice::LogNormal(LogNormalTime { median, sigma }) => {
            let (median, sigma) = (context.positive(median), context.value(sigma));
            Some(Delay::LogNormal {
                median: median?,
                sigma: sigma?.0,
                max: max?,
            })
        }
    }
}

fn uniform(context: &mut Context<'_>, bounds: &Located<List<Field<Duration>>>) -> Option<Delay> {
    let [low, high] = bounds.value.items.as_slice() else {
        if !bounds.value.damaged {
            context.problem(bounds.at, "expected two durations, such as [1s, 3s]");
        }
        return None;
    };
    let (low, high) = (context.value(low), context.value(high));
    let (low, high) = (low?, high?);
    if low > high {
        context.problem(bounds.at, "the first duration must not be longer than the second");
        return None;
    }
    Some(Delay::Uniform(low, high))
}
