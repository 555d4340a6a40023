//! Upstreams, a proxy before them, and what they say.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use wsbench::server::Server;

use crate::port::free_port;
use crate::support::{Client, PATIENCE, body, exchange, start};

/// Where a server listens.
pub(super) fn url(server: &Server) -> String {
    format!("ws://{}", server.local_addrs()[0])
}

/// Where nobody listens.
pub(super) fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// Servers whose `X-Instance-Id` is their letter.
pub(super) fn backends(names: &[&str]) -> Vec<Server> {
    names
        .iter()
        .map(|name| start(&format!("instance: {name}")))
        .collect()
}

/// A proxy at `/ws` before these upstreams' `/echo`, with further settings of the mode.
pub(super) fn proxy(upstreams: &[(String, u32)], settings: &str) -> Server {
    let list: Vec<String> = upstreams
        .iter()
        .map(|(url, weight)| format!("{{url: '{url}', weight: {weight}}}"))
        .collect();
    let list = list.join(", ");
    start(&format!(
        "routes: {{/ws: {{mode: {{proxy: {{upstreams: [{list}], {settings}}}}}}}}}"
    ))
}

pub(super) fn echoes(servers: &[Server]) -> Vec<(String, u32)> {
    servers
        .iter()
        .map(|server| (format!("{}/echo", url(server)), 1))
        .collect()
}

pub(super) async fn instances(proxy: &Server, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..count {
        seen.push(Client::connect(proxy, "/ws").await.instance);
    }
    seen
}

pub(super) fn shares(instances: &[String]) -> BTreeMap<&str, usize> {
    let mut shares = BTreeMap::new();
    for instance in instances {
        *shares.entry(instance.as_str()).or_default() += 1;
    }
    shares
}

/// Reads a page until it has all of these lines.
pub(crate) async fn until(server: &Server, path: &str, lines: &[String]) {
    let poll = async {
        loop {
            let page = body(server, path).await;
            if lines.iter().all(|line| page.lines().any(|found| found == line)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    if timeout(PATIENCE, poll).await.is_err() {
        panic!("{lines:?} did not come in\n{}", body(server, path).await);
    }
}

pub(crate) fn up(upstream: &str, up: u8) -> String {
    format!("wsbench_proxy_upstream_up{{route=\"/ws\",upstream=\"{upstream}\"}} {up}")
}

/// An upstream by tokio-tungstenite: `serve` gets its first connection, `seen` the request's headers.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    pub(super) seen: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    pub(super) async fn start<F>(
        adorn: impl Fn(&Request, &mut Response) + Send + Unpin + 'static,
        serve: impl FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let requests = seen.clone();
        let task = spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            #[expect(clippy::result_large_err, reason = "the library's own interface")]
            let callback =
                move |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
                    requests.lock().unwrap().push(request.clone());
                    adorn(request, &mut response);
                    Ok(response)
                };
            let socket = tokio_tungstenite::accept_hdr_async(tcp, callback).await.unwrap();
            serve(socket).await;
        });
        Self { address, seen, task }
    }

    pub(super) fn proxy(&self, settings: &str) -> Server {
        proxy(&[(format!("ws://{}", self.address), 1)], settings)
    }

    pub(super) fn request(&self) -> Request {
        self.seen.lock().unwrap()[0].clone()
    }

    pub(super) async fn done(self) {
        timeout(PATIENCE, self.task)
            .await
            .expect("the upstream is not done")
            .unwrap();
    }
}

pub(super) async fn echo_until_closed(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() || message.is_binary() {
            socket.send(message).await.unwrap();
        }
    }
}

pub(super) fn adorn_nothing(_: &Request, _: &mut Response) {}

/// What the server answers to an upgrade request with these further headers.
pub(super) async fn upgrade(server: &Server, path: &str, headers: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n{headers}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    exchange(server, &request).await
}
