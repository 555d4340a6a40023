//! Opening: what the server is told, whom we trust, and what is said when it fails.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use wsbench::connect::{ConnectConfig, TokenPlace};
use wsbench::net::tls::{Identity, server_config};

use crate::support::{Seen, client, close, config, listen};

/// Connects to a server that notes the request, chooses `chosen` and closes.
async fn request_of(
    settings: impl FnOnce(&mut ConnectConfig),
    chosen: Option<&'static str>,
) -> (Seen, Request) {
    let (listener, url) = listen().await;
    let noted = Arc::new(Mutex::new(None));
    let mut config = config(&url);
    settings(&mut config);
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        #[expect(clippy::result_large_err, reason = "the signature is the library's")]
        let note = |request: &Request, mut response: Response| {
            *noted.lock().unwrap() = Some(request.clone());
            if let Some(name) = chosen {
                response
                    .headers_mut()
                    .insert("Sec-WebSocket-Protocol", name.parse().unwrap());
            }
            Ok(response)
        };
        let mut server = tokio_tungstenite::accept_hdr_async(stream, note).await.unwrap();
        server.send(close(1000, "")).await.unwrap();
    };
    let (seen, ()) = tokio::join!(client(config, io::empty()), serve);
    let request = noted.lock().unwrap().take().unwrap();
    (seen, request)
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn headers_origin_host_and_credentials_reach_the_server() {
    let settings = |config: &mut ConnectConfig| {
        config.request.headers = vec![("X-Team".to_owned(), "blue".to_owned())];
        config.request.origin = Some("https://app.example".to_owned());
        config.request.host = Some("virtual.example".to_owned());
        config.request.basic_auth = Some("me:secret".to_owned());
    };
    let (seen, request) = request_of(settings, None).await;
    assert_eq!(header(&request, "X-Team"), Some("blue"));
    assert_eq!(header(&request, "Origin"), Some("https://app.example"));
    assert_eq!(header(&request, "Host"), Some("virtual.example"));
    assert_eq!(header(&request, "Authorization"), Some("Basic bWU6c2VjcmV0"));
    assert!(!seen.errors.contains("secret"), "{}", seen.errors);
}

#[tokio::test]
async fn a39_b6_tokens_go_where_they_are_wanted_and_are_not_shown() {
    let with = |place| {
        move |config: &mut ConnectConfig| {
            config.request.token = Some(("s3cret".to_owned(), place));
        }
    };
    let (seen, request) = request_of(with(TokenPlace::Query), None).await;
    assert_eq!(request.uri().query(), Some("token=s3cret"));
    assert!(!seen.errors.contains("s3cret"), "{}", seen.errors);
    let (_, request) = request_of(with(TokenPlace::Bearer), None).await;
    assert_eq!(header(&request, "Authorization"), Some("Bearer s3cret"));
    let (seen, request) = request_of(with(TokenPlace::Subprotocol), Some("access_token")).await;
    assert_eq!(
        header(&request, "Sec-WebSocket-Protocol"),
        Some("access_token, s3cret")
    );
    assert!(
        seen.errors.contains("subprotocol access_token"),
        "{}",
        seen.errors
    );
}

#[tokio::test]
async fn subprotocols_are_offered_in_order_and_the_choice_is_shown() {
    let settings = |config: &mut ConnectConfig| {
        config.request.subprotocols = vec!["v2.chat".to_owned(), "v1.chat".to_owned()];
        config.show.verbose = true;
    };
    let (seen, request) = request_of(settings, Some("v1.chat")).await;
    assert_eq!(
        header(&request, "Sec-WebSocket-Protocol"),
        Some("v2.chat, v1.chat")
    );
    assert!(seen.errors.contains(", subprotocol v1.chat\n"), "{}", seen.errors);
    assert!(
        seen.errors.to_lowercase().contains("\n  sec-websocket-accept: "),
        "{}",
        seen.errors
    );
    assert!(seen.errors.contains(", upgrade "), "{}", seen.errors);
}

/// Connects to a `wss` server with a certificate of its own, which lands in `certificate`.
async fn over_tls(certificate: &Path, settings: impl FnOnce(&mut ConnectConfig)) -> Seen {
    let identity = Identity::self_signed(&[]).unwrap();
    std::fs::write(certificate, identity.certificate_pem()).unwrap();
    let acceptor = TlsAcceptor::from(server_config(identity, &[]).unwrap());
    let (listener, url) = listen().await;
    let mut config = config(&url.replace("ws://", "wss://"));
    settings(&mut config);
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(stream) = acceptor.accept(stream).await else {
            return;
        };
        let mut server = tokio_tungstenite::accept_async(stream).await.unwrap();
        server.send(close(1000, "")).await.unwrap();
    };
    tokio::join!(client(config, io::empty()), serve).0
}

#[tokio::test]
async fn d8_a_self_signed_server_needs_insecure_or_its_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = directory.path().join("ca.pem");

    let seen = Box::pin(over_tls(&certificate, |_| {})).await;
    assert!(
        seen.error().contains("not trusted") && seen.error().contains("--insecure"),
        "{}",
        seen.error()
    );
    let seen = Box::pin(over_tls(&certificate, |config| config.tls.insecure = true)).await;
    assert!(
        seen.errors.starts_with("connected to wss://127.0.0.1:"),
        "{}",
        seen.errors
    );
    let trusting = |config: &mut ConnectConfig| config.tls.ca_file = Some(certificate.clone());
    let seen = Box::pin(over_tls(&certificate, trusting)).await;
    assert!(
        seen.errors.starts_with("connected to wss://127.0.0.1:"),
        "{}",
        seen.errors
    );
}

/// Connects to something that answers the request with `answer`.
async fn answered_with(answer: &'static str) -> String {
    let (listener, url) = listen().await;
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _request = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let (seen, ()) = tokio::join!(client(config(&url), io::empty()), serve);
    assert_eq!((seen.output(), seen.errors.as_str()), ("", ""));
    seen.error()
}

#[tokio::test]
async fn refusals_are_one_line_with_status_and_body() {
    for (answer, expected) in [
        (
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 13\r\n\r\ntoken missing",
            "the server refused the upgrade: 401 Unauthorized, WWW-Authenticate: Bearer (token missing)",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 28\r\n\r\n{\"error\":\"origin forbidden\"}",
            "403 Forbidden ({\"error\":\"origin forbidden\"})",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "the server refused the upgrade: 200 OK (hello)",
        ),
        (
            "SSH-2.0-server\r\n",
            "the answer is not HTTP: it begins with `SSH-2.0-server`",
        ),
    ] {
        let error = answered_with(answer).await;
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
        assert!(error.starts_with("no WebSocket at ws://127.0.0.1:"), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_and_an_unknown_host_are_one_line_each() {
    let (listener, url) = listen().await;
    drop(listener);
    let refused = client(config(&url), io::empty()).await.error();
    assert!(refused.contains("connection refused"), "{refused}");
    let unknown = client(config("ws://nobody.invalid/"), io::empty()).await.error();
    assert!(
        unknown.starts_with("cannot resolve host `nobody.invalid`"),
        "{unknown}"
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is_dialled() {
    let mut config = config("ws://nobody.invalid/");
    config.request.subprotocols = vec!["not a token".to_owned()];
    let error = client(config, io::empty()).await.error();
    assert!(
        error.contains("`not a token` is not a subprotocol name"),
        "{error}"
    );
}
