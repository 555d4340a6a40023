//! Connecting to NATS.

pub(crate) use async_nats::client::RequestErrorKind;
use async_nats::connection::State;
pub(crate) use async_nats::{Client, ConnectError, Request};
use async_nats::{ConnectOptions, Event, ServerAddr};

/// Connects in the background and reconnects whenever the connection is lost. `name` is what the server's monitoring calls
/// this connection. What is published meanwhile waits, within the client's bound.
///
/// # Errors
/// The URL is none.
pub(crate) async fn connect(url: &str, name: &str) -> Result<Client, ConnectError> {
    let options = ConnectOptions::new()
        .name(name)
        .retry_on_initial_connect()
        .event_callback(log);
    options.connect(url).await
}

/// # Errors
/// The URL is none.
pub(crate) fn check_url(url: &str) -> Result<(), impl std::error::Error + use<>> {
    url.parse::<ServerAddr>().map(drop)
}

/// Whether there is a connection at this moment.
pub(crate) fn is_connected(client: &Client) -> bool {
    client.connection_state() == State::Connected
}

/// The part of NATS that keeps messages.
pub(crate) mod jetstream {
    pub(crate) use async_nats::jetstream::consumer::pull::Config as PullConfig;
    pub(crate) use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer};
    pub(crate) use async_nats::jetstream::stream::Config as StreamConfig;
    pub(crate) use async_nats::jetstream::{AckKind, Message, new};
}

async fn log(event: Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("connection to NATS lost; trying again"),
        Event::SlowConsumer(_) => {
            tracing::warn!("messages from NATS were dropped: they came faster than they were read");
        }
        Event::ClientError(error) => tracing::warn!(%error, "cannot reach NATS; trying again"),
        Event::ServerError(error) => tracing::warn!(%error, "NATS refuses"),
        _ => {}
    }
}
