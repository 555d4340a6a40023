//! [`Life`]: how far a session has come, and how it ends.

use super::deadlines::Deadlines;
use super::output::Output;
use crate::clock::Moment;
use crate::server::config::RouteLimits;
use crate::server::record::{Cause, Ending};
use crate::wire::{CloseCode, ClosePayload, Closing, Violation};

/// How far a session has come, and how it ends.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) deadlines: Deadlines,
    closing: Closing,
    pub(super) phase: Phase,
    cause: Option<Cause>,
    /// The reason in the first Close frame.
    reason: Option<Box<str>>,
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not polled yet.
    New,
    /// Messages pass both ways.
    Open,
    /// The client said its last; the mode has more for it, and then our Close frame is due.
    Parting,
    /// We sent a Close frame and wait for the client's.
    Closing,
    /// All is said. What is left goes out, then the writing side is shut.
    Ending,
    /// The writing side is shut. What still comes is discarded until the client closes TCP: to close it now would reset
    /// the connection, and the client might never see our Close frame.
    Lingering,
    /// TCP has ended; what is left goes out.
    Eof,
}

impl Life {
    pub(super) fn new(limits: &RouteLimits, now: Moment) -> Self {
        Self {
            deadlines: Deadlines::new(limits, now),
            closing: Closing::default(),
            phase: Phase::New,
            cause: None,
            reason: None,
        }
    }

    /// Begins the close handshake, unless there is one.
    pub(super) fn close(
        &mut self,
        cause: Cause,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
        output: &mut Output<'_>,
    ) {
        let code = code.into();
        if matches!(self.phase, Phase::New | Phase::Open) {
            output.close(code, reason);
            self.closing.sent(code);
            self.phase = Phase::Closing;
            self.explain(cause, reason);
        } else if self.phase == Phase::Parting {
            self.answer(output);
        }
    }

    /// The client sent a Close frame: it gets the same code back, and all is said; unless there is `more` to say before.
    pub(super) fn peer_closed(
        &mut self,
        payload: Option<ClosePayload<'_>>,
        more: bool,
        output: &mut Output<'_>,
    ) {
        self.closing.received(payload.map(|payload| payload.code));
        let reason = payload
            .map(|payload| String::from_utf8_lossy(payload.reason))
            .unwrap_or_default();
        self.peer_ended(Cause::ClientClosed, &reason, more, output);
    }

    /// The client broke the protocol: it is told how, and nothing it says matters any more (RFC 6455 7.1.7); unless there
    /// is `more` to say before.
    pub(super) fn peer_violated(&mut self, violation: Violation, more: bool, output: &mut Output<'_>) {
        self.peer_ended(Cause::Violation(violation), &violation.to_string(), more, output);
    }

    fn peer_ended(&mut self, cause: Cause, reason: &str, more: bool, output: &mut Output<'_>) {
        match self.phase {
            Phase::Parting => {}
            Phase::Closing => self.phase = Phase::Ending,
            _ => {
                self.explain(cause, reason);
                if more {
                    self.phase = Phase::Parting;
                } else {
                    self.answer(output);
                }
            }
        }
    }

    /// Sends the Close frame that is due to a client that said its last.
    pub(super) fn answer(&mut self, output: &mut Output<'_>) {
        let code = match self.cause {
            Some(Cause::Violation(violation)) => {
                output.close(Some(violation.close_code()), &violation.to_string());
                Some(violation.close_code())
            }
            _ => {
                let code = Some(self.closing.outcome().code).filter(|code| *code != CloseCode::NO_STATUS);
                output.close(code, "");
                code
            }
        };
        self.closing.sent(code);
        self.phase = Phase::Ending;
    }

    /// The client closed its side of TCP.
    pub(super) fn peer_left(&mut self) {
        self.cause.get_or_insert(Cause::ClientVanished);
        self.phase = Phase::Eof;
    }

    /// The session ends without any more ado.
    pub(super) fn give_up(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
    }

    /// The ending, now that the transport is gone.
    pub(super) fn ending(&mut self) -> Ending {
        self.closing.transport_ended();
        let cause = self.cause.unwrap_or(Cause::Failed);
        Ending {
            outcome: self.closing.outcome(),
            cause,
            reason: self.reason.take(),
        }
    }

    fn explain(&mut self, cause: Cause, reason: &str) {
        self.cause.get_or_insert(cause);
        if self.reason.is_none() && !reason.is_empty() {
            self.reason = Some(reason.into());
        }
    }
}
