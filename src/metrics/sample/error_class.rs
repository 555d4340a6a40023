//! [`ErrorClass`]: what can go wrong.

/// What went wrong, as a class that stays small in number; the first text of each class is kept as an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ErrorClass {
    /// The host's name could not be resolved.
    Resolve,
    /// Nothing listens: connection refused.
    Refused,
    /// The network or host is unreachable.
    Network,
    /// This machine had no local port, file or memory for the connection.
    Exhausted,
    /// The connect did not finish in time.
    ConnectTimeout,
    /// TLS failed, certificate included.
    Tls,
    /// The answer to the upgrade was not 101; the example text names the status.
    UpgradeRefused,
    /// The answer to the upgrade was not HTTP, or a 101 that RFC 6455 4.1 forbids.
    UpgradeInvalid,
    /// The peer ended the connection before the upgrade was done.
    UpgradeEof,
    /// The peer violated the protocol.
    Protocol,
    /// The peer's message exceeded our limit.
    MessageTooBig,
    /// The connection was lost without a Close frame.
    ConnectionLost,
    /// A reply did not come in time.
    ReplyTimeout,
    /// A pong did not come in time.
    PingTimeout,
    /// An expected message did not come in time.
    ExpectTimeout,
    /// The close handshake did not complete in time.
    CloseTimeout,
    /// The peer closed with a code other than 1000, 1001 or 1005.
    ClosedWithError,
    /// A message had no value where one was to be captured.
    Capture,
    /// There are more rooms than can be told apart.
    Rooms,
}

impl ErrorClass {
    /// How many classes there are.
    pub const COUNT: usize = Self::Rooms as usize + 1;

    /// All of them, in declaration order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Resolve,
        Self::Refused,
        Self::Network,
        Self::Exhausted,
        Self::ConnectTimeout,
        Self::Tls,
        Self::UpgradeRefused,
        Self::UpgradeInvalid,
        Self::UpgradeEof,
        Self::Protocol,
        Self::MessageTooBig,
        Self::ConnectionLost,
        Self::ReplyTimeout,
        Self::PingTimeout,
        Self::ExpectTimeout,
        Self::CloseTimeout,
        Self::ClosedWithError,
        Self::Capture,
        Self::Rooms,
    ];

    /// Whether errors of this class end an attempt to connect; the others happen on an open connection.
    #[must_use]
    pub const fn is_connect(self) -> bool {
        (self as u8) <= Self::UpgradeEof as u8
    }

    /// For people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Resolve => "name not resolved",
            Self::Refused => "connection refused",
            Self::Network => "network error",
            Self::Exhausted => "no local port or file",
            Self::ConnectTimeout => "connect timed out",
            Self::Tls => "TLS failed",
            Self::UpgradeRefused => "upgrade refused",
            Self::UpgradeInvalid => "upgrade answered wrongly",
            Self::UpgradeEof => "ended before the upgrade",
            Self::Protocol => "protocol violated",
            Self::MessageTooBig => "message too big",
            Self::ConnectionLost => "connection lost",
            Self::ReplyTimeout => "reply timed out",
            Self::PingTimeout => "pong timed out",
            Self::ExpectTimeout => "expected message timed out",
            Self::CloseTimeout => "close timed out",
            Self::ClosedWithError => "closed with an error code",
            Self::Capture => "value not captured",
            Self::Rooms => "too many rooms",
        }
    }
}
