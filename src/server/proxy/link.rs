//! [`Link`]: the open connection to an upstream, by tokio-tungstenite.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::connect::Switched;
use crate::net::{REFUSED_CLOSE, Stream};
use crate::wire::{self, MessageKind};

/// The connection to an upstream. Its answers to pings are those of tungstenite.
#[derive(Debug)]
pub(crate) struct Link {
    socket: WebSocketStream<Metered>,
    /// Something was sent that may not have gone out yet.
    unflushed: bool,
    /// The close handshake was begun from here.
    closing: bool,
}

/// What came from an upstream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A message, whole; text is UTF-8.
    Message(MessageKind, Bytes),
    /// A ping or a pong. It is answered already.
    Control,
    /// A Close frame, with code and reason if it had them. Nothing comes after it.
    Close(Option<Farewell>),
}

/// Code and reason of a Close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Farewell {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

/// How a connection to an upstream ended without its Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("upstream vanished")]
    Vanished,
    #[error("upstream sent a message above the limit")]
    TooLarge,
    #[error("upstream sent text that is not UTF-8")]
    NotUtf8,
    #[error("upstream broke the protocol")]
    Violation,
    #[error("upstream takes nothing")]
    Stuck,
}

/// Read at a time; each connection has a buffer of its own.
const READ_BUFFER: usize = 16 * 1024;
/// Gathered before it is written without being flushed.
const WRITE_BUFFER: usize = 64 * 1024;
/// How long an upstream has to end the close handshake.
const PARTING_TIME: Duration = Duration::from_secs(5);

impl Farewell {
    pub(crate) fn new(code: CloseCode, reason: &str) -> Self {
        Self {
            code: code.into(),
            reason: reason.to_owned(),
        }
    }

    /// Whether it is tungstenite's, not the upstream's.
    fn is_made_up(&self) -> bool {
        (wire::CloseCode(self.code), self.reason.as_str()) == REFUSED_CLOSE
    }
}

impl LinkError {
    /// What the upstream is told, if it can be told anything.
    fn farewell(self) -> Option<Farewell> {
        let code = match self {
            Self::Vanished | Self::Stuck => return None,
            Self::TooLarge => CloseCode::Size,
            Self::NotUtf8 => CloseCode::Invalid,
            Self::Violation => CloseCode::Protocol,
        };
        Some(Farewell::new(code, &self.to_string()))
    }
}

impl Link {
    /// Takes a connection over after its upgrade; messages from it have at most `max_message` bytes.
    pub(crate) async fn new(switched: Switched, max_message: u64) -> Self {
        let limit = usize::try_from(max_message).unwrap_or(usize::MAX);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(limit))
            .max_frame_size(Some(limit));
        let Switched { stream, early, .. } = switched;
        let stream = Metered { stream, written: 0 };
        let socket =
            WebSocketStream::from_partially_read(stream, early.into(), Role::Client, Some(config)).await;
        Self {
            socket,
            unflushed: false,
            closing: false,
        }
    }

    /// Gathers a message; text must be UTF-8. [`Link::poll_flush`] sends it.
    pub(crate) fn send(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), LinkError> {
        let kind = match kind {
            MessageKind::Text => Data::Text,
            MessageKind::Binary => Data::Binary,
        };
        self.unflushed = true;
        let frame = Frame::message(Bytes::copy_from_slice(payload), OpCode::Data(kind), true);
        self.socket
            .start_send_unpin(Message::Frame(frame))
            .map_err(|error| explain(&error))
    }

    /// Sends what was gathered.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        let flushed = self.socket.poll_flush_unpin(cx).map_err(|error| explain(&error));
        self.unflushed = flushed.is_pending();
        flushed
    }

    /// What comes from the upstream next.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard, LinkError>> {
        self.socket.poll_next_unpin(cx).map(|next| match next {
            Some(Ok(Message::Text(text))) => Ok(Heard::Message(MessageKind::Text, text.into())),
            Some(Ok(Message::Binary(bytes))) => Ok(Heard::Message(MessageKind::Binary, bytes)),
            Some(Ok(Message::Close(frame))) => {
                // The answer is queued; a flush sends it.
                self.unflushed = true;
                let farewell = frame.map(|CloseFrame { code, reason }| Farewell::new(code, &reason));
                match farewell {
                    Some(farewell) if !self.closing && farewell.is_made_up() => Err(LinkError::Violation),
                    farewell => Ok(Heard::Close(farewell)),
                }
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Heard::Control),
            Some(Err(error)) => Err(explain(&error)),
            None => Err(LinkError::Vanished),
        })
    }

    /// Begins the close handshake. Messages from the upstream may come until its Close frame does.
    pub(crate) fn close(&mut self, farewell: Option<Farewell>) {
        let frame = farewell.map(|Farewell { code, reason }| CloseFrame {
            code: code.into(),
            reason: reason[..reason.floor_char_boundary(MAX_REASON)].into(),
        });
        self.unflushed = true;
        self.closing = true;
        // If the upstream closed first, this changes nothing; if it is gone, reading tells.
        let _ = self.socket.start_send_unpin(Message::Close(frame));
    }

    /// Bytes that the upstream's socket took so far.
    pub(crate) fn written(&self) -> u64 {
        self.socket.get_ref().written
    }

    /// Ends the connection after an error.
    pub(crate) fn give_up<T: 'static>(self, error: LinkError, keep: T) {
        if let Some(farewell) = error.farewell() {
            self.leave(Some(farewell), keep);
        }
    }

    /// Ends the connection in order, with this code and reason or with none, unless that has begun; `keep` is dropped
    /// when it has ended.
    pub(crate) fn leave<T: 'static>(mut self, farewell: Option<Farewell>, keep: T) {
        self.close(farewell);
        // At once if possible: when the server stops, there may be no later.
        let _ = self
            .socket
            .poll_flush_unpin(&mut Context::from_waker(Waker::noop()));
        spawn_local(async move {
            let end = poll_fn(|cx| {
                let _ = self.socket.poll_flush_unpin(cx);
                loop {
                    match self.socket.poll_next_unpin(cx) {
                        Poll::Ready(Some(Ok(_))) => {}
                        Poll::Ready(_) => return Poll::Ready(()),
                        Poll::Pending => return Poll::Pending,
                    }
                }
            });
            // Whoever does not answer in time is cut.
            let _ = timeout(PARTING_TIME, end).await;
            drop(keep);
        });
    }
}

/// Longest reason in a Close frame, in bytes (RFC 6455 5.5: 125 with the code).
const MAX_REASON: usize = 123;

fn explain(error: &Error) -> LinkError {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => LinkError::TooLarge,
        Error::Utf8(_) => LinkError::NotUtf8,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => LinkError::Vanished,
        Error::Capacity(_) | Error::Protocol(_) => LinkError::Violation,
        _ => LinkError::Vanished,
    }
}

/// A stream that counts what is written, so that an upstream that takes nothing can be told from a slow one.
#[derive(Debug)]
struct Metered {
    stream: Stream,
    written: u64,
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = written {
            this.written += count as u64;
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
