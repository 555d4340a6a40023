//! The vocabulary of measurement: what is timed, what is counted, how a connection ends, what can go wrong.

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
}

impl Trend {
    /// All of them, in declaration order.
    pub const ALL: [Self; 11] = [
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
    ];
}

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Counter {
    /// Attempts to open a connection. Attempted = opened + failed ([`ErrorClass`] before the upgrade) + abandoned.
    ConnectAttempted,
    /// Connections whose upgrade succeeded.
    ConnectOpened,
    /// Attempts that failed.
    ConnectFailed,
    /// Attempts that the end of the run cut off.
    ConnectAbandoned,
    /// Messages handed to the transport.
    MessagesSent,
    /// Of those: owed no reply.
    SentOneWay,
    /// Of those: answered.
    SentAnswered,
    /// Of those: lost, because the reply's time ran out.
    SentLostTimeout,
    /// Of those: lost, because the connection ended first.
    SentLostConnection,
    /// Of those: under way when the run ended.
    SentInFlight,
    /// Messages received.
    MessagesReceived,
    /// Messages received that were neither a reply nor expected.
    MessagesUnmatched,
    /// Replies that came after their message was given up as lost.
    RepliesLate,
    /// Pings sent.
    PingsSent,
    /// Pings answered.
    PingsAnswered,
    /// Pings whose time ran out or whose connection ended.
    PingsUnanswered,
    /// Pings under way when the run ended.
    PingsInFlight,
    /// Pings received from the peer.
    PingsReceived,
    /// Pongs received that answer no ping of ours.
    PongsUnsolicited,
    /// Bytes written to the transport, framing included (below TLS: plaintext).
    BytesSent,
    /// Bytes read from the transport, framing included.
    BytesReceived,
    /// Payload bytes of sent messages, before compression.
    PayloadSent,
    /// Payload bytes of received messages, after decompression.
    PayloadReceived,
    /// Flows that ran to their end.
    FlowsCompleted,
    /// Flows that failed: an expectation not met, or a connection lost.
    FlowsFailed,
    /// Flows cut off by the end of the run.
    FlowsInterrupted,
    /// Arrivals of an open model that found the maximum of clients reached.
    ArrivalsDropped,
    /// Expect steps that met their message.
    ExpectsMet,
    /// Expect steps whose time ran out or whose connection ended.
    ExpectsFailed,
}

impl Counter {
    /// How many counters there are.
    pub const COUNT: usize = Self::ExpectsFailed as usize + 1;
}

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
}

/// Which end sent a Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The load client.
    Client,
    /// The target, or a gateway before it.
    Server,
}

/// What went wrong, as a class that stays small in number; the first text of each class is kept as an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ErrorClass {
    /// The host's name could not be resolved.
    Resolve,
    /// Nothing listens: connection refused.
    Refused,
    /// The network or host is unreachable, or no local address or port was free.
    Network,
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
}

impl ErrorClass {
    /// How many classes there are.
    pub const COUNT: usize = Self::ClosedWithError as usize + 1;
}
