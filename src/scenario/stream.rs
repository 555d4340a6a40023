//! [`Stream`]: messages that the target numbers itself, and where the number stands.

use std::time::Duration;

use super::json_probe::JsonField;
use super::matcher::Matcher;
use super::plan::PayloadKind;
use super::template::RenderContext;

/// How to read a message of a stream.
#[derive(Debug)]
pub struct Stream {
    pub(super) matcher: Option<Matcher>,
    pub(super) number: JsonField,
    /// Milliseconds since 1970.
    pub(super) sent: Option<JsonField>,
}

/// A message of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// One more than that of the message before.
    pub number: u64,
    /// When the target says that it was made, since 1970.
    pub sent: Option<Duration>,
}

impl Stream {
    /// The number of a message; `None` if it is none of the stream. Allocates nothing.
    #[must_use]
    pub fn read(&self, kind: PayloadKind, payload: &[u8], ctx: &RenderContext<'_>) -> Option<Numbered> {
        let matcher = self.matcher.as_ref();
        if matcher.is_some_and(|matcher| !matcher.matches(kind, payload, ctx)) {
            return None;
        }
        let sent = || self.sent.as_ref()?.number(payload).map(Duration::from_millis);
        Some(Numbered {
            number: self.number.number(payload)?,
            sent: sent(),
        })
    }
}
