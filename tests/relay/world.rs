//! A server, its clients, its administrator.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderName, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wsbench::server::{Server, ServerConfig};

/// Longer than anything that a test waits for takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a route `/admin` for the administrator.
pub(crate) struct World {
    server: Server,
    address: SocketAddr,
}

/// A client of the server.
pub(crate) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Of the 101.
    pub(crate) headers: HeaderMap,
}

/// Why a client was not let in.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Refused {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl World {
    /// Starts a server; `yaml` says what it has besides the administrator's route.
    pub(crate) fn new(routes: &str, further: &str) -> Self {
        let yaml = format!("routes: {{/admin: {{mode: relay-admin}}, {routes}}}\n{further}\n");
        let config = ServerConfig {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            workers: NonZeroUsize::new(2),
            ..ServerConfig::from_yaml(&yaml, "test").unwrap()
        };
        let server = Server::start(&config).unwrap();
        let address = server.local_addrs()[0];
        Self { server, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn connect(&self, path: &str) -> Client {
        self.connect_with(path, &[]).await.unwrap()
    }

    pub(crate) async fn connect_with(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, Refused> {
        let mut request = format!("ws://{}{path}", self.address)
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, response)) => Ok(Client {
                socket,
                headers: response.into_parts().0.headers,
            }),
            Err(Error::Http(response)) => Err(refused(*response)),
            Err(error) => panic!("{error}"),
        }
    }

    /// A client that joined: its PID is known, and its target has got `ws.join`. The target is a recorder of this name.
    pub(crate) async fn recorded(&self, path: &str, recorder: &str) -> (Client, String) {
        let client = self.connect(path).await;
        let letters = self.letters_until(recorder, |letters| !letters.is_empty()).await;
        let pid = letters.last().unwrap()["payload"]["client_pid"]
            .as_str()
            .unwrap()
            .to_owned();
        (client, pid)
    }

    /// What a recorder got, once it has what `complete` wants.
    pub(crate) async fn letters_until(
        &self,
        recorder: &str,
        complete: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let wait = async {
            loop {
                let read = json!({"action": "call", "pid": recorder, "topic": "recorder.read"});
                let (status, answer) = self.post(&read).await;
                // The recorder may not have been started yet.
                if status == 200 {
                    let letters = answer["payload"]["letters"].as_array().unwrap().clone();
                    if complete(&letters) {
                        return letters;
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("the letters come in time")
    }

    /// What the administrator is answered.
    pub(crate) async fn post(&self, action: &Value) -> (u16, Value) {
        let head = "POST /admin HTTP/1.1\r\nContent-Type: application/json\r\n";
        self.http(head, &action.to_string()).await
    }

    /// Does what the administrator wants, successfully.
    pub(crate) async fn act(&self, action: Value) -> Value {
        let (status, answer) = self.post(&action).await;
        assert_eq!(status, 200, "{action}: {answer}");
        answer
    }

    /// The processes that there are.
    pub(crate) async fn processes(&self) -> Vec<Value> {
        let (status, answer) = self.http("GET /admin HTTP/1.1\r\n", "").await;
        assert_eq!(status, 200);
        answer["processes"].as_array().unwrap().clone()
    }

    /// Sends a request that begins with `head`; returns status and JSON.
    pub(crate) async fn http(&self, head: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!("{head}Host: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (
            status,
            serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")),
        )
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await.unwrap();
    }
}

fn refused(response: Response<Option<Vec<u8>>>) -> Refused {
    let (head, body) = response.into_parts();
    Refused {
        status: head.status,
        headers: head.headers,
        body: body.unwrap_or_default(),
    }
}

impl Client {
    pub(crate) async fn says(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub(crate) async fn says_bytes(&mut self, bytes: &'static [u8]) {
        self.socket.send(Message::binary(bytes)).await.unwrap();
    }

    /// Sends a message, or finds that the server takes no more for now.
    pub(crate) async fn tries_to_say(&mut self, text: &str, patience: Duration) -> bool {
        timeout(patience, self.socket.send(Message::text(text)))
            .await
            .is_ok()
    }

    pub(crate) async fn hears(&mut self) -> Message {
        let message = timeout(PATIENCE, self.socket.next()).await;
        message
            .expect("a message comes in time")
            .expect("the connection is open")
            .unwrap()
    }

    pub(crate) async fn hears_text(&mut self) -> String {
        loop {
            match self.hears().await {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Code and reason of the Close frame, which comes next but for other frames.
    pub(crate) async fn hears_close(&mut self) -> (u16, String) {
        loop {
            match self.hears().await {
                Message::Close(Some(CloseFrame { code, reason })) => {
                    return (code.into(), reason.to_string());
                }
                Message::Close(None) => panic!("a Close frame without a code"),
                _ => {}
            }
        }
    }

    /// Closes and waits for the server's Close frame.
    pub(crate) async fn closes(mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.to_owned().into(),
        };
        self.socket.close(Some(frame)).await.unwrap();
        while let Ok(Some(Ok(_))) = timeout(PATIENCE, self.socket.next()).await {}
    }
}

/// The topics of letters.
pub(crate) fn topics(letters: &[Value]) -> Vec<&str> {
    letters
        .iter()
        .map(|letter| letter["topic"].as_str().unwrap())
        .collect()
}
