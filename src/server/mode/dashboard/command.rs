//! [`Command`]: what a client of a dashboard may ask for.

use std::time::Duration;

use serde::Deserialize;

use super::config::{OutOfBounds, check_interval};
use crate::server::mode::Message;
use crate::wire::MessageKind;

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// These series and no others.
    Subscribe(Vec<u16>),
    /// Not these series.
    Unsubscribe(Vec<u16>),
    /// No series at all.
    UnsubscribeAll,
    /// Another time between ticks.
    Interval(Duration),
}

/// Why it cannot be done; the client is told.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    #[error("a command is JSON text: subscribe, unsubscribe or interval")]
    Binary,
    #[error("cannot read the command: {0}")]
    Json(#[from] serde_json::Error),
    #[error("there is no series `{0}`")]
    UnknownSeries(String),
    #[error(transparent)]
    OutOfBounds(#[from] OutOfBounds),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Written {
    Subscribe { series: Vec<String> },
    Unsubscribe { series: Option<Vec<String>> },
    Interval { ms: u64 },
}

impl Command {
    /// Reads a message; `names` are those of the series.
    pub(super) fn read(message: Message<'_>, names: &[String]) -> Result<Self, CommandError> {
        if message.kind == MessageKind::Binary {
            return Err(CommandError::Binary);
        }
        Ok(match serde_json::from_slice(message.payload)? {
            Written::Subscribe { series } => Self::Subscribe(indices(&series, names)?),
            Written::Unsubscribe { series: None } => Self::UnsubscribeAll,
            Written::Unsubscribe { series: Some(series) } => Self::Unsubscribe(indices(&series, names)?),
            Written::Interval { ms } => Self::Interval(check_interval(Duration::from_millis(ms))?),
        })
    }
}

/// The indices of the series `wanted`, in order and each once.
fn indices(wanted: &[String], names: &[String]) -> Result<Vec<u16>, CommandError> {
    let index = |wanted: &String| {
        let index = names.iter().position(|name| name == wanted);
        index
            .and_then(|index| u16::try_from(index).ok())
            .ok_or_else(|| CommandError::UnknownSeries(wanted.clone()))
    };
    let mut indices = wanted.iter().map(index).collect::<Result<Vec<_>, _>>()?;
    indices.sort_unstable();
    indices.dedup();
    Ok(indices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: MessageKind, text: &str) -> Result<Command, String> {
        let names = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let payload = text.as_bytes();
        Command::read(Message { kind, payload }, &names).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_commands() {
        for (text, command) in [
            (
                r#"{"type":"subscribe","series":["c","a","c"]}"#,
                Command::Subscribe(vec![0, 2]),
            ),
            (r#"{"type":"subscribe","series":[]}"#, Command::Subscribe(vec![])),
            (
                r#"{"type":"unsubscribe","series":["b"]}"#,
                Command::Unsubscribe(vec![1]),
            ),
            (r#"{"type":"unsubscribe"}"#, Command::UnsubscribeAll),
            (
                r#"{"type":"interval","ms":250}"#,
                Command::Interval(Duration::from_millis(250)),
            ),
        ] {
            assert_eq!(read(MessageKind::Text, text), Ok(command), "{text}");
        }
    }

    #[test]
    fn b9_says_what_is_wrong() {
        for (text, reason) in [
            ("nonsense", "cannot read the command: "),
            ("{}", "cannot read the command: missing field `type`"),
            (
                r#"{"type":"dance"}"#,
                "cannot read the command: unknown variant `dance`",
            ),
            (
                r#"{"type":"subscribe"}"#,
                "cannot read the command: missing field `series`",
            ),
            (
                r#"{"type":"subscribe","series":["a","x"]}"#,
                "there is no series `x`",
            ),
            (r#"{"type":"interval","ms":9}"#, "an interval is from 10ms to 60s"),
            (
                r#"{"type":"interval","ms":60001}"#,
                "an interval is from 10ms to 60s",
            ),
            (r#"{"type":"interval","ms":-1}"#, "cannot read the command: "),
        ] {
            let error = read(MessageKind::Text, text).unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
        assert!(read(MessageKind::Binary, r#"{"type":"unsubscribe"}"#).is_err());
    }
}
