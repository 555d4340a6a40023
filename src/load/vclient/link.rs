//! A client's connection from the first attempt to its end, and the books of connections.
//!
//! Each of these is counted in exactly one place of this file: an attempt, its success, its failure, its being cut off,
//! and the cause of an open connection's end.

use std::io;

use crate::clock::Moment;
use crate::metrics::{CloseCause, Counter, ErrorClass, Side, Trend};
use crate::scenario::ConnectionPlan;
use crate::wire::handshake::ClientHandshake;
use crate::wire::{CloseCode, CloseInitiator, Closing, ClosingState, Receiver, Sender, Violation};

use super::client::{Leaving, PROVEN, VClient, Wait};
use super::turn::Turn;
use super::upgrade::Upgraded;

/// A client's connection.
#[derive(Debug)]
pub(super) enum Link {
    /// None.
    Down,
    /// One is wanted since this moment; no attempt has begun.
    Wanted { intended: Moment },
    /// An attempt is under way.
    Opening(Opening),
    /// The upgrade succeeded.
    Open(Open),
    /// Counted as ended; the driver has yet to end the transport.
    Discarded,
}

/// An attempt to connect.
#[derive(Debug)]
pub(super) struct Opening {
    intended: Moment,
    started: Moment,
    /// Begin of the phase under way.
    phase: Moment,
    /// The HTTP upgrade, once TCP and TLS are established.
    pub(super) upgrade: Option<Box<ClientHandshake>>,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Open {
    /// Lent out while its events are handled.
    pub(super) receiver: Option<Receiver>,
    pub(super) sender: Sender,
    pub(super) closing: Closing,
    opened: Moment,
    /// The peer's last ping, or [`Moment::NEVER`].
    pub(super) peer_ping: Moment,
    /// The first Close frame, or [`Moment::NEVER`].
    closing_since: Moment,
}

/// How a transport ended.
#[derive(Debug)]
pub enum TransportEnd {
    /// The peer finished its direction.
    Eof,
    /// It failed.
    Error(io::Error),
}

impl Link {
    /// When the connection must have come further.
    pub(super) fn deadline(&self, plan: &ConnectionPlan) -> Moment {
        match self {
            Self::Opening(opening) => opening.started + plan.connect_timeout,
            Self::Open(open) => open.closing_since + plan.close_timeout,
            Self::Down | Self::Wanted { .. } | Self::Discarded => Moment::NEVER,
        }
    }
}

impl VClient {
    /// The driver begins the attempt that [`Command::Connect`](super::Command::Connect) asked for.
    pub fn dialing(&mut self, turn: &mut Turn<'_>) {
        if let Link::Wanted { intended } = self.link {
            turn.count(self.group, Counter::ConnectAttempted);
            let opening = Opening {
                intended,
                started: turn.now,
                phase: turn.now,
                upgrade: None,
            };
            self.link = Link::Opening(opening);
        }
    }

    /// TCP is established. Unless TLS follows, the upgrade begins.
    pub fn tcp_connected(&mut self, turn: &mut Turn<'_>, tls_follows: bool) {
        self.counted(turn, |client, turn| {
            client.end_phase(turn, Trend::Tcp);
            if !tls_follows {
                client.begin_upgrade(turn);
            }
        });
    }

    /// TLS is established. The upgrade begins.
    pub fn tls_established(&mut self, turn: &mut Turn<'_>) {
        self.counted(turn, |client, turn| {
            client.end_phase(turn, Trend::Tls);
            client.begin_upgrade(turn);
        });
    }

    /// The attempt failed before the upgrade began; the driver has no transport any more.
    pub fn connect_failed(&mut self, turn: &mut Turn<'_>, class: ErrorClass, text: impl FnOnce() -> String) {
        self.counted(turn, |client, turn| {
            client.fail_connect(turn, Link::Down, class, text);
        });
    }

    /// The transport ended, and not by us.
    pub fn transport_ended(&mut self, turn: &mut Turn<'_>, end: TransportEnd) {
        self.counted(turn, |client, turn| client.peer_ended(turn, end));
    }

    /// The driver ended the transport as [`Command::Disconnect`](super::Command::Disconnect) asked.
    pub fn disconnected(&mut self, turn: &mut Turn<'_>) {
        self.counted(turn, |client, turn| {
            client.link = Link::Down;
            client.link_is_down(turn);
        });
    }

    fn peer_ended(&mut self, turn: &mut Turn<'_>, end: TransportEnd) {
        match &mut self.link {
            Link::Opening(_) => {
                let text = || match end {
                    TransportEnd::Eof => "the peer ended the connection during the upgrade".to_owned(),
                    TransportEnd::Error(error) => {
                        format!("the connection failed during the upgrade: {error}")
                    }
                };
                self.fail_connect(turn, Link::Down, ErrorClass::UpgradeEof, text);
            }
            Link::Open(open) => {
                open.closing.transport_ended();
                let outcome = open.closing.outcome();
                let cause = match (&end, outcome.by) {
                    (_, CloseInitiator::Us) if outcome.clean => CloseCause::ClientClosed,
                    (_, CloseInitiator::Peer) if outcome.clean => CloseCause::ServerClosed,
                    (TransportEnd::Eof, _) => CloseCause::PeerEof,
                    (TransportEnd::Error(_), _) => CloseCause::TransportError,
                };
                self.size_refused(turn, || match &end {
                    TransportEnd::Eof => "the end of TCP without a Close frame".to_owned(),
                    TransportEnd::Error(error) => error.to_string(),
                });
                if !outcome.clean {
                    turn.error(self.group, ErrorClass::ConnectionLost, || match end {
                        TransportEnd::Eof => "the peer ended TCP without a Close frame".to_owned(),
                        TransportEnd::Error(error) => format!("the connection broke: {error}"),
                    });
                }
                self.end_connection(turn, Link::Down, cause);
                self.link_is_down(turn);
            }
            Link::Down | Link::Wanted { .. } => {}
            Link::Discarded => {
                self.link = Link::Down;
                self.link_is_down(turn);
            }
        }
    }

    fn end_phase(&mut self, turn: &mut Turn<'_>, trend: Trend) {
        if let Link::Opening(opening) = &mut self.link {
            turn.shard.record(self.group, trend, turn.now - opening.phase);
            opening.phase = turn.now;
        }
    }

    /// The upgrade succeeded: the flow goes on.
    pub(super) fn opened(&mut self, turn: &mut Turn<'_>, upgraded: Upgraded) {
        self.end_phase(turn, Trend::Upgrade);
        let Link::Opening(opening) = &self.link else {
            return;
        };
        turn.shard
            .record(self.group, Trend::Connect, turn.now - opening.intended);
        turn.count(self.group, Counter::ConnectOpened);
        self.openings = self.openings.wrapping_add(1);
        self.came_back(turn);
        self.link = Link::Open(Open {
            receiver: Some(upgraded.receiver),
            sender: upgraded.sender,
            closing: Closing::default(),
            opened: turn.now,
            peer_ping: Moment::NEVER,
            closing_since: Moment::NEVER,
        });
        self.begin_reading(turn.script);
        self.heartbeat = match &self.plan(turn.script).heartbeat {
            Some(heartbeat) => turn.now + heartbeat.every,
            None => Moment::NEVER,
        };
        self.run(turn, turn.now);
    }

    /// Counts a failed attempt, and fails the flow that needed it.
    pub(super) fn fail_connect(
        &mut self,
        turn: &mut Turn<'_>,
        then: Link,
        class: ErrorClass,
        text: impl FnOnce() -> String,
    ) {
        if matches!(self.link, Link::Opening(_)) {
            self.link = then;
            turn.count(self.group, Counter::ConnectFailed);
            turn.error(self.group, class, text);
            self.fail_flow(turn);
        }
    }

    /// A connect or a close took too long.
    pub(super) fn link_timed_out(&mut self, turn: &mut Turn<'_>) {
        match &self.link {
            Link::Opening(opening) => {
                let waited = turn.now - opening.started;
                let missing = if opening.upgrade.is_some() {
                    "answer to the upgrade"
                } else {
                    "connection"
                };
                let text = || format!("no {missing} within {waited:?}");
                self.fail_connect(turn, Link::Discarded, ErrorClass::ConnectTimeout, text);
            }
            Link::Open(open) => {
                let outcome = open.closing.outcome();
                let cause = match outcome.by {
                    // The handshake is complete; that the peer keeps TCP open beyond it is no failure of the close.
                    CloseInitiator::Us if outcome.clean => CloseCause::ClientClosed,
                    CloseInitiator::Peer => CloseCause::ServerClosed,
                    CloseInitiator::Us | CloseInitiator::Nobody => CloseCause::CloseTimeout,
                };
                if cause == CloseCause::CloseTimeout {
                    let waited = turn.now - open.closing_since;
                    turn.error(self.group, ErrorClass::CloseTimeout, || {
                        format!("no Close frame within {waited:?}")
                    });
                }
                self.end_connection(turn, Link::Discarded, cause);
            }
            Link::Down | Link::Wanted { .. } | Link::Discarded => {}
        }
    }

    /// Sends our Close frame, unless one was sent.
    pub(super) fn close(&mut self, turn: &mut Turn<'_>, code: Option<CloseCode>, reason: &str) {
        if let Link::Open(open) = &mut self.link
            && matches!(open.closing.state(), ClosingState::Open | ClosingState::Received)
        {
            if open.closing.state() == ClosingState::Open {
                let code = code.unwrap_or(CloseCode::NO_STATUS).0;
                turn.shard
                    .close_reason(self.group, Side::Client, code, reason.as_bytes());
            }
            open.sender.close(code, reason, turn.scratch.mask(), turn.out);
            open.closing.sent(code);
            open.closing_since = open.closing_since.min(turn.now);
            self.read_freely();
            self.heartbeat = Moment::NEVER;
            self.leave_room(turn);
        }
    }

    /// Closes because the flow is over.
    pub(super) fn close_normally(&mut self, turn: &mut Turn<'_>) {
        self.close(turn, Some(CloseCode::NORMAL), "");
    }

    /// The flow drops the connection.
    pub(super) fn drop_link(&mut self, turn: &mut Turn<'_>) {
        self.end_connection(turn, Link::Discarded, CloseCause::ClientDropped);
    }

    /// The peer's Close frame.
    pub(super) fn peer_closes(&mut self, turn: &mut Turn<'_>, code: Option<CloseCode>, reason: &[u8]) {
        let Link::Open(open) = &mut self.link else {
            return;
        };
        let state = open.closing.state();
        open.closing.received(code);
        if state == ClosingState::Sent {
            turn.shard
                .record(self.group, Trend::CloseAnswer, turn.now - open.closing_since);
        }
        if state != ClosingState::Open {
            return;
        }
        turn.shard.close_reason(
            self.group,
            Side::Server,
            code.unwrap_or(CloseCode::NO_STATUS).0,
            reason,
        );
        self.close(turn, code.filter(|code| code.is_sendable()), "");
        let code = code.unwrap_or(CloseCode::NO_STATUS);
        if !matches!(
            code,
            CloseCode::NORMAL | CloseCode::GOING_AWAY | CloseCode::NO_STATUS
        ) {
            let text = || {
                format!(
                    "closed with {code} {}: {:?}",
                    code.name(),
                    String::from_utf8_lossy(reason)
                )
            };
            turn.error(self.group, ErrorClass::ClosedWithError, text);
        }
        let looks = || {
            format!(
                "close {code} {}: {:?}",
                code.name(),
                String::from_utf8_lossy(reason)
            )
        };
        if !self.size_refused(turn, looks) {
            self.fail_flow(turn);
        }
    }

    /// The peer broke the protocol: the connection is failed (RFC 6455 7.1.7).
    pub(super) fn fail_protocol(&mut self, turn: &mut Turn<'_>, violation: Violation) {
        let class = match violation {
            Violation::TooBig { .. } => ErrorClass::MessageTooBig,
            _ => ErrorClass::Protocol,
        };
        turn.error(self.group, class, || violation.to_string());
        self.close(turn, Some(violation.close_code()), "");
        let refused = self.size_refused(turn, || format!("the client's own close: {violation}"));
        self.end_connection(turn, Link::Discarded, CloseCause::ProtocolError);
        if !refused {
            self.fail_flow(turn);
        }
    }

    /// The run cuts the client off.
    pub(super) fn interrupt_link(&mut self, turn: &mut Turn<'_>) {
        match self.link {
            Link::Down | Link::Wanted { .. } => {
                self.link = Link::Down;
                self.wait = Wait::Done;
            }
            Link::Opening(_) => {
                turn.count(self.group, Counter::ConnectAbandoned);
                self.link = Link::Discarded;
            }
            Link::Open(_) => self.close(turn, Some(CloseCode::GOING_AWAY), ""),
            Link::Discarded => {}
        }
    }

    /// The time to drain is over.
    pub(super) fn abandon_link(&mut self, turn: &mut Turn<'_>) {
        if let Link::Open(open) = &self.link {
            let outcome = open.closing.outcome();
            let cause = match outcome.by {
                CloseInitiator::Us if outcome.clean => CloseCause::ClientClosed,
                CloseInitiator::Peer if outcome.clean => CloseCause::ServerClosed,
                _ => CloseCause::Abandoned,
            };
            self.end_connection(turn, Link::Discarded, cause);
        }
    }

    /// Closes the books of an open connection.
    fn end_connection(&mut self, turn: &mut Turn<'_>, then: Link, cause: CloseCause) {
        let Link::Open(open) = std::mem::replace(&mut self.link, then) else {
            return;
        };
        let session = turn.now - open.opened;
        turn.shard.record(self.group, Trend::Session, session);
        if open.closing_since != Moment::NEVER {
            turn.shard
                .record(self.group, Trend::Close, turn.now - open.closing_since);
        }
        turn.shard.ended(self.group, cause);
        let outcome = open.closing.outcome();
        let by = match outcome.by {
            CloseInitiator::Us => Side::Client,
            CloseInitiator::Peer => Side::Server,
            CloseInitiator::Nobody => Side::Nobody,
        };
        turn.shard.close_code(self.group, by, outcome.code.0);
        if outcome.clean {
            turn.count(self.group, Counter::ClosedClean);
        }
        self.settle_pending(turn, cause);
        self.end_stream(turn);
        self.end_presence(turn, cause == CloseCause::ClientClosed);
        self.heartbeat = Moment::NEVER;
        if session >= PROVEN {
            self.forget_failures();
        }
    }

    /// What was under way is lost with the connection, unless it was the run that ended it.
    fn settle_pending(&mut self, turn: &mut Turn<'_>, cause: CloseCause) {
        let ours = matches!(
            cause,
            CloseCause::ClientClosed | CloseCause::CloseTimeout | CloseCause::Abandoned
        );
        let by_the_run = ours && self.leaving != Leaving::No;
        let (message, ping) = if by_the_run {
            (Counter::SentInFlight, Counter::PingsInFlight)
        } else {
            (Counter::SentLostConnection, Counter::PingsUnanswered)
        };
        turn.shard.add(self.group, message, u64::from(self.sends.clear()));
        turn.shard.add(self.group, ping, u64::from(self.pings.clear()));
    }

    /// Whether the client was asked to leave.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving != Leaving::No
    }
}
