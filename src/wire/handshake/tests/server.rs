//! RFC 6455 4.2: how a server judges a request and answers it.

use http::Version;

use super::request::request;
use crate::wire::deflate::{DeflateConfig, DeflateOffer};
use crate::wire::handshake::{
    ClientHandshake, ClientRequest, HandshakeProgress, HandshakeRules, HeadError, HeadLimits, RequestHead,
    ServerHandshake, ServerProgress, UpgradeRefusal, parse_upgrade,
};

/// A valid request's headers, to be altered one at a time.
const HEADERS: [(&str, &str); 5] = [
    ("Host", "server.example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

fn judge(headers: &[(&str, &str)]) -> Result<(), UpgradeRefusal> {
    judge_by(HandshakeRules::STRICT, headers)
}

fn judge_by(rules: HandshakeRules, headers: &[(&str, &str)]) -> Result<(), UpgradeRefusal> {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    parse_upgrade("GET", Version::HTTP_11, headers, rules).map(drop)
}

fn replacing(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    HEADERS
        .iter()
        .map(|header| {
            if header.0 == name {
                (header.0, value)
            } else {
                *header
            }
        })
        .collect()
}

fn without(name: &str) -> Vec<(&'static str, &'static str)> {
    HEADERS
        .iter()
        .copied()
        .filter(|header| header.0 != name)
        .collect()
}

fn adding(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    HEADERS.iter().copied().chain([(name, value)]).collect()
}

fn read(bytes: &[u8]) -> Result<RequestHead, UpgradeRefusal> {
    match ServerHandshake::new(HeadLimits::default()).receive(bytes)? {
        ServerProgress::Done { head, .. } => Ok(head),
        ServerProgress::NeedMore => panic!("incomplete"),
    }
}

#[test]
fn rfc6455_1_3_the_example_request() {
    let head = read(
        b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
          Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )
    .unwrap();
    assert_eq!(head.target, "/chat");
    let upgrade = head.upgrade(HandshakeRules::STRICT).unwrap();
    assert_eq!(upgrade.choose_subprotocol(&["superchat", "chat"]), Some("chat"));
    assert_eq!(upgrade.choose_subprotocol(&["mqtt"]), None);
    let mut out = Vec::new();
    upgrade.accept(Some("chat"), None).write(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
    );
}

#[test]
fn rfc6455_4_2_1_item_1_get_and_http_1_1() {
    let with = |method: &str, version: Version| {
        let headers = HEADERS.iter().map(|(name, value)| (*name, value.as_bytes()));
        parse_upgrade(method, version, headers, HandshakeRules::STRICT).map(drop)
    };
    assert_eq!(
        with("POST", Version::HTTP_11),
        Err(UpgradeRefusal::Method("POST".into()))
    );
    assert_eq!(
        with("get", Version::HTTP_11),
        Err(UpgradeRefusal::Method("get".into()))
    );
    assert_eq!(with("GET", Version::HTTP_10), Err(UpgradeRefusal::HttpVersion));
    assert_eq!(with("GET", Version::HTTP_11), Ok(()));
}

#[test]
fn rfc6455_4_2_1_item_2_one_host() {
    assert_eq!(judge(&without("Host")), Err(UpgradeRefusal::Host));
    assert_eq!(
        judge(&adding("host", "other")),
        Err(UpgradeRefusal::RepeatedHeader("Host"))
    );
}

#[test]
fn rfc6455_4_2_1_items_3_and_4_upgrade_and_connection() {
    for value in ["WebSocket", "h2c, websocket", "\twebsocket "] {
        assert_eq!(judge(&replacing("Upgrade", value)), Ok(()), "{value}");
    }
    for value in ["", "h2c", "websocket/13"] {
        assert_eq!(
            judge(&replacing("Upgrade", value)),
            Err(UpgradeRefusal::NotAnUpgrade),
            "{value}"
        );
    }
    assert_eq!(judge(&without("Upgrade")), Err(UpgradeRefusal::NotAnUpgrade));
    for value in ["keep-alive, Upgrade", "upgrade"] {
        assert_eq!(judge(&replacing("Connection", value)), Ok(()), "{value}");
    }
    assert_eq!(
        judge(&replacing("Connection", "close")),
        Err(UpgradeRefusal::Connection)
    );
    assert_eq!(judge(&without("Connection")), Err(UpgradeRefusal::Connection));
}

#[test]
fn rfc6455_4_2_1_item_5_the_key() {
    assert_eq!(
        judge(&without("Sec-WebSocket-Key")),
        Err(UpgradeRefusal::MissingKey)
    );
    assert_eq!(
        judge(&replacing("Sec-WebSocket-Key", "your-key-here")),
        Err(UpgradeRefusal::InvalidKey)
    );
    assert_eq!(
        judge(&adding("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")),
        Err(UpgradeRefusal::RepeatedHeader("Sec-WebSocket-Key"))
    );
}

#[test]
fn rfc6455_4_4_the_version() {
    for value in ["8", "013", "13, 8", ""] {
        assert_eq!(
            judge(&replacing("Sec-WebSocket-Version", value)),
            Err(UpgradeRefusal::Version),
            "{value}"
        );
    }
    assert_eq!(
        judge(&without("Sec-WebSocket-Version")),
        Err(UpgradeRefusal::Version)
    );
    assert_eq!(
        judge(&adding("Sec-WebSocket-Version", "8")),
        Err(UpgradeRefusal::RepeatedHeader("Sec-WebSocket-Version"))
    );
    let mut out = Vec::new();
    UpgradeRefusal::Version.write(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{text}");
    assert!(text.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{text}");
    assert!(
        text.ends_with("\r\n\r\nheader Sec-WebSocket-Version must be 13\n"),
        "{text}"
    );
}

#[test]
fn rfc6455_11_3_4_subprotocols_may_span_lines_but_not_repeat() {
    let two = [
        &HEADERS[..],
        &[
            ("Sec-WebSocket-Protocol", "a, b"),
            ("Sec-WebSocket-Protocol", "c"),
        ],
    ]
    .concat();
    let headers = two.iter().map(|(name, value)| (*name, value.as_bytes()));
    let upgrade = parse_upgrade("GET", Version::HTTP_11, headers, HandshakeRules::STRICT).unwrap();
    assert_eq!(upgrade.subprotocols, ["a", "b", "c"]);
    for value in ["a, a", "a,,b", "", "a b", "caf\u{e9}"] {
        assert_eq!(
            judge(&adding("Sec-WebSocket-Protocol", value)),
            Err(UpgradeRefusal::Subprotocols),
            "{value}"
        );
    }
}

#[test]
fn rfc6455_9_1_extensions_may_span_lines_and_must_parse() {
    let two = [
        &HEADERS[..],
        &[
            ("Sec-WebSocket-Extensions", "x-a"),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ],
    ]
    .concat();
    let headers = two.iter().map(|(name, value)| (*name, value.as_bytes()));
    let upgrade = parse_upgrade("GET", Version::HTTP_11, headers, HandshakeRules::STRICT).unwrap();
    let response = upgrade.accept(None, Some(&DeflateConfig::default()));
    assert!(response.deflate.is_some());
    assert_eq!(upgrade.accept(None, None).deflate, None);
    assert!(matches!(
        judge(&adding("Sec-WebSocket-Extensions", "permessage-deflate; =1")),
        Err(UpgradeRefusal::Extensions(_))
    ));
}

#[test]
fn each_rule_can_be_switched_off_alone() {
    for (rule, headers) in [
        (HandshakeRules::HOST, without("Host")),
        (HandshakeRules::UPGRADE, without("Upgrade")),
        (HandshakeRules::CONNECTION, without("Connection")),
        (
            HandshakeRules::KEY,
            replacing("Sec-WebSocket-Key", "your-key-here"),
        ),
        (HandshakeRules::VERSION, replacing("Sec-WebSocket-Version", "8")),
        (
            HandshakeRules::SINGLE_HEADERS,
            adding("Sec-WebSocket-Version", "13"),
        ),
    ] {
        assert_eq!(
            judge_by(HandshakeRules::STRICT.without(rule), &headers),
            Ok(()),
            "{rule:?}"
        );
        assert!(judge(&headers).is_err(), "{rule:?}");
    }
}

#[test]
fn refusals_have_the_status_that_fits() {
    for (refusal, status) in [
        (UpgradeRefusal::Method("POST".into()), 405),
        (UpgradeRefusal::HttpVersion, 505),
        (UpgradeRefusal::NotAnUpgrade, 426),
        (UpgradeRefusal::InvalidKey, 400),
        (UpgradeRefusal::Head(HeadError::TooLarge { limit: 1 }), 431),
        (UpgradeRefusal::Head(HeadError::TooManyHeaders { limit: 1 }), 431),
        (
            UpgradeRefusal::Head(HeadError::Malformed(httparse::Error::Token)),
            400,
        ),
    ] {
        assert_eq!(refusal.status().0, status, "{refusal}");
        assert!(refusal.section().starts_with("RFC "));
    }
}

#[test]
fn heads_beyond_the_limits_are_refused() {
    let long = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(20_000));
    assert_eq!(
        read(long.as_bytes()),
        Err(UpgradeRefusal::Head(HeadError::TooLarge { limit: 16_384 }))
    );
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(101));
    assert_eq!(
        read(many.as_bytes()),
        Err(UpgradeRefusal::Head(HeadError::TooManyHeaders { limit: 100 }))
    );
    assert!(matches!(
        read(b"\x16\x03\x01\x02"),
        Err(UpgradeRefusal::Head(HeadError::Malformed(_)))
    ));
}

#[test]
fn our_client_and_our_server_agree() {
    let asking = ClientRequest {
        subprotocols: vec!["chat".into()],
        deflate_offer: Some(DeflateOffer {
            server_no_context_takeover: true,
            ..Default::default()
        }),
        ..request()
    };
    let mut wire = Vec::new();
    let mut client = ClientHandshake::new(&asking, &mut wire).unwrap();
    let head = read(&wire).unwrap();
    let upgrade = head.upgrade(HandshakeRules::STRICT).unwrap();
    let answer = upgrade.accept(
        upgrade.choose_subprotocol(&["chat"]),
        Some(&DeflateConfig::default()),
    );
    let mut back = Vec::new();
    answer.write(&mut back);
    match client.receive(&back).unwrap() {
        HandshakeProgress::Done { consumed, response } => {
            assert_eq!(consumed, back.len());
            assert_eq!(response.subprotocol.as_deref(), Some("chat"));
            assert_eq!(response.deflate, answer.deflate.map(|deflate| deflate.params));
        }
        HandshakeProgress::NeedMore => panic!("the answer is complete"),
    }
}
