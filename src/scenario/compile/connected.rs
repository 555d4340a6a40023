//! Whether each step finds the connection in the state that it needs.

use std::collections::BTreeSet;
use std::ops::Range;

use super::context::Context;
use crate::scenario::plan::{BranchOp, Op};
use crate::scenario::yaml::Position;

/// Whether a connection is open, as far as the file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Open,
    /// That depends on a branch.
    Either,
}

/// Follows the flow from its begin, where no connection is open, and reports steps that need one and steps that open
/// a second one.
pub(super) fn check_connected(context: &mut Context<'_>, ops: &[Op], positions: &[Position]) {
    let mut found = BTreeSet::new();
    follow(ops, 0..ops.len(), State::Closed, &mut |index, message| {
        found.insert((positions[index], message));
    });
    for (at, message) in found {
        context.problem(at, message);
    }
}

/// Returns the state at the end of the range.
fn follow(
    ops: &[Op],
    range: Range<usize>,
    mut state: State,
    report: &mut impl FnMut(usize, &'static str),
) -> State {
    let mut index = range.start;
    while index < range.end {
        match &ops[index] {
            Op::Connect => {
                if state == State::Open {
                    report(
                        index,
                        "the connection is already open here: `close` or `drop` it first",
                    );
                }
                state = State::Open;
            }
            Op::Send(_)
            | Op::Expect(_)
            | Op::Ping { .. }
            | Op::Receive { .. }
            | Op::ReadRate(_)
            | Op::SizeProbe(_)
            | Op::Join { .. }
            | Op::Close { .. }
            | Op::Drop => {
                if state == State::Closed {
                    report(index, "no connection is open here: `connect` first");
                }
                state = match &ops[index] {
                    Op::Close { .. } | Op::Drop => State::Closed,
                    _ => State::Open,
                };
            }
            Op::Think(_) | Op::Leave | Op::LoopEnd { .. } | Op::Jump { .. } => {}
            Op::Branch(branch) => {
                state = follow_arms(ops, branch, state, report);
                index = branch.end;
                continue;
            }
            Op::LoopBegin(bounds) => {
                let body = index + 1..bounds.end;
                let after = follow(ops, body.clone(), state, report);
                // The second round begins as the first one ended.
                let again = after != state && bounds.times != Some(1);
                state = if again {
                    follow(ops, body, after, report)
                } else {
                    after
                };
                index = bounds.end;
            }
        }
        index += 1;
    }
    state
}

fn follow_arms(
    ops: &[Op],
    branch: &BranchOp,
    before: State,
    report: &mut impl FnMut(usize, &'static str),
) -> State {
    let begins = branch.cases.iter().map(|(_, begin)| *begin);
    let mut bounds: Vec<usize> = begins.collect();
    bounds.extend([branch.otherwise, branch.end]);
    let mut states = bounds
        .windows(2)
        .map(|arm| follow(ops, arm[0]..arm[1], before, &mut *report))
        .collect::<Vec<_>>();
    states.dedup();
    match states.as_slice() {
        [only] => *only,
        _ => State::Either,
    }
}
