//! [`Tapped`]: a transport that remembers what came over it.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::server::session::Transport;

/// What came since the last answer; no more than [`REMEMBERED`].
pub(crate) type Received = Rc<RefCell<Vec<u8>>>;

/// Bytes that are remembered: more than a request head may have.
const REMEMBERED: usize = 64 * 1024;

/// A transport during HTTP. hyper tells neither the spelling nor the order of headers, so that whoever wants to show
/// them has to read them as they came.
#[derive(Debug)]
pub(super) struct Tapped {
    transport: Transport,
    received: Option<Received>,
}

impl Tapped {
    pub(super) fn new(transport: Transport, remembers: bool) -> Self {
        Self {
            transport,
            received: remembers.then(Received::default),
        }
    }

    /// Where it remembers, if it does.
    pub(super) fn received(&self) -> Option<Received> {
        self.received.clone()
    }

    pub(super) fn into_inner(self) -> Transport {
        self.transport
    }

    /// With an answer, the next request begins.
    fn forget(&self) {
        if let Some(received) = &self.received {
            received.borrow_mut().clear();
        }
    }
}

impl AsyncRead for Tapped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.transport).poll_read(cx, buf);
        if let Some(received) = &this.received {
            let mut received = received.borrow_mut();
            let new = &buf.filled()[before..];
            let room = REMEMBERED - received.len();
            received.extend_from_slice(&new[..new.len().min(room)]);
        }
        read
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.forget();
        Pin::new(&mut self.get_mut().transport).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.forget();
        Pin::new(&mut self.get_mut().transport).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().transport).poll_shutdown(cx)
    }
}
