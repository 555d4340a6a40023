//! What a scripted server sees and does.

use std::time::Duration;

use wsbench::clock::Moment;

/// What the server sees of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Opened,
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The client's TCP connection ended.
    Gone,
}

/// What the server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// Bytes as they are.
    Raw(Vec<u8>),
    Eof,
    Reset,
}

/// What becomes of a connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Refused,
    /// Nothing ever comes back.
    Silent,
    /// TCP opens, the upgrade gets no answer.
    Mute,
    /// TCP opens and ends.
    Slammed,
    /// The upgrade is refused.
    Forbidden,
    /// The same, and the client is asked to come again after so many seconds.
    Busy(u32),
}

/// An upgrade request: when it was sent, its target and its headers.
pub(crate) type Upgrade = (Moment, String, Vec<(String, String)>);

/// A server's behaviour: what it does, and how long after it saw something.
pub(crate) type Behaviour = Box<dyn FnMut(Moment, &Seen) -> Vec<(Duration, Act)>>;

/// What connects the connections of a server: what it does on others (by the client's number) when it saw something on one.
pub(crate) type Hub = Box<dyn FnMut(Moment, usize, &Seen) -> Vec<(usize, Duration, Act)>>;

/// A server that echoes at once, answers pings and completes close handshakes.
pub(crate) fn echo() -> Behaviour {
    Box::new(|_, seen| match seen {
        Seen::Text(text) => vec![(Duration::ZERO, Act::Text(text.clone()))],
        other => polite(other),
    })
}

/// Answers pings, completes close handshakes and ends TCP after them.
pub(crate) fn polite(seen: &Seen) -> Vec<(Duration, Act)> {
    match seen {
        Seen::Ping(payload) => vec![(Duration::ZERO, Act::Pong(payload.clone()))],
        Seen::Close(code) => vec![(Duration::ZERO, Act::Close(*code)), (Duration::ZERO, Act::Eof)],
        _ => Vec::new(),
    }
}

/// As [`polite`], but with these answers to text messages.
pub(crate) fn answering(mut answer: impl FnMut(Moment, &str) -> Vec<(Duration, Act)> + 'static) -> Behaviour {
    Box::new(move |now, seen| match seen {
        Seen::Text(text) => answer(now, text),
        other => polite(other),
    })
}
