//! [`ConnectError`]: why there was no conversation at all.

use std::io;

use crate::net::DialError;
use crate::net::tls::TlsError;
use crate::wire::handshake::RequestError;

/// Why there was no conversation at all. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A header, subprotocol or token that cannot be sent.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A certificate or key file that cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The connection could not be opened.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The terminal or a thread could not be set up.
    #[error("cannot set up the terminal: {0}")]
    Setup(#[from] io::Error),
    /// The user gave up while connecting.
    #[error("interrupted before the connection was open")]
    Interrupted,
}
