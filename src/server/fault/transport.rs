//! [`FaultyTransport`]: the faults of a connection between its session and its socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::effect::CloseAfter;
use super::incoming::{Gate, Incoming};
use super::kind::FaultKind;
use super::outgoing::{Outgoing, Step, TcpEnd};
use super::plan::FaultPlan;
use super::tally::FaultTally;
use crate::clock::{self, Moment};
use crate::server::record::Traffic;
use crate::server::session::Transport;
use crate::wire::CloseCode;

/// Bytes that the kernel may take from a client that is not read or slowly read.
const RECEIVE_BUFFER: usize = 16 * 1024;
/// How long what a client still sends is read and discarded after our FIN: to close at once would reset the connection.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// A socket behind faults. The session writes frames into it as fast as it likes; they go out when they are due.
#[derive(Debug)]
pub(crate) struct FaultyTransport {
    socket: Transport,
    outgoing: Outgoing,
    incoming: Incoming,
    end: End,
    /// Fires at `alarm`; wakes the session.
    sleep: Pin<Box<Sleep>>,
    alarm: Moment,
    tally: FaultTally,
}

/// How far TCP has been ended by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Not at all.
    None,
    /// Our side has to be shut.
    Due(TcpEnd),
    /// It is shut, and the client's bytes are discarded up to this moment.
    Discarding(Moment),
    /// It is shut; reading goes on.
    Half,
    /// The session has to end.
    Over,
}

/// What a session has to know before it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attended {
    /// The client may be read.
    Read,
    /// Not now; the task will be woken if that changes.
    Wait,
    /// The session has to close.
    Close(CloseAfter),
}

impl FaultyTransport {
    /// Faults over `socket`; `head` is sent before the first frame.
    pub(crate) fn new(socket: Transport, plan: &FaultPlan, head: Option<Vec<u8>>, tally: FaultTally) -> Self {
        let incoming = Incoming::new(plan, tally.clone());
        if incoming.holds_back() {
            socket.limit_receive_buffer(RECEIVE_BUFFER);
        }
        Self {
            socket,
            outgoing: Outgoing::new(plan, head, tally.clone()),
            incoming,
            end: End::None,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            alarm: Moment::NEVER,
            tally,
        }
    }

    /// The socket behind it.
    pub(crate) fn socket(&self) -> &Transport {
        &self.socket
    }

    /// Lets the faults act, and says whether the client may be read.
    pub(crate) fn attend(&mut self, waker: &Waker) -> Attended {
        let mut cx = Context::from_waker(waker);
        if let Poll::Ready(Err(_)) = self.drive(&mut cx) {
            // Reading tells.
            self.end = End::Over;
        }
        if let Some(close) = self.outgoing.take_close() {
            return Attended::Close(close);
        }
        if matches!(self.end, End::Discarding(_) | End::Over) {
            return Attended::Read;
        }
        match self.incoming.gate(clock::now()) {
            Gate::Open(_) => Attended::Read,
            Gate::Shut => Attended::Wait,
            Gate::Until(moment) => {
                self.wake_at(moment, &mut cx);
                Attended::Wait
            }
        }
    }

    /// Writes everything that is not written yet, however long faults hold it back.
    pub(crate) fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.finish(clock::now());
        ready!(self.drive(cx))?;
        if self.outgoing.is_empty() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Takes all bytes if there is room for them, and writes what is due.
    pub(crate) fn write_now(&mut self, waker: &Waker, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.take(&mut Context::from_waker(waker), slices) {
            Poll::Ready(taken) => taken,
            Poll::Pending => Ok(0),
        }
    }

    /// What really passed to the client since the last call, in place of what the session wrote.
    pub(crate) fn correct(&mut self, traffic: &mut Traffic) {
        let sent = self.outgoing.take_sent();
        *traffic = Traffic {
            messages_out: sent.messages_out,
            bytes_out: sent.bytes_out,
            pings_out: sent.pings_out,
            pongs_out: sent.pongs_out,
            ..*traffic
        };
    }

    /// Whether a fault, and not the network, ended the connection.
    pub(crate) fn ended_it(&self) -> bool {
        self.end == End::Over
    }

    /// The code that went out in place of the session's.
    pub(crate) fn forged_code(&self) -> Option<CloseCode> {
        self.outgoing.forged_code()
    }

    fn take(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        // Otherwise nothing goes out before these bytes are there, so that the head and the first frame stay together.
        if !self.outgoing.has_room() {
            if let Poll::Ready(Err(error)) = self.drive(cx) {
                return Poll::Ready(Err(error));
            }
            if !self.outgoing.has_room() {
                return Poll::Pending;
            }
        }
        let now = clock::now();
        let mut taken = 0;
        for slice in slices {
            self.outgoing.push(slice, now);
            taken += slice.len();
        }
        match self.drive(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }

    /// Writes what is due. Pending while the client does not take it.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if let End::Due(end) = self.end {
                ready!(self.poll_end(end, cx))?;
            }
            if self.end == End::Over {
                return Poll::Ready(Err(ended()));
            }
            match self.outgoing.step(clock::now()) {
                Step::Write(bytes) => match ready!(Pin::new(&mut self.socket).poll_write(cx, bytes))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => self.outgoing.wrote(written),
                },
                Step::End(end) => self.end = End::Due(end),
                Step::Idle => return Pin::new(&mut self.socket).poll_flush(cx),
                Step::Wait(moment) => {
                    self.wake_at(moment, cx);
                    return Pin::new(&mut self.socket).poll_flush(cx);
                }
            }
        }
    }

    fn poll_end(&mut self, end: TcpEnd, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let kind = match end {
            TcpEnd::Reset => {
                self.socket.abort();
                self.end = End::Over;
                FaultKind::Reset
            }
            TcpEnd::Fin => {
                ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
                self.end = End::Discarding(clock::now() + FAREWELL_TIME);
                FaultKind::Fin
            }
            TcpEnd::HalfClose => {
                ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
                self.end = End::Half;
                FaultKind::HalfClose
            }
        };
        self.outgoing.shut();
        self.tally.count(kind);
        Poll::Ready(Ok(()))
    }

    /// Reads and discards until the client ends its side too, but not for long.
    fn poll_discard(&mut self, until: Moment, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        while clock::now() < until {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.socket).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => break,
                Poll::Pending => {
                    self.wake_at(until, cx);
                    return Poll::Pending;
                }
            }
        }
        self.end = End::Over;
        Poll::Ready(Err(ended()))
    }

    /// Has the task woken at `moment`, if not earlier.
    fn wake_at(&mut self, moment: Moment, cx: &mut Context<'_>) {
        let now = clock::now();
        if moment < self.alarm || self.alarm <= now {
            self.alarm = moment;
            self.sleep.as_mut().reset(Instant::now() + (moment - now));
        }
        if self.sleep.as_mut().poll(cx).is_ready() {
            self.alarm = Moment::NEVER;
            cx.waker().wake_by_ref();
        }
    }
}

fn ended() -> io::Error {
    io::Error::other("a fault ended the connection")
}

impl AsyncRead for FaultyTransport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(Err(error)) = this.drive(cx) {
            return Poll::Ready(Err(error));
        }
        if let End::Discarding(until) = this.end {
            return this.poll_discard(until, cx);
        }
        let limit = match this.incoming.gate(clock::now()) {
            Gate::Open(limit) => limit.min(buf.remaining()),
            Gate::Shut => return Poll::Pending,
            Gate::Until(moment) => {
                this.wake_at(moment, cx);
                return Poll::Pending;
            }
        };
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(limit));
        ready!(Pin::new(&mut this.socket).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        let admitted = this.incoming.admit(part.filled());
        buf.advance(admitted);
        if admitted == 0 && read > 0 {
            // To the session, nothing at all would be the end of TCP.
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FaultyTransport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().take(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().take(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What faults hold back is not waited for: it must not keep the session from reading.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().drive(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drained(cx))?;
        if this.end == End::Half {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}
