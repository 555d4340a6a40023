//! [`PhaseTimings`]: how long each phase of opening a connection took.

use std::fmt;
use std::time::Duration;

/// The phases of opening a connection, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The host's name to its addresses.
    Resolve,
    /// The TCP handshake.
    Tcp,
    /// The TLS handshake.
    Tls,
    /// The WebSocket opening handshake.
    Upgrade,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "name resolution",
            Self::Tcp => "the TCP handshake",
            Self::Tls => "the TLS handshake",
            Self::Upgrade => "the WebSocket handshake",
        })
    }
}

/// The time of each phase of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseTimings {
    /// Name resolution; next to nothing for an address.
    pub resolve: Duration,
    /// The TCP handshake, with the address that answered.
    pub tcp: Duration,
    /// The TLS handshake, where there is one.
    pub tls: Option<Duration>,
    /// From the request's first byte to the answer's last.
    pub upgrade: Duration,
}

impl PhaseTimings {
    /// All phases together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.resolve + self.tcp + self.tls.unwrap_or_default() + self.upgrade
    }
}
