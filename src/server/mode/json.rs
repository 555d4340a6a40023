//! What modes that speak JSON have in common: a message is an object with a `type`, and a mistake is answered by
//! `{"type":"error","message":"..."}` while the connection stays (seed B9).

use serde::Serialize;
use serde_json::{Map, Value};

use super::Message;
use crate::server::session::Peer;
use crate::wire::MessageKind;

/// A message from a client: its `type`, and the other fields.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) kind: String,
    pub(super) fields: Map<String, Value>,
}

/// Longest `type` that an error repeats, in bytes.
const MAX_REPEATED: usize = 64;

impl Object {
    /// Reads a message.
    ///
    /// # Errors
    /// What the client has to be told.
    pub(super) fn read(message: Message<'_>) -> Result<Self, String> {
        if message.kind != MessageKind::Text {
            return Err("a message is text: one JSON object".to_owned());
        }
        let mut fields: Map<String, Value> = serde_json::from_slice(message.payload)
            .map_err(|error| format!("a message is one JSON object: {error}"))?;
        match fields.remove("type") {
            Some(Value::String(kind)) => Ok(Self { kind, fields }),
            _ => Err("a message has a `type`, which is a string".to_owned()),
        }
    }

    /// The `type`, short enough to be repeated to the client and in the log.
    pub(super) fn short_kind(&self) -> &str {
        &self.kind[..self.kind.floor_char_boundary(MAX_REPEATED)]
    }
}

/// Sends a value to the client.
pub(super) fn send(peer: &mut Peer<'_>, value: &impl Serialize) {
    // Writing to memory cannot fail, and neither can a value with string keys.
    peer.compose(MessageKind::Text, |reply| {
        drop(serde_json::to_writer(reply, value));
    });
}

/// Tells the client about its mistake.
pub(super) fn send_error(peer: &mut Peer<'_>, message: &str) {
    send(
        peer,
        &Complaint {
            r#type: "error",
            message,
        },
    );
}

#[derive(Serialize)]
struct Complaint<'a> {
    r#type: &'static str,
    message: &'a str,
}
