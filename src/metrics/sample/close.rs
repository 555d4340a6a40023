//! How connections end: [`CloseCause`], and which [`Side`] began it.

/// Why an open connection came to its end: every opened connection ends by exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum CloseCause {
    /// We sent the first Close frame and the handshake completed.
    ClientClosed,
    /// The peer sent the first Close frame and the handshake completed.
    ServerClosed,
    /// The flow dropped the TCP connection on purpose.
    ClientDropped,
    /// The peer ended the TCP connection without a Close frame (1006).
    PeerEof,
    /// The connection was reset, or another transport error (1006).
    TransportError,
    /// The peer violated the protocol; we failed the connection.
    ProtocolError,
    /// We sent a Close frame and the peer did not complete the handshake in time.
    CloseTimeout,
    /// Still open when the run's time to drain was over; cut off.
    Abandoned,
}

impl CloseCause {
    /// All of them, in declaration order.
    pub const ALL: [Self; 8] = [
        Self::ClientClosed,
        Self::ServerClosed,
        Self::ClientDropped,
        Self::PeerEof,
        Self::TransportError,
        Self::ProtocolError,
        Self::CloseTimeout,
        Self::Abandoned,
    ];

    /// Whether the peer or the network ended the connection without a Close frame.
    #[must_use]
    pub const fn is_lost(self) -> bool {
        matches!(self, Self::PeerEof | Self::TransportError)
    }

    /// For people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ClientClosed => "closed by the client",
            Self::ServerClosed => "closed by the server",
            Self::ClientDropped => "dropped by the client",
            Self::PeerEof => "ended by the peer without a Close",
            Self::TransportError => "lost by a transport error",
            Self::ProtocolError => "failed for a protocol error",
            Self::CloseTimeout => "close handshake timed out",
            Self::Abandoned => "cut off at the end of the run",
        }
    }
}

/// Which end sent the first Close frame of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The load client.
    Client,
    /// The target, or a gateway before it.
    Server,
    /// Neither: the TCP connection ended without one, which RFC 6455 7.1.5 calls 1006.
    Nobody,
}

impl Side {
    /// All of them, in declaration order.
    pub const ALL: [Self; 3] = [Self::Client, Self::Server, Self::Nobody];

    /// For people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Nobody => "nobody",
        }
    }
}
