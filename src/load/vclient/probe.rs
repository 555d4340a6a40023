//! The search for the largest message that a target takes.
//!
//! The smallest size of the search is tried first, then the largest, then the middle of what is left until that is small
//! enough. A message is accepted when the pong to a ping sent right after it comes, or its echo; it is refused when the
//! connection ends instead, or nothing comes in time. After a refusal the next size is tried over a new connection.

use crate::clock::Moment;
use crate::metrics::{Counter, Trend};
use crate::scenario::{Op, PayloadKind, SizeProbeOp};
use crate::wire::MessageKind;

use super::client::{VClient, Wait};
use super::link::Link;
use super::turn::{Scratch, Turn};

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Search {
    accepted: Option<u64>,
    refused: Option<u64>,
    /// Under way.
    size: u64,
}

impl Search {
    /// The next size to try, or `None` if the search is over.
    fn next(&self, op: &SizeProbeOp) -> Option<u64> {
        match (self.accepted, self.refused) {
            (None, None) => Some(op.from),
            (None, Some(_)) => None,
            (Some(accepted), None) => (accepted < op.to).then_some(op.to),
            (Some(accepted), Some(refused)) => {
                let gap = refused - accepted;
                (gap > op.precision).then_some(accepted + gap / 2)
            }
        }
    }
}

impl VClient {
    /// Tries the next size; `true` if there is none.
    pub(super) fn probe_size(&mut self, turn: &mut Turn<'_>, op: &SizeProbeOp) -> bool {
        let Some(memory) = &mut self.who.memory else {
            return true;
        };
        let search = memory.search.get_or_insert_default();
        let Some(size) = search.next(op) else {
            turn.shard
                .size_limits(self.group)
                .probed(search.accepted, search.refused);
            memory.search = None;
            return true;
        };
        search.size = size;
        self.seq += 1;
        self.write_filler(turn, op.kind, size);
        if !op.echo {
            self.send_ping(turn, &self.seq.to_be_bytes(), op.timeout, self.pc);
        }
        self.wait = Wait::Probe(turn.now + op.timeout);
        false
    }

    fn write_filler(&mut self, turn: &mut Turn<'_>, kind: PayloadKind, size: u64) {
        let mut payload = std::mem::take(&mut turn.scratch.payload);
        fill(turn.scratch, &mut payload, size as usize);
        let mask = turn.scratch.mask();
        if let Link::Open(open) = &mut self.link {
            let kind = match kind {
                PayloadKind::Text => MessageKind::Text,
                PayloadKind::Binary => MessageKind::Binary,
            };
            open.sender.message(kind, &payload, mask, turn.out);
        }
        turn.scratch.payload = payload;
        turn.count(self.group, Counter::MessagesSent);
        turn.count(self.group, Counter::SentOneWay);
        turn.shard.add(self.group, Counter::PayloadSent, size);
        turn.shard
            .record(self.group, Trend::SendLag, std::time::Duration::ZERO);
    }

    /// The size under way was accepted.
    pub(super) fn size_accepted(&mut self, turn: &mut Turn<'_>, at: Moment) {
        if let Some(search) = self.who.memory.as_mut().and_then(|memory| memory.search.as_mut()) {
            search.accepted = Some(search.size);
        }
        self.run(turn, at);
    }

    /// The connection ends, or nothing comes: if a size is under way, it was refused, and this is how it `looks`. The
    /// flow goes on when the connection is gone.
    pub(super) fn size_refused(&mut self, turn: &mut Turn<'_>, looks: impl FnOnce() -> String) -> bool {
        if !matches!(self.wait, Wait::Probe(_)) {
            return false;
        }
        if let Some(search) = self.who.memory.as_mut().and_then(|memory| memory.search.as_mut()) {
            search.refused = Some(search.size);
        }
        turn.shard.size_limits(self.group).refusal(&looks(), 1);
        self.wait = Wait::Ended;
        true
    }

    /// Whether a search is under way.
    pub(super) fn searches(&self) -> bool {
        self.who
            .memory
            .as_ref()
            .is_some_and(|memory| memory.search.is_some())
    }

    /// Nothing came in time.
    pub(super) fn probe_timed_out(&mut self, turn: &mut Turn<'_>) {
        if self.size_refused(turn, || "no answer in time".to_owned()) {
            self.drop_link(turn);
        }
    }

    /// Whether a message is the echo of the size under way.
    pub(super) fn is_probe_echo(&self, turn: &Turn<'_>, kind: PayloadKind, payload: &[u8]) -> bool {
        let size = self
            .who
            .memory
            .as_ref()
            .and_then(|memory| memory.search)
            .map(|search| search.size);
        matches!(self.wait, Wait::Probe(_))
            && matches!(self.plan(turn.script).flow.get(self.pc as usize),
                Some(Op::SizeProbe(op)) if op.echo && op.kind == kind)
            && size == Some(payload.len() as u64)
    }
}

/// Random letters, so that compression gains little.
fn fill(scratch: &mut Scratch, payload: &mut Vec<u8>, size: usize) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    payload.clear();
    while payload.len() < size {
        let letters = scratch
            .random()
            .to_le_bytes()
            .map(|byte| ALPHABET[usize::from(byte % 64)]);
        payload.extend_from_slice(&letters[..(size - payload.len()).min(letters.len())]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Searches against a target that takes messages up to `limit`; what was accepted at most, refused at least, and the
    /// trials.
    fn search(from: u64, to: u64, precision: u64, limit: u64) -> (Option<u64>, Option<u64>, u32) {
        let op = SizeProbeOp {
            from,
            to,
            precision,
            kind: PayloadKind::Binary,
            echo: false,
            timeout: Duration::from_secs(1),
        };
        let mut search = Search::default();
        let mut trials = 0;
        while let Some(size) = search.next(&op) {
            trials += 1;
            if size <= limit {
                search.accepted = Some(size);
            } else {
                search.refused = Some(size);
            }
        }
        (search.accepted, search.refused, trials)
    }

    #[test]
    fn the_limit_is_found_by_halving() {
        assert_eq!(search(1, 1 << 24, 1, 65_536), (Some(65_536), Some(65_537), 26));
        assert_eq!(search(1, 1 << 24, 1, 1), (Some(1), Some(2), 25));
        assert_eq!(search(1, 100, 1, 99), (Some(99), Some(100), 9));
        let (accepted, refused, trials) = search(1, 1 << 20, 1024, 300_000);
        assert!(accepted.unwrap() <= 300_000 && refused.unwrap() > 300_000 && trials <= 12);
        assert!(refused.unwrap() - accepted.unwrap() <= 1024);
    }

    #[test]
    fn what_has_no_limit_within_the_bounds_takes_two_trials_and_what_takes_nothing_one() {
        assert_eq!(search(1, 1000, 1, u64::MAX), (Some(1000), None, 2));
        assert_eq!(search(1000, 1000, 1, u64::MAX), (Some(1000), None, 1));
        assert_eq!(search(10, 1000, 1, 9), (None, Some(10), 1));
    }
}
