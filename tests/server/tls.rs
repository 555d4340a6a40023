//! `wss` (seed D8).

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use wsbench::server::Server;

use crate::support::start;

pub(crate) async fn connect(server: &Server, path: &str) -> WebSocketStream<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    let pem = server.certificate_pem().unwrap();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .unwrap();
    let url = format!("wss://localhost{path}");
    tokio_tungstenite::client_async(url, tls).await.unwrap().0
}

#[tokio::test]
async fn d8_wss_with_a_self_signed_certificate() {
    let server = start("tls: {self_signed: []}");
    let mut socket = connect(&server, "/echo").await;
    for length in [0, 5, 20_000, 1 << 20] {
        let message = Message::binary(vec![3; length]);
        socket.send(message.clone()).await.unwrap();
        assert!(
            socket.next().await.unwrap().unwrap() == message,
            "length {length}"
        );
    }
    socket.close(None).await.unwrap();
    while let Some(message) = socket.next().await {
        message.unwrap();
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d8_a_broadcast_over_tls_reaches_all() {
    let server = start("tls: {self_signed: []}");
    let mut sockets = Vec::new();
    for _ in 0..4 {
        let mut socket = connect(&server, "/broadcast").await;
        socket.send(Message::text("here")).await.unwrap();
        socket.next().await.unwrap().unwrap();
        sockets.push(socket);
    }
    // Those that came earlier heard of those that came later.
    for (index, socket) in sockets.iter_mut().enumerate() {
        for _ in index + 1..4 {
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("here"));
        }
    }
    sockets[0].send(Message::text("all")).await.unwrap();
    for socket in &mut sockets {
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("all"));
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn plain_http_on_a_tls_port_ends_without_an_answer() {
    let server = start("tls: {self_signed: []}");
    let mut tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    server.stop().await.unwrap();
}
