//! [`HandshakeError`]: everything that can be wrong with a server's answer.

use std::fmt;

use super::head::{HeadError, values};
use crate::wire::deflate::DeflateResponseError;
use crate::wire::extension::ExtensionSyntaxError;

/// Why the client must fail the connection. [`HandshakeError::section`] names the clause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The server does not speak HTTP at all.
    #[error("the answer is not HTTP: it begins with `{0}`")]
    NotHttp(String),
    /// The server speaks TLS on this port.
    #[error("the answer is not HTTP: it begins with `{0}`; it looks like TLS: try wss://")]
    Tls(String),
    /// The answer's head cannot be read.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The server ended the connection before its answer was complete.
    #[error("the server ended the connection after {received} bytes of an answer")]
    Ended {
        /// Bytes of the head that had come.
        received: usize,
    },
    /// Any status but 101.
    #[error("the server refused the upgrade: {0}")]
    Refused(Box<Refusal>),
    /// The status line says HTTP/1.0.
    #[error("the answer is HTTP/1.0, a 101 needs HTTP/1.1")]
    HttpVersion,
    /// `Upgrade` is missing or something other than `websocket`.
    #[error("header Upgrade must be `websocket`, found {}", Found(.0.as_deref()))]
    Upgrade(Option<String>),
    /// `Connection` is missing or lacks `Upgrade`.
    #[error("header Connection must contain `Upgrade`, found {}", Found(.0.as_deref()))]
    Connection(Option<String>),
    /// `Sec-WebSocket-Accept` is missing or does not answer the key.
    #[error("header Sec-WebSocket-Accept must be `{expected}`, found {}", Found(.found.as_deref()))]
    Accept {
        /// What answers the key that was sent.
        expected: String,
        /// What came.
        found: Option<String>,
    },
    /// A header that must stand alone came twice.
    #[error("header {0} appears more than once")]
    RepeatedHeader(&'static str),
    /// `Sec-WebSocket-Extensions` does not parse.
    #[error("header Sec-WebSocket-Extensions is malformed: {0}")]
    ExtensionSyntax(#[from] ExtensionSyntaxError),
    /// An extension that was not offered.
    #[error("the server uses extension `{0}`, which was not offered")]
    UnofferedExtension(String),
    /// permessage-deflate twice.
    #[error("the server accepted permessage-deflate twice")]
    RepeatedDeflate,
    /// An answer that does not fit the offer of permessage-deflate.
    #[error("the server's permessage-deflate does not fit the offer: {0}")]
    Deflate(#[from] DeflateResponseError),
    /// A subprotocol that was not offered.
    #[error("the server chose subprotocol `{0}`, which was not offered")]
    UnofferedSubprotocol(String),
}

impl HandshakeError {
    /// The clause that the server broke, or under which it refused.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        match self {
            Self::NotHttp(_) | Self::Tls(_) | Self::Head(_) | Self::Ended { .. } => "RFC 9112 2",
            Self::HttpVersion => "RFC 6455 4.2.2",
            Self::Refused(_) => "RFC 6455 4.1 step 1",
            Self::Upgrade(_) => "RFC 6455 4.1 step 2",
            Self::Connection(_) => "RFC 6455 4.1 step 3",
            Self::Accept { .. } => "RFC 6455 4.1 step 4",
            Self::RepeatedHeader(_) => "RFC 6455 11.3",
            Self::ExtensionSyntax(_) => "RFC 6455 9.1",
            Self::UnofferedExtension(_) => "RFC 6455 4.1 step 5",
            Self::RepeatedDeflate => "RFC 7692 5",
            Self::Deflate(_) => "RFC 7692 7.1",
            Self::UnofferedSubprotocol(_) => "RFC 6455 4.1 step 6",
        }
    }
}

struct Found<'a>(Option<&'a str>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(f, "`{}`", value.escape_debug()),
            None => f.write_str("nothing"),
        }
    }
}

/// How many characters of a refusal's body are shown.
const MAX_SHOWN: usize = 400;

/// An answer other than 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// The reason phrase, empty if there is none.
    pub reason: String,
    /// All headers in order.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body, as far as it came along with the head; at most 2048 bytes.
    pub body_start: Vec<u8>,
}

impl Refusal {
    /// The first header called `name`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        values(&self.headers, name).next()
    }
}

/// Status and reason, then what helps with that status: where to, how to log in, when to come again, what was said.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if !self.reason.is_empty() {
            write!(f, " {}", self.reason.escape_debug())?;
        }
        for name in [
            "Location",
            "WWW-Authenticate",
            "Retry-After",
            "Sec-WebSocket-Version",
        ] {
            if let Some(value) = self.header(name) {
                write!(f, ", {name}: {}", value.escape_debug())?;
            }
        }
        let body = String::from_utf8_lossy(&self.body_start);
        let is_text = self
            .header("Content-Type")
            .is_none_or(|kind| !kind.contains("html"));
        match body.lines().find(|line| !line.trim().is_empty()) {
            Some(line) if is_text => {
                // Quotes stay as they are, since many a body is JSON; what could steer a terminal does not.
                let shown = |c: char| {
                    if c.is_control() {
                        char::REPLACEMENT_CHARACTER
                    } else {
                        c
                    }
                };
                let mut rest = line.trim().chars().map(shown);
                let start: String = rest.by_ref().take(MAX_SHOWN).collect();
                let mark = if rest.next().is_some() { "…" } else { "" };
                write!(f, " ({start}{mark})")
            }
            _ => Ok(()),
        }
    }
}
