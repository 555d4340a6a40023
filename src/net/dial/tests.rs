//! Dials over real loopback sockets: what opens, and the one line that each failure becomes.

use std::net::Ipv4Addr;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::net::tls::{ClientTls, Identity, client_config, server_config};
use crate::wire::deflate::{DeflateConfig, DeflateOffer};
use crate::wire::handshake::{ServerHandshake, ServerProgress, UpgradeRefusal};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Reads one request and answers it as our server does, with a frame right behind.
async fn answer<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: S) -> S {
    let mut handshake = ServerHandshake::default();
    let mut buffer = [0; 1024];
    let head = loop {
        let length = stream.read(&mut buffer).await.unwrap();
        match handshake.receive(&buffer[..length]).unwrap() {
            ServerProgress::NeedMore => {}
            ServerProgress::Done { head, .. } => break head,
        }
    };
    let mut out = Vec::new();
    match head.upgrade(HandshakeRules::STRICT) {
        Ok(upgrade) if head.target == "/chat" => {
            let chosen = upgrade.choose_subprotocol(&["chat"]);
            upgrade
                .accept(chosen, Some(&DeflateConfig::default()))
                .write(&mut out);
            out.extend_from_slice(b"\x81\x02hi");
        }
        Ok(_) => out.extend_from_slice(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        Err(refusal) => refusal.write(&mut out),
    }
    stream.write_all(&out).await.unwrap();
    stream.flush().await.unwrap();
    stream
}

fn target(url: &str) -> (Target, ClientRequest) {
    let target = Target::parse(url).unwrap();
    let request = target.request(*b"the sample nonce");
    (target, request)
}

async fn failure(url: &str, options: &DialOptions) -> String {
    let (target, request) = target(url);
    dial(&target, &request, options).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_plain_connection_opens_with_all_it_negotiated() {
    let (listener, address) = listener().await;
    let (target, request) = target(&format!("ws://localhost:{}/chat", address.port()));
    let request = ClientRequest {
        subprotocols: vec!["chat".into()],
        deflate_offer: Some(DeflateOffer::default()),
        ..request
    };
    let options = DialOptions {
        source: Some(Ipv4Addr::LOCALHOST.into()),
        ..DialOptions::default()
    };
    let serve = async { answer(listener.accept().await.unwrap().0).await };
    let (dialed, _served) = tokio::join!(dial(&target, &request, &options), serve);
    let dialed = dialed.unwrap();
    assert_eq!(dialed.leftover, b"\x81\x02hi");
    assert_eq!(dialed.response.subprotocol.as_deref(), Some("chat"));
    assert!(
        dialed
            .response
            .deflate
            .is_some_and(|params| params.server_no_context_takeover)
    );
    assert_eq!(dialed.remote, address);
    assert!(dialed.stream.tcp().nodelay().unwrap());
    assert!(dialed.timings.tls.is_none() && dialed.timings.upgrade > Duration::ZERO);
    assert!(dialed.timings.total() >= dialed.timings.tcp + dialed.timings.upgrade);
}

#[tokio::test]
async fn a_tls_connection_opens_and_is_timed() {
    let (listener, address) = listener().await;
    let config = server_config(Identity::self_signed(&[]).unwrap(), &[tls::ALPN_HTTP_1_1]).unwrap();
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        answer(TlsAcceptor::from(config).accept(stream).await.unwrap()).await
    };
    let alpn = vec![tls::ALPN_HTTP_1_1.to_vec()];
    let client = client_config(&ClientTls {
        insecure: true,
        alpn,
        ..ClientTls::default()
    })
    .unwrap();
    let options = DialOptions {
        tls: Some(client),
        ..DialOptions::default()
    };
    let (target, request) = target(&format!("wss://127.0.0.1:{}/chat", address.port()));
    let (dialed, _served) = tokio::join!(dial(&target, &request, &options), serve);
    let dialed = dialed.unwrap();
    assert!(dialed.timings.tls.is_some_and(|time| time > Duration::ZERO));
    assert_eq!(dialed.stream.alpn_protocol(), Some(tls::ALPN_HTTP_1_1));
}

#[tokio::test]
async fn a_closed_port_and_a_wrong_host_are_one_line_each() {
    let (listener, address) = listener().await;
    drop(listener);
    let options = DialOptions::default();
    assert_eq!(
        failure(&format!("ws://{address}/"), &options).await,
        format!("cannot connect to {address}: connection refused, nothing listens there")
    );
    let text = failure("ws://nobody.invalid/", &options).await;
    assert!(
        text.starts_with("cannot resolve host `nobody.invalid`: ") && !text.contains('\n'),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_refuses_is_quoted() {
    let (listener, address) = listener().await;
    let serve = async { answer(listener.accept().await.unwrap().0).await };
    let options = DialOptions::default();
    let url = format!("ws://{address}/other");
    let (text, _served) = tokio::join!(failure(&url, &options), serve);
    let expected = "the server refused the upgrade: 404 Not Found (RFC 6455 4.1 step 1)";
    assert_eq!(text, format!("no WebSocket at {url}: {expected}"));
}

#[tokio::test]
async fn a_server_that_speaks_something_else_or_nothing_is_told() {
    for (bytes, expected) in [
        (
            &b"SSH-2.0-x\r\n"[..],
            "the answer is not HTTP: it begins with `SSH-2.0-x` (RFC 9112 2)",
        ),
        (
            b"HTTP/1.1 1",
            "the server ended the connection after 10 bytes of an answer (RFC 9112 2)",
        ),
    ] {
        let (listener, address) = listener().await;
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The request is read first: unread bytes would turn the end into a reset.
            let _request = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(bytes).await.unwrap();
        };
        let url = format!("ws://{address}/");
        let options = DialOptions::default();
        let (text, ()) = tokio::join!(failure(&url, &options), serve);
        assert_eq!(text, format!("no WebSocket at {url}: {expected}"));
    }
}

#[tokio::test]
async fn an_unknown_certificate_and_plain_http_behind_wss_are_one_line_each() {
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, Identity::self_signed(&[]).unwrap().certificate_pem()).unwrap();
    let client = client_config(&ClientTls {
        ca_file: Some(ca_file),
        ..ClientTls::default()
    })
    .unwrap();
    let options = DialOptions {
        tls: Some(client),
        ..DialOptions::default()
    };

    let (listener, address) = listener().await;
    let config = server_config(Identity::self_signed(&[]).unwrap(), &[]).unwrap();
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(config).accept(stream).await.unwrap_err()
    };
    let url = format!("wss://{address}/");
    let (text, _error) = tokio::join!(failure(&url, &options), serve);
    let expected = "the server's certificate is not trusted: pass --ca FILE, or --insecure to accept any";
    assert_eq!(text, format!("no TLS with {url}: {expected}"));

    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut out = Vec::new();
        UpgradeRefusal::NotAnUpgrade.write(&mut out);
        stream.write_all(&out).await.unwrap();
        stream
    };
    let (text, _stream) = tokio::join!(failure(&url, &options), serve);
    let expected = "the peer does not speak TLS on this port, is it meant for ws://?";
    assert_eq!(text, format!("no TLS with {url}: {expected}"));
}

#[tokio::test]
async fn a_silent_server_times_out_and_the_phase_is_named() {
    let (listener, address) = listener().await;
    let options = DialOptions {
        timeout: Duration::from_millis(50),
        ..DialOptions::default()
    };
    let url = format!("ws://{address}/");
    let text = failure(&url, &options).await;
    assert_eq!(
        text,
        format!("no connection to {url} within 50ms: the WebSocket handshake did not end")
    );
    drop(listener);
}

#[tokio::test]
async fn wss_without_tls_settings_is_an_error() {
    let (_listener, address) = listener().await;
    let url = format!("wss://{address}/");
    assert_eq!(
        failure(&url, &DialOptions::default()).await,
        format!("{url} needs TLS, which is not configured")
    );
}
