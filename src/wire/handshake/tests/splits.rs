//! Properties: how the bytes are cut changes nothing, and no bytes make a handshake panic.

use std::mem::{Discriminant, discriminant};

use proptest::prelude::*;

use super::request::request;
use crate::wire::deflate::DeflateOffer;
use crate::wire::handshake::{
    ClientHandshake, ClientRequest, HandshakeError, HandshakeProgress, HandshakeRules, HeadLimits,
    RequestHead, ServerHandshake, ServerProgress, ServerResponse, UpgradeRefusal,
};

const LIMITS: HeadLimits = HeadLimits {
    max_bytes: 600,
    max_headers: 6,
};

/// The end of a handshake: the value and the total of bytes taken, or the kind of error. Texts in errors may quote as
/// much as had come.
type End<T, E> = Option<Result<(usize, T), Discriminant<E>>>;

fn client(pieces: &[&[u8]]) -> End<ServerResponse, HandshakeError> {
    let asking = ClientRequest {
        subprotocols: vec!["chat".into()],
        deflate_offer: Some(DeflateOffer::default()),
        ..request()
    };
    let mut handshake =
        ClientHandshake::with(&asking, HandshakeRules::STRICT, LIMITS, &mut Vec::new()).unwrap();
    let mut total = 0;
    for piece in pieces {
        match handshake.receive(piece) {
            Ok(HandshakeProgress::NeedMore) => total += piece.len(),
            Ok(HandshakeProgress::Done { consumed, response }) => {
                return Some(Ok((total + consumed, response)));
            }
            Err(error) => return Some(Err(discriminant(&error))),
        }
    }
    None
}

fn server(pieces: &[&[u8]]) -> End<RequestHead, UpgradeRefusal> {
    let mut handshake = ServerHandshake::new(LIMITS);
    let mut total = 0;
    for piece in pieces {
        match handshake.receive(piece) {
            Ok(ServerProgress::NeedMore) => total += piece.len(),
            Ok(ServerProgress::Done { consumed, head }) => {
                let _verdict = head.upgrade(HandshakeRules::STRICT);
                return Some(Ok((total + consumed, head)));
            }
            Err(error) => return Some(Err(discriminant(&error))),
        }
    }
    None
}

fn cut<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut pieces = Vec::new();
    for &size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, tail) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// Heads that are right, nearly right and wrong, with whatever may follow.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    const LINES: [&str; 22] = [
        "HTTP/1.1 101 Switching Protocols\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\n",
        "GET /chat HTTP/1.1\r\n",
        "POST / HTTP/1.0\r\n",
        "Host: a\r\n",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        "Connection: keep-alive\n",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Protocol: chat\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate;;\r\n",
        "X: \u{e9}\r\n",
        " folded: line\r\n",
        "no colon\r\n",
        "\r\n",
        "\n",
        "\x1b",
        "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
    ];
    let good = Just(
        [
            LINES[0],
            LINES[6],
            LINES[7],
            LINES[9],
            LINES[12],
            LINES[13],
            "\r\n\u{1}\u{2}hi",
        ]
        .concat()
        .into_bytes(),
    );
    let asked = Just(
        [
            LINES[3],
            LINES[5],
            LINES[6],
            LINES[7],
            LINES[10],
            LINES[11],
            "\r\nframes",
        ]
        .concat()
        .into_bytes(),
    );
    let tls = Just(b"\x15\x03\x01\x00\x02\x02\x16".to_vec());
    let mixed = (
        0_usize..5,
        proptest::collection::vec(proptest::sample::select(&LINES[..]), 0..14),
    )
        .prop_map(|(first, rest)| {
            [LINES[first]]
                .into_iter()
                .chain(rest)
                .collect::<String>()
                .into_bytes()
        });
    prop_oneof![
        good,
        asked,
        tls,
        mixed,
        proptest::collection::vec(any::<u8>(), 0..80)
    ]
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_end(stream in any_stream(), sizes in proptest::collection::vec(1_usize..50, 1..8)) {
        let pieces = cut(&stream, &sizes);
        let single = cut(&stream, &[1]);
        prop_assert_eq!(client(&pieces), client(&[&stream]));
        prop_assert_eq!(client(&single), client(&[&stream]));
        prop_assert_eq!(server(&pieces), server(&[&stream]));
        prop_assert_eq!(server(&single), server(&[&stream]));
    }
}

#[test]
fn the_properties_reach_a_complete_handshake() {
    let text = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x01\x02";
    assert!(matches!(client(&cut(text.as_bytes(), &[1])), Some(Ok((length, _))) if length == text.len() - 2));
}
