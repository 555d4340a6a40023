//! [`Sender`]: messages to frames, as the protocol wants them. [`RawFrame`]: any frame at all, legal or not.

use super::close::{CloseCode, MAX_CLOSE_REASON};
use super::deflate::Deflater;
use super::frame::{MAX_CONTROL_PAYLOAD, MAX_HEADER_LEN, RSV1};
use super::mask::{MaskKey, apply_mask};
use super::opcode::{MessageKind, Opcode, Role};

/// The sending half of a connection. It writes into buffers that the caller owns.
#[derive(Debug)]
pub struct Sender {
    deflater: Option<Box<Deflater>>,
    role: Role,
}

impl Sender {
    /// `role` is our own end; `deflater` is present if permessage-deflate was negotiated.
    #[must_use]
    pub fn new(role: Role, deflater: Option<Box<Deflater>>) -> Self {
        Self { deflater, role }
    }

    /// Whether messages are compressed.
    #[must_use]
    pub const fn compresses(&self) -> bool {
        self.deflater.is_some()
    }

    /// Appends `payload` as one frame to `out`. `mask` is used by a client only.
    #[inline]
    pub fn message(&mut self, kind: MessageKind, payload: &[u8], mask: MaskKey, out: &mut Vec<u8>) {
        match &mut self.deflater {
            None => self.frame(kind.opcode(), payload, mask, out),
            Some(deflater) => {
                let start = out.len();
                out.extend_from_slice(&[0; MAX_HEADER_LEN]);
                let body = out.len();
                deflater.deflate(payload, out);
                let mask = (self.role == Role::Client).then_some(mask);
                let len = (out.len() - body) as u64;
                let head = HeadBytes::new(true, RSV1, kind.opcode().bits(), mask, len);
                if let Some(key) = mask {
                    apply_mask(&mut out[body..], key);
                }
                // The header's length is known only now: it goes right before the body, and both move to the front.
                let gap = MAX_HEADER_LEN - head.as_slice().len();
                out[start + gap..body].copy_from_slice(head.as_slice());
                out.copy_within(start + gap.., start);
                out.truncate(out.len() - gap);
            }
        }
    }

    /// The header of an uncompressed, unmasked message, for a server that sends header and payload by one vectored write.
    #[must_use]
    #[inline]
    pub fn message_head(kind: MessageKind, payload_len: usize) -> HeadBytes {
        HeadBytes::new(true, 0, kind.opcode().bits(), None, payload_len as u64)
    }

    /// Appends a ping; a payload beyond 125 bytes is cut there.
    pub fn ping(&mut self, payload: &[u8], mask: MaskKey, out: &mut Vec<u8>) {
        self.frame(
            Opcode::Ping,
            &payload[..payload.len().min(MAX_CONTROL_PAYLOAD)],
            mask,
            out,
        );
    }

    /// Appends a pong; a payload beyond 125 bytes is cut there.
    pub fn pong(&mut self, payload: &[u8], mask: MaskKey, out: &mut Vec<u8>) {
        self.frame(
            Opcode::Pong,
            &payload[..payload.len().min(MAX_CONTROL_PAYLOAD)],
            mask,
            out,
        );
    }

    /// Appends a Close frame. Without a code the reason is left out; beyond 123 bytes it is cut at a character boundary.
    pub fn close(&mut self, code: Option<CloseCode>, reason: &str, mask: MaskKey, out: &mut Vec<u8>) {
        let mut payload = [0; MAX_CONTROL_PAYLOAD];
        let len = match code {
            None => 0,
            Some(CloseCode(code)) => {
                let reason = &reason.as_bytes()[..reason.floor_char_boundary(MAX_CLOSE_REASON)];
                payload[..2].copy_from_slice(&code.to_be_bytes());
                payload[2..2 + reason.len()].copy_from_slice(reason);
                2 + reason.len()
            }
        };
        self.frame(Opcode::Close, &payload[..len], mask, out);
    }

    #[inline]
    fn frame(&self, opcode: Opcode, payload: &[u8], mask: MaskKey, out: &mut Vec<u8>) {
        let mask = (self.role == Role::Client).then_some(mask);
        let head = HeadBytes::new(true, 0, opcode.bits(), mask, payload.len() as u64);
        out.reserve(MAX_HEADER_LEN + payload.len());
        out.extend_from_slice(head.as_slice());
        append_masked(payload, mask, out);
    }
}

/// Bytes masked at a time, so that the second pass finds them in the first-level cache.
const MASK_BLOCK: usize = 4 * 1024;

fn append_masked(payload: &[u8], mask: Option<MaskKey>, out: &mut Vec<u8>) {
    let Some(key) = mask else {
        return out.extend_from_slice(payload);
    };
    for block in payload.chunks(MASK_BLOCK) {
        let start = out.len();
        out.extend_from_slice(block);
        apply_mask(&mut out[start..], key);
    }
}

/// An encoded frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadBytes {
    bytes: [u8; MAX_HEADER_LEN],
    len: u8,
}

impl HeadBytes {
    /// The header with its length in the shortest form.
    #[must_use]
    #[inline]
    pub fn new(fin: bool, rsv: u8, opcode: u8, mask: Option<MaskKey>, payload_len: u64) -> Self {
        let form = match payload_len {
            0..=125 => LengthForm::Bits7,
            126..=0xFFFF => LengthForm::Bits16,
            _ => LengthForm::Bits64,
        };
        Self::with_form(fin, rsv, opcode, mask, payload_len, form)
    }

    #[inline]
    fn with_form(
        fin: bool,
        rsv: u8,
        opcode: u8,
        mask: Option<MaskKey>,
        payload_len: u64,
        form: LengthForm,
    ) -> Self {
        let mut bytes = [0; MAX_HEADER_LEN];
        bytes[0] = u8::from(fin) << 7 | (rsv & 0b111) << 4 | opcode & 0x0F;
        let mask_bit = u8::from(mask.is_some()) << 7;
        let mut len = match form {
            LengthForm::Bits7 => {
                bytes[1] = mask_bit | (payload_len & 0x7F) as u8;
                2
            }
            LengthForm::Bits16 => {
                bytes[1] = mask_bit | 126;
                bytes[2..4].copy_from_slice(&(payload_len as u16).to_be_bytes());
                4
            }
            LengthForm::Bits64 => {
                bytes[1] = mask_bit | 127;
                bytes[2..10].copy_from_slice(&payload_len.to_be_bytes());
                10
            }
        };
        if let Some(MaskKey(key)) = mask {
            bytes[len..len + 4].copy_from_slice(&key);
            len += 4;
        }
        Self {
            bytes,
            len: len as u8,
        }
    }

    /// The bytes.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// How a header writes its payload length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthForm {
    /// In the second byte. A length above 127 is cut to its low seven bits; 126 and 127 announce bytes that do not follow.
    Bits7,
    /// In 16 further bits; a longer length is cut to them.
    Bits16,
    /// In 64 further bits.
    Bits64,
}

/// A frame with every field as chosen, for tests and probes that violate the protocol on purpose.
///
/// Cutting a message anywhere is a matter of several frames with `fin` unset; cutting a frame anywhere is a matter of
/// writing its bytes in parts.
#[derive(Clone, Copy, Debug)]
pub struct RawFrame<'a> {
    /// FIN bit.
    pub fin: bool,
    /// RSV1 (4), RSV2 (2), RSV3 (1).
    pub rsv: u8,
    /// Any of the sixteen opcodes.
    pub opcode: u8,
    /// The mask to announce and apply; `None` sends unmasked.
    pub mask: Option<MaskKey>,
    /// `None` uses the shortest form.
    pub length_form: Option<LengthForm>,
    /// The length to announce; `None` announces the true one.
    pub announced_len: Option<u64>,
    /// The payload before masking.
    pub payload: &'a [u8],
}

impl<'a> RawFrame<'a> {
    /// A final, unmasked, otherwise legal frame to start from.
    #[must_use]
    pub const fn new(opcode: Opcode, payload: &'a [u8]) -> Self {
        Self {
            fin: true,
            rsv: 0,
            opcode: opcode.bits(),
            mask: None,
            length_form: None,
            announced_len: None,
            payload,
        }
    }

    /// Appends the frame's bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let len = self.announced_len.unwrap_or(self.payload.len() as u64);
        let head = match self.length_form {
            None => HeadBytes::new(self.fin, self.rsv, self.opcode, self.mask, len),
            Some(form) => HeadBytes::with_form(self.fin, self.rsv, self.opcode, self.mask, len, form),
        };
        out.extend_from_slice(head.as_slice());
        append_masked(self.payload, self.mask, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(frame: RawFrame<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        frame.encode(&mut out);
        out
    }

    #[test]
    fn rfc6455_5_7_examples() {
        let mut out = Vec::new();
        Sender::new(Role::Server, None).message(MessageKind::Text, b"Hello", MaskKey::default(), &mut out);
        assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);

        out.clear();
        let key = MaskKey([0x37, 0xfa, 0x21, 0x3d]);
        Sender::new(Role::Client, None).message(MessageKind::Text, b"Hello", key, &mut out);
        assert_eq!(
            out,
            [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        );

        assert_eq!(
            &encode(RawFrame::new(Opcode::Binary, &[0; 256]))[..4],
            [0x82, 0x7E, 0x01, 0x00]
        );
        assert_eq!(
            &encode(RawFrame::new(Opcode::Binary, &[0; 65_536]))[..10],
            [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]
        );
    }

    #[test]
    fn the_separate_head_equals_the_encoded_one() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let mut out = Vec::new();
            let payload = vec![7; len];
            Sender::new(Role::Server, None).message(
                MessageKind::Binary,
                &payload,
                MaskKey::default(),
                &mut out,
            );
            let head = Sender::message_head(MessageKind::Binary, len);
            assert_eq!([head.as_slice(), &payload].concat(), out, "length {len}");
        }
    }

    #[test]
    fn close_frames() {
        let mut sender = Sender::new(Role::Server, None);
        let mut out = Vec::new();
        sender.close(None, "left out", MaskKey::default(), &mut out);
        assert_eq!(out, [0x88, 0x00]);

        out.clear();
        sender.close(Some(CloseCode::GOING_AWAY), "bye", MaskKey::default(), &mut out);
        assert_eq!(out, [0x88, 0x05, 0x03, 0xe9, b'b', b'y', b'e']);

        out.clear();
        sender.close(
            Some(CloseCode::NORMAL),
            &"é".repeat(100),
            MaskKey::default(),
            &mut out,
        );
        assert_eq!(out.len(), 2 + 2 + 122, "the 62nd character would end at byte 124");
    }

    #[test]
    fn every_illegal_form_can_be_written() {
        let hello = RawFrame::new(Opcode::Text, b"hi");
        assert_eq!(
            encode(RawFrame {
                fin: false,
                rsv: 0b111,
                opcode: 0xB,
                ..hello
            }),
            [0x7B, 2, b'h', b'i']
        );
        assert_eq!(
            encode(RawFrame {
                length_form: Some(LengthForm::Bits16),
                ..hello
            }),
            [0x81, 126, 0, 2, b'h', b'i']
        );
        let long = encode(RawFrame {
            length_form: Some(LengthForm::Bits64),
            ..hello
        });
        assert_eq!(long, [0x81, 127, 0, 0, 0, 0, 0, 0, 0, 2, b'h', b'i']);
        assert_eq!(
            encode(RawFrame {
                announced_len: Some(u64::MAX),
                ..hello
            })[2..10],
            [0xFF; 8]
        );
        assert_eq!(
            encode(RawFrame {
                announced_len: Some(100),
                ..hello
            }),
            [0x81, 100, b'h', b'i']
        );
        let masked = encode(RawFrame {
            mask: Some(MaskKey([0; 4])),
            ..hello
        });
        assert_eq!(masked, [0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    }
}
