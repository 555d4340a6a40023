//! The frame header (RFC 6455 5.2): read as it is, written as asked.

use super::mask::MaskKey;

/// Two bytes, eight of extended length, four of mask.
pub const MAX_HEADER_LEN: usize = 14;
/// Payload limit of a control frame (RFC 6455 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// A frame header as it stood on the wire, legal or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Last fragment of its message.
    pub fin: bool,
    /// RSV1 (4), RSV2 (2), RSV3 (1).
    pub rsv: u8,
    /// The four opcode bits.
    pub opcode: u8,
    /// Present if the mask bit is set.
    pub mask: Option<MaskKey>,
    /// Declared payload length; may exceed the 63 bits that RFC 6455 allows.
    pub payload_len: u64,
    /// Whether the length used the shortest form.
    pub minimal: bool,
}

/// RSV1, which permessage-deflate gives a meaning (RFC 7692 6).
pub(super) const RSV1: u8 = 0b100;

/// What the first bytes of a frame tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParsedHeader {
    /// This many bytes, at least, make the header complete.
    Incomplete {
        /// Length of the header as far as it is known.
        needed: usize,
    },
    /// A header and its own length in bytes.
    Complete(FrameHeader, usize),
}

impl FrameHeader {
    /// Reads a header from the front of `bytes`.
    #[must_use]
    #[inline]
    pub fn parse(bytes: &[u8]) -> ParsedHeader {
        let &[first, second, ref rest @ ..] = bytes else {
            return ParsedHeader::Incomplete { needed: 2 };
        };
        let masked = second & 0x80 != 0;
        let short = second & 0x7F;
        let extended = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let needed = 2 + extended + if masked { 4 } else { 0 };
        if bytes.len() < needed {
            return ParsedHeader::Incomplete { needed };
        }
        let (payload_len, minimal) = match (short, rest) {
            (126, &[a, b, ..]) => {
                let len = u64::from(u16::from_be_bytes([a, b]));
                (len, len > 125)
            }
            (127, &[a, b, c, d, e, f, g, h, ..]) => {
                let len = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                (len, len > 0xFFFF)
            }
            _ => (u64::from(short), true),
        };
        let mask = match (masked, &bytes[needed - if masked { 4 } else { 0 }..]) {
            (true, &[a, b, c, d, ..]) => Some(MaskKey([a, b, c, d])),
            _ => None,
        };
        let header = Self {
            fin: first & 0x80 != 0,
            rsv: first >> 4 & 0b111,
            opcode: first & 0x0F,
            mask,
            payload_len,
            minimal,
        };
        ParsedHeader::Complete(header, needed)
    }

    /// Whether the opcode is in the control range (8 to 15).
    #[must_use]
    pub const fn is_control(&self) -> bool {
        self.opcode & 0x8 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_5_7_examples() {
        let ParsedHeader::Complete(header, len) =
            FrameHeader::parse(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f])
        else {
            panic!("complete header");
        };
        assert_eq!(
            (header.fin, header.opcode, header.payload_len, len),
            (true, 1, 5, 6)
        );
        assert_eq!(header.mask, Some(MaskKey([0x37, 0xfa, 0x21, 0x3d])));

        let ParsedHeader::Complete(header, len) = FrameHeader::parse(&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0])
        else {
            panic!("complete header");
        };
        assert_eq!(
            (header.opcode, header.payload_len, len, header.mask),
            (2, 65_536, 10, None)
        );
    }

    #[test]
    fn says_how_much_is_missing() {
        let full = [0x82, 0xFE, 0x01, 0x00, 1, 2, 3, 4];
        assert_eq!(
            FrameHeader::parse(&full[..1]),
            ParsedHeader::Incomplete { needed: 2 }
        );
        for cut in 2..full.len() {
            assert_eq!(
                FrameHeader::parse(&full[..cut]),
                ParsedHeader::Incomplete { needed: 8 },
                "cut at {cut}"
            );
        }
        assert!(matches!(FrameHeader::parse(&full), ParsedHeader::Complete(_, 8)));
    }

    #[test]
    fn sees_lengths_that_are_longer_than_needed() {
        for (bytes, minimal) in [
            (&[0x82, 0x7E, 0, 125][..], false),
            (&[0x82, 0x7E, 0, 126], true),
            (&[0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], false),
            (&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], true),
        ] {
            let ParsedHeader::Complete(header, _) = FrameHeader::parse(bytes) else {
                panic!("complete header")
            };
            assert_eq!(header.minimal, minimal, "{bytes:02x?}");
        }
    }
}
