//! [`Socket`]: one non-blocking socket with what it could not send yet.

use std::io::{self, Read, Write};

use mio::net::TcpStream;

use super::tls::Tls;

/// A socket as the reactor sees it: 40 bytes, and no buffer unless the peer does not take what is sent.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// Present for wss.
    pub(super) tls: Option<Box<Tls>>,
    /// Bytes that the system did not take; nothing may overtake them.
    unsent: Vec<u8>,
    pub(super) phase: Phase,
    /// Writing failed; what the peer sent before is still to be read.
    pub(super) broken: bool,
    /// Which of the target's addresses this attempt is at, counted from the one it began with.
    pub(super) attempt: u8,
}

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// TCP is being established.
    Connecting,
    /// TLS and the upgrade.
    Opening,
    /// The connection is open.
    Open,
}

impl Socket {
    pub(super) const fn new(stream: TcpStream, attempt: u8) -> Self {
        Self {
            stream,
            tls: None,
            unsent: Vec::new(),
            phase: Phase::Connecting,
            broken: false,
            attempt,
        }
    }

    pub(super) const fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether the connect succeeded (`true`), goes on (`false`) or failed.
    pub(super) fn finish_connect(&self) -> io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }

    /// Whether bytes are waiting for the peer to read.
    pub(super) fn is_blocked(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends `bytes`, or keeps what the system does not take. Through TLS, if there is any.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = self.tls.as_deref_mut() else {
            return self.send_raw(bytes);
        };
        tls.encrypt(bytes)?;
        self.flush_tls()
    }

    /// Sends what TLS itself has to say.
    pub(super) fn flush_tls(&mut self) -> io::Result<()> {
        if let Some(mut tls) = self.tls.take() {
            let result = tls.flush(&mut Raw(self));
            self.tls = Some(tls);
            result?;
        }
        Ok(())
    }

    /// Sends what was kept. True if nothing is left.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let kept = std::mem::take(&mut self.unsent);
        let sent = write_some(&mut self.stream, &kept)?;
        if sent < kept.len() {
            self.unsent = kept;
            self.unsent.drain(..sent);
        }
        Ok(self.unsent.is_empty())
    }

    /// The last that is said before the socket is dropped.
    pub(super) fn say_goodbye(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            // Whoever is hung up on may be gone already.
            let _ = self.flush_tls();
        }
    }

    fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = if self.unsent.is_empty() {
            write_some(&mut self.stream, bytes)?
        } else {
            0
        };
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }
}

/// A socket as rustls writes to it: it always takes everything.
struct Raw<'a>(&'a mut Socket);

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send_raw(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes until all is written or the socket takes no more; returns how much it took.
fn write_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => sent += taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
