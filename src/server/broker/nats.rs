//! Connecting to NATS.

pub(crate) use async_nats::client::RequestErrorKind;
pub(crate) use async_nats::{Client, ConnectError, Request};
use async_nats::{ConnectOptions, Event};

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
