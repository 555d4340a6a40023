//! [`Outbox`]: what could not be written to a client yet, bounded.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use super::config::{RouteLimits, SlowConsumer};
use super::message::SharedMessage;

/// What waits for one client. It exists only while something does.
///
/// Bytes that are `ready` go out whatever happens, in order; messages that are `waiting` may be dropped by the slow-consumer
/// policy and get their encoding when they become ready.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    ready: VecDeque<Bytes>,
    waiting: VecDeque<SharedMessage>,
    waiting_bytes: usize,
}

/// What became of a message that was offered to an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It waits.
    Queued,
    /// It waits, and this many older ones do no longer.
    DroppedOldest(u64),
    /// It was dropped.
    DroppedNewest,
    /// There is no room and the policy is to disconnect; this many waiting messages, and this one, were discarded.
    Overflow(u64),
}

impl Outbox {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.waiting.is_empty()
    }

    /// Messages that wait for their encoding, and pieces of what has it.
    pub(crate) fn messages(&self) -> usize {
        self.waiting.len() + self.ready.len()
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting_bytes + self.ready.iter().map(Bytes::len).sum::<usize>()
    }

    /// Appends encoded frames that must not be dropped.
    pub(crate) fn push_ready(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.ready.push_back(bytes);
        }
    }

    /// Adds a message from elsewhere, within the limits of the route. A message that is alone always fits.
    pub(crate) fn offer(&mut self, message: SharedMessage, limits: &RouteLimits) -> Offered {
        let size = message.size();
        let fits = |outbox: &Self| {
            outbox.waiting.is_empty()
                || (outbox.waiting.len() < limits.outbox_messages
                    && outbox.waiting_bytes + size <= limits.outbox_bytes)
        };
        let mut dropped = 0;
        if !fits(self) {
            match limits.slow_consumer {
                SlowConsumer::DropNewest => return Offered::DroppedNewest,
                SlowConsumer::Disconnect => return Offered::Overflow(self.discard_waiting() + 1),
                SlowConsumer::DropOldest => {
                    while !fits(self) {
                        self.drop_oldest();
                        dropped += 1;
                    }
                }
            }
        }
        self.waiting_bytes += size;
        self.waiting.push_back(message);
        if dropped == 0 {
            Offered::Queued
        } else {
            Offered::DroppedOldest(dropped)
        }
    }

    /// Drops every waiting message; says how many.
    pub(crate) fn discard_waiting(&mut self) -> u64 {
        self.waiting_bytes = 0;
        let count = self.waiting.len() as u64;
        self.waiting.clear();
        count
    }

    fn drop_oldest(&mut self) {
        if let Some(message) = self.waiting.pop_front() {
            self.waiting_bytes -= message.size();
        }
    }

    /// Encodes up to `count` waiting messages; says how many there were.
    pub(crate) fn make_ready(
        &mut self,
        count: usize,
        mut encode: impl FnMut(&SharedMessage) -> Bytes,
    ) -> u64 {
        let count = count.min(self.waiting.len());
        for message in self.waiting.drain(..count) {
            self.waiting_bytes -= message.size();
            self.ready.push_back(encode(&message));
        }
        count as u64
    }

    /// The first of the ready bytes as a vectored write takes them; says how many of `slices` are used.
    pub(crate) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut used = 0;
        for (slice, bytes) in slices.iter_mut().zip(&self.ready) {
            *slice = IoSlice::new(bytes);
            used += 1;
        }
        used
    }

    /// Forgets `written` bytes from the front.
    pub(crate) fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.ready.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.ready.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::MessageKind;

    fn message(text: &str) -> SharedMessage {
        SharedMessage::new(MessageKind::Text, text.as_bytes())
    }

    fn limits(messages: usize, bytes: usize, slow_consumer: SlowConsumer) -> RouteLimits {
        RouteLimits {
            outbox_messages: messages,
            outbox_bytes: bytes,
            slow_consumer,
            ..RouteLimits::default()
        }
    }

    fn payloads(outbox: &Outbox) -> Vec<&[u8]> {
        outbox.waiting.iter().map(SharedMessage::payload).collect()
    }

    #[test]
    fn drop_oldest_keeps_the_newest_within_the_limit() {
        let limits = limits(2, 1 << 20, SlowConsumer::DropOldest);
        let mut outbox = Outbox::default();
        assert_eq!(outbox.offer(message("a"), &limits), Offered::Queued);
        assert_eq!(outbox.offer(message("b"), &limits), Offered::Queued);
        assert_eq!(outbox.offer(message("c"), &limits), Offered::DroppedOldest(1));
        assert_eq!(payloads(&outbox), [b"b", b"c"]);
    }

    #[test]
    fn drop_newest_keeps_what_waits() {
        let limits = limits(1, 1 << 20, SlowConsumer::DropNewest);
        let mut outbox = Outbox::default();
        assert_eq!(outbox.offer(message("a"), &limits), Offered::Queued);
        assert_eq!(outbox.offer(message("b"), &limits), Offered::DroppedNewest);
        assert_eq!(payloads(&outbox), [b"a"]);
    }

    #[test]
    fn disconnect_discards_what_waits() {
        let limits = limits(1, 1 << 20, SlowConsumer::Disconnect);
        let mut outbox = Outbox::default();
        assert_eq!(outbox.offer(message("a"), &limits), Offered::Queued);
        assert_eq!(outbox.offer(message("b"), &limits), Offered::Overflow(2));
        assert!(outbox.is_empty());
    }

    #[test]
    fn the_byte_limit_counts_frames_and_lets_a_single_message_pass() {
        let limits = limits(100, 20, SlowConsumer::DropOldest);
        let mut outbox = Outbox::default();
        let large = "x".repeat(100);
        assert_eq!(outbox.offer(message(&large), &limits), Offered::Queued);
        assert_eq!(
            outbox.offer(message("12345678"), &limits),
            Offered::DroppedOldest(1)
        );
        assert_eq!(
            outbox.offer(message("12345678"), &limits),
            Offered::Queued,
            "two frames of ten bytes"
        );
        assert_eq!(outbox.offer(message("1"), &limits), Offered::DroppedOldest(1));
    }

    #[test]
    fn advances_over_partial_writes() {
        let mut outbox = Outbox::default();
        outbox.push_ready(Bytes::from_static(b"abc"));
        outbox.push_ready(Bytes::from_static(b"def"));
        outbox.advance(4);
        let mut slices = [IoSlice::new(&[]); 4];
        assert_eq!(outbox.fill(&mut slices), 1);
        assert_eq!(&*slices[0], b"ef");
        outbox.advance(2);
        assert!(outbox.is_empty());
    }

    #[test]
    fn waiting_messages_become_ready_in_order() {
        let limits = RouteLimits::default();
        let mut outbox = Outbox::default();
        for text in ["a", "b", "c"] {
            outbox.offer(message(text), &limits);
        }
        assert_eq!(outbox.make_ready(2, SharedMessage::plain), 2);
        assert_eq!(payloads(&outbox), [b"c"]);
        assert_eq!(outbox.ready, [&b"\x81\x01a"[..], &b"\x81\x01b"[..]]);
    }
}
