//! Starting a server and talking to it, by an implementation of WebSocket that is not ours.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use wsbench::server::{Server, ServerConfig};
use wsbench::units::Span;

/// Far more than anything here takes: only a test that fails waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port of the loopback interface with the settings of `yaml`.
pub(crate) fn start(yaml: &str) -> Server {
    let mut config = ServerConfig::from_yaml(yaml, "test").unwrap();
    config.listen = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    if !yaml.contains("drain_time") {
        // Most tests stop the server while a client is there that does not read any more.
        config.drain_time = Span::from_millis(50);
    }
    config.workers = config.workers.or(std::num::NonZeroUsize::new(2));
    Server::start(&config).unwrap()
}

/// A WebSocket client.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) instance: String,
}

impl Client {
    /// A connection to a route.
    pub(crate) async fn connect(server: &Server, path: &str) -> Self {
        Self::connect_with(server, path, &[]).await
    }

    /// A connection to a route, with further headers in the request.
    pub(crate) async fn connect_with(
        server: &Server,
        path: &str,
        headers: &[(&'static str, &'static str)],
    ) -> Self {
        Self::connect_to(server.local_addrs()[0], path, headers).await
    }

    /// A connection to a route at an address.
    pub(crate) async fn connect_at(address: SocketAddr, path: &str) -> Self {
        Self::connect_to(address, path, &[]).await
    }

    async fn connect_to(address: SocketAddr, path: &str, headers: &[(&'static str, &'static str)]) -> Self {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for &(name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let tcp = TcpStream::connect(address).await.unwrap();
        let (socket, response) = tokio_tungstenite::client_async(request, tcp).await.unwrap();
        let instance = response.headers()["x-instance-id"].to_str().unwrap().to_owned();
        Self { socket, instance }
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// The next message or control frame.
    pub(crate) async fn receive(&mut self) -> Message {
        let message = timeout(PATIENCE, self.socket.next())
            .await
            .expect("no message in time");
        message.expect("the connection ended").unwrap()
    }

    pub(crate) async fn receive_text(&mut self) -> String {
        match self.receive().await {
            Message::Text(text) => text.to_string(),
            other => panic!("expected text, not {other:?}"),
        }
    }

    /// Reads on until the server's Close frame.
    pub(crate) async fn receive_close(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.receive().await {
                let CloseFrame { code, reason } = frame.expect("a close frame with a code");
                return (code.into(), reason.to_string());
            }
        }
    }

    /// Waits for the first byte of a Close frame on an otherwise silent connection, and does not answer it.
    pub(crate) async fn receive_close_unanswered(&mut self) {
        let opcode = timeout(PATIENCE, self.socket.get_mut().read_u8()).await;
        assert_eq!(opcode.expect("no close in time").unwrap(), 0x88);
    }

    /// Reads on until the connection has ended, and fails if that is not orderly.
    pub(crate) async fn finish(mut self) {
        while let Some(message) = timeout(PATIENCE, self.socket.next())
            .await
            .expect("no end in time")
        {
            message.unwrap();
        }
    }
}

/// Sends bytes and returns all that comes until the server ends the connection.
pub(crate) async fn exchange(server: &Server, request: &str) -> String {
    exchange_at(server.local_addrs()[0], request).await
}

/// The same at an address.
pub(crate) async fn exchange_at(address: SocketAddr, request: &str) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    timeout(PATIENCE, tcp.read_to_end(&mut response))
        .await
        .expect("no end in time")
        .unwrap();
    // After a 101 come frames.
    String::from_utf8_lossy(&response).into_owned()
}

/// The whole response to a GET.
pub(crate) async fn get(server: &Server, path: &str) -> String {
    exchange(
        server,
        &format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"),
    )
    .await
}

/// The same at an address.
pub(crate) async fn get_at(address: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    exchange_at(address, &request).await
}

/// The status of a response.
pub(crate) fn status(response: &str) -> u16 {
    response["HTTP/1.1 ".len()..][..3].parse().unwrap()
}

/// The status of the answer to a request to upgrade with further header lines.
pub(crate) async fn upgrade_status(server: &Server, path: &str, headers: &str) -> u16 {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n{headers}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    status(&exchange(server, &request).await)
}

/// Status and body of the answer to an order at the administration's own address.
pub(crate) async fn admin(
    server: &Server,
    path: &str,
    order: &serde_json::Value,
) -> (u16, serde_json::Value) {
    let body = order.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    answer(&exchange_at(server.admin_addrs()[0], &request).await)
}

/// Status and body of the answer to a question at the administration's own address.
pub(crate) async fn ask_admin(server: &Server, path: &str) -> (u16, serde_json::Value) {
    answer(&get_at(server.admin_addrs()[0], path).await)
}

fn answer(response: &str) -> (u16, serde_json::Value) {
    let body = response.split_once("\r\n\r\n").expect("a whole head").1;
    (status(response), serde_json::from_str(body).unwrap())
}

/// The body of the response to a GET.
pub(crate) async fn body(server: &Server, path: &str) -> String {
    let response = get(server, path).await;
    response
        .split_once("\r\n\r\n")
        .expect("a whole head")
        .1
        .to_owned()
}

/// The lines of the journal.
pub(crate) async fn journal(server: &Server, query: &str) -> Vec<serde_json::Value> {
    let body = body(server, &format!("/journal{query}")).await;
    body.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The journal's line of the only connection with this tag, once the server has seen it end.
pub(crate) async fn ended(server: &Server, tag: &str) -> serde_json::Value {
    let poll = async {
        loop {
            let line = journal(server, &format!("?tag={tag}")).await.remove(0);
            if !line["closed_at"].is_null() {
                return line;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, poll)
        .await
        .expect("the connection did not end in time")
}
