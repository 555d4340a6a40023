//! RFC 6455 4.1: how a client judges the server's answer.

use super::request::request;
use crate::wire::deflate::{DeflateOffer, DeflateResponseError};
use crate::wire::handshake::{
    ClientHandshake, ClientRequest, HandshakeError, HandshakeProgress, HandshakeRules, HeadError, HeadLimits,
    Refusal, ServerResponse,
};

const UPGRADE: &str = "Upgrade: websocket\r\n";
const CONNECTION: &str = "Connection: Upgrade\r\n";
const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

fn asking() -> ClientRequest {
    ClientRequest {
        subprotocols: vec!["chat".into(), "superchat".into()],
        deflate_offer: Some(DeflateOffer::default()),
        ..request()
    }
}

fn answer_by(rules: HandshakeRules, bytes: &[u8]) -> Result<ServerResponse, HandshakeError> {
    let mut handshake =
        ClientHandshake::with(&asking(), rules, HeadLimits::default(), &mut Vec::new()).unwrap();
    match handshake.receive(bytes)? {
        HandshakeProgress::Done { consumed, response } => {
            assert_eq!(consumed, bytes.len());
            Ok(response)
        }
        HandshakeProgress::NeedMore => panic!("incomplete: {}", String::from_utf8_lossy(bytes)),
    }
}

fn answer(headers: &[&str]) -> Result<ServerResponse, HandshakeError> {
    answer_by(HandshakeRules::STRICT, switching(headers).as_bytes())
}

fn switching(headers: &[&str]) -> String {
    format!("HTTP/1.1 101 Switching Protocols\r\n{}\r\n", headers.concat())
}

fn refusal(text: &str) -> Refusal {
    match answer_by(HandshakeRules::STRICT, text.as_bytes()) {
        Err(HandshakeError::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc6455_1_3_the_example_answer() {
    let response = answer(&[UPGRADE, CONNECTION, ACCEPT, "Sec-WebSocket-Protocol: chat\r\n"]).unwrap();
    assert_eq!(response.subprotocol.as_deref(), Some("chat"));
    assert_eq!(response.deflate, None);
    assert_eq!(response.header("upgrade"), Some("websocket"));
}

#[test]
fn bytes_after_the_head_are_left() {
    let mut handshake = ClientHandshake::new(&asking(), &mut Vec::new()).unwrap();
    let head = switching(&[UPGRADE, CONNECTION, ACCEPT]);
    let (first, second) = head.split_at(40);
    assert_eq!(
        handshake.receive(first.as_bytes()).unwrap(),
        HandshakeProgress::NeedMore
    );
    let bytes = [second.as_bytes(), b"\x81\x02hi"].concat();
    match handshake.receive(&bytes).unwrap() {
        HandshakeProgress::Done { consumed, .. } => assert_eq!(&bytes[consumed..], b"\x81\x02hi"),
        HandshakeProgress::NeedMore => panic!("the head is complete"),
    }
}

#[test]
fn rfc6455_4_1_step_1_any_other_status_is_a_refusal() {
    let refused = refusal(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Type: text/plain\r\n\r\n\ntoken expired\nx",
    );
    assert_eq!((refused.status, refused.reason.as_str()), (401, "Unauthorized"));
    assert_eq!(refused.body_start, b"\ntoken expired\nx");
    assert_eq!(
        refused.to_string(),
        "401 Unauthorized, WWW-Authenticate: Bearer (token expired)"
    );
    let refused = refusal("HTTP/1.1 302 Found\r\nLocation: https://x/y\r\n\r\n");
    assert_eq!(refused.to_string(), "302 Found, Location: https://x/y");
    let refused = refusal("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>");
    assert_eq!(refused.to_string(), "200 OK");
}

#[test]
fn a_long_reason_of_a_refusal_is_cut_with_a_mark() {
    let said = |body: &str| {
        let refused = refusal(&format!("HTTP/1.1 400 Bad Request\r\n\r\n{body}\nx"));
        refused.to_string()
    };
    for letter in ["x", "\u{4e16}", "\u{1f980}"] {
        let whole = letter.repeat(400);
        assert_eq!(said(&whole), format!("400 Bad Request ({whole})"));
        assert_eq!(
            said(&letter.repeat(600)),
            format!("400 Bad Request ({whole}\u{2026})")
        );
    }
}

#[test]
fn rfc9110_15_2_interim_answers_are_passed_over() {
    let text = format!(
        "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{}",
        switching(&[UPGRADE, CONNECTION, ACCEPT])
    );
    assert_eq!(
        answer_by(HandshakeRules::STRICT, text.as_bytes())
            .unwrap()
            .header("Link"),
        None
    );
}

#[test]
fn rfc6455_4_1_step_2_upgrade_is_websocket_in_any_case() {
    assert!(answer(&["upgrade: WebSocket\r\n", CONNECTION, ACCEPT]).is_ok());
    assert_eq!(answer(&[CONNECTION, ACCEPT]), Err(HandshakeError::Upgrade(None)));
    for value in ["h2c", "websocket, h2c", "websocket2"] {
        let header = format!("Upgrade: {value}\r\n");
        assert_eq!(
            answer(&[&header, CONNECTION, ACCEPT]),
            Err(HandshakeError::Upgrade(Some(value.into())))
        );
    }
}

#[test]
fn rfc6455_4_1_step_3_connection_contains_upgrade() {
    assert!(answer(&[UPGRADE, "Connection: keep-alive, UPGRADE\r\n", ACCEPT]).is_ok());
    assert!(answer(&[UPGRADE, "Connection: keep-alive\r\n", CONNECTION, ACCEPT]).is_ok());
    assert_eq!(answer(&[UPGRADE, ACCEPT]), Err(HandshakeError::Connection(None)));
    assert_eq!(
        answer(&[UPGRADE, "Connection: close\r\n", ACCEPT]),
        Err(HandshakeError::Connection(Some("close".into())))
    );
}

#[test]
fn rfc6455_4_1_step_4_accept_answers_the_key() {
    assert!(
        answer(&[
            UPGRADE,
            CONNECTION,
            "Sec-WebSocket-Accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n"
        ])
        .is_ok()
    );
    let missing = answer(&[UPGRADE, CONNECTION]).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "header Sec-WebSocket-Accept must be `s3pPLMBiTxaQ9kYGzzhZRbK+xOo=`, found nothing"
    );
    let wrong = answer(&[
        UPGRADE,
        CONNECTION,
        "Sec-WebSocket-Accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n",
    ]);
    assert!(matches!(
        wrong,
        Err(HandshakeError::Accept { found: Some(_), .. })
    ));
}

#[test]
fn rfc6455_4_1_step_5_extensions_were_offered() {
    let with = |value: &str| {
        let header = format!("Sec-WebSocket-Extensions: {value}\r\n");
        answer(&[UPGRADE, CONNECTION, ACCEPT, &header])
    };
    let agreed = with("permessage-deflate; server_no_context_takeover")
        .unwrap()
        .deflate
        .unwrap();
    assert!(agreed.server_no_context_takeover && !agreed.client_no_context_takeover);
    assert_eq!(
        with("x-mux"),
        Err(HandshakeError::UnofferedExtension("x-mux".into()))
    );
    assert_eq!(
        with("permessage-deflate, permessage-deflate"),
        Err(HandshakeError::RepeatedDeflate)
    );
    assert!(matches!(
        with("permessage-deflate;"),
        Err(HandshakeError::ExtensionSyntax(_))
    ));
    assert_eq!(
        with("permessage-deflate; client_max_window_bits=10"),
        Err(HandshakeError::Deflate(
            DeflateResponseError::ClientWindowNotOffered
        ))
    );
}

#[test]
fn rfc6455_4_1_step_5_nothing_was_offered() {
    let mut handshake = ClientHandshake::new(&request(), &mut Vec::new()).unwrap();
    let head = switching(&[
        UPGRADE,
        CONNECTION,
        ACCEPT,
        "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    ]);
    assert_eq!(
        handshake.receive(head.as_bytes()),
        Err(HandshakeError::UnofferedExtension("permessage-deflate".into()))
    );
}

#[test]
fn rfc6455_4_1_step_6_the_subprotocol_was_offered() {
    let with = |value: &str| {
        let header = format!("Sec-WebSocket-Protocol: {value}\r\n");
        answer(&[UPGRADE, CONNECTION, ACCEPT, &header])
    };
    assert_eq!(
        with("superchat").unwrap().subprotocol.as_deref(),
        Some("superchat")
    );
    for value in ["Chat", "chat, superchat", "other"] {
        assert_eq!(
            with(value),
            Err(HandshakeError::UnofferedSubprotocol(value.into()))
        );
    }
}

#[test]
fn rfc6455_11_3_headers_that_must_stand_alone() {
    assert_eq!(
        answer(&[UPGRADE, CONNECTION, ACCEPT, ACCEPT]),
        Err(HandshakeError::RepeatedHeader("Sec-WebSocket-Accept"))
    );
    let protocol = "Sec-WebSocket-Protocol: chat\r\n";
    assert_eq!(
        answer(&[UPGRADE, CONNECTION, ACCEPT, protocol, protocol]),
        Err(HandshakeError::RepeatedHeader("Sec-WebSocket-Protocol"))
    );
}

#[test]
fn rfc6455_4_2_2_the_status_line_is_http_1_1() {
    let text = switching(&[UPGRADE, CONNECTION, ACCEPT]).replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(
        answer_by(HandshakeRules::STRICT, text.as_bytes()),
        Err(HandshakeError::HttpVersion)
    );
}

#[test]
fn each_rule_can_be_switched_off_alone() {
    let accept_twice = [ACCEPT, ACCEPT].concat();
    for (rule, headers) in [
        (HandshakeRules::UPGRADE, [CONNECTION, ACCEPT, ""]),
        (HandshakeRules::CONNECTION, [UPGRADE, ACCEPT, ""]),
        (
            HandshakeRules::ACCEPT,
            [UPGRADE, CONNECTION, "Sec-WebSocket-Accept: wrong\r\n"],
        ),
        (
            HandshakeRules::EXTENSIONS,
            [
                UPGRADE,
                &[CONNECTION, ACCEPT].concat(),
                "Sec-WebSocket-Extensions: x;\r\n",
            ],
        ),
        (
            HandshakeRules::EXTENSIONS,
            [
                UPGRADE,
                &[CONNECTION, ACCEPT].concat(),
                "Sec-WebSocket-Extensions: x\r\n",
            ],
        ),
        (
            HandshakeRules::SUBPROTOCOL,
            [
                UPGRADE,
                &[CONNECTION, ACCEPT].concat(),
                "Sec-WebSocket-Protocol: x\r\n",
            ],
        ),
        (
            HandshakeRules::SINGLE_HEADERS,
            [UPGRADE, CONNECTION, &accept_twice],
        ),
    ] {
        let text = switching(&headers);
        let tolerant = HandshakeRules::STRICT.without(rule);
        assert!(answer_by(tolerant, text.as_bytes()).is_ok(), "{rule:?}: {text}");
        let others = HandshakeRules::LENIENT.without(rule);
        assert!(answer_by(others, text.as_bytes()).is_ok(), "{rule:?}: {text}");
        assert!(
            answer_by(HandshakeRules::STRICT, text.as_bytes()).is_err(),
            "{rule:?}: {text}"
        );
    }
    let old = switching(&[UPGRADE, CONNECTION, ACCEPT]).replace("HTTP/1.1", "HTTP/1.0");
    let tolerant = HandshakeRules::STRICT.without(HandshakeRules::HTTP_VERSION);
    assert!(answer_by(tolerant, old.as_bytes()).is_ok());
}

#[test]
fn something_else_than_http_is_told_at_once() {
    for (bytes, shown) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], "SSH-2.0-OpenSSH_9.9"),
        (b"HTML", "HTML"),
        (b"\r\rHTTP/1.1 101", "\\r\\rHTTP/1.1 101"),
    ] {
        assert_eq!(
            answer_by(HandshakeRules::STRICT, bytes),
            Err(HandshakeError::NotHttp(shown.into()))
        );
    }
}

#[test]
fn an_answer_by_tls_says_what_to_try() {
    for bytes in [&b"\x15\x03\x01\x00\x02\x02\x16"[..], b"\x16\x03\x03\x00\x02"] {
        let error = answer_by(HandshakeRules::STRICT, bytes).unwrap_err().to_string();
        assert!(
            error.starts_with("the answer is not HTTP: it begins with `\\u{1"),
            "{error}"
        );
        assert!(error.ends_with("`; it looks like TLS: try wss://"), "{error}");
    }
}

#[test]
fn rfc9112_2_2_empty_lines_before_the_status_line_are_skipped() {
    let text = format!("\r\n\n{}", switching(&[UPGRADE, CONNECTION, ACCEPT]));
    assert!(answer_by(HandshakeRules::STRICT, text.as_bytes()).is_ok());
}

#[test]
fn malformed_heads_and_limits() {
    let status = |text: &str| answer_by(HandshakeRules::STRICT, text.as_bytes()).unwrap_err();
    assert!(matches!(
        status("HTTP/1.1 abc\r\n"),
        HandshakeError::Head(HeadError::Malformed(_))
    ));
    assert!(matches!(
        status("HTTP/9.9 101\r\n"),
        HandshakeError::Head(HeadError::Malformed(_))
    ));
    let many = "X: 1\r\n".repeat(101);
    assert_eq!(
        answer(&[&many]),
        Err(HandshakeError::Head(HeadError::TooManyHeaders { limit: 100 }))
    );
    let long = format!("X: {}\r\n", "a".repeat(20_000));
    assert_eq!(
        answer(&[&long]),
        Err(HandshakeError::Head(HeadError::TooLarge { limit: 16_384 }))
    );
}

#[test]
fn an_end_before_the_answer_says_how_much_came() {
    let mut handshake = ClientHandshake::new(&asking(), &mut Vec::new()).unwrap();
    assert_eq!(handshake.ended(), HandshakeError::Ended { received: 0 });
    handshake.receive(b"HTTP/1.1 101").unwrap();
    assert_eq!(handshake.ended(), HandshakeError::Ended { received: 12 });
}
