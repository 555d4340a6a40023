//! What comes from the peer: the upgrade's answer, messages, pings, pongs, Close frames, violations.

use std::time::Duration;

use crate::clock::Moment;
use crate::metrics::{Counter, Trend};
use crate::scenario::{Correlation, Op, PayloadKind};
use crate::wire::{ClosingState, MessageKind, Received};

use super::client::{VClient, Wait};
use super::flow::HEARTBEAT;
use super::link::Link;
use super::pending::Owed;
use super::turn::Turn;

impl VClient {
    /// Takes bytes that the peer sent, and changes them (messages are unmasked in place).
    pub fn receive(&mut self, turn: &mut Turn<'_>, input: &mut [u8]) {
        turn.shard
            .add(self.group, Counter::BytesReceived, input.len() as u64);
        self.counted(turn, |client, turn| {
            let upgrade = if matches!(client.link, Link::Opening(_)) {
                client.receive_upgrade(turn, input)
            } else {
                0
            };
            client.receive_frames(turn, &mut input[upgrade..]);
        });
    }

    /// The transport has taken all that was written.
    pub fn writable(&mut self, turn: &mut Turn<'_>) {
        if let Wait::Writable(intended) = self.wait {
            self.counted(turn, |client, turn| {
                client.run_intended(turn, turn.now, Some(intended));
            });
        }
    }

    fn receive_frames(&mut self, turn: &mut Turn<'_>, input: &mut [u8]) {
        let Link::Open(open) = &mut self.link else {
            return;
        };
        let Some(mut receiver) = open.receiver.take() else {
            return;
        };
        let mut taken = 0;
        loop {
            let (used, event) = receiver.receive(&mut input[taken..]);
            taken += used;
            match event {
                Received::NeedMore => break,
                Received::Message { kind, payload } => self.message(turn, kind, payload),
                Received::Ping(payload) => self.answer_ping(turn, payload),
                Received::Pong(payload) => self.pong(turn, payload),
                Received::Close(payload) => {
                    let (code, reason) =
                        payload.map_or((None, &[][..]), |close| (Some(close.code), close.reason));
                    self.peer_closes(turn, code, reason);
                }
                Received::Violation(violation) => self.fail_protocol(turn, violation),
            }
            // Whatever made the connection end, the rest of what the peer sent is nobody's.
            if !self.is_open() {
                return;
            }
        }
        if let Link::Open(open) = &mut self.link {
            open.receiver = Some(receiver);
        }
    }

    fn message(&mut self, turn: &mut Turn<'_>, kind: MessageKind, payload: &[u8]) {
        turn.count(self.group, Counter::MessagesReceived);
        turn.shard
            .add(self.group, Counter::PayloadReceived, payload.len() as u64);
        self.hear(turn, payload);
        let kind = match kind {
            MessageKind::Text => PayloadKind::Text,
            MessageKind::Binary => PayloadKind::Binary,
        };
        self.follow_stream(turn, kind, payload);
        if self.is_probe_echo(turn, kind, payload) {
            turn.count(self.group, Counter::MessagesTaken);
            return self.size_accepted(turn, turn.now);
        }
        match self.message_answered_by(turn, kind, payload) {
            Some(index) => self.reply(turn, index, kind, payload),
            None => self.other_message(turn, kind, payload),
        }
    }

    /// The index of the pending message that this one is the reply to, among those given up too.
    ///
    /// Without a number in it, a reply belongs to the oldest message of its kind, even if that was given up: a slow server
    /// answers in order all the same. A server that leaves messages out altogether can only be measured by numbers.
    fn message_answered_by(&self, turn: &Turn<'_>, kind: PayloadKind, payload: &[u8]) -> Option<usize> {
        if self.sends.is_empty() {
            return None;
        }
        let flow = &self.plan(turn.script).flow;
        turn.script.tracked[usize::from(self.group.0)]
            .iter()
            .find_map(|op| {
                let Some(Op::Send(send)) = flow.get(*op as usize) else {
                    return None;
                };
                let reply = send.reply.as_ref()?;
                let (index, owed) = match &reply.correlation {
                    Correlation::InOrder => self.sends.iter().find(|(_, owed)| owed.op == *op)?,
                    Correlation::BySequence(extractor) => {
                        self.sends.find_ascending(extractor.extract(payload)?)?
                    }
                };
                let matches = owed.op == *op
                    && reply
                        .matcher
                        .matches(kind, payload, &self.who.context(turn, owed.id));
                matches.then_some(index)
            })
    }

    fn reply(&mut self, turn: &mut Turn<'_>, index: usize, kind: PayloadKind, payload: &[u8]) {
        let Some(owed) = self.sends.remove(index) else {
            return;
        };
        if owed.lost {
            turn.count(self.group, Counter::RepliesLate);
            return;
        }
        turn.count(self.group, Counter::SentAnswered);
        turn.shard
            .record(self.group, Trend::Response, turn.now - owed.intended);
        turn.shard
            .record(self.group, Trend::Service, turn.now - owed.sent);
        if let Some(Op::Send(send)) = self.plan(turn.script).flow.get(owed.op as usize)
            && let Some(reply) = &send.reply
            && !self.keep(turn, &reply.captures, payload)
        {
            return self.fail_flow(turn);
        }
        if self.wait == Wait::Reply && owed.id == self.seq {
            self.look(turn, self.pc as usize, kind, payload);
        }
        self.send_settled(turn, owed.id, turn.now);
    }

    /// A tracked message was answered or given up at `at`.
    pub(super) fn send_settled(&mut self, turn: &mut Turn<'_>, id: u64, at: Moment) {
        match self.wait {
            Wait::Reply if id == self.seq => self.run(turn, at),
            Wait::Room(intended) => self.run_intended(turn, turn.now, Some(intended)),
            Wait::Replies if self.sends.live() == 0 => self.complete_flow(turn, at),
            _ => {}
        }
    }

    fn other_message(&mut self, turn: &mut Turn<'_>, kind: PayloadKind, payload: &[u8]) {
        match self.wait {
            Wait::Receive { until, left } => {
                turn.count(self.group, Counter::MessagesTaken);
                self.look(turn, self.pc as usize + 1, kind, payload);
                if left > 1 {
                    self.wait = Wait::Receive {
                        until,
                        left: left - 1,
                    };
                } else {
                    self.pc += 1;
                    self.run(turn, turn.now);
                }
            }
            Wait::Expect(_) if self.is_expected(turn, kind, payload) => {
                turn.count(self.group, Counter::ExpectsMet);
                // It was met, whatever comes of it.
                self.wait = Wait::Turn;
                if let Some(Op::Expect(expect)) = self.plan(turn.script).flow.get(self.pc as usize)
                    && !self.keep(turn, &expect.captures, payload)
                {
                    return self.fail_flow(turn);
                }
                self.pc += 1;
                self.look(turn, self.pc as usize, kind, payload);
                self.run(turn, turn.now);
            }
            _ => turn.count(self.group, Counter::MessagesUnmatched),
        }
    }

    fn is_expected(&self, turn: &Turn<'_>, kind: PayloadKind, payload: &[u8]) -> bool {
        match self.plan(turn.script).flow.get(self.pc as usize) {
            Some(Op::Expect(expect)) => {
                expect
                    .matcher
                    .matches(kind, payload, &self.who.context(turn, self.seq))
            }
            _ => false,
        }
    }

    /// Answers a ping (RFC 6455 5.5.2), unless we have closed or the peer does not read: then a later one gets the answer.
    fn answer_ping(&mut self, turn: &mut Turn<'_>, payload: &[u8]) {
        turn.count(self.group, Counter::PingsReceived);
        let Link::Open(open) = &mut self.link else {
            return;
        };
        let before = std::mem::replace(&mut open.peer_ping, turn.now);
        if before != Moment::NEVER {
            turn.shard.record(self.group, Trend::PeerPing, turn.now - before);
        }
        if open.closing.state() == ClosingState::Open && !turn.blocked {
            open.sender.pong(payload, turn.scratch.mask(), turn.out);
        }
    }

    /// A pong answers the ping with its payload and, since a peer may answer only the latest, all before (RFC 6455 5.5.3).
    fn pong(&mut self, turn: &mut Turn<'_>, payload: &[u8]) {
        let fingerprint = fingerprint(payload);
        let Some((index, answered)) = self.pings.iter().find(|(_, owed)| owed.id == fingerprint) else {
            turn.count(self.group, Counter::PongsUnsolicited);
            return;
        };
        if !answered.lost {
            turn.shard
                .record(self.group, Trend::Ping, turn.now - answered.sent);
        }
        for _ in 0..=index {
            if let Some(owed) = self.pings.remove(0)
                && !owed.lost
            {
                turn.count(self.group, Counter::PingsAnswered);
                self.ping_settled(turn, owed, turn.now);
            }
        }
    }

    /// A ping was answered or given up at `at`.
    pub(super) fn ping_settled(&mut self, turn: &mut Turn<'_>, owed: Owed, at: Moment) {
        match self.wait {
            Wait::Pong if owed.op != HEARTBEAT => self.run(turn, at),
            Wait::Probe(_) if owed.op == self.pc && !owed.lost => self.size_accepted(turn, at),
            _ => {}
        }
    }

    /// Sends the background ping that is due. The schedule does not drift; a ping that is a whole interval late is left out.
    pub(super) fn beat(&mut self, turn: &mut Turn<'_>) {
        let Some(plan) = &self.plan(turn.script).heartbeat else {
            return;
        };
        self.send_ping(turn, &turn.now.as_nanos().to_be_bytes(), plan.timeout, HEARTBEAT);
        let late = turn.now - self.heartbeat;
        let intervals = late.as_nanos() / plan.every.as_nanos().max(1) + 1;
        self.heartbeat += plan.every * u32::try_from(intervals).unwrap_or(u32::MAX);
    }

    /// Sends a ping that operation `op`, or nobody, waits for.
    pub(super) fn send_ping(&mut self, turn: &mut Turn<'_>, payload: &[u8], timeout: Duration, op: u32) {
        let Link::Open(open) = &mut self.link else {
            return;
        };
        open.sender.ping(payload, turn.scratch.mask(), turn.out);
        turn.count(self.group, Counter::PingsSent);
        let id = fingerprint(&payload[..payload.len().min(crate::wire::MAX_CONTROL_PAYLOAD)]);
        let (sent, until) = (turn.now, turn.now + timeout);
        self.pings.push(Owed {
            id,
            intended: sent,
            sent,
            until,
            op,
            lost: false,
        });
    }
}

/// Tells pings apart by 64 bits of their payload (FNV-1a), which stay when the payload is gone.
fn fingerprint(payload: &[u8]) -> u64 {
    payload.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}
