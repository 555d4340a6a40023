//! What a turn writes, and what it leaves for later.

use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::super::life::Phase;
use super::super::task::State;
use super::{Next, Over, Turn};
use crate::server::message::SharedMessage;
use crate::wire::MaskKey;

/// Waiting messages that are encoded for one write.
const MESSAGES_PER_WRITE: usize = 32;

impl Turn<'_> {
    /// Writes what waits.
    pub(super) fn write_out(&mut self) -> Result<Next, Over> {
        let mut cx = Context::from_waker(self.waker);
        let mut progress = false;
        let blocked = loop {
            self.encode_waiting(MESSAGES_PER_WRITE);
            let Some(outbox) = self.outbox.as_deref_mut().filter(|outbox| !outbox.is_empty()) else {
                self.outbox = None;
                break false;
            };
            let mut slices = [IoSlice::new(&[]); MESSAGES_PER_WRITE];
            let used = outbox.fill(&mut slices);
            match Pin::new(&mut self.state.transport).poll_write_vectored(&mut cx, &slices[..used]) {
                Poll::Pending => break true,
                Poll::Ready(Ok(written)) if written > 0 => {
                    progress = true;
                    self.traffic.bytes_out += written as u64;
                    outbox.advance(written);
                    self.state.unflushed = self.state.transport.keeps_written_bytes();
                }
                Poll::Ready(_) => return Err(self.transport_failed()),
            }
        };
        let blocked = blocked
            || self.state.unflushed
                && match Pin::new(&mut self.state.transport).poll_flush(&mut cx) {
                    Poll::Pending => true,
                    Poll::Ready(Ok(())) => false,
                    Poll::Ready(Err(_)) => return Err(self.transport_failed()),
                };
        let deadlines = &mut self.state.life.deadlines;
        if blocked {
            deadlines.write_blocked(&self.limits, progress, self.now);
            self.new_deadline = true;
            return Ok(Next::Wait);
        }
        self.state.unflushed = false;
        // What was put off meanwhile may be due sooner than the write was.
        self.new_deadline |= deadlines.write_done(&self.limits, self.now);
        if progress {
            deadlines.active(self.now);
        }
        Ok(Next::Go)
    }

    /// Gives up to `count` messages from others the encoding of this connection.
    pub(super) fn encode_waiting(&mut self, count: usize) {
        let Some(outbox) = &mut self.outbox else { return };
        let State {
            sender,
            shares_deflated,
            ..
        } = &mut *self.state;
        let level = self.limits.compression.unwrap_or_default();
        self.traffic.messages_out += outbox.make_ready(count, |message: &SharedMessage| {
            if !sender.compresses() {
                return message.plain();
            }
            if *shares_deflated {
                return message.deflated(level);
            }
            let mut frame = Vec::new();
            sender.message(message.kind(), message.payload(), MaskKey::default(), &mut frame);
            Bytes::from(frame)
        });
    }

    /// Whether faults hold nothing back any more.
    pub(super) fn drained(&mut self) -> bool {
        let mut cx = Context::from_waker(self.waker);
        // What fails now would have told nobody anything.
        self.state.transport.poll_drained(&mut cx).is_ready()
    }

    /// Shuts the writing side; says whether that is done.
    pub(super) fn shut_down(&mut self) -> bool {
        let mut cx = Context::from_waker(self.waker);
        match Pin::new(&mut self.state.transport).poll_shutdown(&mut cx) {
            Poll::Pending => false,
            // If it fails, the connection is gone, and reading will tell.
            Poll::Ready(_) => {
                self.state.life.phase = Phase::Lingering;
                true
            }
        }
    }
}
