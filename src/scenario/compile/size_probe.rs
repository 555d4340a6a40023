//! The search for the largest message that a target takes.

use std::time::Duration;

use super::context::Context;
use crate::scenario::document::SizeProbeStep;
use crate::scenario::plan::{ConnectionPlan, Op, PayloadKind, SizeProbeOp};
use crate::scenario::quantity::ProbeAnswer;
use crate::scenario::yaml::{Located, Position};
use crate::units::ByteSize;

const TIMEOUT: Duration = Duration::from_secs(10);
/// The message is made in memory.
const LARGEST: ByteSize = ByteSize::mib(256);

pub(super) fn size_probe(context: &mut Context<'_>, step: &Located<SizeProbeStep>) -> Option<Op> {
    let spec = &step.value;
    let from = context.value_or(spec.from.as_ref(), ByteSize(1));
    let to = context.value(&spec.to)?;
    let precision = context.value_or(spec.precision.as_ref(), ByteSize(1));
    if to > LARGEST {
        context.problem(spec.to.at, format!("expected at most {LARGEST}"));
    }
    if from > to {
        context.problem(spec.to.at, "`to` must not be smaller than `from`");
    }
    if let (ByteSize(0), Some(field)) = (precision, &spec.precision) {
        context.problem(field.at, "expected a size above 0");
    }
    let text = context.value_or(spec.text.as_ref(), false);
    let answer = context.value_or(spec.answer.as_ref(), ProbeAnswer::Pong);
    Some(Op::SizeProbe(SizeProbeOp {
        from: from.0,
        to: to.0,
        precision: precision.0.max(1),
        kind: if text {
            PayloadKind::Text
        } else {
            PayloadKind::Binary
        },
        echo: answer == ProbeAnswer::Echo,
        timeout: context.positive_or(spec.timeout.as_ref(), TIMEOUT),
    }))
}

/// Lets the client take what the target may send back; `written` is where the file says otherwise.
pub(super) fn make_room(
    context: &mut Context<'_>,
    flow: &[Op],
    connection: &mut ConnectionPlan,
    written: Option<Position>,
) {
    let largest = flow.iter().filter_map(|op| match op {
        Op::SizeProbe(probe) => Some(ByteSize(probe.to)),
        _ => None,
    });
    let Some(largest) = largest
        .max()
        .filter(|largest| *largest > connection.max_message_size)
    else {
        return;
    };
    match written {
        Some(at) => context.problem(
            at,
            format!("a size probe goes up to {largest}, and what comes back must fit: at least that, or no `max_message_size`"),
        ),
        None => connection.max_message_size = largest,
    }
}
