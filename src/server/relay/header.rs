//! [`RelayHeader`]: what a handler says in `X-WS-Relay` (seeds E1, E8).

use http::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::letter::topic;
use crate::units::Span;

/// The header's name.
pub(crate) const RELAY_HEADER: HeaderName = HeaderName::from_static("x-ws-relay");

/// The header's value: a JSON object.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelayHeader {
    /// A PID, or what else the directory resolves.
    pub(crate) target_pid: String,
    #[serde(default = "default_topic")]
    pub(crate) message_topic: String,
    #[serde(default)]
    pub(crate) heartbeat_interval: Option<Span>,
    #[serde(default)]
    pub(crate) metadata: Option<Map<String, Value>>,
}

/// Why the header cannot be obeyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayHeaderError {
    #[error("the handler sent X-WS-Relay more than once")]
    Repeated,
    #[error("the handler's X-WS-Relay is not what it should be: {0}")]
    Json(serde_json::Error),
}

impl RelayHeader {
    /// Takes the header out of the handler's answer, so that the client never gets it. `None` if there is none.
    ///
    /// # Errors
    /// It is there more than once, is no JSON, lacks `target_pid`, or has unknown fields.
    pub(crate) fn take(headers: &mut HeaderMap) -> Result<Option<Self>, RelayHeaderError> {
        let http::header::Entry::Occupied(entry) = headers.entry(RELAY_HEADER) else {
            return Ok(None);
        };
        let (_, mut values) = entry.remove_entry_mult();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => serde_json::from_slice(value.as_bytes())
                .map(Some)
                .map_err(RelayHeaderError::Json),
            (Some(_), Some(_)) => Err(RelayHeaderError::Repeated),
        }
    }
}

/// Seed E8.
pub(crate) fn default_topic() -> String {
    topic::MESSAGE.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn take(values: &[&str]) -> Result<Option<RelayHeader>, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RELAY_HEADER, value.parse().unwrap());
        }
        let taken = RelayHeader::take(&mut headers).map_err(|error| error.to_string());
        assert!(headers.is_empty(), "the client must not see it");
        taken
    }

    #[test]
    fn e8_all_fields() {
        let header = take(&[
            r#"{"target_pid":"lobby","message_topic":"chat.in","heartbeat_interval":"30s","metadata":{"user_id":"42"}}"#,
        ]);
        let expected = RelayHeader {
            target_pid: "lobby".to_owned(),
            message_topic: "chat.in".to_owned(),
            heartbeat_interval: Some(Span::from_secs(30)),
            metadata: json!({"user_id": "42"}).as_object().cloned(),
        };
        assert_eq!(header, Ok(Some(expected)));
    }

    #[test]
    fn e8_the_topic_is_ws_message_and_there_is_no_heartbeat_by_default() {
        let header = take(&[r#"{"target_pid":"lobby"}"#]).unwrap().unwrap();
        assert_eq!(
            (header.message_topic.as_str(), header.heartbeat_interval),
            ("ws.message", None)
        );
        assert_eq!(header.metadata, None);
    }

    #[test]
    fn e1_a_header_that_cannot_be_obeyed_is_an_error() {
        for value in [
            "",
            "lobby",
            "{}",
            r#"{"target_pid":7}"#,
            r#"{"target_pid":"x","heartbeat_interval":30}"#,
            r#"{"target_pid":"x","heartbeat_interval":"soon"}"#,
            r#"{"target_pid":"x","metadata":"y"}"#,
            r#"{"target_pid":"x","target":"y"}"#,
        ] {
            assert!(take(&[value]).is_err(), "{value}");
        }
        assert!(take(&[r#"{"target_pid":"x"}"#, r#"{"target_pid":"y"}"#]).is_err());
        assert_eq!(take(&[]), Ok(None));
    }
}
