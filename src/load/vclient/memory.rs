//! [`Who`]: a client as its templates see it, and [`Memory`], which only some scenarios need.

use crate::clock::Moment;
use crate::metrics::{Counter, ErrorClass};
use crate::scenario::{Capture, Group, Mark, Op, PayloadKind, RenderContext, Values};

use super::client::VClient;
use super::probe::Search;
use super::reading::Reading;
use super::rooms::Presence;
use super::stream::Numbers;
use super::turn::Turn;

/// Who a client is, apart from what it does: what templates and matchers may refer to.
#[derive(Debug)]
pub(super) struct Who {
    pub(super) id: u64,
    pub(super) iteration: u64,
    /// Present if its group needs any of it.
    pub(super) memory: Option<Box<Memory>>,
}

/// What clients of some groups remember: kept apart, so that it costs the others a pointer.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Captured values and the row.
    pub(super) values: Values,
    pub(super) presence: Presence,
    pub(super) reading: Reading,
    /// What it has seen of its connection's stream.
    pub(super) stream: Option<Numbers>,
    /// Of a size probe under way.
    pub(super) search: Option<Search>,
    /// How many rows it has taken.
    rows_taken: u64,
    /// How many times in a row it began again after a failure.
    pub(super) attempts: u64,
    /// A refused upgrade asked not to come again before this moment.
    pub(super) not_before: Moment,
}

/// No case of a branch applies.
pub(super) const NO_CASE: u8 = u8::MAX;

impl Who {
    pub(super) fn new(group: &Group, id: u64) -> Self {
        let needed = group.slots > 0
            || group.feeder.is_some()
            || group.connection.reconnect.is_some()
            || group.fan_out.is_some()
            || group.stream.is_some()
            || Reading::is_limited(group)
            || group.flow.iter().any(|op| matches!(op, Op::SizeProbe(_)));
        let memory = || {
            Box::new(Memory {
                values: Values::new(group.slots),
                ..Memory::default()
            })
        };
        Self {
            id,
            iteration: 0,
            memory: needed.then(memory),
        }
    }

    /// What templates and matchers may refer to, for the message with this number.
    pub(super) fn context(&self, turn: &Turn<'_>, seq: u64) -> RenderContext<'_> {
        RenderContext {
            client: self.id,
            seq,
            iteration: self.iteration,
            unix_nanos: turn.script.unix_nanos(turn.now),
            mark: Mark::NONE,
            values: self.memory.as_ref().map(|memory| &memory.values),
        }
    }
}

impl VClient {
    /// Takes the row of the flow that is about to begin; `false` if there is none left for it.
    pub(super) fn take_row(&mut self, turn: &mut Turn<'_>) -> bool {
        let (Some(feeder), Some(memory)) = (&self.plan(turn.script).feeder, &mut self.who.memory) else {
            return true;
        };
        if feeder.per_client && memory.values.row().is_some() {
            return true;
        }
        let cursor = &turn.script.cursors[usize::from(self.group.0)];
        match feeder.row(self.who.id, memory.rows_taken, cursor, &mut self.random) {
            Some(row) => {
                memory.values.set_row(row);
                memory.rows_taken += 1;
                true
            }
            None => {
                turn.count(self.group, Counter::FeederExhausted);
                false
            }
        }
    }

    /// Keeps what is to be kept of a message; where something is missing, the flow fails and the answer is `false`.
    pub(super) fn keep(&mut self, turn: &mut Turn<'_>, captures: &[Capture], payload: &[u8]) -> bool {
        let Some(memory) = &mut self.who.memory else {
            return true;
        };
        let mut take =
            |capture: &&Capture| !capture.take(payload, &mut turn.scratch.captures, &mut memory.values);
        let Some(missing) = captures.iter().find(|capture| take(capture)) else {
            return true;
        };
        turn.error(self.group, ErrorClass::Capture, || {
            let length = payload.len();
            format!("no value for `{}` in a message of {length} bytes", missing.name)
        });
        false
    }

    /// Finds the case of the branch at `index`, if there is one, that a message looks like.
    pub(super) fn look(&mut self, turn: &Turn<'_>, index: usize, kind: PayloadKind, payload: &[u8]) {
        if let Some(Op::Branch(branch)) = self.plan(turn.script).flow.get(index) {
            let context = self.who.context(turn, self.seq);
            let matches =
                |(matcher, _): &(_, _)| crate::scenario::Matcher::matches(matcher, kind, payload, &context);
            let case = branch.cases.iter().position(matches);
            self.case = case.and_then(|case| u8::try_from(case).ok()).unwrap_or(NO_CASE);
        }
    }
}
