//! [`Trend`]: what is timed.

/// A duration that is recorded into a histogram, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Trend {
    /// Name resolution.
    Resolve,
    /// TCP handshake.
    Tcp,
    /// TLS handshake.
    Tls,
    /// HTTP upgrade, from the request's first byte to the end of the response's head.
    Upgrade,
    /// Whole connect: from the intended moment to the end of the upgrade.
    Connect,
    /// Message round trip from the moment it was *intended* to be sent to its reply.
    Response,
    /// Message round trip from the moment it was sent to its reply.
    Service,
    /// Ping round trip.
    Ping,
    /// How late a message left: actual minus intended moment.
    SendLag,
    /// From the first Close frame to the end of the TCP connection.
    Close,
    /// From the opening of a connection to its end.
    Session,
    /// A room's message from the moment it was sent to its receipt by one member.
    Delivery,
    /// From our Close frame to the peer's answer to it.
    CloseAnswer,
    /// From one ping of the peer to its next on the same connection.
    PeerPing,
    /// From one numbered message of the target to the next.
    StreamInterval,
    /// From the time that a numbered message bears to its receipt, by the clocks of both.
    StreamAge,
}

impl Trend {
    /// All of them, in declaration order.
    pub const ALL: [Self; 16] = [
        Self::Resolve,
        Self::Tcp,
        Self::Tls,
        Self::Upgrade,
        Self::Connect,
        Self::Response,
        Self::Service,
        Self::Ping,
        Self::SendLag,
        Self::Close,
        Self::Session,
        Self::Delivery,
        Self::CloseAnswer,
        Self::PeerPing,
        Self::StreamInterval,
        Self::StreamAge,
    ];

    /// For people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
            Self::Connect => "connect",
            Self::Response => "response",
            Self::Service => "service",
            Self::Ping => "ping",
            Self::SendLag => "send lag",
            Self::Close => "close",
            Self::Session => "session",
            Self::Delivery => "delivery",
            Self::CloseAnswer => "close answer",
            Self::PeerPing => "peer pings",
            Self::StreamInterval => "interval",
            Self::StreamAge => "age",
        }
    }
}
