//! Systems other than Linux: what POSIX offers, and a clear answer to the rest.

use std::io;

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

fn unsupported(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, text)
}
