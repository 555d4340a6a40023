//! A sans-IO WebSocket core: RFC 6455 and permessage-deflate (RFC 7692).
//!
//! Bytes in, events and bytes out. No socket, no clock, no panic on any input. What libraries hide is visible here
//! (reserved bits, masks, length forms, fragment boundaries), because wsbench measures the protocol and violates it
//! on purpose.
//!
//! | file | purpose |
//! |---|---|
//! | `opcode` | roles, opcodes, message kinds |
//! | `mask` | masking keys, applied in wide words |
//! | `frame` | the frame header, read and written, illegal forms included |
//! | `utf8` | UTF-8 checked as it arrives |
//! | `close` | status codes and the payload of a Close frame |
//! | `violation` | what a peer can do wrong, with RFC section and close code; which rules are enforced |
//! | `policy` | the rules that a frame can break by itself |
//! | `decode` | [`Receiver`]: frames to messages, strict or lenient |
//! | `encode` | [`Sender`]: messages to frames; [`RawFrame`]: any frame at all |
//! | `closing` | the close handshake: who closed, with what, cleanly or not |
//! | [`deflate`] | permessage-deflate: negotiated, inflated, deflated |
//! | [`extension`] | the grammar of `Sec-WebSocket-Extensions` |
//! | [`handshake`] | the opening handshake, both ends |
//!
//! A connection owns no read buffer: the caller's is unmasked in place and lent to the event, and only the bytes of
//! an incomplete frame or message are kept.

pub mod deflate;
pub mod extension;
pub mod handshake;

mod close;
mod closing;
mod decode;
#[cfg(test)]
mod deflated_tests;
mod encode;
mod frame;
mod mask;
mod opcode;
mod policy;
mod utf8;
mod violation;

pub use close::{CloseCode, ClosePayload, MAX_CLOSE_REASON};
pub use closing::{CloseInitiator, CloseOutcome, Closing, ClosingState};
pub use decode::{Received, Receiver};
pub use encode::{HeadBytes, LengthForm, RawFrame, Sender};
pub use frame::{FrameHeader, MAX_CONTROL_PAYLOAD, MAX_HEADER_LEN, ParsedHeader};
pub use mask::{MaskKey, apply_mask};
pub use opcode::{MessageKind, Opcode, Role};
pub use policy::ReceiverConfig;
pub use utf8::Utf8Validator;
pub use violation::{Rules, Violation};

/// Both directions of one connection and its close handshake.
///
/// The three are separate fields so that a caller can answer through `sender` while an event still borrows from
/// `receiver`.
#[derive(Debug)]
pub struct Connection {
    /// What comes in.
    pub receiver: Receiver,
    /// What goes out.
    pub sender: Sender,
    /// How it ends.
    pub closing: Closing,
}
