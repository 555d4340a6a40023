//! The opening handshake: any bytes, on either end, end the same way however they are cut; and whatever request our
//! client writes, our server reads as it was meant.
//!
//! Input: one byte of flags, two of piece sizes, then the peer's bytes, or the parts of a request.

#![no_main]

mod bytes;

use std::mem::{Discriminant, discriminant};

use bytes::{Bytes, cut};
use libfuzzer_sys::fuzz_target;
use wsbench_fuzz::wire::deflate::{ClientWindow, DeflateConfig, DeflateOffer};
use wsbench_fuzz::wire::handshake::{
    ClientHandshake, ClientRequest, HandshakeError, HandshakeProgress, HandshakeRules, HeadLimits,
    RequestHead, ServerHandshake, ServerProgress, ServerResponse, UpgradeRefusal,
};

const LIMITS: HeadLimits = HeadLimits {
    max_bytes: 2048,
    max_headers: 20,
};

/// Bytes taken and the value, or the kind of error: an error's text may quote as much as had come.
type End<T, E> = Option<Result<(usize, T), Discriminant<E>>>;

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes(data);
    let flags = input.byte();
    let sizes = [input.byte(), input.byte()];
    let rules = if flags & 4 == 0 {
        HandshakeRules::STRICT
    } else {
        HandshakeRules::LENIENT
    };
    match flags & 3 {
        0 => assert_eq!(client(&cut(input.0, &sizes), rules), client(&[input.0], rules)),
        1 => assert_eq!(server(&cut(input.0, &sizes), rules), server(&[input.0], rules)),
        _ => round_trip(input),
    }
});

fn asking() -> ClientRequest {
    ClientRequest {
        authority: "server.example.com".to_owned(),
        path: "/chat".to_owned(),
        subprotocols: vec!["chat".to_owned(), "superchat".to_owned()],
        deflate_offer: Some(DeflateOffer {
            client_max_window_bits: ClientWindow::Limitable,
            ..DeflateOffer::default()
        }),
        key: *b"the sample nonce",
        ..ClientRequest::default()
    }
}

fn client(pieces: &[&[u8]], rules: HandshakeRules) -> End<ServerResponse, HandshakeError> {
    let mut handshake =
        ClientHandshake::with(&asking(), rules, LIMITS, &mut Vec::new()).expect("the request is valid");
    let mut total = 0;
    for piece in pieces {
        match handshake.receive(piece) {
            Ok(HandshakeProgress::NeedMore) => total += piece.len(),
            Ok(HandshakeProgress::Done { consumed, response }) => {
                return Some(Ok((total + consumed, response)));
            }
            Err(error) => {
                assert!(!error.to_string().contains('\n'), "{error}");
                return Some(Err(discriminant(&error)));
            }
        }
    }
    None
}

fn server(pieces: &[&[u8]], rules: HandshakeRules) -> End<RequestHead, UpgradeRefusal> {
    let mut handshake = ServerHandshake::new(LIMITS);
    let mut total = 0;
    for piece in pieces {
        match handshake.receive(piece) {
            Ok(ServerProgress::NeedMore) => total += piece.len(),
            Ok(ServerProgress::Done { consumed, head }) => {
                answer(&head, rules);
                return Some(Ok((total + consumed, head)));
            }
            Err(refusal) => return Some(Err(discriminant(&refusal))),
        }
    }
    None
}

/// Answers a request, and lets a client read the answer to a valid one.
fn answer(head: &RequestHead, rules: HandshakeRules) -> Vec<u8> {
    let mut out = Vec::new();
    match head.upgrade(rules) {
        Ok(upgrade) => {
            let subprotocol = upgrade.choose_subprotocol(&["chat"]);
            upgrade
                .accept(subprotocol, Some(&DeflateConfig::default()))
                .write(&mut out);
        }
        Err(refusal) => refusal.write(&mut out),
    }
    out
}

/// A request of arbitrary parts is refused by the writer or read back as it was meant, and its answer is accepted.
fn round_trip(mut input: Bytes<'_>) {
    let mut text = |length: usize| String::from_utf8_lossy(input.take(length)).into_owned();
    let request = ClientRequest {
        path: format!("/{}", text(8)),
        subprotocols: vec!["chat".to_owned(), text(4)],
        headers: vec![
            (format!("X{}", text(4)), text(8)),
            (format!("Y{}", text(4)), text(8)),
        ],
        ..asking()
    };
    let mut wire = Vec::new();
    let Ok(mut client) = ClientHandshake::new(&request, &mut wire) else {
        assert!(wire.is_empty());
        return;
    };
    let Ok(ServerProgress::Done { consumed, head }) = ServerHandshake::default().receive(&wire) else {
        panic!("our own request is not read: {}", String::from_utf8_lossy(&wire));
    };
    assert_eq!(
        (consumed, head.target.as_str()),
        (wire.len(), request.path.as_str())
    );
    let upgrade = head
        .upgrade(HandshakeRules::STRICT)
        .expect("our own request is valid");
    assert_eq!(upgrade.subprotocols, request.subprotocols);
    for (name, value) in &request.headers {
        let trimmed = value.trim_matches([' ', '\t']);
        assert!(
            head.headers
                .iter()
                .any(|(key, found)| key == name && found == trimmed),
            "{name}: {value:?}"
        );
    }
    let back = answer(&head, HandshakeRules::STRICT);
    match client.receive(&back) {
        Ok(HandshakeProgress::Done { consumed, response }) => {
            assert_eq!(consumed, back.len());
            assert_eq!(response.subprotocol.as_deref(), Some("chat"));
            assert!(response.deflate.is_some());
        }
        other => panic!("our own answer is not accepted: {other:?}"),
    }
}
