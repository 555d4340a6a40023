//! [`Transport`]: TCP, or TLS over it; behind faults, if they were asked for.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::server::fault::{Attended, FaultyTransport};
use crate::server::record::{Ending, Traffic};
use crate::wire::CloseInitiator;

/// The bytes of a connection. What TLS needs is boxed, so that a plain connection does not pay for it.
#[derive(Debug)]
pub(crate) enum Transport {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Faulty(Box<FaultyTransport>),
}

impl Transport {
    /// Whether written bytes can remain in this process until [`AsyncWrite::poll_flush`] succeeds.
    pub(crate) const fn keeps_written_bytes(&self) -> bool {
        !matches!(self, Self::Tcp(_))
    }

    /// Writes what the system takes right now. Nothing wakes the task later: for that,
    /// [`AsyncWrite::poll_write_vectored`] has to be asked.
    ///
    /// Over TCP this is cheaper than to be ready for a wake-up with every message.
    #[inline]
    pub(crate) fn write_now(&mut self, waker: &Waker, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => none_if_blocked(tcp.try_write(bytes)),
            Self::Tls(tls) => {
                let written = Pin::new(&mut **tls).poll_write(&mut Context::from_waker(waker), bytes);
                none_if_pending(written)
            }
            Self::Faulty(faulty) => faulty.write_now(waker, &[IoSlice::new(bytes)]),
        }
    }

    /// The same with bytes from several places.
    pub(crate) fn write_vectored_now(&mut self, waker: &Waker, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => none_if_blocked(tcp.try_write_vectored(slices)),
            Self::Tls(tls) => {
                let mut cx = Context::from_waker(waker);
                none_if_pending(Pin::new(&mut **tls).poll_write_vectored(&mut cx, slices))
            }
            Self::Faulty(faulty) => faulty.write_now(waker, slices),
        }
    }

    /// Makes the system forget unsent bytes and reset the connection when it is dropped.
    pub(crate) fn abort(&self) {
        // A connection that cannot be reset is closed by dropping it: nothing is left to do about it.
        let _ = socket2::SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO));
    }

    /// Has the system take no more than about this many bytes from a client that is not read.
    pub(crate) fn limit_receive_buffer(&self, bytes: usize) {
        // With another buffer the client feels it later.
        let _ = socket2::SockRef::from(self.tcp()).set_recv_buffer_size(bytes);
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
            Self::Faulty(faulty) => faulty.socket().tcp(),
        }
    }

    /// Lets faults act, and says what the session has to know before it reads.
    #[inline]
    pub(crate) fn attend(&mut self, waker: &Waker) -> Attended {
        match self {
            Self::Faulty(faulty) => faulty.attend(waker),
            _ => Attended::Read,
        }
    }

    /// Ready when faults hold nothing back any more.
    pub(crate) fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Faulty(faulty) => faulty.poll_drained(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Whether a fault, and not the network, ended the connection.
    pub(crate) fn ended_by_fault(&self) -> bool {
        matches!(self, Self::Faulty(faulty) if faulty.ended_it())
    }

    /// Writes down what really passed where faults changed it.
    #[inline]
    pub(crate) fn correct(&mut self, traffic: &mut Traffic) {
        if let Self::Faulty(faulty) = self {
            faulty.correct(traffic);
        }
    }

    /// The same for the close code.
    pub(crate) fn correct_ending(&self, ending: &mut Ending) {
        if let Self::Faulty(faulty) = self
            && ending.outcome.by == CloseInitiator::Us
            && let Some(code) = faulty.forged_code()
        {
            ending.outcome.code = code;
        }
    }
}

fn none_if_blocked(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

fn none_if_pending(written: Poll<io::Result<usize>>) -> io::Result<usize> {
    match written {
        Poll::Ready(written) => written,
        Poll::Pending => Ok(0),
    }
}

impl AsyncRead for Transport {
    #[inline]
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, buf),
            Self::Faulty(faulty) => Pin::new(&mut **faulty).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, buf),
            Self::Faulty(faulty) => Pin::new(&mut **faulty).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_write_vectored(cx, bufs),
            Self::Faulty(faulty) => Pin::new(&mut **faulty).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.is_write_vectored(),
            Self::Tls(tls) => tls.is_write_vectored(),
            Self::Faulty(faulty) => faulty.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
            Self::Faulty(faulty) => Pin::new(&mut **faulty).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
            Self::Faulty(faulty) => Pin::new(&mut **faulty).poll_shutdown(cx),
        }
    }
}
