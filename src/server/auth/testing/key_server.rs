//! [`KeyServer`]: a tiny HTTP server that publishes keys.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// Serves documents by path, each request on a connection of its own, in the runtime of the test.
pub(in crate::server::auth) struct KeyServer {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
}

struct Shared {
    documents: Mutex<HashMap<String, (u16, String)>>,
    requests: AtomicUsize,
    /// A permit for each answer.
    answers: Semaphore,
}

impl KeyServer {
    pub(in crate::server::auth) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(in crate::server::auth) async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            scheme: if tls.is_some() { "https" } else { "http" },
            shared: Arc::new(Shared {
                documents: Mutex::default(),
                requests: AtomicUsize::new(0),
                answers: Semaphore::new(1_000),
            }),
        };
        let shared = Arc::clone(&server.shared);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => shared.answer(tcp).await,
                        Some(tls) => match tls.accept(tcp).await {
                            Ok(stream) => shared.answer(stream).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        server
    }

    pub(in crate::server::auth) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub(in crate::server::auth) fn serve(&self, path: &str, status: u16, document: String) {
        let mut documents = self.shared.documents.lock().unwrap();
        documents.insert(path.to_owned(), (status, document));
    }

    pub(in crate::server::auth) fn publish(&self, keys: &[Value]) {
        self.serve("/keys", 200, json!({"keys": keys}).to_string());
    }

    /// From now on requests wait for [`KeyServer::release`].
    pub(in crate::server::auth) fn hold(&self) {
        self.shared.answers.forget_permits(1_000);
    }

    pub(in crate::server::auth) fn release(&self) {
        self.shared.answers.add_permits(1_000);
    }

    /// How many requests were begun.
    pub(in crate::server::auth) fn requests(&self) -> usize {
        self.shared.requests.load(SeqCst)
    }
}

impl Shared {
    async fn answer<S: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: S) -> Option<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        self.requests.fetch_add(1, SeqCst);
        let _permit = self.answers.acquire().await.ok()?;
        let head = String::from_utf8(head).ok()?;
        let path = head.split(' ').nth(1)?;
        let found = self.documents.lock().unwrap().get(path).cloned();
        let (status, body) = found.unwrap_or((404, String::new()));
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nLocation: /keys\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.ok()?;
        stream.write_all(body.as_bytes()).await.ok()?;
        stream.shutdown().await.ok()
    }
}
