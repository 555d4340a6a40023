//! Servers to talk to, and streams to look into.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use wsbench::connect::{ConnectConfig, ConnectError, Ending, Streams, Wait, connect};
use wsbench::net::Target;

/// Longer than anything here takes; a test that gets there has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Server = WebSocketStream<TcpStream>;

/// What a client wrote and how it ended.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) output: Vec<u8>,
    pub(crate) errors: String,
    pub(crate) ending: Result<Ending, ConnectError>,
}

impl Seen {
    pub(crate) fn output(&self) -> &str {
        std::str::from_utf8(&self.output).unwrap()
    }

    pub(crate) fn ending(&self) -> &Ending {
        self.ending.as_ref().unwrap()
    }

    pub(crate) fn error(&self) -> String {
        self.ending.as_ref().unwrap_err().to_string()
    }
}

/// A stream that can be looked into afterwards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Captured(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    (listener, url)
}

pub(crate) async fn accept(listener: TcpListener) -> Server {
    let (stream, _) = listener.accept().await.unwrap();
    tokio_tungstenite::accept_async(stream).await.unwrap()
}

/// Settings under which only the server ends a conversation.
pub(crate) fn config(url: &str) -> ConnectConfig {
    ConnectConfig {
        wait: Wait::Forever,
        ..ConnectConfig::new(Target::parse(url).unwrap())
    }
}

/// Runs a client to its end.
pub(crate) async fn client(config: ConnectConfig, input: impl Read + Send + 'static) -> Seen {
    let (_interrupt, interrupts) = mpsc::channel(1);
    interruptible_client(config, input, interrupts).await
}

pub(crate) async fn interruptible_client(
    config: ConnectConfig,
    input: impl Read + Send + 'static,
    interrupts: mpsc::Receiver<()>,
) -> Seen {
    let (output, errors) = (Captured::default(), Captured::default());
    let streams = Streams {
        input: Box::new(input),
        output: Box::new(output.clone()),
        errors: Box::new(errors.clone()),
        output_is_terminal: false,
        errors_is_terminal: false,
    };
    let ending = tokio::time::timeout(PATIENCE, connect(config, streams, interrupts))
        .await
        .expect("the client ends");
    let output = output.0.lock().unwrap().clone();
    let errors = String::from_utf8(errors.0.lock().unwrap().clone()).unwrap();
    Seen {
        output,
        errors,
        ending,
    }
}

/// A conversation: `input` and settings on one side, `serve` on the other, which gets the accepted connection.
pub(crate) async fn converse<T>(
    input: impl Read + Send + 'static,
    settings: impl FnOnce(&mut ConnectConfig),
    serve: impl AsyncFnOnce(Server) -> T,
) -> (Seen, T) {
    let (listener, url) = listen().await;
    let mut config = config(&url);
    settings(&mut config);
    let serving = async { serve(accept(listener).await).await };
    tokio::join!(client(config, input), serving)
}

pub(crate) fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame {
        code: code.into(),
        reason: reason.into(),
    }))
}

/// Reads until the connection ends; Pings are answered on the way.
pub(crate) async fn read_all(server: &mut Server) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some(Ok(message)) = server.next().await {
        messages.push(message);
    }
    messages
}

/// Echoes `count` messages, then closes with 1000.
pub(crate) async fn echo(mut server: Server, count: usize) {
    for _ in 0..count {
        let message = server.next().await.unwrap().unwrap();
        server.send(message).await.unwrap();
    }
    server.send(close(1000, "")).await.unwrap();
    read_all(&mut server).await;
}
