//! [`Outgoing`]: what becomes of the frames to the client, without a socket and without a clock.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::choice::Choice;
use super::delay::{Delay, Stall};
use super::effect::{CloseAfter, Effect, WrittenCode};
use super::handshake::BadHandshake;
use super::kind::FaultKind;
use super::plan::FaultPlan;
use super::tally::FaultTally;
use crate::clock::{Moment, Pace};
use crate::server::record::Traffic;
use crate::wire::{CloseCode, FrameHeader, Opcode, ParsedHeader, RawFrame};

/// Bytes that faults may hold back; beyond that the session has to wait as for a slow client.
const CAPACITY: usize = 4 << 20;

/// Takes frames as the session writes them, does to them what was asked for, and gives out bytes when they are due.
#[derive(Debug)]
pub(super) struct Outgoing {
    effects: Effects,
    rng: Pcg64Mcg,
    /// Bytes before the first frame, in one segment with it if that goes out at once.
    head: Option<Vec<u8>>,
    /// A frame whose end has not come yet.
    partial: Vec<u8>,
    queue: VecDeque<Item>,
    queued: usize,
    /// A message that waits for its successor.
    held: Option<(u8, Vec<u8>)>,
    /// No frame is due before its predecessor.
    last_due: Moment,
    /// Messages that the session wrote.
    messages: u64,
    /// Data messages go nowhere: the connection is to close or its side of TCP has ended.
    mute: bool,
    /// Nothing at all goes anywhere.
    is_shut: bool,
    close_wanted: Option<CloseAfter>,
    /// The code that went out in place of the session's.
    forged_code: Option<CloseCode>,
    dribble: Option<Pace>,
    /// The end of the stall that was counted last.
    stall_end: Moment,
    sent: Traffic,
    tally: FaultTally,
}

/// The effects that concern frames, by name.
#[derive(Debug, Default)]
struct Effects {
    delay: Option<Delay>,
    stall: Option<Stall>,
    drop: Option<Choice>,
    duplicate: Option<Choice>,
    reorder: Option<Choice>,
    corrupt: Option<Choice>,
    corrupt_header: Option<Choice>,
    mute_pong: bool,
    close_code: Option<WrittenCode>,
    close_after: Option<CloseAfter>,
    end: Option<(TcpEnd, u64)>,
}

/// A way to end TCP without a Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TcpEnd {
    Fin,
    Reset,
    HalfClose,
}

#[derive(Debug)]
struct Item {
    due: Moment,
    bytes: Bytes,
    /// How many of the bytes come before the frame.
    uncounted: usize,
    content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Frame(u8),
    Head,
    End(TcpEnd),
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Write these bytes, as far as possible, and report it by [`Outgoing::wrote`].
    Write(&'a [u8]),
    /// Nothing before this moment.
    Wait(Moment),
    /// Nothing until the session says something.
    Idle,
    /// End TCP like this.
    End(TcpEnd),
}

impl Outgoing {
    /// The faults of `plan`; `head` are bytes to send before everything else.
    pub(super) fn new(plan: &FaultPlan, head: Option<Vec<u8>>, tally: FaultTally) -> Self {
        let mut outgoing = Self {
            effects: Effects::new(plan),
            rng: Pcg64Mcg::new(u128::from(plan.seed())),
            head,
            partial: Vec::new(),
            queue: VecDeque::new(),
            queued: 0,
            held: None,
            last_due: Moment::ZERO,
            messages: 0,
            mute: false,
            is_shut: false,
            close_wanted: None,
            forged_code: None,
            dribble: plan.effects().find_map(|effect| match effect {
                Effect::Dribble(portion) => Some(Pace::new(portion.bytes, portion.every)),
                _ => None,
            }),
            stall_end: Moment::ZERO,
            tally,
            sent: Traffic::default(),
        };
        outgoing.end_if_due();
        outgoing
    }

    /// Whether more may be pushed.
    pub(super) fn has_room(&self) -> bool {
        self.queued < CAPACITY
    }

    /// Whether there is nothing left to write.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.head.is_none()
    }

    /// The session writes these bytes.
    pub(super) fn push(&mut self, bytes: &[u8], now: Moment) {
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let mut rest = &partial[..];
        while let Some((header, head, length)) = whole_frame(rest) {
            let (frame, behind) = rest.split_at(length);
            self.frame(header, head, frame, now);
            rest = behind;
        }
        let done = partial.len() - rest.len();
        partial.drain(..done);
        self.partial = partial;
    }

    /// A frame with a header of `head` bytes.
    fn frame(&mut self, header: FrameHeader, head: usize, frame: &[u8], now: Moment) {
        match Opcode::from_bits(header.opcode) {
            Some(Opcode::Text | Opcode::Binary) => self.message(header.opcode, head, frame.to_vec(), now),
            Some(Opcode::Pong) if self.effects.mute_pong => self.tally.count(FaultKind::MutePong),
            Some(Opcode::Close) => {
                self.release(now);
                let frame = match self.effects.close_code {
                    None => frame.to_vec(),
                    Some(code) => {
                        self.tally.count(FaultKind::CloseCode);
                        self.forged_code = Some(code.map_or(CloseCode::NO_STATUS, CloseCode));
                        with_code(&frame[head..], code)
                    }
                };
                self.enqueue(header.opcode, frame, now);
                // Nothing may follow it.
                self.mute = true;
            }
            _ => self.enqueue(header.opcode, frame.to_vec(), now),
        }
    }

    fn message(&mut self, opcode: u8, head: usize, mut frame: Vec<u8>, now: Moment) {
        if self.mute {
            return;
        }
        self.messages += 1;
        if self.meets(FaultKind::Drop) {
            return self.end_if_due();
        }
        // An empty payload has no bit to flip.
        if frame.len() > head && self.meets(FaultKind::Corrupt) {
            flip_bit(&mut frame[head..], &mut self.rng);
        }
        if self.meets(FaultKind::CorruptHeader) {
            flip_bit(&mut frame[..head], &mut self.rng);
        }
        let mut due = now;
        if let Some(delay) = self.effects.delay {
            self.tally.count(FaultKind::Delay);
            due = now + delay.draw(&mut self.rng);
        }
        if self.meets(FaultKind::Duplicate) {
            self.enqueue(opcode, frame.clone(), due);
        }
        // Only one waits at a time: its successor goes first and takes it along.
        if self.held.is_none() && self.meets(FaultKind::Reorder) {
            self.held = Some((opcode, frame));
        } else {
            self.enqueue(opcode, frame, due);
            self.release(due);
        }
        self.end_if_due();
    }

    /// Whether this fault meets the present message.
    fn meets(&mut self, kind: FaultKind) -> bool {
        let choice = match kind {
            FaultKind::Drop => &self.effects.drop,
            FaultKind::Duplicate => &self.effects.duplicate,
            FaultKind::Reorder => &self.effects.reorder,
            FaultKind::Corrupt => &self.effects.corrupt,
            FaultKind::CorruptHeader => &self.effects.corrupt_header,
            _ => &None,
        };
        let met = choice
            .as_ref()
            .is_some_and(|choice| choice.meets(self.messages, &mut self.rng));
        if met {
            self.tally.count(kind);
        }
        met
    }

    /// Sends the message that waits.
    fn release(&mut self, due: Moment) {
        if let Some((opcode, frame)) = self.held.take() {
            self.enqueue(opcode, frame, due);
        }
    }

    /// The session will say nothing more.
    pub(super) fn finish(&mut self, now: Moment) {
        self.release(now);
    }

    /// After the message that was the last one before it, the ending begins.
    fn end_if_due(&mut self) {
        if let Some(close) = self
            .effects
            .close_after
            .take_if(|close| close.messages == self.messages)
        {
            self.mute = true;
            self.close_wanted = Some(close);
        }
        if let Some((end, _)) = self
            .effects
            .end
            .take_if(|(_, messages)| *messages == self.messages)
        {
            self.release(self.last_due);
            self.queue.push_back(Item {
                due: self.last_due,
                bytes: Bytes::new(),
                uncounted: 0,
                content: Content::End(end),
            });
            self.mute = true;
        }
    }

    fn enqueue(&mut self, opcode: u8, frame: Vec<u8>, due: Moment) {
        if self.is_shut {
            return;
        }
        self.last_due = due.max(self.last_due);
        self.queued += frame.len();
        self.queue.push_back(Item {
            due: self.last_due,
            bytes: frame.into(),
            uncounted: 0,
            content: Content::Frame(opcode),
        });
    }

    /// What to do now.
    pub(super) fn step(&mut self, now: Moment) -> Step<'_> {
        if self.is_empty() {
            return Step::Idle;
        }
        if let Some(end) = self.effects.stall.and_then(|stall| stall.end(now)) {
            if self.stall_end != end {
                self.stall_end = end;
                self.tally.count(FaultKind::Stall);
            }
            return Step::Wait(end);
        }
        self.send_head(now);
        let Some(front) = self.queue.front() else {
            return Step::Idle;
        };
        if front.due > now {
            return Step::Wait(front.due);
        }
        let length = front.bytes.len();
        let portion = match (front.content, &mut self.dribble) {
            (Content::End(end), _) => {
                self.queue.pop_front();
                return Step::End(end);
            }
            (Content::Head, _) | (_, None) => length,
            (Content::Frame(_), Some(pace)) => {
                match pace.allowance(now, || self.tally.count(FaultKind::Dribble)) {
                    Ok(portion) => length.min(portion),
                    Err(next) => return Step::Wait(next),
                }
            }
        };
        self.queue
            .front()
            .map_or(Step::Idle, |front| Step::Write(&front.bytes[..portion]))
    }

    /// The head goes out with the first frame if that is due, or else alone.
    fn send_head(&mut self, now: Moment) {
        let Some(head) = self.head.take() else { return };
        let uncounted = head.len();
        self.queued += uncounted;
        match self.queue.front_mut() {
            Some(front)
                if front.due <= now
                    && matches!(front.content, Content::Frame(_))
                    && self.dribble.is_none() =>
            {
                front.bytes = [&head[..], &front.bytes].concat().into();
                front.uncounted = uncounted;
            }
            _ => self.queue.push_front(Item {
                due: Moment::ZERO,
                bytes: head.into(),
                uncounted,
                content: Content::Head,
            }),
        }
    }

    /// So many of the bytes of the last [`Step::Write`] are written.
    pub(super) fn wrote(&mut self, written: usize) {
        let Some(front) = self.queue.front_mut() else {
            return;
        };
        front.bytes.advance(written);
        self.queued -= written;
        let uncounted = written.min(front.uncounted);
        front.uncounted -= uncounted;
        self.sent.bytes_out += (written - uncounted) as u64;
        let Content::Frame(opcode) = front.content else {
            if front.bytes.is_empty() {
                self.queue.pop_front();
            }
            return;
        };
        if let Some(pace) = &mut self.dribble {
            pace.passed(written);
        }
        if front.bytes.is_empty() {
            self.queue.pop_front();
            match Opcode::from_bits(opcode) {
                Some(Opcode::Text | Opcode::Binary) => self.sent.messages_out += 1,
                Some(Opcode::Ping) => self.sent.pings_out += 1,
                Some(Opcode::Pong) => self.sent.pongs_out += 1,
                _ => {}
            }
        }
    }

    /// Our side of TCP has ended: whatever the session says goes nowhere.
    pub(super) fn shut(&mut self) {
        self.mute = true;
        self.is_shut = true;
        self.head = None;
        self.held = None;
        self.queue.clear();
        self.queued = 0;
    }

    /// What went to the socket since the last call.
    pub(super) fn take_sent(&mut self) -> Traffic {
        std::mem::take(&mut self.sent)
    }

    /// How the session is to close, once it is.
    pub(super) fn take_close(&mut self) -> Option<CloseAfter> {
        let close = self.close_wanted.take()?;
        self.tally.count(FaultKind::CloseAfter);
        Some(close)
    }

    /// The code that went out in place of the session's.
    pub(super) fn forged_code(&self) -> Option<CloseCode> {
        self.forged_code
    }
}

impl Effects {
    fn new(plan: &FaultPlan) -> Self {
        let mut effects = Self::default();
        for effect in plan.effects().cloned() {
            match effect {
                Effect::Delay(delay) => effects.delay = Some(delay),
                Effect::Stall(stall) => effects.stall = Some(stall),
                Effect::Drop(choice) => effects.drop = Some(choice),
                Effect::Duplicate(choice) => effects.duplicate = Some(choice),
                Effect::Reorder(choice) => effects.reorder = Some(choice),
                Effect::Corrupt(choice) => effects.corrupt = Some(choice),
                Effect::CorruptHeader(choice) => effects.corrupt_header = Some(choice),
                Effect::MutePong => effects.mute_pong = true,
                Effect::CloseCode(code) => effects.close_code = Some(code),
                Effect::CloseAfter(close) => effects.close_after = Some(close),
                Effect::Fin(messages) => effects.end = Some((TcpEnd::Fin, messages)),
                Effect::Reset(messages) => effects.end = Some((TcpEnd::Reset, messages)),
                Effect::HalfClose(messages) => effects.end = Some((TcpEnd::HalfClose, messages)),
                Effect::BadHandshake(BadHandshake::Truncated) => effects.end = Some((TcpEnd::Fin, 0)),
                Effect::Dribble(_)
                | Effect::StopReading(_)
                | Effect::ReadRate(_)
                | Effect::BadHandshake(_)
                | Effect::Hold(_) => {}
            }
        }
        effects
    }
}

/// The first frame of `bytes`, if it is whole: its header, the header's length and its own.
fn whole_frame(bytes: &[u8]) -> Option<(FrameHeader, usize, usize)> {
    let ParsedHeader::Complete(header, head) = FrameHeader::parse(bytes) else {
        return None;
    };
    let length = head.checked_add(usize::try_from(header.payload_len).ok()?)?;
    (bytes.len() >= length).then_some((header, head, length))
}

fn flip_bit(bytes: &mut [u8], rng: &mut Pcg64Mcg) {
    let bit = rng.random_range(0..bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}

/// A Close frame with this code and the reason of `payload`; without a code there is no reason either.
fn with_code(payload: &[u8], code: WrittenCode) -> Vec<u8> {
    let reason = payload.get(2..).unwrap_or_default();
    let payload = code.map_or(Vec::new(), |code| [&code.to_be_bytes(), reason].concat());
    let mut frame = Vec::new();
    RawFrame::new(Opcode::Close, &payload).encode(&mut frame);
    frame
}

#[cfg(test)]
mod tests;
