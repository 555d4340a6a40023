//! A client that sees every byte: what libraries hide is what faults are about.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use wsbench::server::Server;

use crate::support::PATIENCE;

/// The header that accepts the key of [`request`] (RFC 6455 1.3).
pub(crate) const ACCEPT: &str = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A connection on which everything is read and written by hand.
pub(crate) struct Raw {
    pub(crate) tcp: TcpStream,
    /// The answer to the upgrade, with the empty line at its end.
    pub(crate) head: String,
    /// What came behind the head in the same read.
    behind: Vec<u8>,
}

impl Raw {
    /// Upgrades, with the answer read as far as its empty line.
    pub(crate) async fn open(server: &Server, path: &str) -> Self {
        Self::open_with(server, path, b"").await
    }

    /// The same, with bytes in one segment with the request.
    pub(crate) async fn open_with(server: &Server, path: &str, early: &[u8]) -> Self {
        let mut tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
        tcp.write_all(&[request(path).as_bytes(), early].concat())
            .await
            .unwrap();
        // Room for the whole segment, so that one read takes it.
        let mut read = Vec::with_capacity(16 << 10);
        loop {
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                let behind = read.split_off(end + 4);
                let head = String::from_utf8(read).unwrap();
                return Self { tcp, head, behind };
            }
            let before = read.len();
            timeout(PATIENCE, tcp.read_buf(&mut read))
                .await
                .expect("no head in time")
                .unwrap();
            assert!(
                read.len() > before,
                "the connection ended within the head: {read:?}"
            );
        }
    }

    /// What came behind the head in the same read.
    pub(crate) fn behind_the_head(&self) -> &[u8] {
        &self.behind
    }

    /// Sends a masked text message; the mask is zero, so that it reads as it stands.
    pub(crate) async fn send(&mut self, text: &str) {
        self.tcp.write_all(&masked(0x81, text.as_bytes())).await.unwrap();
    }

    /// Exactly so many bytes.
    pub(crate) async fn read(&mut self, length: usize) -> Vec<u8> {
        while self.behind.len() < length {
            let read = timeout(PATIENCE, self.tcp.read_buf(&mut self.behind)).await;
            assert!(
                read.expect("nothing in time").unwrap() > 0,
                "the end came before {length} bytes"
            );
        }
        let rest = self.behind.split_off(length);
        std::mem::replace(&mut self.behind, rest)
    }

    /// A short frame: its first byte and its payload.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.read(2).await;
        let length = usize::from(head[1]);
        assert!(length < 126, "a short frame, not {head:?}");
        (head[0], self.read(length).await)
    }

    /// The payload of a short text message.
    pub(crate) async fn text(&mut self) -> String {
        let (first, payload) = self.frame().await;
        assert_eq!(first, 0x81);
        String::from_utf8(payload).unwrap()
    }

    /// Everything up to the end of TCP, or the error that ended it.
    pub(crate) async fn rest(&mut self) -> std::io::Result<Vec<u8>> {
        let mut rest = std::mem::take(&mut self.behind);
        timeout(PATIENCE, self.tcp.read_to_end(&mut rest))
            .await
            .expect("no end in time")?;
        Ok(rest)
    }

    /// Whether nothing comes for this long.
    pub(crate) async fn is_silent_for(&mut self, time: Duration) -> bool {
        self.behind.is_empty() && timeout(time, self.tcp.read_buf(&mut self.behind)).await.is_err()
    }

    /// The time from a message to its echo.
    pub(crate) async fn round_trip(&mut self, text: &str) -> Duration {
        let sent = Instant::now();
        self.send(text).await;
        assert_eq!(self.text().await, text);
        sent.elapsed()
    }
}

/// A masked frame with a mask of zero.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

/// A good request to upgrade.
pub(crate) fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// The first line and the body of what is answered to an upgrade, the connection being left open.
pub(crate) async fn refusal(server: &Server, path: &str) -> (String, String) {
    let mut raw = Raw::open(server, path).await;
    let length = raw
        .head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let body = raw.read(length.parse().unwrap()).await;
    (
        raw.head.lines().next().unwrap().to_owned(),
        String::from_utf8(body).unwrap(),
    )
}
