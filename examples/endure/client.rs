//! Clients that behave, and the times that they see.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use wsbench::clock;

use super::AnyError;
use super::server::ServerProcess;

pub(crate) type Client = WebSocketStream<TcpStream>;

/// A connection to a route.
pub(crate) async fn connect(server: &ServerProcess, path: &str) -> Result<Client, AnyError> {
    let tcp = TcpStream::connect(server.address).await?;
    tcp.set_nodelay(true)?;
    let (client, _) = client_async(format!("ws://{}{path}", server.address), tcp).await?;
    Ok(client)
}

/// Connects, asks once, and leaves, so often in turn; how long each took.
pub(crate) async fn round_trips(server: &ServerProcess, count: usize) -> Result<Times, AnyError> {
    let mut times = Times::default();
    for _ in 0..count {
        let begin = clock::now();
        let mut client = connect(server, "/echo").await?;
        client.send(Message::text("hello")).await?;
        match client.next().await {
            Some(Ok(Message::Text(text))) if text.as_str() == "hello" => times.0.push(clock::now() - begin),
            other => return Err(format!("no echo but {other:?}").into()),
        }
        client.close(None).await?;
        while client.next().await.is_some() {}
    }
    Ok(times)
}

/// Durations of the same kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(pub(crate) Vec<Duration>);

impl Times {
    /// The value that this share of all does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted[rank.clamp(1, sorted.len()) - 1]
    }

    /// For people.
    pub(crate) fn describe(&self) -> String {
        let ms = |share| self.quantile(share).as_secs_f64() * 1e3;
        format!(
            "p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            ms(0.5),
            ms(0.99),
            ms(1.0)
        )
    }
}
