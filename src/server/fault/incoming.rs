//! [`Incoming`]: how much is read from the client, without a socket and without a clock.

use super::delay::Stall;
use super::effect::Effect;
use super::kind::FaultKind;
use super::plan::FaultPlan;
use super::tally::FaultTally;
use crate::clock::{Moment, Pace};
use crate::wire::{FrameHeader, ParsedHeader};

/// Decides when the client is read, and how far.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Messages after which nothing is read, and where the client is in its frames.
    stop: Option<(u64, Frames)>,
    pace: Option<Pace>,
    stall: Option<Stall>,
    tally: FaultTally,
}

/// Whether the client may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// So many bytes of it.
    Open(usize),
    /// Not before this moment.
    Until(Moment),
    /// Never again.
    Shut,
}

/// The client's frames, as far as it takes to know where a message ends.
#[derive(Debug, Default)]
struct Frames {
    head: Vec<u8>,
    /// Bytes of the present payload that did not come yet.
    payload: u64,
    /// The present frame ends a message.
    last: bool,
    messages: u64,
}

impl Incoming {
    pub(super) fn new(plan: &FaultPlan, tally: FaultTally) -> Self {
        let mut incoming = Self {
            stop: None,
            pace: None,
            stall: None,
            tally,
        };
        for effect in plan.effects() {
            match effect {
                Effect::StopReading(messages) => incoming.stop = Some((*messages, Frames::default())),
                Effect::ReadRate(bytes) => incoming.pace = Some(Pace::per_second(*bytes)),
                Effect::Stall(stall) => incoming.stall = Some(*stall),
                _ => {}
            }
        }
        if incoming.is_shut() {
            incoming.tally.count(FaultKind::StopReading);
        }
        incoming
    }

    /// Whether the client is to feel soon that it is not read.
    pub(super) fn holds_back(&self) -> bool {
        self.stop.is_some() || self.pace.is_some()
    }

    fn is_shut(&self) -> bool {
        self.stop
            .as_ref()
            .is_some_and(|(limit, frames)| frames.messages >= *limit)
    }

    /// Whether the client may be read now.
    pub(super) fn gate(&mut self, now: Moment) -> Gate {
        if self.is_shut() {
            return Gate::Shut;
        }
        if let Some(end) = self.stall.and_then(|stall| stall.end(now)) {
            return Gate::Until(end);
        }
        match &mut self.pace {
            None => Gate::Open(usize::MAX),
            Some(pace) => match pace.allowance(now, || self.tally.count(FaultKind::ReadRate)) {
                Ok(bytes) => Gate::Open(bytes),
                Err(next) => Gate::Until(next),
            },
        }
    }

    /// These bytes were read. How many of them the session gets: those up to the message that is the last one.
    pub(super) fn admit(&mut self, bytes: &[u8]) -> usize {
        if let Some(pace) = &mut self.pace {
            pace.passed(bytes.len());
        }
        let Some((limit, frames)) = &mut self.stop else {
            return bytes.len();
        };
        let admitted = frames.advance(bytes, *limit);
        if frames.messages >= *limit {
            self.tally.count(FaultKind::StopReading);
        }
        admitted
    }
}

impl Frames {
    /// Follows the bytes up to the end of message number `limit`; says how far that was.
    fn advance(&mut self, bytes: &[u8], limit: u64) -> usize {
        let mut at = 0;
        while at < bytes.len() && self.messages < limit {
            if self.payload == 0 {
                self.head.push(bytes[at]);
                at += 1;
                if let ParsedHeader::Complete(header, _) = FrameHeader::parse(&self.head) {
                    self.head.clear();
                    self.payload = header.payload_len;
                    self.last = header.fin && !header.is_control();
                    self.end_if_whole();
                }
            } else {
                let length = usize::try_from(self.payload)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len() - at);
                self.payload -= length as u64;
                at += length;
                self.end_if_whole();
            }
        }
        at
    }

    fn end_if_whole(&mut self) {
        if self.payload == 0 && self.last {
            self.messages += 1;
            self.last = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::testing;

    fn incoming(faults: &[&str]) -> Incoming {
        let mut plan = FaultPlan::default();
        for fault in faults {
            plan.add_written(fault).unwrap();
        }
        Incoming::new(&plan, FaultTally::new(&plan, testing::worker()))
    }

    fn at(millis: u64) -> Moment {
        Moment::ZERO + Duration::from_millis(millis)
    }

    /// A fragmented message with a ping between, then a second message.
    const FRAMES: &[u8] =
        b"\x01\x82\0\0\0\0ab\x89\x80\0\0\0\0\x80\x81\0\0\0\0c\x82\x80\0\0\0\0\x81\x81\0\0\0\0x";

    #[test]
    fn d7_reading_stops_behind_the_last_message_however_the_bytes_are_cut() {
        for (messages, end) in [(1, 21), (2, 27), (3, 34), (4, FRAMES.len())] {
            for cut in 1..FRAMES.len() {
                let mut incoming = incoming(&[&format!("stop-reading:{messages}")]);
                let mut admitted = 0;
                for part in [&FRAMES[..cut], &FRAMES[cut..]] {
                    if incoming.gate(at(0)) != Gate::Shut {
                        admitted += incoming.admit(part);
                    }
                }
                assert_eq!(admitted, end, "{messages} messages, cut at {cut}");
                assert_eq!(incoming.gate(at(0)) == Gate::Shut, messages <= 3);
            }
        }
        assert_eq!(incoming(&["stop-reading:0"]).gate(at(0)), Gate::Shut);
    }

    #[test]
    fn a_rate_opens_the_gate_a_little_at_a_time() {
        let mut incoming = incoming(&["read-rate:1000"]);
        assert_eq!(incoming.gate(at(100)), Gate::Open(50));
        assert_eq!(incoming.admit(&[0; 50]), 50);
        assert_eq!(incoming.gate(at(101)), Gate::Until(at(150)));
        assert_eq!(incoming.gate(at(150)), Gate::Open(50));
    }

    #[test]
    fn a_stall_shuts_the_gate_for_a_while() {
        let mut incoming = incoming(&["stall:100ms/1s"]);
        assert_eq!(incoming.gate(at(899)), Gate::Open(usize::MAX));
        assert_eq!(incoming.gate(at(950)), Gate::Until(at(1000)));
    }
}
