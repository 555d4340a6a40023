//! [`ServerError`]: why a server could not start or had to stop.

use std::io;
use std::net::SocketAddr;

use super::auth::AuthConfigError;
use super::config::ConfigError;
use crate::net::tls::TlsError;

/// Why a server could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address is asked for twice.
    #[error(
        "cannot listen on {address} twice: `{setting}` asks for it again; give each address once, or port 0 for any free one"
    )]
    ListenTwice {
        /// The address as configured.
        address: SocketAddr,
        /// The setting that asks for it the second time.
        setting: &'static str,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {}", explain_bind(.source))]
    Bind {
        /// The address as configured.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The administrator's token cannot be read.
    #[error("admin.token: {0}")]
    AdminToken(#[from] AuthConfigError),
    /// A worker's thread or event loop could not be created.
    #[error("cannot start worker {worker}: {source}")]
    Worker {
        /// Its number, from zero.
        worker: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The backplane's thread could not be created.
    #[error("cannot start the backplane's thread: {0}")]
    Backplane(#[source] io::Error),
    /// A worker ended by a panic.
    #[error("worker {worker} failed; its connections are lost")]
    WorkerPanicked {
        /// Its number, from zero.
        worker: usize,
    },
}

fn explain_bind(source: &io::Error) -> String {
    let advice = match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another process listens there; choose another port, or 0 for any free one"
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose a higher one",
        _ => return source.to_string(),
    };
    advice.to_owned()
}
