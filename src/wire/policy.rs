//! [`Policy`]: the rules that a frame can break by itself, whatever came before it.

use super::close::ClosePayload;
use super::frame::{FrameHeader, MAX_CONTROL_PAYLOAD, RSV1};
use super::opcode::{Opcode, Role};
use super::violation::{Rules, Violation};

/// What a receiver accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverConfig {
    /// Largest message in bytes, after decompression. A larger one is refused as soon as its size is known: for an
    /// uncompressed message from the frame header, before its payload is read.
    pub max_message_size: u64,
    /// What is enforced.
    pub rules: Rules,
}

impl Default for ReceiverConfig {
    /// 1 MiB (seed A3), strict.
    fn default() -> Self {
        Self {
            max_message_size: 1 << 20,
            rules: Rules::STRICT,
        }
    }
}

/// What to do with a frame's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Data,
    Control(Opcode),
    /// A reserved opcode, tolerated.
    Skipped,
}

/// The part of a receiver that never changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    max_message_size: u64,
    rules: Rules,
    role: Role,
    /// permessage-deflate was negotiated, so RSV1 has a meaning.
    inflates: bool,
}

impl Policy {
    pub(super) const fn new(role: Role, config: ReceiverConfig, inflates: bool) -> Self {
        let ReceiverConfig {
            max_message_size,
            rules,
        } = config;
        Self {
            max_message_size,
            rules,
            role,
            inflates,
        }
    }

    #[inline]
    pub(super) const fn enforces(&self, rules: Rules) -> bool {
        self.rules.enforces(rules)
    }

    pub(super) const fn max_message_size(&self) -> u64 {
        self.max_message_size
    }

    /// Whether the frame, if it begins a message, begins a compressed one.
    #[inline]
    pub(super) const fn begins_compressed(&self, header: &FrameHeader) -> bool {
        self.inflates && header.rsv & RSV1 != 0
    }

    /// The rules that a header alone can break.
    #[inline]
    pub(super) fn check_header(&self, header: &FrameHeader) -> Result<Class, Violation> {
        let defined = if self.inflates { RSV1 } else { 0 };
        if header.rsv & !defined != 0 && self.enforces(Rules::RESERVED_BITS) {
            return Err(Violation::ReservedBits(header.rsv & !defined));
        }
        let class = match Opcode::from_bits(header.opcode) {
            Some(Opcode::Continuation | Opcode::Text | Opcode::Binary) => Class::Data,
            Some(control) => Class::Control(control),
            None if self.enforces(Rules::RESERVED_OPCODES) => {
                return Err(Violation::ReservedOpcode(header.opcode));
            }
            None => Class::Skipped,
        };
        if self.enforces(Rules::MASKING) {
            match (self.role, header.mask) {
                (Role::Server, None) => return Err(Violation::Unmasked),
                (Role::Client, Some(_)) => return Err(Violation::Masked),
                _ => {}
            }
        }
        if header.payload_len >> 63 != 0 {
            return Err(Violation::LengthOverflow);
        }
        if !header.minimal && self.enforces(Rules::MINIMAL_LENGTH) {
            return Err(Violation::NonMinimalLength);
        }
        if header.is_control() {
            self.check_control_header(header)?;
        }
        Ok(class)
    }

    fn check_control_header(&self, header: &FrameHeader) -> Result<(), Violation> {
        if header.rsv & RSV1 != 0 && self.enforces(Rules::RESERVED_BITS) {
            return Err(Violation::MisplacedCompressionBit);
        }
        if !header.fin && self.enforces(Rules::UNFRAGMENTED_CONTROL) {
            return Err(Violation::FragmentedControl);
        }
        if header.payload_len <= MAX_CONTROL_PAYLOAD as u64 {
            return Ok(());
        }
        if self.enforces(Rules::SHORT_CONTROL) {
            return Err(Violation::LongControl(header.payload_len));
        }
        self.check_size(header.payload_len)
    }

    /// The payload of a Close frame; other control frames may carry anything.
    pub(super) fn check_control_payload(&self, opcode: Opcode, payload: &[u8]) -> Result<(), Violation> {
        if opcode != Opcode::Close || !self.enforces(Rules::CLOSE_PAYLOAD) {
            return Ok(());
        }
        match ClosePayload::parse(payload) {
            None if payload.is_empty() => Ok(()),
            None => Err(Violation::TruncatedClose),
            Some(ClosePayload { code, .. }) if !code.is_sendable() => Err(Violation::InvalidCloseCode(code)),
            Some(ClosePayload { reason, .. }) => simdutf8::basic::from_utf8(reason)
                .map(drop)
                .map_err(|_| Violation::InvalidCloseReason),
        }
    }

    #[inline]
    pub(super) const fn check_size(&self, size: u64) -> Result<(), Violation> {
        let limit = self.max_message_size;
        if size > limit {
            Err(Violation::TooBig { limit })
        } else {
            Ok(())
        }
    }
}
