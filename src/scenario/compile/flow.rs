//! Flows: steps to instructions, loops to jumps.

use std::time::Duration;

use super::connected::check_connected;
use super::context::Context;
use super::message::message;
use super::reply::{awaited, expect, reply};
use super::size_probe::size_probe;
use super::think::think;
use crate::scenario::document::{
    CloseStep, PingStep, ReceiveStep, Reply, SendStep, SizeProbeStep, Step, Test, ThinkTime,
};
use crate::scenario::plan::{Every, LoopOp, MAX_LOOP_DEPTH, Op, PayloadKind, ReadRate, SendOp};
use crate::scenario::quantity::{CloseStatus, Count, Times};
use crate::scenario::template::Template;
use crate::scenario::yaml::{Field, List, Located, Position, ScalarOr, Text};

const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// RFC 6455 5.5: the payload of a control frame has at most 125 bytes.
const MAX_PING_PAYLOAD: usize = 125;
/// The same, less the two bytes of the close code.
const MAX_CLOSE_REASON: usize = 123;

pub(super) type Steps = List<Located<Step>>;

/// Compiles the flow of a group. A flow that does not begin by connecting gets that as its first instruction.
pub(super) fn flow(context: &mut Context<'_>, steps: &Located<Steps>) -> Vec<Op> {
    if steps.value.is_empty() {
        context.problem(steps.at, "expected at least one step, such as `- connect`");
    }
    let mut compiler = FlowCompiler {
        context,
        ops: Vec::new(),
        positions: Vec::new(),
        depth: 0,
        damaged: false,
    };
    if !begins_with_connect(&steps.value) {
        compiler.push(steps.at, Op::Connect);
    }
    compiler.steps(&steps.value);
    let FlowCompiler {
        ops,
        positions,
        damaged,
        ..
    } = compiler;
    // With steps missing, what looks like sending on a closed connection may only follow from their absence.
    if !damaged {
        check_connected(context, &ops, &positions);
    }
    ops
}

fn begins_with_connect(steps: &Steps) -> bool {
    steps
        .items
        .first()
        .is_some_and(|Located { value: step, .. }| match &step.body {
            Some(body) => begins_with_connect(&body.value),
            None => step.connect.is_some(),
        })
}

enum Action<'a> {
    Connect,
    Send(&'a Located<SendStep>),
    Expect(&'a Located<Reply>),
    Ping(&'a Located<PingStep>),
    Think(&'a ScalarOr<Field<Duration>, Located<ThinkTime>>),
    Receive(&'a Located<ReceiveStep>),
    ReadRate(&'a Field<ReadRate>),
    Close(&'a Located<CloseStep>),
    SizeProbe(&'a Located<SizeProbeStep>),
    Join(&'a Text),
    Leave,
    Drop,
    Loop,
    If(&'a Located<Test>),
    Switch,
}

pub(super) struct FlowCompiler<'c, 'p> {
    pub(super) context: &'c mut Context<'p>,
    pub(super) ops: Vec<Op>,
    /// Where each instruction comes from.
    positions: Vec<Position>,
    /// Loops around the present step.
    depth: usize,
    /// Whether a step could not be compiled.
    pub(super) damaged: bool,
}

impl FlowCompiler<'_, '_> {
    pub(super) fn push(&mut self, at: Position, op: Op) {
        self.ops.push(op);
        self.positions.push(at);
    }

    pub(super) fn steps(&mut self, steps: &Steps) {
        self.damaged |= steps.damaged;
        let mut rest = steps.items.iter().peekable();
        while let Some(step) = rest.next() {
            // An expect directly after a send without a reply is that send's reply.
            let answer = rest.peek().and_then(|next| next.value.expect.as_ref());
            let answer = answer.filter(|_| {
                step.value
                    .send
                    .as_ref()
                    .is_some_and(|send| send.value.reply.is_none())
            });
            if answer.is_some() {
                rest.next();
            }
            if self.step(step, answer).is_none() {
                self.damaged = true;
            }
        }
    }

    fn step(&mut self, step: &Located<Step>, answer: Option<&Located<Reply>>) -> Option<()> {
        let at = step.at;
        let op = match self.action(step)? {
            Action::Connect => Op::Connect,
            Action::Send(send) => Op::Send(self.send(send, answer)?),
            Action::Expect(reply) => Op::Expect(expect(self.context, reply)?),
            Action::Ping(ping) => self.ping(ping)?,
            Action::Think(time) => Op::Think(think(self.context, time)?),
            Action::Receive(receive) => self.receive(receive)?,
            Action::ReadRate(rate) => Op::ReadRate(self.context.value(rate)?),
            Action::Close(close) => self.close(close)?,
            Action::SizeProbe(probe) => size_probe(self.context, probe)?,
            Action::Join(room) => Op::Join {
                room: self.context.template(room)?,
            },
            Action::Leave => Op::Leave,
            Action::Drop => Op::Drop,
            Action::Loop => return self.repeat(step),
            Action::If(condition) => return self.condition(step, condition),
            Action::Switch => return self.switch(step),
        };
        self.push(at, op);
        Some(())
    }

    fn action<'a>(&mut self, step: &'a Located<Step>) -> Option<Action<'a>> {
        let keys = &step.value;
        let is_loop = keys.every.is_some() || keys.repeat.is_some() || keys.duration.is_some();
        let actions = [
            ("connect", keys.connect.as_ref().map(|_| Action::Connect)),
            ("send", keys.send.as_ref().map(Action::Send)),
            ("expect", keys.expect.as_ref().map(Action::Expect)),
            ("ping", keys.ping.as_ref().map(Action::Ping)),
            ("think", keys.think.as_ref().map(Action::Think)),
            ("receive", keys.receive.as_ref().map(Action::Receive)),
            ("read_rate", keys.read_rate.as_ref().map(Action::ReadRate)),
            ("close", keys.close.as_ref().map(Action::Close)),
            ("size_probe", keys.size_probe.as_ref().map(Action::SizeProbe)),
            ("join", keys.join.as_ref().map(Action::Join)),
            ("leave", keys.leave.as_ref().map(|_| Action::Leave)),
            ("drop", keys.drop.as_ref().map(|_| Action::Drop)),
            ("every/repeat/for ... do", is_loop.then_some(Action::Loop)),
            ("if", keys.condition.as_ref().map(Action::If)),
            ("switch", keys.switch.as_ref().map(|_| Action::Switch)),
        ];
        let action = self.context.one_of(step.at, "a step", actions)?;
        let misplaced = [
            (
                "jitter",
                keys.jitter
                    .as_ref()
                    .map(|field| field.at)
                    .filter(|_| keys.every.is_none()),
            ),
            (
                "spread",
                keys.spread
                    .as_ref()
                    .map(|field| field.at)
                    .filter(|_| keys.every.is_none()),
            ),
            ("do", keys.body.as_ref().map(|body| body.at).filter(|_| !is_loop)),
            (
                "then",
                keys.then
                    .as_ref()
                    .map(|body| body.at)
                    .filter(|_| keys.condition.is_none()),
            ),
            (
                "else",
                keys.otherwise
                    .as_ref()
                    .map(|body| body.at)
                    .filter(|_| keys.condition.is_none() && keys.switch.is_none()),
            ),
        ];
        for (key, at) in misplaced.into_iter().filter_map(|(key, at)| Some((key, at?))) {
            let owner = match key {
                "do" => "a loop: `every`, `repeat` or `for`",
                "then" => "`if`",
                "else" => "`if` or `switch`",
                _ => "`every`",
            };
            self.context.problem(at, format!("`{key}` belongs to {owner}"));
        }
        Some(action)
    }

    fn send(&mut self, step: &Located<SendStep>, answer: Option<&Located<Reply>>) -> Option<SendOp> {
        let message = message(self.context, step);
        // Without its message a reply can still be checked for its own errors.
        let known = message.is_some();
        let (kind, payload) = message.unwrap_or_else(|| {
            self.damaged = true;
            (PayloadKind::Text, Template::default())
        });
        let sent = (kind, &payload);
        let reply = match (&step.value.reply, answer) {
            (Some(described), _) => reply(self.context, described, sent),
            (None, Some(expect)) => awaited(self.context, expect, sent),
            (None, None) => None,
        };
        let (marked, room) = self.addressed(step, known.then_some(&payload));
        Some(SendOp {
            kind,
            payload,
            marked,
            room,
            reply,
        })
    }

    /// Whether a client is in a room here, as far as the order of the steps tells.
    fn in_room(&self) -> bool {
        let concerns = |op: &&Op| matches!(op, Op::Join { .. } | Op::Leave);
        let last = self.ops.iter().rfind(concerns);
        matches!(last, Some(Op::Join { .. }))
    }

    /// Whether a message has a mark, and for which room.
    fn addressed(
        &mut self,
        step: &Located<SendStep>,
        payload: Option<&Template>,
    ) -> (bool, Option<Template>) {
        let marked = payload.is_some_and(Template::is_marked);
        let room = step.value.room.as_ref();
        match room {
            Some(room) if !marked && payload.is_some() => {
                let message = "a message for a room needs `${mark}` in it, by which its members know it";
                self.context.problem(room.at, message);
            }
            None if marked && !self.in_room() => {
                let message =
                    "`${mark}` is for the members of a room: `join` one before, or say which with `room`";
                self.context.problem(step.at, message);
            }
            _ => {}
        }
        (marked, room.and_then(|room| self.context.template(room)))
    }

    fn ping(&mut self, step: &Located<PingStep>) -> Option<Op> {
        let timeout = self
            .context
            .positive_or(step.value.timeout.as_ref(), PING_TIMEOUT);
        let Some(text) = &step.value.payload else {
            return Some(Op::Ping {
                payload: Template::default(),
                timeout,
            });
        };
        let payload = self.context.template(text)?;
        if payload.max_length() > MAX_PING_PAYLOAD {
            let message = format!(
                "a ping carries at most {MAX_PING_PAYLOAD} bytes, this can be {}",
                payload.max_length()
            );
            self.context.problem(text.at, message);
        }
        Some(Op::Ping { payload, timeout })
    }

    fn receive(&mut self, step: &Located<ReceiveStep>) -> Option<Op> {
        let Located {
            at,
            value: ReceiveStep { count, duration },
        } = step;
        if count.is_none() && duration.is_none() {
            self.context
                .missing(*at, "a receive step needs `count`, `for` or both");
            return None;
        }
        let count = count.as_ref().and_then(|field| {
            let Count(count) = self.context.value(field)?;
            if count == 0 {
                self.context.problem(field.at, "expected at least 1 message");
            }
            Some(count)
        });
        let duration = duration.as_ref().and_then(|field| self.context.positive(field));
        Some(Op::Receive { count, duration })
    }

    fn close(&mut self, step: &Located<CloseStep>) -> Option<Op> {
        let code = self
            .context
            .value_or(step.value.code.as_ref(), CloseStatus::Code(1000));
        let Some(field) = &step.value.reason else {
            return Some(close_op(code, String::new()));
        };
        let reason = self.context.value(field)?;
        if reason.len() > MAX_CLOSE_REASON {
            let message = format!(
                "a close reason has at most {MAX_CLOSE_REASON} bytes, this has {}",
                reason.len()
            );
            self.context.problem(field.at, message);
        }
        if code == CloseStatus::None {
            self.context
                .problem(field.at, "a Close frame without a code has no reason either");
        }
        Some(close_op(code, reason))
    }

    fn repeat(&mut self, step: &Located<Step>) -> Option<()> {
        let Located { at, value: keys } = step;
        let bounds = self.loop_bounds(keys);
        let Some(body) = &keys.body else {
            self.context
                .missing(*at, "a loop needs `do:` with the steps of a round");
            return None;
        };
        if body.value.is_empty() {
            self.context
                .problem(body.at, "expected at least one step in the loop");
            return None;
        }
        if self.depth == MAX_LOOP_DEPTH {
            self.context
                .problem(*at, format!("loops nest at most {MAX_LOOP_DEPTH} deep"));
            return None;
        }
        let begin = self.ops.len();
        self.push(
            *at,
            Op::LoopBegin(LoopOp {
                times: None,
                duration: None,
                every: None,
                end: 0,
            }),
        );
        self.depth += 1;
        self.steps(&body.value);
        self.depth -= 1;
        let end = self.ops.len();
        let bounds = bounds?;
        if bounds.every.is_none() && bounds.times.is_none() && !self.ops[begin + 1..].iter().any(takes_time) {
            self.context.problem(
                *at,
                "this loop never waits: add `every`, or a step that takes time",
            );
        }
        self.ops[begin] = Op::LoopBegin(LoopOp { end, ..bounds });
        self.push(*at, Op::LoopEnd { begin });
        Some(())
    }

    fn loop_bounds(&mut self, keys: &Step) -> Option<LoopOp> {
        let times = keys.repeat.as_ref().map(|field| self.context.value(field));
        let duration = keys.duration.as_ref().map(|field| self.context.positive(field));
        let every = keys.every.as_ref().map(|field| self.every(keys, field));
        let times = match times.map_or(Some(Times::Forever), |times| times)? {
            Times::Forever => None,
            Times::AtMost(times) => Some(times),
        };
        Some(LoopOp {
            times,
            duration: valid(duration)?,
            every: valid(every)?,
            end: 0,
        })
    }

    fn every(&mut self, keys: &Step, interval: &Field<Duration>) -> Option<Every> {
        let interval = self.context.positive(interval);
        let jitter = self.context.value_or(keys.jitter.as_ref(), Duration::ZERO);
        let spread = self.context.value_or(keys.spread.as_ref(), false);
        let interval = interval?;
        if let (true, Some(field)) = (jitter > interval, &keys.jitter) {
            self.context.problem(
                field.at,
                "the jitter must not be longer than the interval of `every`",
            );
        }
        Some(Every {
            interval,
            jitter,
            spread,
        })
    }
}

/// Tells a value that is absent (`Some(None)`) from one that is wrong (`None`).
fn valid<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    value.map_or(Some(None), |value| value.map(Some))
}

fn close_op(code: CloseStatus, reason: String) -> Op {
    let code = match code {
        CloseStatus::None => None,
        CloseStatus::Code(code) => Some(code),
    };
    Op::Close { code, reason }
}

fn takes_time(op: &Op) -> bool {
    match op {
        Op::Think(delay) => delay.takes_time(),
        Op::LoopBegin(LoopOp { every, .. }) => every.is_some(),
        Op::LoopEnd { .. }
        | Op::ReadRate(_)
        | Op::Join { .. }
        | Op::Leave
        | Op::Drop
        | Op::Branch(_)
        | Op::Jump { .. } => false,
        Op::Connect
        | Op::Send(_)
        | Op::Expect(_)
        | Op::Ping { .. }
        | Op::Receive { .. }
        | Op::SizeProbe(_)
        | Op::Close { .. } => true,
    }
}
