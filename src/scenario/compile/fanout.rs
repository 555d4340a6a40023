//! What members of a room are owed.

use std::time::Duration;

use super::context::Context;
use crate::scenario::document::FanOutSpec;
use crate::scenario::plan::{FanOutPlan, Op, SendOp};
use crate::scenario::yaml::Located;

const SETTLE: Duration = Duration::from_secs(5);
/// What is remembered of a room covers twice that.
const LONGEST_SETTLE: Duration = Duration::from_secs(5 * 60);

/// The section, or its defaults, if the flow has to do with rooms.
pub(super) fn fan_out(
    context: &mut Context<'_>,
    section: Option<&Located<FanOutSpec>>,
    flow: &[Op],
) -> Option<FanOutPlan> {
    let concerns = |op: &Op| matches!(op, Op::Join { .. } | Op::Send(SendOp { marked: true, .. }));
    let concerned = flow.iter().any(concerns);
    let default = FanOutPlan {
        settle: SETTLE,
        own: true,
        latest: false,
    };
    let Some(Located { at, value: section }) = section else {
        return concerned.then_some(default);
    };
    if !concerned && !flow.is_empty() {
        let message = "nobody joins a room here, and no message has a `${mark}`: `fanout` says nothing";
        context.problem(*at, message);
    }
    let settle = context.positive_or(section.settle.as_ref(), default.settle);
    if let (true, Some(field)) = (settle > LONGEST_SETTLE, &section.settle) {
        context.problem(field.at, "expected at most 5m");
    }
    Some(FanOutPlan {
        settle,
        own: context.value_or(section.own.as_ref(), default.own),
        latest: context.value_or(section.latest.as_ref(), default.latest),
    })
}
