//! TLS for both ends, by rustls with ring.
//!
//! | file | purpose |
//! |---|---|
//! | `client` | [`client_config`]: whom a client trusts and who it says it is |
//! | `server` | [`Identity`], [`server_config`]: certificates from files, or made on the spot |
//! | `pem` | certificates and keys in PEM files |
//! | `verify` | the verifier that accepts any certificate |
//! | `error` | what can go wrong, and what to do about it |

mod client;
mod error;
mod pem;
mod server;
#[cfg(test)]
mod tests;
mod verify;

pub use client::{ClientTls, client_config, server_name};
pub use error::{TlsError, explain, explain_io};
pub use server::{Identity, server_config};

/// ALPN's name of HTTP/1.1, over which WebSocket connections are opened (RFC 7301 6).
pub const ALPN_HTTP_1_1: &[u8] = b"http/1.1";
