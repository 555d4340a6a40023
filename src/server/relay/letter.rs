//! [`Letter`]: what processes send each other. Its JSON is in [`super::json`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::exit::ExitReason;
use super::pid::Pid;
use crate::wire::{CloseCode, MessageKind};

/// What a process finds in its mailbox.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Letter {
    /// Who sent it, if that is a process.
    pub(crate) from: Option<Pid>,
    pub(crate) content: Content,
}

/// A topic and its payload. The seed's topics have types of their own; so a client's message reaches a built-in process
/// without ever having been JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// `ws.join`: a client connected (seed E9).
    Join { client: Pid, metadata: Metadata },
    /// `ws.message`, or the topic that the relay was told: the client sent a message (seed E10).
    Message {
        topic: Topic,
        client: Pid,
        data: Data,
        metadata: Metadata,
    },
    /// `ws.heartbeat`: the connection lives (seed E11).
    Heartbeat {
        client: Pid,
        uptime: Duration,
        message_count: u64,
    },
    /// `ws.leave`: the client is gone, or another's (seed E12).
    Leave {
        client: Pid,
        reason: Arc<str>,
        metadata: Metadata,
    },
    /// `ws.send`: a message for the client (seed E13).
    Send(Data),
    /// `ws.close`: the client is to be closed (seed E14).
    Close { code: CloseCode, reason: String },
    /// `ws.control`: the connection goes to another process (seed E5). Without a topic the present one stays.
    Control { target: String, topic: Option<Topic> },
    /// `process.exit`: a process that was monitored, or linked, ended (seed E4).
    Exit { pid: Pid, reason: ExitReason },
    /// Anything else.
    Other { topic: Topic, payload: Value },
}

/// The name of a kind of letters.
pub(crate) type Topic = Arc<str>;

/// A WebSocket message; text is UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) kind: MessageKind,
    pub(crate) bytes: Bytes,
}

/// What the handler wants every letter about a client to carry (seed E8); empty if it did not say.
pub(crate) type Metadata = Arc<Map<String, Value>>;

/// The topics of the relay.
pub(crate) mod topic {
    pub(crate) const JOIN: &str = "ws.join";
    pub(crate) const MESSAGE: &str = "ws.message";
    pub(crate) const HEARTBEAT: &str = "ws.heartbeat";
    pub(crate) const LEAVE: &str = "ws.leave";
    pub(crate) const SEND: &str = "ws.send";
    pub(crate) const CLOSE: &str = "ws.close";
    pub(crate) const CONTROL: &str = "ws.control";
    pub(crate) const EXIT: &str = "process.exit";
    /// A letter could not be delivered, or not be understood.
    pub(crate) const ERROR: &str = "process.error";
}

impl Letter {
    pub(crate) fn new(from: Pid, content: Content) -> Self {
        Self {
            from: Some(from),
            content,
        }
    }

    /// A letter that no process sent.
    pub(crate) fn anonymous(content: Content) -> Self {
        Self { from: None, content }
    }

    /// Bytes that it takes in a mailbox, roughly.
    pub(crate) fn size(&self) -> usize {
        std::mem::size_of::<Self>()
            + match &self.content {
                Content::Message { data, .. } | Content::Send(data) => data.bytes.len(),
                Content::Other { payload, .. } => value_size(payload),
                _ => 0,
            }
    }
}

impl Content {
    /// A letter's content that reports a failure to whoever sent something.
    pub(crate) fn error(about: &str, error: impl std::fmt::Display) -> Self {
        let payload = serde_json::json!({ "topic": about, "error": error.to_string() });
        Self::Other {
            topic: topic::ERROR.into(),
            payload,
        }
    }
}

impl Data {
    #[cfg(test)]
    pub(crate) fn text(text: &str) -> Self {
        Self {
            kind: MessageKind::Text,
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        }
    }
}

fn value_size(value: &Value) -> usize {
    let inner = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(value_size).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| name.len() + value_size(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    std::mem::size_of::<Value>() + inner
}
