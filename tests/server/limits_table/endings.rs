//! Every way in which the server ends a session: close code, reason, and the cause in the journal.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wsbench::server::Server;

use super::{compare, rows};
use crate::support::{Client, PATIENCE, admin, ended, start};

const HEADING: &str = "Ended sessions";

/// Settings of the server, and what the client sends.
struct Case {
    yaml: &'static str,
    sent: &'static [u8],
}

const fn case(yaml: &'static str, sent: &'static [u8]) -> Case {
    Case { yaml, sent }
}

/// Frames with a mask of zero, which leaves the payload as it is.
const CASES: &[Case] = &[
    case("routes: {/echo: {idle_timeout: 50ms, ping_interval: 0}}", b""),
    case("routes: {/echo: {ping_interval: 20ms, pong_wait: 50ms}}", b""),
    case(
        "routes: {/echo: {message_limit: {messages: 1}}}",
        b"\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b",
    ),
    case(
        "routes: {/echo: {max_message_size: 64KiB}}",
        b"\x82\xff\0\0\0\0\0\x01\x86\xa0\0\0\0\0",
    ),
    case("", b"\x81\x02hi"),
    case("", b"\xc1\x82\0\0\0\0hi"),
    case("compression: true", b"\x01\x81\0\0\0\0a\xc0\x81\0\0\0\0b"),
    case("compression: true", b"\xc2\x83\0\0\0\0\xff\xff\xff"),
    case("", b"\x83\x82\0\0\0\0hi"),
    case("", b"\x09\x80\0\0\0\0"),
    case("", b"\x89\xfe\0\x7e\0\0\0\0"),
    case("", b"\x82\xfe\0\x01\0\0\0\0a"),
    case("", b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"),
    case("", b"\x80\x81\0\0\0\0a"),
    case("", b"\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b"),
    case("", b"\x81\x82\0\0\0\0\xff\xff"),
    case("", b"\x88\x81\0\0\0\0a"),
    case("", b"\x88\x82\0\0\0\0\x03\xed"),
    case("", b"\x88\x84\0\0\0\0\x03\xe8\xff\xff"),
];

#[tokio::test]
async fn every_ending_is_documented_as_it_is() {
    let mut seen = BTreeSet::new();
    for Case { yaml, sent } in CASES {
        let server = start(yaml);
        let mut tcp = open(&server, "/echo?tag=it").await;
        tcp.write_all(sent).await.unwrap();
        let (code, reason) = close_frame(&mut tcp).await;
        drop(tcp);
        seen.insert(row(code, &reason, &cause(&server).await));
    }
    seen.insert(slow_consumer().await);
    seen.insert(stopped().await);
    seen.insert(ordered("/admin/drain", json!({"over": "1ms"})).await);
    seen.insert(ordered("/admin/kill", json!({"all": true})).await);
    seen.insert(write_deadline().await);
    seen.insert(close_timeout().await);
    compare(HEADING, &rows(HEADING, 3), &seen);
}

async fn slow_consumer() -> Vec<String> {
    let server = start("routes: {/broadcast: {outbox_messages: 10}}");
    let mut slow = open(&server, "/broadcast?tag=it").await;
    let mut fast = Client::connect(&server, "/broadcast").await;
    for _ in 0..400 {
        fast.send(vec![7; 65_536].into()).await;
        fast.receive().await;
    }
    let (code, reason) = close_frame(&mut slow).await;
    drop(slow);
    row(code, &reason, &cause(&server).await)
}

/// The journal is gone with the server; the cause is that of its documentation.
async fn stopped() -> Vec<String> {
    let server = start("drain_time: 1s");
    let mut tcp = open(&server, "/echo").await;
    let stopping = tokio::spawn(server.stop());
    let (code, reason) = close_frame(&mut tcp).await;
    drop(tcp);
    stopping.await.unwrap().unwrap();
    row(code, &reason, "server stopped")
}

/// The administrator gives an order.
async fn ordered(path: &str, order: Value) -> Vec<String> {
    let server = start("admin: {listen: ['127.0.0.1:0']}");
    let mut tcp = open(&server, "/echo?tag=it").await;
    admin(&server, path, &order).await;
    let (code, reason) = close_frame(&mut tcp).await;
    drop(tcp);
    row(code, &reason, &cause(&server).await)
}

/// The client takes nothing of a large echo.
async fn write_deadline() -> Vec<String> {
    let server = start("routes: {/echo: {write_deadline: 100ms, max_message_size: 64MiB}}");
    let mut tcp = open(&server, "/echo?tag=it").await;
    tcp.write_all(b"\x82\xff\0\0\0\0\x02\0\0\0\0\0\0\0")
        .await
        .unwrap();
    tcp.write_all(&vec![0; 32 << 20]).await.unwrap();
    let line = ended(&server, "it").await;
    row(
        line["code"].as_u64().unwrap(),
        "",
        line["cause"].as_str().unwrap(),
    )
}

/// The client does not answer the Close frame, nor end TCP: the server does.
async fn close_timeout() -> Vec<String> {
    let server = start("routes: {/echo: {idle_timeout: 50ms, ping_interval: 0, close_timeout: 50ms}}");
    let mut tcp = open(&server, "/echo?tag=it").await;
    let (code, reason) = close_frame(&mut tcp).await;
    let line = ended(&server, "it").await;
    assert_eq!(line["clean"], false, "{line}");
    row(code, &reason, line["cause"].as_str().unwrap())
}

async fn cause(server: &Server) -> String {
    let line = ended(server, "it").await;
    line["cause"].as_str().unwrap().to_owned()
}

/// The cause of a violation repeats the reason.
fn row(code: u64, reason: &str, cause: &str) -> Vec<String> {
    let cause = cause.strip_suffix(&format!(": {reason}")).unwrap_or(cause);
    vec![code.to_string(), reason.to_owned(), cause.to_owned()]
}

/// An upgraded connection, without any implementation of WebSocket that could answer by itself.
async fn open(server: &Server, path: &str) -> TcpStream {
    let mut tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&head)
    );
    tcp
}

/// Code and reason of the next Close frame.
async fn close_frame(tcp: &mut TcpStream) -> (u64, String) {
    let frames = async {
        loop {
            let opcode = tcp.read_u8().await.unwrap() & 0x0f;
            let length = match tcp.read_u8().await.unwrap() {
                126 => usize::from(tcp.read_u16().await.unwrap()),
                127 => usize::try_from(tcp.read_u64().await.unwrap()).unwrap(),
                length => usize::from(length),
            };
            let mut payload = vec![0; length];
            tcp.read_exact(&mut payload).await.unwrap();
            if opcode == 8 {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                return (u64::from(code), String::from_utf8(payload.split_off(2)).unwrap());
            }
        }
    };
    timeout(PATIENCE, frames).await.expect("no close in time")
}
