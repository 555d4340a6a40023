//! An upstream handler that the test scripts.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers every request in the same way, and remembers them.
pub(crate) struct Handler {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Handler {
    /// `answer` is status line, headers and body, as they go over the wire. Empty: there is no answer.
    pub(crate) async fn new(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                seen.lock().unwrap().push(String::from_utf8(head).unwrap());
                if answer.is_empty() {
                    silent.push(stream);
                    continue;
                }
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, requests }
    }

    /// Relays every connection; `json` is what `X-WS-Relay` says.
    pub(crate) async fn relaying(json: &str) -> Self {
        Self::new(format!(
            "HTTP/1.1 200 OK\r\nX-WS-Relay: {json}\r\nSet-Cookie: a=1\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody"
        ))
        .await
    }

    /// A route whose handler this is.
    pub(crate) fn route(&self, path: &str) -> String {
        format!(
            "{path}: {{mode: {{relay: {{handler: 'http://{}', handler_timeout: 300ms}}}}}}",
            self.address
        )
    }

    /// The heads of the requests, in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .unwrap()
            .iter()
            .map(|head| head.to_lowercase())
            .collect()
    }
}
