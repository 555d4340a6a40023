//! [`Broker`]: a connection to a broker, whichever.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::config::BrokerConfig;
use super::{nats, redis};

/// Which broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broker {
    Redis,
    Nats,
}

/// The way to the broker.
pub(super) enum Publisher {
    Redis(redis::Publisher),
    Nats(nats::Publisher),
}

/// The way from the broker.
pub(super) enum Subscriber {
    Redis(redis::Subscriber),
    Nats(nats::Subscriber),
}

/// Why there is no way to the broker, or none any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("the broker does not answer in time")]
    Timeout,
    #[error("the broker closed the connection")]
    Closed,
    #[error(transparent)]
    Redis(#[from] ::redis::RedisError),
    #[error("{0}")]
    Nats(String),
}

/// How long the broker may take for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

impl Broker {
    /// Connects and subscribes.
    pub(super) async fn connect(self, config: &BrokerConfig) -> Result<(Publisher, Subscriber), LinkError> {
        let connecting = async {
            Ok(match self {
                Self::Redis => {
                    let (publisher, subscriber) = redis::connect(config).await?;
                    (Publisher::Redis(publisher), Subscriber::Redis(subscriber))
                }
                Self::Nats => {
                    let (publisher, subscriber) = nats::connect(config).await?;
                    (Publisher::Nats(publisher), Subscriber::Nats(subscriber))
                }
            })
        };
        in_time(connecting).await
    }
}

impl Publisher {
    /// Gives messages to the broker, in their order; returns how many it could not take.
    pub(super) async fn publish(&mut self, messages: &[Bytes]) -> Result<u64, LinkError> {
        let publishing = async {
            match self {
                Self::Redis(publisher) => publisher.publish(messages).await,
                Self::Nats(publisher) => publisher.publish(messages).await,
            }
        };
        in_time(publishing).await
    }
}

impl Subscriber {
    /// The next message; none once the connection is lost.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Redis(subscriber) => subscriber.next().await,
            Self::Nats(subscriber) => subscriber.next().await,
        }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
    timeout(PATIENCE, work).await.unwrap_or(Err(LinkError::Timeout))
}
