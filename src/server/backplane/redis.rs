//! Redis Pub/Sub.

use bytes::Bytes;
use futures_util::StreamExt;
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncConnectionConfig, Client};

use super::config::BrokerConfig;
use super::link::{LinkError, PATIENCE};

/// A connection that publishes.
pub(super) struct Publisher {
    connection: MultiplexedConnection,
    channel: String,
}

/// A connection that is subscribed: Redis wants one of its own for that.
pub(super) struct Subscriber(PubSubStream);

/// Connects twice: to publish, and to subscribe.
pub(super) async fn connect(config: &BrokerConfig) -> Result<(Publisher, Subscriber), LinkError> {
    let client = Client::open(config.url.expose())?;
    let patience = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let connection = client
        .get_multiplexed_async_connection_with_config(&patience)
        .await?;
    let channel = config.channel();
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(&channel).await?;
    let (_, messages) = subscription.split();
    Ok((Publisher { connection, channel }, Subscriber(messages)))
}

impl Publisher {
    /// One round trip for all messages.
    pub(super) async fn publish(&mut self, messages: &[Bytes]) -> Result<u64, LinkError> {
        let mut pipeline = redis::pipe();
        for message in messages {
            pipeline
                .cmd("PUBLISH")
                .arg(&self.channel)
                .arg(&message[..])
                .ignore();
        }
        pipeline.query_async::<()>(&mut self.connection).await?;
        Ok(0)
    }
}

impl Subscriber {
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let message = self.0.next().await?;
        Some(Bytes::copy_from_slice(message.get_payload_bytes()))
    }
}
