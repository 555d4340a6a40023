//! What is known of a connection: its traffic while it lives, its ending when it does not.

use std::fmt;
use std::ops::AddAssign;

use super::ratelimit::RATE_LIMIT_EXCEEDED;
use crate::wire::{CloseCode, CloseInitiator, CloseOutcome, Violation};

/// What passed over a connection. Bytes are those of the transport (of TLS: inside it), frame headers included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Traffic {
    /// Data messages from the client.
    pub(crate) messages_in: u64,
    /// Data messages to the client.
    pub(crate) messages_out: u64,
    /// Bytes from the client after the upgrade.
    pub(crate) bytes_in: u64,
    /// Bytes to the client after the upgrade.
    pub(crate) bytes_out: u64,
    /// Pings from the client.
    pub(crate) pings_in: u32,
    /// Pings to the client.
    pub(crate) pings_out: u32,
    /// Pongs from the client.
    pub(crate) pongs_in: u32,
    /// Pongs to the client.
    pub(crate) pongs_out: u32,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, rhs: Self) {
        self.messages_in += rhs.messages_in;
        self.messages_out += rhs.messages_out;
        self.bytes_in += rhs.bytes_in;
        self.bytes_out += rhs.bytes_out;
        self.pings_in = self.pings_in.wrapping_add(rhs.pings_in);
        self.pings_out = self.pings_out.wrapping_add(rhs.pings_out);
        self.pongs_in = self.pongs_in.wrapping_add(rhs.pongs_in);
        self.pongs_out = self.pongs_out.wrapping_add(rhs.pongs_out);
    }
}

/// Why a connection ended: what happened first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The client sent a Close frame.
    ClientClosed,
    /// The client ended TCP without a Close frame.
    ClientVanished,
    /// The transport failed: a reset, a broken pipe, a TLS alert.
    TransportFailed,
    /// The route's mode closed.
    ModeClosed,
    /// Something else in the server closed it, through a [`super::SessionHandle`].
    ClosedByHandle,
    /// Nothing was exchanged for the idle timeout.
    IdleTimeout,
    /// A ping was not answered in time.
    PongTimeout,
    /// The client took nothing of what was due to it.
    WriteDeadline,
    /// The client's outbox was full.
    SlowConsumer,
    /// The client sent more messages than it may.
    RateLimited,
    /// The client broke the protocol or a limit.
    Violation(Violation),
    /// The server stopped.
    ServerStopped,
    /// The server was drained.
    Drained,
    /// The administrator ended it.
    Killed,
    /// The session's own code failed.
    Failed,
}

impl Cause {
    /// The names of all kinds, as the journal, the log and the metrics have them.
    pub(crate) const KINDS: [&str; 15] = [
        "client closed",
        "client vanished",
        "transport failed",
        "mode closed",
        "closed by handle",
        "idle timeout",
        "pong timeout",
        "write deadline",
        "slow consumer",
        "rate limited",
        "violation",
        "server stopped",
        "server drained",
        "killed by the administrator",
        "failed",
    ];

    /// Its place in [`Cause::KINDS`].
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::ClientClosed => 0,
            Self::ClientVanished => 1,
            Self::TransportFailed => 2,
            Self::ModeClosed => 3,
            Self::ClosedByHandle => 4,
            Self::IdleTimeout => 5,
            Self::PongTimeout => 6,
            Self::WriteDeadline => 7,
            Self::SlowConsumer => 8,
            Self::RateLimited => 9,
            Self::Violation(_) => 10,
            Self::ServerStopped => 11,
            Self::Drained => 12,
            Self::Killed => 13,
            Self::Failed => 14,
        }
    }

    /// Its name without particulars.
    pub(crate) const fn kind(self) -> &'static str {
        Self::KINDS[self.index()]
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Violation(violation) => write!(f, ": {violation}"),
            _ => Ok(()),
        }
    }
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Who closed, with which code, cleanly or not.
    pub(crate) outcome: CloseOutcome,
    /// What happened first.
    pub(crate) cause: Cause,
    /// The reason in the first Close frame, if it had one.
    pub(crate) reason: Option<Box<str>>,
}

/// The initiator as the journal and the metrics write it.
pub(crate) const fn initiator_name(by: CloseInitiator) -> &'static str {
    match by {
        CloseInitiator::Us => "server",
        CloseInitiator::Peer => "client",
        CloseInitiator::Nobody => "nobody",
    }
}

/// What the server says when it closes for a cause of its own.
impl Cause {
    /// Code and reason of the Close frame.
    pub(crate) const fn farewell(self) -> (CloseCode, &'static str) {
        match self {
            Self::IdleTimeout => (CloseCode::GOING_AWAY, "idle timeout"),
            Self::ServerStopped => (CloseCode::GOING_AWAY, "server is stopping"),
            Self::Drained => (CloseCode::GOING_AWAY, "server is draining"),
            Self::PongTimeout => (CloseCode::INTERNAL, "ping not answered"),
            Self::SlowConsumer => (CloseCode::POLICY, "slow consumer"),
            Self::RateLimited => (CloseCode::POLICY, RATE_LIMIT_EXCEEDED),
            _ => (CloseCode::NORMAL, ""),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::iter::successors;

    use super::*;

    /// One of each: a new variant does not compile without a place here.
    fn causes() -> impl Iterator<Item = Cause> {
        successors(Some(Cause::ClientClosed), |cause| {
            Some(match cause {
                Cause::ClientClosed => Cause::ClientVanished,
                Cause::ClientVanished => Cause::TransportFailed,
                Cause::TransportFailed => Cause::ModeClosed,
                Cause::ModeClosed => Cause::ClosedByHandle,
                Cause::ClosedByHandle => Cause::IdleTimeout,
                Cause::IdleTimeout => Cause::PongTimeout,
                Cause::PongTimeout => Cause::WriteDeadline,
                Cause::WriteDeadline => Cause::SlowConsumer,
                Cause::SlowConsumer => Cause::RateLimited,
                Cause::RateLimited => Cause::ServerStopped,
                Cause::ServerStopped => Cause::Drained,
                Cause::Drained => Cause::Killed,
                Cause::Killed => Cause::Failed,
                Cause::Failed => Cause::Violation(Violation::Unmasked),
                Cause::Violation(violation) => Cause::Violation(next(*violation)?),
            })
        })
    }

    /// All that a client can do wrong, with the numbers that the documentation shows.
    fn next(violation: Violation) -> Option<Violation> {
        Some(match violation {
            Violation::Unmasked => Violation::ReservedBits(0b100),
            Violation::ReservedBits(_) => Violation::MisplacedCompressionBit,
            Violation::MisplacedCompressionBit => Violation::ReservedOpcode(3),
            Violation::ReservedOpcode(_) => Violation::FragmentedControl,
            Violation::FragmentedControl => Violation::LongControl(126),
            Violation::LongControl(_) => Violation::NonMinimalLength,
            Violation::NonMinimalLength => Violation::LengthOverflow,
            Violation::LengthOverflow => Violation::UnexpectedContinuation,
            Violation::UnexpectedContinuation => Violation::InterleavedMessage,
            Violation::InterleavedMessage => Violation::InvalidUtf8,
            Violation::InvalidUtf8 => Violation::TruncatedClose,
            Violation::TruncatedClose => Violation::InvalidCloseCode(CloseCode(1005)),
            Violation::InvalidCloseCode(_) => Violation::InvalidCloseReason,
            Violation::InvalidCloseReason => Violation::TooBig { limit: 65_536 },
            Violation::TooBig { .. } => Violation::CorruptDeflate,
            // Only a server can be wrong by masking.
            Violation::CorruptDeflate | Violation::Masked => return None,
        })
    }

    #[test]
    fn every_kind_of_cause_has_a_place_of_its_own() {
        let seen: BTreeSet<_> = causes().map(Cause::index).collect();
        assert_eq!(seen, (0..Cause::KINDS.len()).collect());
        assert_eq!(
            Cause::Violation(Violation::Unmasked).to_string(),
            "violation: unmasked frame from a client (RFC 6455 5.1)"
        );
    }

    #[test]
    fn the_documentation_has_a_row_for_every_close_of_the_server_s_own() {
        let page = include_str!("../../docs/limits.md");
        for cause in causes() {
            let (code, reason, name) = match cause {
                Cause::Violation(violation) => (
                    violation.close_code(),
                    violation.to_string(),
                    "violation".to_owned(),
                ),
                cause => (
                    cause.farewell().0,
                    cause.farewell().1.to_owned(),
                    cause.to_string(),
                ),
            };
            let row = format!("| {} | `{reason}` | `{name}` |", code.0);
            assert!(reason.is_empty() || page.contains(&row), "{row}");
        }
    }
}
