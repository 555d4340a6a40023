//! RFC 6455 4.1: the client's request.

use crate::wire::deflate::{ClientWindow, DeflateOffer};
use crate::wire::handshake::{ClientRequest, RequestError, accept_key, is_valid_key, key_text};

/// The RFC's example: `dGhlIHNhbXBsZSBub25jZQ==`.
pub(super) const KEY: [u8; 16] = *b"the sample nonce";

pub(super) fn request() -> ClientRequest {
    ClientRequest {
        authority: "server.example.com".into(),
        path: "/chat".into(),
        key: KEY,
        ..Default::default()
    }
}

fn written(request: &ClientRequest) -> String {
    let mut out = Vec::new();
    request.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn rfc6455_1_3_the_example_key() {
    assert_eq!(key_text(KEY), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(
        accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
}

#[test]
fn rfc6455_4_2_1_a_key_is_base64_of_sixteen_bytes() {
    assert!(is_valid_key("AQIDBAUGBwgJCgsMDQ4PEA=="));
    for key in [
        "",
        "your-key-here",
        "SGVsbG8sIHdvcmxkIQ==",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25j!Q==",
    ] {
        assert!(!is_valid_key(key), "{key}");
    }
}

#[test]
fn rfc6455_4_1_a_plain_request() {
    assert_eq!(
        written(&request()),
        "GET /chat HTTP/1.1\r\n\
         Host: server.example.com\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\
         \r\n"
    );
}

#[test]
fn rfc6455_4_1_a_request_with_everything() {
    let offer = DeflateOffer {
        client_max_window_bits: ClientWindow::Limitable,
        ..Default::default()
    };
    let full = ClientRequest {
        headers: vec![
            ("Origin".into(), "http://example.com".into()),
            ("X-Device-Key".into(), "k\u{e9}y".into()),
        ],
        subprotocols: vec!["chat".into(), "superchat".into()],
        deflate_offer: Some(offer),
        ..request()
    };
    let text = written(&full);
    let (_, tail) = text.split_once("Sec-WebSocket-Version: 13\r\n").unwrap();
    assert_eq!(
        tail,
        "Sec-WebSocket-Protocol: chat, superchat\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
         Origin: http://example.com\r\n\
         X-Device-Key: k\u{e9}y\r\n\
         \r\n"
    );
}

#[test]
fn a_host_header_replaces_the_authority() {
    let text = written(&ClientRequest {
        headers: vec![("host".into(), "virtual".into())],
        ..request()
    });
    assert!(
        text.contains("host: virtual\r\n") && !text.contains("server.example.com"),
        "{text}"
    );
}

#[test]
fn rfc9110_5_5_line_breaks_cannot_smuggle_headers_in() {
    let with = |name: &str, value: &str| {
        ClientRequest {
            headers: vec![(name.into(), value.into())],
            ..request()
        }
        .write(&mut Vec::new())
    };
    for value in ["a\r\nEvil: 1", "a\nEvil: 1", "a\rb", "a\0b"] {
        assert_eq!(
            with("X-A", value),
            Err(RequestError::HeaderValue("X-A".into())),
            "{value:?}"
        );
    }
    for name in ["", "X A", "X:A", "X\r\nEvil"] {
        assert_eq!(
            with(name, "1"),
            Err(RequestError::HeaderName(name.into())),
            "{name:?}"
        );
    }
    assert_eq!(
        with("sec-websocket-key", "1"),
        Err(RequestError::ReservedHeader("sec-websocket-key".into()))
    );
    assert_eq!(with("X-A", "tab\tand spaces are fine"), Ok(()));
}

#[test]
fn parts_that_would_break_the_request_line_are_refused_and_nothing_is_written() {
    for path in ["", "chat", "/a b", "/a\r\nb", "/caf\u{e9}", "/a#b"] {
        let mut out = Vec::new();
        let result = ClientRequest {
            path: path.into(),
            ..request()
        }
        .write(&mut out);
        assert_eq!((result, out.len()), (Err(RequestError::Path(path.into())), 0));
    }
    for authority in ["", "a b", "a\r\nb", "user@host", "host/path"] {
        let result = ClientRequest {
            authority: authority.into(),
            ..request()
        }
        .check();
        assert_eq!(result, Err(RequestError::Authority(authority.into())));
    }
}

#[test]
fn rfc6455_4_1_subprotocols_are_different_tokens() {
    let with = |names: &[&str]| {
        ClientRequest {
            subprotocols: names.iter().map(|&name| name.into()).collect(),
            ..request()
        }
        .check()
    };
    assert_eq!(with(&["access_token", "a.b-c"]), Ok(()));
    assert_eq!(with(&["a", "b c"]), Err(RequestError::Subprotocol("b c".into())));
    assert_eq!(
        with(&["a", "a"]),
        Err(RequestError::RepeatedSubprotocol("a".into()))
    );
}
