//! Roles, opcodes and message kinds (RFC 6455 5.2).

/// Which end of the connection we are. It decides who masks (RFC 6455 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Masks what it sends; expects unmasked frames.
    Client,
    /// Sends unmasked; expects masked frames.
    Server,
}

/// The opcodes that RFC 6455 defines. Reserved ones have no value here: they are plain numbers in a frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// Further fragment of a message.
    Continuation = 0x0,
    /// Text message or its first fragment.
    Text = 0x1,
    /// Binary message or its first fragment.
    Binary = 0x2,
    /// Close frame.
    Close = 0x8,
    /// Ping frame.
    Ping = 0x9,
    /// Pong frame.
    Pong = 0xA,
}

impl Opcode {
    /// The opcode of these four bits, or `None` for a reserved one.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// The four bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }
}

/// The two kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

impl MessageKind {
    /// The opcode of an unfragmented message of this kind.
    #[must_use]
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}
