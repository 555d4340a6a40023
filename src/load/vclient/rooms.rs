//! A client in a room: what it says to the members, and what it hears of them. What is counted is told in
//! [`fanout`](crate::load::fanout).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;
use crate::load::fanout::{Heard, Member, Room, Settled};
use crate::metrics::{Counter, ErrorClass, Trend};
use crate::scenario::{FanOutPlan, Mark, SendOp, Template};

use super::client::VClient;
use super::turn::Turn;

/// The most messages of a client that are void if its connection breaks.
const MOST_AT_RISK: usize = 4096;

/// What a client has to do with rooms.
#[derive(Debug, Default)]
pub(super) struct Presence {
    member: Option<Member>,
    speech: Option<Speech>,
}

/// What a client says to a room.
#[derive(Debug)]
struct Speech {
    room: Arc<Room>,
    /// By which it was addressed, if the speaker need not be a member.
    name: Box<[u8]>,
    /// Its last message there.
    last: Option<u64>,
    /// Messages that the server may not have read yet, with the moments at which they were sent.
    at_risk: VecDeque<(u64, Moment)>,
}

impl Speech {
    fn new(room: Arc<Room>, name: &[u8]) -> Self {
        Self {
            room,
            name: name.into(),
            last: None,
            at_risk: VecDeque::new(),
        }
    }

    /// The mark of a message that is sent now.
    fn mark(&mut self, run: u32, now: Moment) -> Mark {
        let number = self.room.take(now);
        let back = self.last.replace(number).map_or(0, |last| number - last);
        while self.at_risk.len() == MOST_AT_RISK || self.is_safe(now) {
            self.at_risk.pop_front();
        }
        self.at_risk.push_back((number, now));
        Mark {
            run,
            room: self.room.id(),
            number,
            back: u32::try_from(back).unwrap_or(0),
            sent: now.as_nanos(),
        }
    }

    fn is_safe(&self, now: Moment) -> bool {
        let oldest = self.at_risk.front();
        oldest.is_some_and(|(_, sent)| *sent + self.room.settle() <= now)
    }

    /// The connection ended at `now` in a way that leaves open what the server read.
    fn broke(&mut self, now: Moment) {
        while self.is_safe(now) {
            self.at_risk.pop_front();
        }
        self.room.void(self.at_risk.drain(..).map(|(number, _)| number));
    }
}

impl VClient {
    /// The flow says that the client is a member of a room now; `false` if it cannot be.
    pub(super) fn join(&mut self, turn: &mut Turn<'_>, name: &Template) -> bool {
        self.finish_room(turn);
        let Some(room) = self.room(turn, name) else {
            return false;
        };
        turn.count(self.group, Counter::RoomsJoined);
        if let Some(memory) = &mut self.who.memory {
            memory.presence.member = Some(Member::new(room, turn.now));
        }
        true
    }

    /// The client begins to leave its room, if it is in one. What is on its way may still come.
    pub(super) fn leave_room(&mut self, turn: &Turn<'_>) {
        let member = self
            .who
            .memory
            .as_mut()
            .and_then(|memory| memory.presence.member.as_mut());
        if let Some(member) = member {
            member.leave(turn.now);
        }
    }

    /// Nothing more of the client's room will come.
    fn finish_room(&mut self, turn: &mut Turn<'_>) {
        let member = self
            .who
            .memory
            .as_mut()
            .and_then(|memory| memory.presence.member.take());
        let Some(member) = member else { return };
        let mut parting = member.finish(turn.now);
        if self.fan_out(turn).is_some_and(|plan| plan.latest) {
            parting.settled.missing += parting.overtaken;
            parting.settled.unsettled -= parting.overtaken;
        }
        turn.count(self.group, Counter::RoomsLeft);
        turn.shard.add(self.group, Counter::FanOutOwed, parting.owed);
        self.count_settled(turn, parting.settled);
    }

    fn count_settled(&self, turn: &mut Turn<'_>, settled: Settled) {
        let latest = self.fan_out(turn).is_some_and(|plan| plan.latest);
        let missing = if latest {
            Counter::FanOutReplaced
        } else {
            Counter::FanOutLost
        };
        turn.shard.add(self.group, missing, settled.missing);
        turn.shard
            .add(self.group, Counter::FanOutUnsettled, settled.unsettled);
    }

    /// The connection has ended; `clean` if the server is known to have read all that was sent.
    pub(super) fn end_presence(&mut self, turn: &mut Turn<'_>, clean: bool) {
        if let Some(memory) = &mut self.who.memory
            && let Some(speech) = &mut memory.presence.speech
        {
            // What is sent over another connection may overtake.
            speech.last = None;
            if clean {
                speech.at_risk.clear();
            } else {
                speech.broke(turn.now);
            }
        }
        self.finish_room(turn);
    }

    /// The mark of a message that is sent now, if it has one.
    pub(super) fn mark(&mut self, turn: &mut Turn<'_>, send: &SendOp) -> Mark {
        if !send.marked || !self.find_ear(turn, send) {
            return Mark::NONE;
        }
        let own = self.fan_out(turn).is_none_or(|plan| plan.own);
        let Some(presence) = self.who.memory.as_mut().map(|memory| &mut memory.presence) else {
            return Mark::NONE;
        };
        let Some(speech) = &mut presence.speech else {
            return Mark::NONE;
        };
        turn.count(self.group, Counter::FanOutSent);
        let mark = speech.mark(turn.script.rooms.run(), turn.now);
        if let Some(member) = &mut presence.member
            && !own
            && Arc::ptr_eq(member.room(), &speech.room)
        {
            member.exempt(mark.number);
        }
        mark
    }

    /// Makes `speech` that to the room that a message is for; `false` if it is for none.
    fn find_ear(&mut self, turn: &mut Turn<'_>, send: &SendOp) -> bool {
        let Some(template) = &send.room else {
            let Some(presence) = self.who.memory.as_mut().map(|memory| &mut memory.presence) else {
                return false;
            };
            let Some(member) = &presence.member else {
                return false;
            };
            let present = presence.speech.as_ref();
            if !present.is_some_and(|speech| Arc::ptr_eq(&speech.room, member.room())) {
                presence.speech = Some(Speech::new(Arc::clone(member.room()), b""));
            }
            return true;
        };
        let mut name = std::mem::take(&mut turn.scratch.name);
        name.clear();
        template.render(&self.who.context(turn, self.seq), &mut self.random, &mut name);
        let known = self
            .who
            .memory
            .as_ref()
            .and_then(|memory| memory.presence.speech.as_ref());
        let found = known.is_some_and(|speech| *speech.name == *name) || self.address(turn, &name);
        turn.scratch.name = name;
        found
    }

    fn address(&mut self, turn: &mut Turn<'_>, name: &[u8]) -> bool {
        let room = self.named_room(turn, name);
        if let (Some(room), Some(memory)) = (room, &mut self.who.memory) {
            memory.presence.speech = Some(Speech::new(room, name));
            return true;
        }
        false
    }

    fn room(&mut self, turn: &mut Turn<'_>, name: &Template) -> Option<Arc<Room>> {
        let mut rendered = Vec::new();
        name.render(&self.who.context(turn, self.seq), &mut self.random, &mut rendered);
        self.named_room(turn, &rendered)
    }

    fn named_room(&self, turn: &mut Turn<'_>, name: &[u8]) -> Option<Arc<Room>> {
        let settle = self.fan_out(turn).map_or(Duration::ZERO, |plan| plan.settle);
        let room = turn.script.rooms.room(name, settle);
        if room.is_none() {
            turn.error(self.group, ErrorClass::Rooms, || {
                "a run can tell 65,536 rooms apart".to_owned()
            });
        }
        room
    }

    fn fan_out<'a>(&self, turn: &Turn<'a>) -> Option<&'a FanOutPlan> {
        self.plan(turn.script).fan_out.as_ref()
    }

    /// Looks for marks in a message that came.
    pub(super) fn hear(&mut self, turn: &mut Turn<'_>, payload: &[u8]) {
        if let Some(plan) = self.fan_out(turn) {
            for mark in Mark::all(payload) {
                self.hear_mark(turn, plan, &mark);
            }
        }
    }

    fn hear_mark(&mut self, turn: &mut Turn<'_>, plan: &FanOutPlan, mark: &Mark) {
        let now = turn.now;
        let member = self
            .who
            .memory
            .as_mut()
            .and_then(|memory| memory.presence.member.as_mut());
        let (heard, settled) = match member {
            _ if mark.run != turn.script.rooms.run() => (Heard::Foreign, Settled::default()),
            Some(member) => (member.hear(mark, now), member.settled()),
            None => (Heard::Outside, Settled::default()),
        };
        if settled != Settled::default() {
            self.count_settled(turn, settled);
        }
        let counter = match heard {
            Heard::Owed { out_of_order } => {
                turn.shard
                    .record(self.group, Trend::Delivery, now - Moment::from_nanos(mark.sent));
                turn.count(self.group, Counter::FanOutReceived);
                if !out_of_order {
                    return;
                }
                Counter::FanOutDisordered
            }
            Heard::Again if plan.latest => return,
            Heard::Again => Counter::FanOutDuplicated,
            Heard::Outside => Counter::FanOutOutside,
            Heard::Late => Counter::FanOutLate,
            Heard::Stray => Counter::FanOutStray,
            Heard::Foreign => Counter::FanOutForeign,
        };
        turn.count(self.group, counter);
    }
}
