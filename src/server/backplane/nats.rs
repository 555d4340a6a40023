//! NATS.

use std::sync::Arc;

use async_nats::{Client, ConnectOptions, Event};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::Notify;

use super::config::BrokerConfig;
use super::link::LinkError;

/// The publishing side of a connection.
pub(super) struct Publisher {
    client: Client,
    subject: String,
}

/// The subscribed side of it.
pub(super) struct Subscriber {
    messages: async_nats::Subscriber,
    lost: Arc<Notify>,
}

/// Messages that the client may hold before it drops some.
const WAITING: usize = 4096;

/// Connects once. The client's own way of reconnecting is not used: it keeps what was published meanwhile and says it late.
pub(super) async fn connect(config: &BrokerConfig) -> Result<(Publisher, Subscriber), LinkError> {
    let lost = Arc::new(Notify::new());
    let tell = lost.clone();
    let options = ConnectOptions::new()
        .name("wsbench backplane")
        .max_reconnects(1)
        .subscription_capacity(WAITING)
        .event_callback(move |event| {
            if matches!(event, Event::Disconnected | Event::Closed) {
                tell.notify_one();
            }
            async {}
        });
    let client = options.connect(config.url.expose()).await.map_err(failed)?;
    let subject = config.channel();
    let messages = client.subscribe(subject.clone()).await.map_err(failed)?;
    client.flush().await.map_err(failed)?;
    Ok((Publisher { client, subject }, Subscriber { messages, lost }))
}

impl Publisher {
    pub(super) async fn publish(&mut self, messages: &[Bytes]) -> Result<u64, LinkError> {
        let mut refused = 0;
        for message in messages {
            if message.len() > self.client.server_info().max_payload {
                refused += 1;
                continue;
            }
            self.client
                .publish(self.subject.clone(), message.clone())
                .await
                .map_err(failed)?;
        }
        self.client.flush().await.map_err(failed)?;
        Ok(refused)
    }
}

impl Subscriber {
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            message = self.messages.next() => Some(message?.payload),
            () = self.lost.notified() => None,
        }
    }
}

fn failed(error: impl std::error::Error) -> LinkError {
    LinkError::Nats(error.to_string())
}
