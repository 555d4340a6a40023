//! What the server says, until it is over.

use std::cell::{Cell, RefCell};
use std::io;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::console::{Console, OutputGone};
use super::event::{Control, Direction, Event};
use crate::net::{REFUSED_CLOSE, tls};
use crate::wire::{CloseCode, Closing, ClosingState};

/// How long the server gets to end TCP once both Close frames have passed (RFC 6455 7.1.1).
const TRANSPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// What speaking and listening share.
pub(super) struct Shared<'a> {
    pub(super) console: &'a Console,
    pub(super) closing: RefCell<Closing>,
    /// The reason in the first Close frame of either side.
    pub(super) reason: RefCell<String>,
    /// Told about everything that arrives.
    pub(super) heard: Notify,
    pub(super) refused: Cell<u64>,
}

/// Why there is nothing more to hear.
#[derive(Debug)]
pub(super) enum Silence {
    /// The Close frames tell all.
    Closed,
    /// The transport failed.
    Lost(String),
    /// The server broke the protocol: to be answered with a Close frame of this code.
    Violation(CloseCode, String),
    /// The server closed with a code that must not be sent. tungstenite has answered with [`REFUSED_CLOSE`] already.
    BadClose,
    /// The server sent a message larger than we take; so much of it is announced.
    TooLarge { size: usize, limit: usize },
    /// Nobody reads standard output any more.
    OutputGone,
}

impl From<OutputGone> for Silence {
    fn from(_: OutputGone) -> Self {
        Self::OutputGone
    }
}

/// Shows what arrives, until nothing more can.
pub(super) async fn listen(
    mut socket: impl Stream<Item = Result<Message, Error>> + Unpin,
    shared: &Shared<'_>,
) -> Silence {
    loop {
        let arrived = match shared.closing.borrow().state() {
            ClosingState::Open | ClosingState::Sent => None,
            _ => Some(TRANSPORT_TIMEOUT),
        };
        let next = socket.next();
        let arrived = match arrived {
            None => next.await,
            // Polling goes on to send our Close frame and to wait for the end of TCP, which the server owes us.
            Some(limit) => tokio::time::timeout(limit, next).await.unwrap_or_default(),
        };
        match arrived {
            Some(Ok(message)) => {
                shared.heard.notify_one();
                if shared.is_made_up(&message) {
                    return Silence::BadClose;
                }
                if let Err(gone) = hear(message, shared).await {
                    return gone.into();
                }
            }
            Some(Err(error)) => return shared.judge(&error),
            None => return Silence::Closed,
        }
    }
}

async fn hear(message: Message, shared: &Shared<'_>) -> Result<(), OutputGone> {
    let show = |event| shared.console.show(event);
    let received = |control| Event::Control(Direction::Received, control);
    match message {
        Message::Text(text) => show(Event::Text(text)).await,
        Message::Binary(bytes) => show(Event::Binary(bytes)).await,
        Message::Ping(payload) => {
            show(received(Control::Ping(payload.clone()))).await?;
            // tungstenite answers by itself (RFC 6455 5.5.2).
            show(Event::Control(Direction::Sent, Control::Pong(payload))).await
        }
        Message::Pong(payload) => show(received(Control::Pong(payload))).await,
        Message::Close(frame) => {
            let frame = frame.map(|CloseFrame { code, reason }| (CloseCode(code.into()), reason.to_string()));
            shared.close_received(frame.as_ref());
            show(received(Control::Close(frame))).await
        }
        // Never read, only written.
        Message::Frame(_) => Ok(()),
    }
}

impl Shared<'_> {
    /// Whether tungstenite made this up. Once we have closed, it hands out what the server answers as it is.
    fn is_made_up(&self, message: &Message) -> bool {
        let Message::Close(Some(CloseFrame { code, reason })) = message else {
            return false;
        };
        (CloseCode((*code).into()), reason.as_str()) == REFUSED_CLOSE
            && self.closing.borrow().state() == ClosingState::Open
    }

    fn close_received(&self, frame: Option<&(CloseCode, String)>) {
        let code = frame.map(|(code, _)| *code);
        let mut closing = self.closing.borrow_mut();
        closing.received(code);
        if closing.state() == ClosingState::Received {
            self.reason
                .replace(frame.map(|(_, reason)| reason.clone()).unwrap_or_default());
            // tungstenite queues the answer, and the next poll sends it.
            closing.sent(code);
        }
    }

    /// Notes the Close frame that is about to be sent. Whoever closes first gives the reason.
    pub(super) fn close_sent(&self, code: CloseCode, reason: &str) {
        let mut closing = self.closing.borrow_mut();
        if closing.state() == ClosingState::Open {
            self.reason.replace(reason.to_owned());
        }
        closing.sent(Some(code));
    }

    fn judge(&self, error: &Error) -> Silence {
        let is_over = matches!(
            self.closing.borrow().state(),
            ClosingState::Exchanged | ClosingState::Ended
        );
        match error {
            // After both Close frames, how TCP ends is no news.
            _ if is_over => Silence::Closed,
            Error::Protocol(
                tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            ) => Silence::Lost("the server ended the connection".to_owned()),
            Error::Io(error) => Silence::Lost(explain(error)),
            &Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => Silence::TooLarge {
                size,
                limit: max_size,
            },
            Error::Utf8(_) => Silence::Violation(
                CloseCode::INVALID_PAYLOAD,
                "a text message is not UTF-8".to_owned(),
            ),
            error => Silence::Violation(CloseCode::PROTOCOL_ERROR, error.to_string()),
        }
    }
}

/// A transport's error in words.
pub(super) fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "the server reset the connection".to_owned(),
        io::ErrorKind::BrokenPipe => "the server no longer reads the connection".to_owned(),
        io::ErrorKind::UnexpectedEof => "the server ended the connection".to_owned(),
        _ => tls::explain_io(error),
    }
}
