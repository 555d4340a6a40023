//! [`Poller`]: waits for sockets until a moment, finer than a millisecond.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};

use crate::net::system::{SELECTOR_RESOLUTION, sharpen_timers, wait_readable};

/// The token of the waker; sockets have the indices of their clients.
pub(super) const WAKE: Token = Token(usize::MAX);

const EVENTS_PER_WAIT: usize = 1024;

/// mio's selector, and the events of the last wait.
///
/// `epoll_wait` counts in milliseconds. What is less than one is waited for on the selector's own file descriptor, which is
/// readable when the selector has events.
#[derive(Debug)]
pub(super) struct Poller {
    poll: Poll,
    pub(super) events: Events,
    /// How many events the last wait gave.
    reported: usize,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        sharpen_timers();
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_PER_WAIT),
            reported: 0,
        })
    }

    /// A handle that ends a wait from another thread.
    pub(super) fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKE)
    }

    /// Reports `stream` under `token` from now on, edge-triggered, in both directions.
    pub(super) fn register(&self, stream: &mut mio::net::TcpStream, token: Token) -> io::Result<()> {
        self.poll
            .registry()
            .register(stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Whether the last wait had room for every event that there was.
    pub(super) fn reported_all(&self) -> bool {
        self.reported < EVENTS_PER_WAIT
    }

    /// Waits until there are events, but no longer than `timeout`. It may end up to a millisecond early without events, so
    /// that the next wait, for the rest, is an exact one.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        let result = match self.wait_for(timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            other => other,
        };
        self.reported = self.events.iter().count();
        result
    }

    fn wait_for(&mut self, timeout: Duration) -> io::Result<()> {
        // The selector rounds a timeout up, so only what needs no rounding is left to it.
        let unit = SELECTOR_RESOLUTION.as_nanos();
        let whole = u64::try_from(timeout.as_nanos() / unit * unit).map_or(timeout, Duration::from_nanos);
        self.poll.poll(&mut self.events, Some(whole))?;
        if self.events.is_empty() && whole.is_zero() && !timeout.is_zero() {
            wait_readable(selector(&self.poll), timeout)?;
            self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
        }
        Ok(())
    }
}

fn selector(poll: &Poll) -> BorrowedFd<'_> {
    // SAFETY: the descriptor stays open as long as the `Poll` that is borrowed.
    unsafe { BorrowedFd::borrow_raw(poll.as_raw_fd()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    #[test]
    fn a_wait_is_never_short_and_ends_on_a_wake() {
        let mut poller = Poller::new().unwrap();
        let waker = poller.waker().unwrap();
        for timeout in [
            Duration::ZERO,
            Duration::from_micros(150),
            Duration::from_micros(2_900),
        ] {
            let end = now() + timeout;
            poller.wait(end - now()).unwrap();
            poller.wait(end - now()).unwrap();
            assert!(now() >= end && poller.events.is_empty());
        }
        waker.wake().unwrap();
        poller.wait(Duration::from_secs(60)).unwrap();
        assert!(poller.events.iter().any(|event| event.token() == WAKE));
    }
}
