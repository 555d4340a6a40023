//! [`SharedMessage`]: a message that is encoded once, however many clients get it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::wire::deflate::{DeflateParams, Deflater, WindowBits};
use crate::wire::{MaskKey, MessageKind, Role, Sender};

/// A message for many receivers. Cloning it copies a pointer.
///
/// There are two encodings: plain, made at once, and compressed without context, made when the first receiver that can
/// use it is found. Both are shared by the receivers of all workers.
#[derive(Clone, Debug)]
pub(crate) struct SharedMessage(Arc<Encodings>);

#[derive(Debug)]
struct Encodings {
    kind: MessageKind,
    plain: Bytes,
    head_len: usize,
    deflated: OnceLock<Bytes>,
}

impl SharedMessage {
    /// Encodes `payload`; text must be UTF-8.
    #[must_use]
    pub(crate) fn new(kind: MessageKind, payload: &[u8]) -> Self {
        let head = Sender::message_head(kind, payload.len());
        let plain = Bytes::from([head.as_slice(), payload].concat());
        let head_len = head.as_slice().len();
        Self(Arc::new(Encodings {
            kind,
            plain,
            head_len,
            deflated: OnceLock::new(),
        }))
    }

    /// Text or binary.
    #[must_use]
    pub(crate) fn kind(&self) -> MessageKind {
        self.0.kind
    }

    /// The message itself.
    #[must_use]
    pub(crate) fn payload(&self) -> &[u8] {
        &self.0.plain[self.0.head_len..]
    }

    /// Bytes that it takes in a queue.
    pub(crate) fn size(&self) -> usize {
        self.0.plain.len()
    }

    /// The frame for a connection without compression.
    pub(crate) fn plain(&self) -> Bytes {
        self.0.plain.clone()
    }

    /// The frame for connections that negotiated `server_no_context_takeover` and the full window. Whoever asks first
    /// decides the level, so it has to be one level for all receivers of a message.
    pub(crate) fn deflated(&self, level: u8) -> Bytes {
        let encode = || {
            let mut sender = Sender::new(
                Role::Server,
                Some(Box::new(Deflater::new(&SHARED, Role::Server, level))),
            );
            let mut frame = Vec::new();
            sender.message(self.0.kind, self.payload(), MaskKey::default(), &mut frame);
            Bytes::from(frame)
        };
        self.0.deflated.get_or_init(encode).clone()
    }
}

/// What connections must have negotiated to share a compressed frame.
const SHARED: DeflateParams = DeflateParams {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    server_max_window_bits: WindowBits::MAX,
    client_max_window_bits: WindowBits::MAX,
};

/// Whether a connection with these parameters can be sent the shared compressed frame.
pub(crate) fn shares_deflated(params: &DeflateParams) -> bool {
    params.server_no_context_takeover && params.server_max_window_bits == SHARED.server_max_window_bits
}
