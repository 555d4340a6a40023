//! [`Tls`]: rustls as the sans-IO library that it is, between a socket's bytes and a client's.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// One TLS connection.
#[derive(Debug)]
pub(super) struct Tls {
    connection: ClientConnection,
    established: bool,
}

impl Tls {
    pub(super) fn new(config: &Arc<ClientConfig>, name: &ServerName<'static>) -> Result<Self, rustls::Error> {
        let mut connection = ClientConnection::new(Arc::clone(config), name.clone())?;
        // What a client writes in one call is bounded by the client; a partial write here would lose the rest.
        connection.set_buffer_limit(None);
        Ok(Self {
            connection,
            established: false,
        })
    }

    /// Takes bytes from the socket and appends what they decrypt to.
    pub(super) fn decrypt(&mut self, mut input: &[u8], plain: &mut Vec<u8>) -> Result<(), rustls::Error> {
        while !input.is_empty() {
            let general = |error: io::Error| rustls::Error::General(error.to_string());
            self.connection.read_tls(&mut input).map_err(general)?;
            let state = self.connection.process_new_packets()?;
            let start = plain.len();
            plain.resize(start + state.plaintext_bytes_to_read(), 0);
            self.connection
                .reader()
                .read_exact(&mut plain[start..])
                .map_err(general)?;
        }
        Ok(())
    }

    /// Whether the handshake has completed since the last call: true once.
    pub(super) fn take_established(&mut self) -> bool {
        let now = !self.connection.is_handshaking();
        let news = now && !self.established;
        self.established = now;
        news
    }

    /// Whether the handshake was complete when it was last asked for.
    pub(super) const fn is_established(&self) -> bool {
        self.established
    }

    /// Takes bytes to encrypt; they wait for [`flush`](Self::flush).
    pub(super) fn encrypt(&mut self, plain: &[u8]) -> io::Result<()> {
        self.connection.writer().write_all(plain)
    }

    /// Writes what is waiting. [`io::ErrorKind::WouldBlock`] leaves the rest waiting.
    pub(super) fn flush(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(socket)?;
        }
        Ok(())
    }

    /// Says goodbye within TLS; it waits for [`flush`](Self::flush).
    pub(super) fn send_close_notify(&mut self) {
        self.connection.send_close_notify();
    }
}
