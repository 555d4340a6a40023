//! [`Event`]: everything that a user may want to see, without a word on how it looks.

use std::net::SocketAddr;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::command::CommandError;
use super::ending::Ending;
use crate::net::PhaseTimings;
use crate::wire::CloseCode;

/// Something to show.
#[derive(Debug)]
pub(super) enum Event {
    /// The connection is open.
    Opened(Opened),
    /// A text message arrived.
    Text(Utf8Bytes),
    /// A binary message arrived.
    Binary(Bytes),
    /// A control frame passed.
    Control(Direction, Control),
    /// `/help`.
    Help,
    /// A line of input could not be carried out.
    Refused(CommandError),
    /// The conversation is over.
    Ended(Ending),
}

/// What there is to tell of an opened connection.
#[derive(Debug)]
pub(super) struct Opened {
    /// The URL without secrets that flags added.
    pub(super) url: String,
    pub(super) remote: SocketAddr,
    pub(super) subprotocol: Option<String>,
    pub(super) timings: PhaseTimings,
    /// Headers of the answer.
    pub(super) headers: Vec<(String, String)>,
    /// Whether a person at a terminal wants to know what to type.
    pub(super) interactive: bool,
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Sent,
    Received,
}

/// A control frame (RFC 6455 5.5).
#[derive(Debug)]
pub(super) enum Control {
    Ping(Bytes),
    Pong(Bytes),
    /// `None` for a Close frame without a code.
    Close(Option<(CloseCode, String)>),
}
