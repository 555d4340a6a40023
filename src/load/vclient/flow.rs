//! The interpreter of a flow's operations.
//!
//! Two moments accompany a flow. `at` is when it reached the present step: the due time of a timer that was waited for, not
//! the moment at which the driver got round to it, or the arrival of the message that was waited for. The *intended* moment
//! of the step is `at` less how far the round is behind its schedule. So whatever makes a client late, its own driver, a
//! slow reply in an earlier round, a full socket or the limit of messages under way, counts into the response time, and
//! nothing else does.

use std::time::Duration;

use crate::clock::Moment;
use crate::metrics::{Counter, Trend};
use crate::scenario::{LoopOp, Op, PayloadKind, RenderContext, SendOp, Template};
use crate::wire::{CloseCode, MessageKind};

use super::client::{VClient, Wait};
use super::link::Link;
use super::loops::{Round, is_unbounded};
use super::memory::NO_CASE;
use super::pending::Owed;
use super::turn::Turn;

/// Operations in one go; then other clients get their turn.
const OPS_PER_TURN: u32 = 256;
/// Bytes written in one go.
const BYTES_PER_TURN: usize = 64 * 1024;
/// The operation of pings that run in the background.
pub(super) const HEARTBEAT: u32 = u32::MAX;

/// What an operation leads to.
enum Step {
    /// The next one is reached at this moment.
    Next(Moment),
    /// The flow waits, or is over.
    Wait,
}

impl VClient {
    /// Goes on with the flow, whose next step was reached at `at`.
    pub(super) fn run(&mut self, turn: &mut Turn<'_>, at: Moment) {
        self.run_intended(turn, at, None);
    }

    /// As [`run`](Self::run); the next step was intended for `intended`.
    pub(super) fn run_intended(&mut self, turn: &mut Turn<'_>, mut at: Moment, mut intended: Option<Moment>) {
        if self.loops.held {
            self.wait = intended.map_or(Wait::Held(at), Wait::HeldSend);
            return;
        }
        for _ in 0..OPS_PER_TURN {
            if turn.out.len() >= BYTES_PER_TURN {
                break;
            }
            match self.step(turn, at, intended.take()) {
                Step::Next(reached) => at = reached,
                Step::Wait => return,
            }
        }
        self.wait = Wait::Turn;
    }

    fn step(&mut self, turn: &mut Turn<'_>, at: Moment, intended: Option<Moment>) -> Step {
        let flow = &self.plan(turn.script).flow;
        // Every flow opens a connection, even one without any operation: a client is a connection.
        let needs_link = match flow.get(self.pc as usize) {
            Some(op) => needs_link(op) || self.pc == 0,
            None => self.pc == 0,
        };
        if needs_link && !self.is_open() {
            self.link = Link::Wanted {
                intended: self.intended(at),
            };
            self.wait = Wait::Open;
            return Step::Wait;
        }
        match flow.get(self.pc as usize) {
            None => self.end_of_ops(turn, at),
            Some(Op::Connect) => self.next(at),
            Some(Op::Send(send)) => {
                let intended = intended.unwrap_or_else(|| self.intended(at));
                self.send(turn, send, at, intended)
            }
            Some(Op::Expect(expect)) => {
                turn.count(self.group, Counter::ExpectsStarted);
                self.pause(Wait::Expect(turn.now + expect.timeout))
            }
            Some(Op::Ping { payload, timeout }) => self.ping(turn, payload, *timeout),
            Some(Op::Think(delay)) => {
                let due = at + delay.draw(&mut self.random);
                self.pc += 1;
                if due > turn.now {
                    self.pause(Wait::Until(due))
                } else {
                    Step::Next(due)
                }
            }
            Some(Op::Receive { count: Some(0), .. }) => self.next(at),
            Some(Op::Receive { count, duration }) => {
                let until = duration.map_or(Moment::NEVER, |length| at + length);
                self.pause(Wait::Receive {
                    until,
                    left: count.unwrap_or(u64::MAX),
                })
            }
            Some(Op::LoopBegin(op)) => {
                let stopping = self.is_leaving();
                let round = self
                    .loops
                    .enter(op, self.intended(at), stopping, &mut self.random);
                let begin = self.pc as usize;
                self.begin_round(turn, op, begin, round, at)
            }
            Some(Op::LoopEnd { begin }) => match flow.get(*begin) {
                Some(Op::LoopBegin(op)) => {
                    let stopping = self.is_leaving();
                    let round = self.loops.end_round(op, at, stopping, &mut self.random);
                    self.begin_round(turn, op, *begin, round, at)
                }
                _ => self.next(at),
            },
            Some(Op::Branch(branch)) => {
                let case = usize::from(std::mem::replace(&mut self.case, NO_CASE));
                let begin = branch
                    .cases
                    .get(case)
                    .map_or(branch.otherwise, |(_, begin)| *begin);
                self.jump(begin, at)
            }
            Some(Op::Jump { to }) => self.jump(*to, at),
            Some(Op::Close { code, reason }) => {
                if !self.is_open() {
                    return self.next(at);
                }
                self.pc += 1;
                self.close(turn, code.map(CloseCode), reason);
                self.pause(Wait::Ended)
            }
            Some(Op::SizeProbe(_)) if turn.blocked => self.pause(Wait::Writable(at)),
            Some(Op::SizeProbe(probe)) => {
                if self.probe_size(turn, probe) {
                    return self.next(at);
                }
                Step::Wait
            }
            Some(Op::Join { room }) => {
                if self.join(turn, room) {
                    return self.next(at);
                }
                self.fail_flow(turn);
                Step::Wait
            }
            Some(Op::ReadRate(rate)) => {
                self.set_read_rate(*rate);
                self.next(at)
            }
            Some(Op::Leave) => {
                self.leave_room(turn);
                self.next(at)
            }
            Some(Op::Drop) => {
                if !self.is_open() {
                    return self.next(at);
                }
                self.pc += 1;
                self.drop_link(turn);
                self.pause(Wait::Ended)
            }
        }
    }

    fn next(&mut self, at: Moment) -> Step {
        self.pc += 1;
        Step::Next(at)
    }

    fn jump(&mut self, to: usize, at: Moment) -> Step {
        self.pc = to as u32;
        Step::Next(at)
    }

    fn pause(&mut self, wait: Wait) -> Step {
        self.wait = wait;
        Step::Wait
    }

    fn intended(&self, at: Moment) -> Moment {
        Moment::from_nanos(at.as_nanos().saturating_sub(self.behind))
    }

    /// After the last operation: replies under way are waited for, which their timeouts bound.
    fn end_of_ops(&mut self, turn: &mut Turn<'_>, at: Moment) -> Step {
        if self.sends.live() > 0 && self.is_open() {
            return self.pause(Wait::Replies);
        }
        self.complete_flow(turn, at);
        Step::Wait
    }

    fn send(&mut self, turn: &mut Turn<'_>, send: &SendOp, at: Moment, intended: Moment) -> Step {
        if turn.blocked {
            return self.pause(Wait::Writable(intended));
        }
        let reply = send.reply.as_ref();
        if reply.is_some_and(|reply| !reply.wait && self.sends.live() >= reply.max_in_flight.max(1)) {
            return self.pause(Wait::Room(intended));
        }
        self.seq += 1;
        self.write_message(turn, send);
        turn.count(self.group, Counter::MessagesSent);
        turn.shard.record(self.group, Trend::SendLag, turn.now - intended);
        let op = self.pc;
        self.pc += 1;
        let Some(reply) = reply else {
            turn.count(self.group, Counter::SentOneWay);
            return Step::Next(at);
        };
        let until = turn.now + reply.timeout;
        self.sends.push(Owed {
            id: self.seq,
            intended,
            sent: turn.now,
            until,
            op,
            lost: false,
        });
        if reply.wait {
            self.pause(Wait::Reply)
        } else {
            Step::Next(at)
        }
    }

    fn write_message(&mut self, turn: &mut Turn<'_>, send: &SendOp) {
        let mask = turn.scratch.mask();
        let mark = self.mark(turn, send);
        let context = RenderContext {
            mark,
            ..self.who.context(turn, self.seq)
        };
        let rendered = &mut turn.scratch.payload;
        let payload = match send.payload.as_literal() {
            Some(literal) => literal,
            None => {
                rendered.clear();
                send.payload.render(&context, &mut self.random, rendered);
                rendered
            }
        };
        if let Link::Open(open) = &mut self.link {
            let kind = match send.kind {
                PayloadKind::Text => MessageKind::Text,
                PayloadKind::Binary => MessageKind::Binary,
            };
            open.sender.message(kind, payload, mask, turn.out);
        }
        turn.shard
            .add(self.group, Counter::PayloadSent, payload.len() as u64);
    }

    fn ping(&mut self, turn: &mut Turn<'_>, payload: &Template, timeout: Duration) -> Step {
        let context = self.who.context(turn, self.seq);
        let mut rendered = std::mem::take(&mut turn.scratch.payload);
        rendered.clear();
        payload.render(&context, &mut self.random, &mut rendered);
        self.send_ping(turn, &rendered, timeout, self.pc);
        turn.scratch.payload = rendered;
        self.pc += 1;
        self.pause(Wait::Pong)
    }

    /// Enters the round, or leaves the loop that begins at `begin`.
    fn begin_round(&mut self, turn: &Turn<'_>, op: &LoopOp, begin: usize, round: Round, at: Moment) -> Step {
        let target = if round == Round::Over { op.end } else { begin };
        self.pc = target as u32 + 1;
        match round {
            Round::Over | Round::Next => Step::Next(at),
            Round::At(due) if due > turn.now => self.pause(Wait::Round(due)),
            Round::At(due) => {
                let reached = at.max(due);
                self.behind = reached.as_nanos() - due.as_nanos();
                Step::Next(reached)
            }
        }
    }

    /// The client is asked to leave while it waits for a round: a loop without a bound ends here.
    pub(super) fn leave_endless_loop(&mut self, turn: &mut Turn<'_>) {
        let begin = (self.pc as usize).checked_sub(1);
        if let Some(Op::LoopBegin(op)) = begin.and_then(|begin| self.plan(turn.script).flow.get(begin))
            && is_unbounded(op)
        {
            self.loops.leave();
            self.pc = op.end as u32 + 1;
            self.run(turn, turn.now);
        }
    }
}

/// Whether an operation makes sense on an open connection only.
fn needs_link(op: &Op) -> bool {
    matches!(
        op,
        Op::Connect
            | Op::Send(_)
            | Op::Expect(_)
            | Op::Ping { .. }
            | Op::Receive { .. }
            | Op::ReadRate(_)
            | Op::SizeProbe(_)
            | Op::Join { .. }
    )
}
