//! [`Poller`]: waits for sockets until a moment, finer than a millisecond.

use std::io;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};

/// The token of the waker; sockets have the indices of their clients.
pub(super) const WAKE: Token = Token(usize::MAX);

const EVENTS_PER_WAIT: usize = 1024;

/// mio's selector, and the events of the last wait.
///
/// `epoll_wait` counts in milliseconds, which mio rounds up. Here the whole milliseconds are left to it, and the rest is
/// waited for by `ppoll` on the selector's own file descriptor, which is readable when the selector has events.
#[derive(Debug)]
pub(super) struct Poller {
    poll: Poll,
    pub(super) events: Events,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        fine::prepare_thread();
        Ok(Self { poll: Poll::new()?, events: Events::with_capacity(EVENTS_PER_WAIT) })
    }

    /// A handle that ends a wait from another thread.
    pub(super) fn waker(&self) -> io::Result<Waker> {
        Waker::new(self.poll.registry(), WAKE)
    }

    /// Reports `stream` under `token` from now on, edge-triggered, in both directions.
    pub(super) fn register(&self, stream: &mut mio::net::TcpStream, token: Token) -> io::Result<()> {
        self.poll.registry().register(stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Waits until there are events, but no longer than `timeout`, and hardly ever less.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        match self.wait_for(timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            other => other,
        }
    }

    fn wait_for(&mut self, timeout: Duration) -> io::Result<()> {
        let coarse = fine::coarse_part(timeout);
        self.poll.poll(&mut self.events, Some(coarse))?;
        let rest = timeout - coarse;
        if self.events.is_empty() && coarse < Duration::from_millis(1) && rest > Duration::ZERO {
            fine::wait(&self.poll, rest)?;
            self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod fine {
    use std::io;
    use std::os::fd::AsRawFd;
    use std::ptr;
    use std::time::Duration;

    use mio::Poll;

    /// Timers of this thread fire on time instead of up to 50 us late.
    pub(super) fn prepare_thread() {
        // SAFETY: PR_SET_TIMERSLACK takes a number and touches no memory of ours. Its failure changes nothing but accuracy.
        unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64) };
    }

    /// What can be left to `epoll_wait`, which never returns early.
    pub(super) fn coarse_part(timeout: Duration) -> Duration {
        Duration::from_millis(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn wait(poll: &Poll, timeout: Duration) -> io::Result<()> {
        let mut selector = libc::pollfd { fd: poll.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let timeout = libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: libc::c_long::from(timeout.subsec_nanos() as i32),
        };
        // SAFETY: both pointers are to locals that outlive the call, the count is that of the one `pollfd`, and a null mask
        // leaves the signal mask alone.
        let ready = unsafe { libc::ppoll(&raw mut selector, 1, &raw const timeout, ptr::null()) };
        if ready < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[cfg(not(target_os = "linux"))]
mod fine {
    use std::io;
    use std::time::Duration;

    use mio::Poll;

    pub(super) fn prepare_thread() {}

    /// All: kqueue counts in nanoseconds.
    pub(super) fn coarse_part(timeout: Duration) -> Duration {
        timeout
    }

    pub(super) fn wait(_: &Poll, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    #[test]
    fn a_wait_is_never_short_and_ends_on_a_wake() {
        let mut poller = Poller::new().unwrap();
        let waker = poller.waker().unwrap();
        for timeout in [Duration::ZERO, Duration::from_micros(150), Duration::from_micros(900)] {
            let begin = now();
            poller.wait(timeout).unwrap();
            assert!(now() - begin >= timeout && poller.events.is_empty());
        }
        waker.wake().unwrap();
        poller.wait(Duration::from_secs(60)).unwrap();
        assert!(poller.events.iter().any(|event| event.token() == WAKE));
    }
}
