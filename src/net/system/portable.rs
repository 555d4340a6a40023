//! Systems other than Linux: what POSIX offers, and a clear answer to the rest.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use socket2::Socket;

use super::{ProcessUsage, all_cores, rusage};

pub(super) fn usage_of_self() -> io::Result<ProcessUsage> {
    rusage::own_usage()
}

pub(super) fn usage_of(_pid: u32) -> io::Result<ProcessUsage> {
    Err(unsupported("this system does not tell what another process uses"))
}

pub(super) fn pin_current_thread(_core: usize) -> io::Result<()> {
    Err(unsupported("this system does not bind threads to cores"))
}

pub(super) fn allowed_cores() -> Vec<usize> {
    all_cores()
}

pub(super) fn defer_port_choice(_socket: &Socket) -> io::Result<()> {
    Ok(())
}

/// kqueue counts in nanoseconds.
pub(super) const SELECTOR_RESOLUTION: Duration = Duration::from_nanos(1);

pub(super) const fn sharpen_timers() {}

pub(super) fn wait_readable(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<()> {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let millis = timeout.as_nanos().div_ceil(1_000_000);
    // SAFETY: the pointer is to a local that outlives the call, and the count is that of the one entry.
    match unsafe {
        libc::poll(
            &raw mut entry,
            1,
            libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX),
        )
    } {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn unsupported(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, text)
}

pub(super) fn ephemeral_ports() -> Option<u64> {
    None
}

pub(super) fn thread_waited() -> Option<Duration> {
    None
}

pub(super) fn time_wait_sockets() -> Option<u64> {
    None
}

pub(super) fn available_memory() -> Option<crate::units::ByteSize> {
    None
}
