//! Two servers and their clients.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wsbench::server::{Server, ServerConfig};
use wsbench::units::Span;

/// Longer than anything that a test waits for takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A server with two workers.
pub(crate) struct Instance {
    server: Server,
    address: SocketAddr,
}

/// A client of a server.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// Two servers with these settings.
pub(crate) fn pair(settings: &str) -> [Instance; 2] {
    [Instance::start(settings), Instance::start(settings)]
}

/// The same, once the broker has both.
pub(crate) async fn joined_pair(settings: &str) -> [Instance; 2] {
    let servers = pair(settings);
    for server in &servers {
        server.until("wsbench_backplane_up", |up| up == 1).await;
    }
    servers
}

impl Instance {
    fn start(settings: &str) -> Self {
        let config = ServerConfig {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            workers: NonZeroUsize::new(2),
            drain_time: Span::from_millis(50),
            ..ServerConfig::from_yaml(settings, "test").unwrap()
        };
        let server = Server::start(&config).unwrap();
        let address = server.local_addrs()[0];
        Self { server, address }
    }

    pub(crate) async fn connect(&self, path: &str) -> Client {
        let (socket, _) = connect_async(format!("ws://{}{path}", self.address))
            .await
            .unwrap();
        Client { socket }
    }

    /// A figure of the metrics page.
    pub(crate) async fn figure(&self, name: &str) -> u64 {
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
        tcp.write_all(request.as_bytes()).await.unwrap();
        let mut page = String::new();
        tcp.read_to_string(&mut page).await.unwrap();
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")))
            .unwrap();
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }

    /// Waits until a figure is as it should be.
    pub(crate) async fn until(&self, name: &str, right: impl Fn(u64) -> bool) {
        let wait = async {
            while !right(self.figure(name).await) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let done = timeout(PATIENCE, wait).await;
        assert!(
            done.is_ok(),
            "{name} is not as it should be: {}",
            self.figure(name).await
        );
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await.unwrap();
    }
}

impl Client {
    pub(crate) async fn says(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn hears_message(&mut self) -> Message {
        let message = timeout(PATIENCE, self.socket.next())
            .await
            .expect("a message in time");
        message.expect("the connection lives").unwrap()
    }

    pub(crate) async fn hears(&mut self) -> String {
        self.hears_message().await.into_text().unwrap().to_string()
    }

    pub(crate) async fn hears_json(&mut self) -> Value {
        serde_json::from_str(&self.hears().await).unwrap()
    }

    /// The next JSON message that is as it should be; others are left out.
    pub(crate) async fn hears_until(&mut self, right: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                let message = self.hears_json().await;
                if right(&message) {
                    return message;
                }
            }
        };
        timeout(PATIENCE, wait).await.expect("the message in time")
    }
}

/// Everybody says `text`, and everybody hears it from all exactly once and nothing else: so all are connected with all.
pub(crate) async fn all_hear_all(clients: &mut [Client], text: &str) {
    let count = clients.len();
    for (number, client) in clients.iter_mut().enumerate() {
        client.says(&format!("{text} {number}")).await;
    }
    for client in clients {
        let mut heard = Vec::new();
        for _ in 0..count {
            heard.push(client.hears().await);
        }
        heard.sort();
        let mut expected: Vec<_> = (0..count).map(|number| format!("{text} {number}")).collect();
        expected.sort();
        assert_eq!(heard, expected);
    }
}
