//! The `reconnect` section of a connection.

use std::time::Duration;

use super::context::Context;
use crate::scenario::document::{Empty, Reconnect};
use crate::scenario::plan::{ReconnectPlan, ReconnectPolicy};
use crate::scenario::quantity::Times;
use crate::scenario::yaml::{Field, Located};

const CAP: Duration = Duration::from_secs(30);

enum Choice<'a> {
    None(&'a Located<Empty>),
    Fixed(&'a Field<Duration>),
    Exponential(&'a Field<Duration>),
}

pub(super) fn reconnect(context: &mut Context<'_>, section: &Located<Reconnect>) -> Option<ReconnectPlan> {
    let Located { at, value: keys } = section;
    let policies = [
        ("none", keys.none.as_ref().map(Choice::None)),
        ("fixed", keys.fixed.as_ref().map(Choice::Fixed)),
        ("exponential", keys.exponential.as_ref().map(Choice::Exponential)),
    ];
    let choice = context.one_of(*at, "a reconnect section", policies);
    if let (Some(Choice::None(_) | Choice::Fixed(_)), Some(field)) = (&choice, &keys.cap) {
        context.problem(field.at, "`cap` belongs to `exponential`");
    }
    if let (Some(Choice::None(key)), true) =
        (&choice, keys.max_attempts.is_some() || keys.retry_after.is_some())
    {
        context.problem(
            key.at,
            "`none` stands alone: a client that leaves attempts nothing",
        );
    }
    let cap = keys
        .cap
        .as_ref()
        .map_or(Some(CAP), |field| context.positive(field));
    let times = context.value_or(keys.max_attempts.as_ref(), Times::Forever);
    let retry_after = context.value_or(keys.retry_after.as_ref(), true);
    let policy = match choice? {
        Choice::None(_) => ReconnectPolicy::None,
        Choice::Fixed(field) => ReconnectPolicy::Fixed(context.value(field)?),
        Choice::Exponential(field) => {
            let first = context.positive(field)?;
            let cap = cap?;
            if let (true, Some(field)) = (first > cap, keys.cap.as_ref().or(keys.exponential.as_ref())) {
                context.problem(field.at, "the first pause must not be longer than the `cap`");
            }
            ReconnectPolicy::Exponential { first, cap }
        }
    };
    Some(ReconnectPlan {
        policy,
        max_attempts: match times {
            Times::Forever => None,
            Times::AtMost(times) => Some(times),
        },
        retry_after,
    })
}
