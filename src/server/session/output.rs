//! [`Output`]: what a session says during one turn, gathered in the worker's buffer and written at once.

use std::io::{self, IoSlice};
use std::task::Waker;

use super::transport::Transport;
use crate::server::record::Traffic;
use crate::wire::{CloseCode, MaskKey, MessageKind, Sender};

/// A payload of this size is written from where it lies instead of being copied behind its header.
const DIRECT_PAYLOAD: usize = 8 * 1024;
/// Gathered bytes are written when there are this many, without waiting for the end of the turn.
const FULL_BUFFER: usize = 128 * 1024;
/// A server does not mask (RFC 6455 5.1).
const NO_MASK: MaskKey = MaskKey([0; 4]);

/// The writing side of a session during one turn.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    sender: &'a mut Sender,
    /// Empty at the begin of a turn; at its end, what could not be written.
    buffer: &'a mut Vec<u8>,
    scratch: &'a mut Vec<u8>,
    traffic: &'a mut Traffic,
    socket: Option<Socket<'a>>,
    error: Option<io::Error>,
}

/// What it takes to write.
#[derive(Debug)]
pub(crate) struct Socket<'a> {
    pub(crate) transport: &'a mut Transport,
    pub(crate) waker: &'a Waker,
}

impl<'a> Output<'a> {
    /// Writes through `socket` or, without one, gathers everything in `buffer`.
    pub(crate) fn new(
        sender: &'a mut Sender,
        buffer: &'a mut Vec<u8>,
        scratch: &'a mut Vec<u8>,
        traffic: &'a mut Traffic,
        socket: Option<Socket<'a>>,
    ) -> Self {
        Self {
            sender,
            buffer,
            scratch,
            traffic,
            socket,
            error: None,
        }
    }

    /// Sends a data message.
    #[inline]
    pub(crate) fn message(&mut self, kind: MessageKind, payload: &[u8]) {
        self.traffic.messages_out += 1;
        if payload.len() >= DIRECT_PAYLOAD && self.socket.is_some() && !self.sender.compresses() {
            self.write_with_payload(kind, payload);
            return;
        }
        self.sender.message(kind, payload, NO_MASK, self.buffer);
        if self.buffer.len() >= FULL_BUFFER {
            self.write();
        }
    }

    /// Sends a data message that `compose` puts together.
    pub(crate) fn compose(&mut self, kind: MessageKind, compose: impl FnOnce(&mut Vec<u8>)) {
        let mut payload = std::mem::take(self.scratch);
        payload.clear();
        compose(&mut payload);
        self.message(kind, &payload);
        *self.scratch = payload;
    }

    pub(crate) fn ping(&mut self) {
        self.traffic.pings_out += 1;
        self.sender.ping(b"", NO_MASK, self.buffer);
    }

    pub(crate) fn pong(&mut self, payload: &[u8]) {
        self.traffic.pongs_out += 1;
        self.sender.pong(payload, NO_MASK, self.buffer);
    }

    pub(crate) fn close(&mut self, code: Option<CloseCode>, reason: &str) {
        self.sender.close(code, reason, NO_MASK, self.buffer);
    }

    /// Writes what was gathered, as far as the socket takes it. After that the error, if writing failed.
    #[inline]
    pub(crate) fn finish(mut self) -> Option<io::Error> {
        self.write();
        self.error
    }

    #[inline]
    fn write(&mut self) {
        let Some(Socket { transport, waker }) = &mut self.socket else {
            return;
        };
        if self.buffer.is_empty() {
            return;
        }
        match transport.write_now(waker, self.buffer) {
            Ok(written) => {
                self.traffic.bytes_out += written as u64;
                if written == self.buffer.len() {
                    self.buffer.clear();
                } else {
                    self.buffer.drain(..written);
                    self.socket = None;
                }
            }
            Err(error) => self.fail(error),
        }
    }

    /// One vectored write of everything gathered, the header and the payload.
    fn write_with_payload(&mut self, kind: MessageKind, payload: &[u8]) {
        let head = Sender::message_head(kind, payload.len());
        let head = head.as_slice();
        let total = self.buffer.len() + head.len() + payload.len();
        let written = match &mut self.socket {
            None => 0,
            Some(Socket { transport, waker }) => {
                let slices = [
                    IoSlice::new(self.buffer),
                    IoSlice::new(head),
                    IoSlice::new(payload),
                ];
                let used = if self.buffer.is_empty() {
                    &slices[1..]
                } else {
                    &slices
                };
                match transport.write_vectored_now(waker, used) {
                    Ok(written) => written,
                    Err(error) => return self.fail(error),
                }
            }
        };
        self.traffic.bytes_out += written as u64;
        if written == total {
            self.buffer.clear();
            return;
        }
        // What is left is gathered like anything else; nothing more goes to the socket before it.
        self.socket = None;
        let before = self.buffer.len();
        self.buffer
            .extend_from_slice(&head[written.saturating_sub(before).min(head.len())..]);
        let of_payload = written.saturating_sub(before + head.len());
        self.buffer.extend_from_slice(&payload[of_payload..]);
        self.buffer.drain(..written.min(before));
    }

    fn fail(&mut self, error: io::Error) {
        self.buffer.clear();
        self.socket = None;
        self.error = Some(error);
    }
}
