//! Whether each step finds the connection in the state that it needs.

use std::collections::BTreeSet;

use super::context::Context;
use crate::scenario::plan::Op;
use crate::scenario::yaml::Position;

/// Follows the flow from its begin, where no connection is open, and reports steps that need one and steps that open
/// a second one.
pub(super) fn check_connected(context: &mut Context<'_>, ops: &[Op], positions: &[Position]) {
    let mut found = BTreeSet::new();
    follow(ops, 0..ops.len(), false, &mut |index, message| {
        found.insert((positions[index], message));
    });
    for (at, message) in found {
        context.problem(at, message);
    }
}

/// Returns whether a connection is open at the end of the range.
fn follow(
    ops: &[Op],
    range: std::ops::Range<usize>,
    mut open: bool,
    report: &mut impl FnMut(usize, &'static str),
) -> bool {
    let mut index = range.start;
    while index < range.end {
        match &ops[index] {
            Op::Connect => {
                if open {
                    report(
                        index,
                        "the connection is already open here: `close` or `drop` it first",
                    );
                }
                open = true;
            }
            Op::Send(_)
            | Op::Expect(_)
            | Op::Ping { .. }
            | Op::Receive { .. }
            | Op::Close { .. }
            | Op::Drop => {
                if !open {
                    report(index, "no connection is open here: `connect` first");
                }
                open = !matches!(ops[index], Op::Close { .. } | Op::Drop);
            }
            Op::Think(_) | Op::LoopEnd { .. } => {}
            Op::LoopBegin(bounds) => {
                let body = index + 1..bounds.end;
                let after = follow(ops, body.clone(), open, report);
                // The second round begins as the first one ended.
                let again = after != open && bounds.times != Some(1);
                open = if again {
                    follow(ops, body, after, report)
                } else {
                    after
                };
                index = bounds.end;
            }
        }
        index += 1;
    }
    open
}
