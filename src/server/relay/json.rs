//! Letters as JSON: how programs, remote processes and the administrator see them.
//!
//! A letter is `{"topic": ..., "payload": {...}, "from": PID}`, addressed ones have `"to"` besides. Binary data is base64.

use std::time::Duration;

use super::exit::ExitReason;
use super::letter::{Content, Data, Letter, Metadata, topic};
use super::pid::{InvalidPid, Pid};
use crate::wire::{CloseCode, MAX_CLOSE_REASON, MessageKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A letter with its address, as it is written outside of this process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Envelope {
    /// A PID, or the name of a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    pub(crate) topic: String,
    #[serde(default)]
    pub(crate) payload: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// For a remote process: the subject under which `from` can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<String>,
}

/// Why a payload does not fit its topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ContentError {
    #[error("payload of {topic}: {problem}")]
    Shape { topic: &'static str, problem: String },
    #[error("`data` of a binary message is not base64")]
    Base64,
    #[error("close code {0} may not be sent: use 1000 to 1003, 1007 to 1014 or 3000 to 4999")]
    CloseCode(u16),
    #[error("a close reason has at most {MAX_CLOSE_REASON} bytes, this one has {0}")]
    LongReason(usize),
    #[error("`{0}` is no PID: one looks like web-1.9f86d081884c7d65.17")]
    Pid(String),
}

impl Letter {
    /// The letter in JSON, without an address.
    pub(crate) fn to_envelope(&self) -> Envelope {
        Envelope {
            to: None,
            topic: self.content.topic().to_owned(),
            payload: self.content.payload(),
            from: self.from.as_ref().map(Pid::to_string),
            reply_to: None,
        }
    }
}

impl Content {
    pub(crate) fn topic(&self) -> &str {
        match self {
            Self::Join { .. } => topic::JOIN,
            Self::Message { topic, .. } | Self::Other { topic, .. } => topic,
            Self::Heartbeat { .. } => topic::HEARTBEAT,
            Self::Leave { .. } => topic::LEAVE,
            Self::Send(_) => topic::SEND,
            Self::Close { .. } => topic::CLOSE,
            Self::Control { .. } => topic::CONTROL,
            Self::Exit { .. } => topic::EXIT,
        }
    }

    /// The payload, with exactly the fields that the seed gives it.
    pub(crate) fn payload(&self) -> Value {
        match self {
            Self::Join { client, metadata } => json!({ "client_pid": client, "metadata": &**metadata }),
            Self::Message {
                client,
                data,
                metadata,
                ..
            } => {
                let (kind, data) = data.to_json();
                json!({ "client_pid": client, "type": kind, "data": data, "metadata": &**metadata })
            }
            Self::Heartbeat {
                client,
                uptime,
                message_count,
            } => {
                json!({ "client_pid": client, "uptime": seconds(*uptime), "message_count": message_count })
            }
            Self::Leave {
                client,
                reason,
                metadata,
            } => {
                json!({ "client_pid": client, "reason": &**reason, "metadata": &**metadata })
            }
            Self::Send(data) => {
                let (kind, data) = data.to_json();
                json!({ "type": kind, "data": data })
            }
            Self::Close { code, reason } => json!({ "code": code, "reason": reason }),
            Self::Control { target, topic } => match topic {
                Some(topic) => json!({ "target_pid": target, "message_topic": &**topic }),
                None => json!({ "target_pid": target }),
            },
            Self::Exit { pid, reason } => json!({ "pid": pid, "reason": reason }),
            Self::Other { payload, .. } => payload.clone(),
        }
    }

    /// What somebody outside wants to send.
    ///
    /// # Errors
    /// A payload without the fields that its topic needs, or with impossible ones.
    pub(crate) fn parse(topic: &str, payload: Value) -> Result<Self, ContentError> {
        Ok(match topic {
            topic::JOIN => {
                let About {
                    client_pid, metadata, ..
                } = read(topic::JOIN, payload)?;
                Self::Join {
                    client: pid(&client_pid)?,
                    metadata,
                }
            }
            topic::LEAVE => {
                let About {
                    client_pid,
                    metadata,
                    reason,
                } = read(topic::LEAVE, payload)?;
                Self::Leave {
                    client: pid(&client_pid)?,
                    reason: reason.into(),
                    metadata,
                }
            }
            topic::HEARTBEAT => {
                let Heartbeat {
                    client_pid,
                    uptime,
                    message_count,
                } = read(topic::HEARTBEAT, payload)?;
                let uptime = Duration::try_from_secs_f64(uptime).unwrap_or_default();
                Self::Heartbeat {
                    client: pid(&client_pid)?,
                    uptime,
                    message_count,
                }
            }
            topic::MESSAGE => Self::message(topic, read(topic::MESSAGE, payload)?)?,
            topic::SEND => {
                let Send { kind, data } = read(topic::SEND, payload)?;
                Self::Send(Data::from_json(kind, data)?)
            }
            topic::CLOSE => close(read(topic::CLOSE, payload)?)?,
            topic::CONTROL => {
                let Control {
                    target_pid,
                    message_topic,
                } = read(topic::CONTROL, payload)?;
                Self::Control {
                    target: target_pid,
                    topic: message_topic.map(Into::into),
                }
            }
            topic::EXIT => {
                let Exit { pid: who, reason } = read(topic::EXIT, payload)?;
                Self::Exit {
                    pid: pid(&who)?,
                    reason,
                }
            }
            // A relay may have been told another topic for its messages.
            _ => match Message::deserialize(&payload) {
                Ok(message) => Self::message(topic, message)?,
                Err(_) => Self::Other {
                    topic: topic.into(),
                    payload,
                },
            },
        })
    }

    fn message(topic: &str, message: Message) -> Result<Self, ContentError> {
        let Message {
            client_pid,
            kind,
            data,
            metadata,
        } = message;
        let data = Data::from_json(kind, data)?;
        Ok(Self::Message {
            topic: topic.into(),
            client: pid(&client_pid)?,
            data,
            metadata,
        })
    }
}

impl Data {
    /// `type` and `data`.
    fn to_json(&self) -> (&'static str, String) {
        match self.kind {
            MessageKind::Text => ("text", String::from_utf8_lossy(&self.bytes).into_owned()),
            MessageKind::Binary => ("binary", STANDARD.encode(&self.bytes)),
        }
    }

    fn from_json(kind: Kind, data: String) -> Result<Self, ContentError> {
        Ok(match kind {
            Kind::Text => Self {
                kind: MessageKind::Text,
                bytes: Bytes::from(data),
            },
            Kind::Binary => {
                let bytes = STANDARD.decode(data).map_err(|_| ContentError::Base64)?;
                Self {
                    kind: MessageKind::Binary,
                    bytes: Bytes::from(bytes),
                }
            }
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    client_pid: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    client_pid: String,
    #[serde(rename = "type")]
    kind: Kind,
    data: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Heartbeat {
    client_pid: String,
    uptime: f64,
    message_count: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    #[serde(rename = "type")]
    kind: Kind,
    data: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Text,
    Binary,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    #[serde(default = "normal")]
    code: u16,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    target_pid: String,
    #[serde(default)]
    message_topic: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exit {
    pid: String,
    reason: ExitReason,
}

/// Seed E14.
const fn normal() -> u16 {
    CloseCode::NORMAL.0
}

fn close(Close { code, reason }: Close) -> Result<Content, ContentError> {
    let code = CloseCode(code);
    if !code.is_sendable() {
        return Err(ContentError::CloseCode(code.0));
    }
    if reason.len() > MAX_CLOSE_REASON {
        return Err(ContentError::LongReason(reason.len()));
    }
    Ok(Content::Close { code, reason })
}

fn read<T: for<'de> Deserialize<'de>>(topic: &'static str, payload: Value) -> Result<T, ContentError> {
    // An absent payload is an empty one: `ws.close` needs nothing.
    let payload = if payload.is_null() { json!({}) } else { payload };
    T::deserialize(payload).map_err(|error| ContentError::Shape {
        topic,
        problem: error.to_string(),
    })
}

fn pid(text: &str) -> Result<Pid, ContentError> {
    text.parse()
        .map_err(|InvalidPid| ContentError::Pid(text.to_owned()))
}

/// Seconds to the millisecond.
fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests;
