//! What a peer can do wrong, and which of it a receiver insists on.

use std::fmt;

use super::close::CloseCode;

/// A breach of the protocol. Each names the clause that forbids it and the close code that it calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A client sent an unmasked frame.
    Unmasked,
    /// A server sent a masked frame.
    Masked,
    /// A reserved bit is set that no negotiated extension defines; the three bits.
    ReservedBits(u8),
    /// RSV1 on a continuation or control frame although it belongs on a message's first frame only.
    MisplacedCompressionBit,
    /// A reserved opcode.
    ReservedOpcode(u8),
    /// A control frame without FIN.
    FragmentedControl,
    /// A control frame with more than 125 bytes.
    LongControl(u64),
    /// The length did not use its shortest form.
    NonMinimalLength,
    /// The most significant bit of a 64-bit length is set.
    LengthOverflow,
    /// A continuation without a message to continue.
    UnexpectedContinuation,
    /// A new message before the fragmented one was finished.
    InterleavedMessage,
    /// Text that is not UTF-8.
    InvalidUtf8,
    /// A Close frame with a payload of one byte.
    TruncatedClose,
    /// A close code that must not be sent.
    InvalidCloseCode(CloseCode),
    /// A close reason that is not UTF-8.
    InvalidCloseReason,
    /// A message above the receiver's limit, in bytes.
    TooBig {
        /// The limit.
        limit: u64,
    },
    /// A compressed message that does not inflate.
    CorruptDeflate,
}

impl Violation {
    /// The status code to fail the connection with (RFC 6455 7.4.1).
    #[must_use]
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidCloseReason | Self::CorruptDeflate => CloseCode::INVALID_PAYLOAD,
            Self::TooBig { .. } => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }

    /// The clause that the peer broke.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::Unmasked | Self::Masked => "RFC 6455 5.1",
            Self::ReservedBits(_)
            | Self::ReservedOpcode(_)
            | Self::NonMinimalLength
            | Self::LengthOverflow => "RFC 6455 5.2",
            Self::MisplacedCompressionBit => "RFC 7692 6.1",
            Self::FragmentedControl | Self::LongControl(_) => "RFC 6455 5.5",
            Self::UnexpectedContinuation | Self::InterleavedMessage => "RFC 6455 5.4",
            Self::InvalidUtf8 => "RFC 6455 8.1",
            Self::TruncatedClose | Self::InvalidCloseReason => "RFC 6455 5.5.1",
            Self::InvalidCloseCode(_) => "RFC 6455 7.4",
            Self::TooBig { .. } => "RFC 6455 10.4",
            Self::CorruptDeflate => "RFC 7692 7.2.2",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmasked => f.write_str("unmasked frame from a client"),
            Self::Masked => f.write_str("masked frame from a server"),
            Self::ReservedBits(bits) => write!(
                f,
                "reserved bits {bits:03b} without an extension that defines them"
            ),
            Self::MisplacedCompressionBit => f.write_str("RSV1 on a frame that does not begin a message"),
            Self::ReservedOpcode(opcode) => write!(f, "reserved opcode {opcode:#x}"),
            Self::FragmentedControl => f.write_str("fragmented control frame"),
            Self::LongControl(len) => write!(f, "control frame of {len} bytes, more than 125"),
            Self::NonMinimalLength => f.write_str("payload length not in its shortest form"),
            Self::LengthOverflow => f.write_str("payload length with its most significant bit set"),
            Self::UnexpectedContinuation => f.write_str("continuation frame without a message to continue"),
            Self::InterleavedMessage => f.write_str("new message inside a fragmented one"),
            Self::InvalidUtf8 => f.write_str("text message that is not UTF-8"),
            Self::TruncatedClose => f.write_str("close frame with a payload of one byte"),
            Self::InvalidCloseCode(code) => write!(f, "close code {code}, which must not be sent"),
            Self::InvalidCloseReason => f.write_str("close reason that is not UTF-8"),
            Self::TooBig { limit } => write!(f, "message above the limit of {limit} bytes"),
            Self::CorruptDeflate => f.write_str("compressed message that does not inflate"),
        }?;
        write!(f, " ({})", self.section())
    }
}

/// The set of rules that a receiver enforces. What is not enforced is tolerated as [`super::Receiver`] describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules(u16);

impl Rules {
    /// Masked from a client, unmasked from a server.
    pub const MASKING: Self = Self(1);
    /// No reserved bits beyond the negotiated extension's.
    pub const RESERVED_BITS: Self = Self(1 << 1);
    /// No reserved opcodes.
    pub const RESERVED_OPCODES: Self = Self(1 << 2);
    /// Control frames are not fragmented.
    pub const UNFRAGMENTED_CONTROL: Self = Self(1 << 3);
    /// Control frames carry at most 125 bytes.
    pub const SHORT_CONTROL: Self = Self(1 << 4);
    /// Lengths use their shortest form.
    pub const MINIMAL_LENGTH: Self = Self(1 << 5);
    /// Fragments come in order and are not interleaved with other messages.
    pub const FRAGMENT_ORDER: Self = Self(1 << 6);
    /// Text is UTF-8.
    pub const UTF8: Self = Self(1 << 7);
    /// Close payloads are empty or hold a code that may be sent and a reason in UTF-8.
    pub const CLOSE_PAYLOAD: Self = Self(1 << 8);

    /// Everything that the RFCs demand.
    pub const STRICT: Self = Self((1 << 9) - 1);
    /// Nothing but what is needed to find the next frame: lengths within 63 bits, size limits, deflate data that inflates.
    pub const LENIENT: Self = Self(0);

    /// These rules without `rules`.
    #[must_use]
    pub const fn without(self, rules: Self) -> Self {
        Self(self.0 & !rules.0)
    }

    /// The rule of the bit `n`, for tests that walk over all of them.
    #[cfg(test)]
    pub(super) const fn nth(n: u16) -> Self {
        Self(1 << n)
    }

    /// Whether all of `rules` are enforced.
    #[must_use]
    pub const fn enforces(self, rules: Self) -> bool {
        self.0 & rules.0 == rules.0
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::STRICT
    }
}
