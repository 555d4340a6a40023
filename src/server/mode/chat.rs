//! `chat`: users with names talk to each other in a room (seeds B4, B5, B8, B9).
//!
//! The client says `login` once, then `chat`. Everybody in the room, the sender included, gets `chat`, and `system` with
//! `user_joined` or `user_left` when somebody comes or goes. A mistake is answered by `error`; it never ends the connection.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::json::{Object, send, send_error};
use super::{Message, Mode};
use crate::server::session::{Peer, Room};
use crate::units::{ByteSize, Count};
use crate::wire::MessageKind;

/// Settings of the mode.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatConfig {
    /// What the room is told when somebody logs in; `{name}` stands for the name.
    pub joined: String,
    /// What the room is told when somebody leaves; `{name}` stands for the name.
    pub left: String,
    /// Longest name and longest user id, in characters.
    pub max_name: Count,
    /// Longest text of a chat message. The route's `max_message_size` holds as well.
    pub max_text: ByteSize,
    /// Whether `user_joined` and `user_left` go out beside the `system` messages.
    pub presence: bool,
}

impl Default for ChatConfig {
    fn default() -> Self {
        Self {
            joined: "{name} ist dem Chat beigetreten".to_owned(),
            left: "{name} hat den Chat verlassen".to_owned(),
            max_name: Count(64),
            max_text: ByteSize::kib(256),
            presence: true,
        }
    }
}

/// A connection to the chat.
#[derive(Debug)]
pub(super) struct Chat {
    config: Rc<ChatConfig>,
    user: Option<Box<User>>,
}

/// Who is logged in.
#[derive(Debug)]
struct User {
    /// A string or an integer, as the client has it.
    id: Value,
    name: String,
}

/// What the server says, but for errors.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said<'a> {
    Connection {
        id: &'a str,
    },
    System {
        message: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    Chat {
        user_id: &'a Value,
        name: &'a str,
        message: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    UserJoined {
        id: &'a str,
        user_id: &'a Value,
        name: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    UserLeft {
        id: &'a str,
        user_id: &'a Value,
        name: &'a str,
    },
}

impl Mode for Chat {
    fn publishes(&self) -> bool {
        true
    }

    fn opened(&mut self, peer: &mut Peer<'_>) {
        let id = peer.room().member_name();
        send(peer, &Said::Connection { id: &id });
    }

    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        let done = Object::read(message).and_then(|object| match object.kind.as_str() {
            "login" => self.login(object.fields, &peer.room()),
            "chat" => self.chat(&object.fields, &peer.room()),
            "connection" | "system" | "user_joined" | "user_left" | "error" => {
                Err(format!("only the server sends `{}`", object.kind))
            }
            _ => {
                let kind = object.short_kind();
                tracing::info!(connection = %peer.id(), kind, "chat message of an unknown type");
                Err(format!("unknown type `{kind}`"))
            }
        });
        if let Err(problem) = done {
            send_error(peer, &problem);
        }
    }

    fn closed(&mut self, room: &Room<'_>) {
        let Some(user) = self.user.take() else { return };
        publish(
            room,
            &Said::System {
                message: &self.config.left.replace("{name}", &user.name),
            },
        );
        if self.config.presence {
            publish(
                room,
                &Said::UserLeft {
                    id: &room.member_name(),
                    user_id: &user.id,
                    name: &user.name,
                },
            );
        }
    }
}

impl Chat {
    pub(super) fn new(config: Rc<ChatConfig>) -> Self {
        Self { config, user: None }
    }

    fn login(&mut self, mut fields: Map<String, Value>, room: &Room<'_>) -> Result<(), String> {
        if let Some(user) = &self.user {
            return Err(format!("already logged in as `{}`", user.name));
        }
        let limit = self.config.max_name.0;
        let id = match fields.remove("userId") {
            Some(Value::String(id)) if is_name(&id, limit) => Value::String(id),
            Some(Value::Number(id)) if id.is_u64() || id.is_i64() => Value::Number(id),
            _ => {
                return Err(format!(
                    "`login` needs `userId`: an integer, or 1 to {limit} characters"
                ));
            }
        };
        let name = match fields.remove("name") {
            Some(Value::String(name)) if is_name(&name, limit) => name,
            _ => return Err(format!("`login` needs `name`: 1 to {limit} characters")),
        };
        publish(
            room,
            &Said::System {
                message: &self.config.joined.replace("{name}", &name),
            },
        );
        if self.config.presence {
            publish(
                room,
                &Said::UserJoined {
                    id: &room.member_name(),
                    user_id: &id,
                    name: &name,
                },
            );
        }
        self.user = Some(Box::new(User { id, name }));
        Ok(())
    }

    fn chat(&self, fields: &Map<String, Value>, room: &Room<'_>) -> Result<(), String> {
        let Some(user) = &self.user else {
            return Err("`chat` needs a `login` before".to_owned());
        };
        let limit = self.config.max_text.0;
        let text = match fields.get("message") {
            Some(Value::String(text)) if !text.is_empty() && text.len() as u64 <= limit => text,
            _ => return Err(format!("`chat` needs `message`: a text of 1 to {limit} bytes")),
        };
        publish(
            room,
            &Said::Chat {
                user_id: &user.id,
                name: &user.name,
                message: text,
            },
        );
        Ok(())
    }
}

/// Whether a name can be shown: not blank, not long, and nothing in it that would break a line.
fn is_name(name: &str, limit: u64) -> bool {
    !name.trim().is_empty() && name.chars().count() as u64 <= limit && !name.chars().any(char::is_control)
}

fn publish(room: &Room<'_>, said: &Said<'_>) {
    // A value with string keys can always be written.
    if let Ok(text) = serde_json::to_vec(said) {
        room.publish(MessageKind::Text, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::mode::testing::Bench;

    fn bench() -> Bench<Chat> {
        Bench::new(Chat::new(Rc::default()))
    }

    /// The error that answers a message; none if it is accepted.
    fn error(bench: &mut Bench<Chat>, message: &str) -> Option<String> {
        let frame = bench.text(message);
        let head = match frame.get(1)? {
            126 => 4,
            _ => 2,
        };
        let answer: Value = serde_json::from_slice(&frame[head..]).unwrap();
        assert_eq!(answer["type"], "error");
        Some(answer["message"].as_str().unwrap().to_owned())
    }

    #[test]
    fn b9_every_mistake_is_answered_by_what_is_wrong() {
        let mut bench = bench();
        for (message, expected) in [
            ("{", "a message is one JSON object: "),
            ("[]", "a message is one JSON object: "),
            ("{}", "a message has a `type`"),
            (r#"{"type":7}"#, "a message has a `type`"),
            (
                r#"{"type":"chat","message":"x"}"#,
                "`chat` needs a `login` before",
            ),
            (r#"{"type":"login","name":"Ada"}"#, "`login` needs `userId`"),
            (
                r#"{"type":"login","userId":1.5,"name":"Ada"}"#,
                "`login` needs `userId`",
            ),
            (
                r#"{"type":"login","userId":"","name":"Ada"}"#,
                "`login` needs `userId`",
            ),
            (r#"{"type":"login","userId":1}"#, "`login` needs `name`"),
            (
                r#"{"type":"login","userId":1,"name":" "}"#,
                "`login` needs `name`",
            ),
            (
                r#"{"type":"login","userId":1,"name":"a\nb"}"#,
                "`login` needs `name`",
            ),
            (
                r#"{"type":"system","message":"x"}"#,
                "only the server sends `system`",
            ),
            (r#"{"type":"dance"}"#, "unknown type `dance`"),
        ] {
            let error = error(&mut bench, message);
            assert!(error.unwrap().starts_with(expected), "{message}");
        }
        assert!(bench.binary(b"{}").ends_with(br#"JSON object"}"#));
    }

    #[test]
    fn b8_names_and_texts_have_limits() {
        let config = ChatConfig {
            max_name: Count(3),
            max_text: ByteSize(4),
            ..ChatConfig::default()
        };
        let mut bench = Bench::new(Chat::new(Rc::new(config)));
        let login = |name: &str| format!(r#"{{"type":"login","userId":1,"name":"{name}"}}"#);
        assert_eq!(
            error(&mut bench, &login("Anna")).unwrap(),
            "`login` needs `name`: 1 to 3 characters"
        );
        assert_eq!(error(&mut bench, &login("Zoë")), None);
        assert_eq!(
            error(&mut bench, &login("Eve")).unwrap(),
            "already logged in as `Zoë`"
        );
        let chat = |text: &str| format!(r#"{{"type":"chat","message":"{text}"}}"#);
        assert_eq!(error(&mut bench, &chat("1234")), None);
        assert_eq!(
            error(&mut bench, &chat("12345")).unwrap(),
            "`chat` needs `message`: a text of 1 to 4 bytes"
        );
        assert!(error(&mut bench, &chat("")).is_some());
        assert!(error(&mut bench, r#"{"type":"chat","message":5}"#).is_some());
    }
}
