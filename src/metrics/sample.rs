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

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Counter {
    /// Attempts to open a connection. Attempted = opened + failed ([`ErrorClass`] before the upgrade) + abandoned.
    ConnectAttempted,
    /// Connections whose upgrade succeeded.
    ConnectOpened,
    /// Attempts that failed: each with exactly one error of a class that is [before the upgrade](ErrorClass::is_connect).
    ConnectFailed,
    /// Attempts that the end of the run cut off.
    ConnectAbandoned,
    /// Messages handed to the transport. Sent = one-way + answered + lost (timeout) + lost (connection) + in flight.
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
    /// Messages received that a receive step took. Received = answered + late + met by an expect step + taken + unmatched.
    MessagesTaken,
    /// Messages received that were neither a reply nor expected nor taken by a receive step.
    MessagesUnmatched,
    /// Replies that came after their message was given up as lost.
    RepliesLate,
    /// Pings sent. Sent = answered + unanswered + in flight.
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
    /// Flows that began, each restart counted anew. Started = completed + failed + interrupted.
    FlowsStarted,
    /// Flows that ran to their end.
    FlowsCompleted,
    /// Flows that failed: an expectation not met, or a connection lost.
    FlowsFailed,
    /// Flows cut off by the end of the run.
    FlowsInterrupted,
    /// Arrivals of an open model that found the maximum of clients reached.
    ArrivalsDropped,
    /// Expect steps that began. Started = met + failed + interrupted.
    ExpectsStarted,
    /// Expect steps that met their message.
    ExpectsMet,
    /// Expect steps whose time ran out or whose connection ended.
    ExpectsFailed,
    /// Expect steps cut off by the end of the run.
    ExpectsInterrupted,
    /// Flows that a reconnect policy let begin again after a failed one.
    Reconnects,
    /// Connections that were opened by a flow of that kind.
    ReconnectsOpened,
    /// Clients that a reconnect policy let leave after a failed flow.
    ReconnectsGivenUp,
    /// Pauses that the `Retry-After` of a refused upgrade made longer.
    RetriesDeferred,
    /// Clients that found no further row in their feeder and left.
    FeederExhausted,
    /// Of the opened connections: ended after Close frames in both directions (RFC 6455 7.1.4).
    ClosedClean,
    /// Memberships of a room that began. Joined = left.
    RoomsJoined,
    /// Memberships that ended, with their connection or for another room.
    RoomsLeft,
    /// Messages sent to the members of a room, each with a mark.
    FanOutSent,
    /// Messages that members were owed, each for each member. Owed = received + lost + replaced + unsettled.
    FanOutOwed,
    /// Of those: received, for the first time, before the connection ended or another room was joined.
    FanOutReceived,
    /// Of those: not received although sent longer ago than `settle`. Expected = received + lost.
    FanOutLost,
    /// The same where the target repeats each sender's latest message: a later one may have taken its place.
    FanOutReplaced,
    /// Of those owed: not received, and nobody can say that they should have been.
    FanOutUnsettled,
    /// Of those received: after their sender's next one.
    FanOutDisordered,
    /// Messages of its room that a member received again.
    FanOutDuplicated,
    /// Messages that a member received after they were settled: lost ones, or duplicates, beyond what is remembered.
    FanOutLate,
    /// Messages of a room sent before the receiver knew that it was a member, or after it began to leave.
    FanOutOutside,
    /// Messages of a room that the receiver is not in.
    FanOutStray,
    /// Messages with a mark of another run, or of no message at all.
    FanOutForeign,
    /// Messages received that the target numbered, each number once.
    StreamReceived,
    /// Numbers between the first and the last of a connection that did not come. Expected = received + lost.
    StreamLost,
    /// Of those received: after a higher number.
    StreamDisordered,
    /// Numbers received again.
    StreamDuplicated,
    /// Times that the numbers began anew on a connection.
    StreamRestarted,
}

impl Counter {
    /// How many counters there are.
    pub const COUNT: usize = Self::StreamRestarted as usize + 1;

    /// All of them, in declaration order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::ConnectAttempted,
        Self::ConnectOpened,
        Self::ConnectFailed,
        Self::ConnectAbandoned,
        Self::MessagesSent,
        Self::SentOneWay,
        Self::SentAnswered,
        Self::SentLostTimeout,
        Self::SentLostConnection,
        Self::SentInFlight,
        Self::MessagesReceived,
        Self::MessagesTaken,
        Self::MessagesUnmatched,
        Self::RepliesLate,
        Self::PingsSent,
        Self::PingsAnswered,
        Self::PingsUnanswered,
        Self::PingsInFlight,
        Self::PingsReceived,
        Self::PongsUnsolicited,
        Self::BytesSent,
        Self::BytesReceived,
        Self::PayloadSent,
        Self::PayloadReceived,
        Self::FlowsStarted,
        Self::FlowsCompleted,
        Self::FlowsFailed,
        Self::FlowsInterrupted,
        Self::ArrivalsDropped,
        Self::ExpectsStarted,
        Self::ExpectsMet,
        Self::ExpectsFailed,
        Self::ExpectsInterrupted,
        Self::Reconnects,
        Self::ReconnectsOpened,
        Self::ReconnectsGivenUp,
        Self::RetriesDeferred,
        Self::FeederExhausted,
        Self::ClosedClean,
        Self::RoomsJoined,
        Self::RoomsLeft,
        Self::FanOutSent,
        Self::FanOutOwed,
        Self::FanOutReceived,
        Self::FanOutLost,
        Self::FanOutReplaced,
        Self::FanOutUnsettled,
        Self::FanOutDisordered,
        Self::FanOutDuplicated,
        Self::FanOutLate,
        Self::FanOutOutside,
        Self::FanOutStray,
        Self::FanOutForeign,
        Self::StreamReceived,
        Self::StreamLost,
        Self::StreamDisordered,
        Self::StreamDuplicated,
        Self::StreamRestarted,
    ];
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables are indexed by discriminant, so a list out of order would count one thing as another.
    #[test]
    fn every_list_holds_each_variant_at_its_own_index() {
        assert!(
            Trend::ALL
                .iter()
                .enumerate()
                .all(|(index, &trend)| trend as usize == index)
        );
        assert!(
            Counter::ALL
                .iter()
                .enumerate()
                .all(|(index, &counter)| counter as usize == index)
        );
        assert!(
            CloseCause::ALL
                .iter()
                .enumerate()
                .all(|(index, &cause)| cause as usize == index)
        );
        assert!(
            Side::ALL
                .iter()
                .enumerate()
                .all(|(index, &side)| side as usize == index)
        );
        assert!(
            ErrorClass::ALL
                .iter()
                .enumerate()
                .all(|(index, &class)| class as usize == index)
        );
    }

    #[test]
    fn every_name_is_in_the_documentation() {
        let documented = include_str!("../../docs/metrics.md");
        let name = |value: serde_json::Result<serde_json::Value>| value.unwrap().as_str().unwrap().to_owned();
        let names = (Trend::ALL.iter().map(serde_json::to_value))
            .chain(Counter::ALL.iter().map(serde_json::to_value))
            .chain(CloseCause::ALL.iter().map(serde_json::to_value))
            .chain(ErrorClass::ALL.iter().map(serde_json::to_value))
            .map(name);
        let missing: Vec<_> = names
            .filter(|name| !documented.contains(&format!("| `{name}` |")))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn an_attempt_to_connect_ends_by_the_classes_up_to_the_upgrade() {
        assert!(ErrorClass::UpgradeEof.is_connect() && ErrorClass::Resolve.is_connect());
        assert!(!ErrorClass::Protocol.is_connect() && !ErrorClass::ConnectionLost.is_connect());
    }
}
