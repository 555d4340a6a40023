//! [`NotificationsConfig`]: the settings of the mode.

use serde::de::{Deserialize, Deserializer, Error};

use crate::server::broker::nats;
use crate::units::{Count, Span};

/// Settings of the mode.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotificationsConfig {
    /// Where the events come from: `nats://host:4222`. Without it, connections are refused by 503.
    #[serde(deserialize_with = "url")]
    pub nats: Option<String>,
    /// The stream (`NOTIFICATIONS`).
    pub stream: String,
    /// Which of its subjects (`notifications.>`). More than one need NATS 2.10.
    pub subjects: Vec<String>,
    /// The durable consumer. Each server and route needs its own, for two with the same share the events between them.
    /// Default: made of the server's `instance` and the route.
    pub durable: Option<String>,
    /// Whether the stream is created, if there is none (true).
    pub create_stream: bool,
    /// What a consumer that is new begins with (all).
    pub deliver: Deliver,
    /// Events that are asked for at once (64).
    pub batch: Count,
    /// An event that is not acknowledged for so long comes again (30 s).
    pub ack_wait: Span,
    /// How often an event is tried; 0: until it is acknowledged (0).
    pub max_deliver: Count,
}

/// What a consumer that is new begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deliver {
    /// The oldest event of the stream.
    #[default]
    All,
    /// The next event.
    New,
}

impl Default for NotificationsConfig {
    fn default() -> Self {
        Self {
            nats: None,
            stream: "NOTIFICATIONS".to_owned(),
            subjects: vec!["notifications.>".to_owned()],
            durable: None,
            create_stream: true,
            deliver: Deliver::All,
            batch: Count(64),
            ack_wait: Span::from_secs(30),
            max_deliver: Count(0),
        }
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let url = Option::<String>::deserialize(deserializer)?;
    if let Some(url) = &url {
        nats::check_url(url)
            .map_err(|error| D::Error::custom(format!("`{url}` is no URL of NATS: {error}")))?;
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d22_settings() {
        let config: NotificationsConfig = serde_saphyr::from_str(
            "{nats: 'nats://127.0.0.1:4222', stream: EVENTS, subjects: [events.a, events.b], durable: one, batch: 8, \
             ack_wait: 2s, max_deliver: 5, deliver: new, create_stream: false}",
        )
        .unwrap();
        assert_eq!((config.batch, config.deliver), (Count(8), Deliver::New));
        let wrong = serde_saphyr::from_str::<NotificationsConfig>("{nats: 'nats://:x:y'}").unwrap_err();
        assert!(wrong.to_string().contains("is no URL of NATS"), "{wrong}");
    }
}
