//! [`Receiver`]: bytes to messages and control frames.

use std::ops::Range;

use super::close::{CloseCode, ClosePayload};
use super::deflate::{InflateError, Inflater};
use super::frame::{FrameHeader, MAX_HEADER_LEN, ParsedHeader};
use super::mask::{MaskKey, apply_mask};
use super::opcode::{MessageKind, Opcode, Role};
use super::policy::{Class, Policy, ReceiverConfig};
use super::utf8::Utf8Validator;
use super::violation::{Rules, Violation};

/// What [`Receiver::receive`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// The input is used up.
    NeedMore,
    /// A whole message, unmasked, reassembled, decompressed; text is UTF-8 if that rule is enforced.
    Message {
        /// Text or binary.
        kind: MessageKind,
        /// All of it.
        payload: &'a [u8],
    },
    /// A ping, to be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// The peer's Close frame. Whatever follows it is discarded (RFC 6455 1.4).
    Close(Option<ClosePayload<'a>>),
    /// The peer broke a rule. The connection is to be failed; whatever follows is discarded.
    Violation(Violation),
}

/// The receiving half of a connection.
///
/// Between messages it owns nothing but these few bytes. The state of an incomplete frame or a fragmented message is
/// allocated when one begins and freed when it has been delivered.
///
/// Rules that are not enforced ([`Rules`]) mean: masks are taken as they come, reserved bits are ignored, frames with
/// reserved opcodes are skipped, control frames are taken whole whatever their FIN bit and, up to the message limit,
/// their length; a stray continuation begins a binary message; a message inside a fragmented one replaces it.
#[derive(Debug)]
pub struct Receiver {
    partial: Option<Box<Partial>>,
    inflater: Option<Box<Inflater>>,
    policy: Policy,
    /// Set by a Close frame or a violation.
    finished: bool,
    /// The message whose fragments are arriving.
    message: Option<Incoming>,
}

#[derive(Clone, Copy, Debug)]
struct Incoming {
    kind: MessageKind,
    compressed: bool,
}

/// What has arrived of something incomplete.
#[derive(Debug, Default)]
struct Partial {
    head: [u8; MAX_HEADER_LEN],
    head_len: u8,
    frame: Option<OpenFrame>,
    message: Vec<u8>,
    utf8: Utf8Validator,
    control: Vec<u8>,
    /// `message` was handed out by the last call.
    delivered: bool,
}

/// A frame whose header is complete and whose payload is not.
#[derive(Clone, Copy, Debug)]
struct OpenFrame {
    class: Class,
    fin: bool,
    mask: Option<MaskKey>,
    payload_len: u64,
    received: u64,
}

/// An event before it borrows anything.
enum Step {
    NeedMore,
    InPlace(MessageKind, Range<usize>),
    Assembled(MessageKind),
    ControlInPlace(Opcode, Range<usize>),
    ControlKept(Opcode),
    Violation(Violation),
}

/// How much memory a message may claim before its bytes arrive: a header alone must not cost more than this.
const FIRST_RESERVATION: u64 = 64 * 1024;
/// An assembly buffer up to this size stays with a connection that compresses, since it needs one for every message.
const KEPT_CAPACITY: usize = 4 * 1024;

impl Receiver {
    /// `role` is our own end; `inflater` is present if permessage-deflate was negotiated.
    #[must_use]
    pub fn new(role: Role, config: ReceiverConfig, inflater: Option<Box<Inflater>>) -> Self {
        let policy = Policy::new(role, config, inflater.is_some());
        Self {
            partial: None,
            inflater,
            policy,
            finished: false,
            message: None,
        }
    }

    /// Takes bytes from the front of `input`, unmasking them in place, until one event is complete or the input is
    /// used up. Returns how many bytes were taken, and the event.
    ///
    /// Call it until it returns [`Received::NeedMore`]: the last call lets the receiver free what it handed out.
    #[inline]
    pub fn receive<'a>(&'a mut self, input: &'a mut [u8]) -> (usize, Received<'a>) {
        if input.is_empty() && self.partial.is_none() {
            // The last call for most reads: nothing is left and nothing is kept.
            return (0, Received::NeedMore);
        }
        self.discard_delivered();
        if self.finished {
            return (input.len(), Received::NeedMore);
        }
        let mut used = 0;
        let step = match self.advance(input, &mut used) {
            Ok(step) => step,
            Err(violation) => Step::Violation(violation),
        };
        self.finished = match &step {
            Step::Violation(_) => true,
            Step::ControlInPlace(opcode, _) | Step::ControlKept(opcode) => *opcode == Opcode::Close,
            _ => false,
        };
        let partial = self.partial.as_deref();
        let event = match step {
            Step::NeedMore => Received::NeedMore,
            Step::InPlace(kind, range) => Received::Message {
                kind,
                payload: &input[range],
            },
            Step::Assembled(kind) => Received::Message {
                kind,
                payload: partial.map_or(&[], |kept| &kept.message),
            },
            Step::ControlInPlace(opcode, range) => control_event(opcode, &input[range]),
            Step::ControlKept(opcode) => control_event(opcode, partial.map_or(&[], |kept| &kept.control)),
            Step::Violation(violation) => Received::Violation(violation),
        };
        (used, event)
    }

    /// Whether a frame or message is incomplete.
    #[must_use]
    pub fn is_mid_message(&self) -> bool {
        self.message.is_some()
            || self
                .partial
                .as_deref()
                .is_some_and(|kept| kept.head_len > 0 || kept.frame.is_some())
    }

    fn advance(&mut self, input: &mut [u8], used: &mut usize) -> Result<Step, Violation> {
        loop {
            let step = if self.partial.as_deref().is_some_and(|kept| kept.frame.is_some()) {
                self.continue_frame(input, used)?
            } else {
                self.begin_frame(input, used)?
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    /// Reads a header and, if the whole payload is there, the frame.
    #[inline]
    fn begin_frame(&mut self, input: &mut [u8], used: &mut usize) -> Result<Option<Step>, Violation> {
        let Some(header) = self.read_header(input, used) else {
            return Ok(Some(Step::NeedMore));
        };
        let class = self.policy.check_header(&header)?;
        let starts_message = class == Class::Data && header.opcode != Opcode::Continuation.bits();
        if class == Class::Data {
            self.check_order(&header)?;
        }
        let available = (input.len() - *used) as u64;
        let in_place = header.payload_len <= available
            && match class {
                Class::Data => {
                    starts_message && header.fin && !self.message.is_some_and(|message| message.compressed)
                }
                Class::Control(_) => true,
                Class::Skipped => false,
            };
        if !in_place {
            let FrameHeader {
                fin,
                mask,
                payload_len,
                ..
            } = header;
            let kept = self.partial.get_or_insert_default();
            if class == Class::Data && !self.message.is_some_and(|message| message.compressed) {
                kept.message
                    .reserve_exact(payload_len.min(FIRST_RESERVATION) as usize);
            }
            kept.frame = Some(OpenFrame {
                class,
                fin,
                mask,
                payload_len,
                received: 0,
            });
            return Ok(None);
        }
        let range = *used..*used + header.payload_len as usize;
        *used = range.end;
        let payload = &mut input[range.clone()];
        if let Some(key) = header.mask {
            apply_mask(payload, key);
        }
        if let Class::Control(opcode) = class {
            self.policy.check_control_payload(opcode, payload)?;
            return Ok(Some(Step::ControlInPlace(opcode, range)));
        }
        let Some(Incoming { kind, .. }) = self.message.take() else {
            return Ok(None);
        };
        if kind == MessageKind::Text
            && self.policy.enforces(Rules::UTF8)
            && simdutf8::basic::from_utf8(payload).is_err()
        {
            return Err(Violation::InvalidUtf8);
        }
        Ok(Some(Step::InPlace(kind, range)))
    }

    /// Takes payload bytes of the frame whose header is known.
    fn continue_frame(&mut self, input: &mut [u8], used: &mut usize) -> Result<Option<Step>, Violation> {
        let Self {
            partial: Some(kept),
            inflater,
            message,
            ..
        } = self
        else {
            return Ok(None);
        };
        let Some(frame) = kept.frame.as_mut() else {
            return Ok(None);
        };
        let take = (frame.payload_len - frame.received).min((input.len() - *used) as u64) as usize;
        let chunk = &mut input[*used..*used + take];
        *used += take;
        if let Some(key) = frame.mask {
            apply_mask(chunk, key.at(frame.received));
        }
        frame.received += take as u64;
        let OpenFrame {
            class,
            fin,
            received,
            payload_len,
            ..
        } = *frame;
        let complete = received == payload_len;
        match class {
            Class::Skipped => {}
            Class::Control(_) => kept.control.extend_from_slice(chunk),
            Class::Data => match (message.as_ref(), inflater) {
                (Some(Incoming { compressed: true, .. }), Some(inflater)) => {
                    inflate(
                        inflater,
                        chunk,
                        complete && fin,
                        self.policy.max_message_size(),
                        &mut kept.message,
                    )?;
                }
                _ => kept.message.extend_from_slice(chunk),
            },
        }
        let text = message.is_some_and(|message| message.kind == MessageKind::Text);
        if class == Class::Data && text && self.policy.enforces(Rules::UTF8) {
            kept.utf8
                .extend(&kept.message)
                .map_err(|_| Violation::InvalidUtf8)?;
            if complete && fin && !kept.utf8.is_complete(&kept.message) {
                return Err(Violation::InvalidUtf8);
            }
        }
        if !complete {
            return Ok(Some(Step::NeedMore));
        }
        kept.frame = None;
        self.end_frame(class, fin)
    }

    /// The payload of the open frame is complete.
    fn end_frame(&mut self, class: Class, fin: bool) -> Result<Option<Step>, Violation> {
        match class {
            Class::Skipped => Ok(None),
            Class::Data if !fin => Ok(None),
            Class::Data => Ok(self.message.take().map(|message| {
                if let Some(kept) = self.partial.as_mut() {
                    kept.delivered = true;
                }
                Step::Assembled(message.kind)
            })),
            Class::Control(opcode) => {
                let payload = self.partial.as_deref().map_or(&[][..], |kept| &kept.control);
                self.policy.check_control_payload(opcode, payload)?;
                Ok(Some(Step::ControlKept(opcode)))
            }
        }
    }

    /// The next header, if it is complete; otherwise all input is taken and kept.
    #[inline]
    fn read_header(&mut self, input: &[u8], used: &mut usize) -> Option<FrameHeader> {
        let rest = &input[*used..];
        if self.partial.as_deref().is_none_or(|kept| kept.head_len == 0) {
            if let ParsedHeader::Complete(header, len) = FrameHeader::parse(rest) {
                *used += len;
                return Some(header);
            }
            if rest.is_empty() {
                return None;
            }
        }
        let kept = self.partial.get_or_insert_default();
        for &byte in rest {
            kept.head[usize::from(kept.head_len)] = byte;
            kept.head_len += 1;
            *used += 1;
            if let ParsedHeader::Complete(header, _) =
                FrameHeader::parse(&kept.head[..usize::from(kept.head_len)])
            {
                kept.head_len = 0;
                return Some(header);
            }
        }
        None
    }

    /// Fragment order and size of a data frame; notes the message that it begins.
    #[inline]
    fn check_order(&mut self, header: &FrameHeader) -> Result<(), Violation> {
        let strict = self.policy.enforces(Rules::FRAGMENT_ORDER);
        let compressed = self.policy.begins_compressed(header);
        let kind = match (Opcode::from_bits(header.opcode), self.message) {
            (Some(Opcode::Continuation), Some(_)) => {
                if compressed && self.policy.enforces(Rules::RESERVED_BITS) {
                    return Err(Violation::MisplacedCompressionBit);
                }
                return self.check_message_size(header.payload_len);
            }
            (Some(Opcode::Continuation), None) if strict => return Err(Violation::UnexpectedContinuation),
            (_, Some(_)) if strict => return Err(Violation::InterleavedMessage),
            (Some(Opcode::Text), _) => MessageKind::Text,
            _ => MessageKind::Binary,
        };
        if self.message.is_some()
            && let Some(kept) = self.partial.as_mut()
        {
            kept.message.clear();
            kept.utf8 = Utf8Validator::default();
        }
        self.message = Some(Incoming { kind, compressed });
        self.check_message_size(header.payload_len)
    }

    /// A compressed message is measured while it inflates.
    #[inline]
    fn check_message_size(&self, more: u64) -> Result<(), Violation> {
        if self.message.is_some_and(|message| message.compressed) {
            return Ok(());
        }
        let held = self
            .partial
            .as_deref()
            .map_or(0, |kept| kept.message.len() as u64);
        self.policy.check_size(held.saturating_add(more))
    }

    /// Frees what the last call handed out.
    #[inline]
    fn discard_delivered(&mut self) {
        let Some(kept) = self.partial.as_deref_mut() else {
            return;
        };
        if kept.frame.is_none() {
            kept.control = Vec::new();
        }
        if kept.delivered {
            kept.delivered = false;
            kept.utf8 = Utf8Validator::default();
            kept.message.clear();
            if self.inflater.is_none() || kept.message.capacity() > KEPT_CAPACITY {
                kept.message = Vec::new();
            }
        }
        let idle = self.message.is_none() && kept.frame.is_none() && kept.head_len == 0;
        if idle && kept.message.capacity() == 0 {
            self.partial = None;
        }
    }
}

fn control_event(opcode: Opcode, payload: &[u8]) -> Received<'_> {
    match opcode {
        Opcode::Ping => Received::Ping(payload),
        Opcode::Pong => Received::Pong(payload),
        _ => Received::Close(ClosePayload::parse(payload)),
    }
}

fn inflate(
    inflater: &mut Inflater,
    chunk: &[u8],
    last: bool,
    limit: u64,
    out: &mut Vec<u8>,
) -> Result<(), Violation> {
    let bound = usize::try_from(limit).unwrap_or(usize::MAX);
    inflater
        .inflate(chunk, last, bound, out)
        .map_err(|error| match error {
            InflateError::TooBig => Violation::TooBig { limit },
            InflateError::Corrupt => Violation::CorruptDeflate,
        })
}

impl Received<'_> {
    /// The code that a Close event carries, [`CloseCode::NO_STATUS`] if it carries none.
    #[must_use]
    pub fn close_code(&self) -> Option<CloseCode> {
        match self {
            Self::Close(payload) => Some(payload.map_or(CloseCode::NO_STATUS, |payload| payload.code)),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
