//! [`Parcel`]: what passes between servers, and its encoding.
//!
//! One parcel is one message of the broker: a version (1), the kind, the origin (8 bytes, big-endian), the length of the route's
//! path (2 bytes) and the path, the length of the room's name (1 byte) and the name, and the rest is the payload.

use crate::wire::MessageKind;

/// What passes between servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parcel<'a> {
    /// The server that it comes from: random, so that servers with the same name are told apart.
    pub(super) origin: u64,
    pub(super) content: Content<'a>,
}

/// What is in a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// A sign of life, by which a server sees that its own parcels come back.
    Heartbeat,
    /// A message for a room.
    Message(Place<'a>, MessageKind, &'a [u8]),
    /// Something about a match, for the servers that have players in it.
    Match(Place<'a>, &'a [u8]),
}

/// A room, by names: servers may number their routes differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) path: &'a str,
    pub(super) room: &'a str,
}

const VERSION: u8 = 1;
const HEARTBEAT: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const MATCH: u8 = 3;

impl<'a> Parcel<'a> {
    /// The bytes of it. A path or room that is too long for its length would not be found elsewhere either, and is cut.
    pub(super) fn encode(&self) -> Vec<u8> {
        let empty = Place { path: "", room: "" };
        let (kind, place, payload) = match self.content {
            Content::Heartbeat => (HEARTBEAT, empty, &[][..]),
            Content::Message(place, MessageKind::Text, payload) => (TEXT, place, payload),
            Content::Message(place, MessageKind::Binary, payload) => (BINARY, place, payload),
            Content::Match(place, payload) => (MATCH, place, payload),
        };
        let path = &place.path.as_bytes()[..place.path.len().min(usize::from(u16::MAX))];
        let room = &place.room.as_bytes()[..place.room.len().min(usize::from(u8::MAX))];
        let mut bytes = Vec::with_capacity(13 + path.len() + room.len() + payload.len());
        bytes.extend_from_slice(&[VERSION, kind]);
        bytes.extend_from_slice(&self.origin.to_be_bytes());
        bytes.extend_from_slice(&(path.len() as u16).to_be_bytes());
        bytes.extend_from_slice(path);
        bytes.push(room.len() as u8);
        bytes.extend_from_slice(room);
        bytes.extend_from_slice(payload);
        bytes
    }

    /// Reads what came from the broker, which may be anything; `None` if it is no parcel. Text is UTF-8.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let ([VERSION, kind], rest) = bytes.split_first_chunk()? else {
            return None;
        };
        let (origin, rest) = rest.split_first_chunk()?;
        let (path_len, rest) = rest.split_first_chunk()?;
        let (path, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*path_len)))?;
        let (&room_len, rest) = rest.split_first()?;
        let (room, payload) = rest.split_at_checked(usize::from(room_len))?;
        let place = Place {
            path: std::str::from_utf8(path).ok()?,
            room: std::str::from_utf8(room).ok()?,
        };
        let content = match *kind {
            HEARTBEAT => Content::Heartbeat,
            TEXT if simdutf8::basic::from_utf8(payload).is_ok() => {
                Content::Message(place, MessageKind::Text, payload)
            }
            BINARY => Content::Message(place, MessageKind::Binary, payload),
            MATCH => Content::Match(place, payload),
            _ => return None,
        };
        Some(Self {
            origin: u64::from_be_bytes(*origin),
            content,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        path: "/chat",
        room: "Café",
    };

    #[test]
    fn parcels_survive_the_way() {
        for content in [
            Content::Heartbeat,
            Content::Message(PLACE, MessageKind::Text, "Grüße".as_bytes()),
            Content::Message(PLACE, MessageKind::Binary, b"\x00\xff\r\n$-1"),
            Content::Message(Place { path: "", room: "" }, MessageKind::Binary, b""),
            Content::Match(PLACE, b"{}"),
        ] {
            let parcel = Parcel {
                origin: 0x0102_0304_0506_0708,
                content,
            };
            assert_eq!(Parcel::decode(&parcel.encode()), Some(parcel));
        }
    }

    #[test]
    fn anything_else_is_no_parcel() {
        let parcel = Parcel {
            origin: 7,
            content: Content::Message(PLACE, MessageKind::Text, b"x"),
        };
        let good = parcel.encode();
        for length in 0..good.len() - 1 {
            assert_eq!(Parcel::decode(&good[..length]), None, "cut at {length}");
        }
        let change = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Parcel::decode(&bytes).is_none()
        };
        assert!(change(0, 2), "another version");
        assert!(change(1, 9), "an unknown kind");
        assert!(change(good.len() - 1, 0xff), "text that is no UTF-8");
        assert!(change(13, 0xff), "a path that is no UTF-8");
    }
}
