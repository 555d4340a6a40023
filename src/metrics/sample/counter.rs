//! [`Counter`]: what is counted.

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Counter {
    /// Attempts to open a connection. Attempted = opened + failed ([`ErrorClass`](super::ErrorClass) before the upgrade) + abandoned.
    ConnectAttempted,
    /// Connections whose upgrade succeeded.
    ConnectOpened,
    /// Attempts that failed: each with exactly one error of a class that is [before the upgrade](super::ErrorClass::is_connect).
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
