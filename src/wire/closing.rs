//! The close handshake (RFC 6455 7) as a state machine: who closed, with what, cleanly or not.

use super::close::CloseCode;

/// How far the close handshake has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosingState {
    /// No Close frame yet.
    Open,
    /// We sent a Close frame and wait for the peer's.
    Sent,
    /// The peer sent a Close frame and we have not answered.
    Received,
    /// Both Close frames passed; the server ends TCP (RFC 6455 7.1.1).
    Exchanged,
    /// The transport ended.
    Ended,
}

/// Who sent the first Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseInitiator {
    /// This end.
    Us,
    /// The other end.
    Peer,
    /// No Close frame was seen: the transport just ended.
    Nobody,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseOutcome {
    /// Who began.
    pub by: CloseInitiator,
    /// The code of the first Close frame; [`CloseCode::NO_STATUS`] if it had none, [`CloseCode::ABNORMAL`] without a frame.
    pub code: CloseCode,
    /// Both Close frames passed before the transport ended (RFC 6455 7.1.4).
    pub clean: bool,
}

/// Close frames seen so far. Four bytes for each direction and a flag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closing {
    sent: Option<CloseCode>,
    received: Option<CloseCode>,
    peer_first: bool,
    ended: bool,
}

impl Closing {
    /// We put a Close frame on the wire; `None` for one without a code. Only the first counts.
    pub fn sent(&mut self, code: Option<CloseCode>) {
        self.sent.get_or_insert(code.unwrap_or(CloseCode::NO_STATUS));
    }

    /// A Close frame arrived; `None` for one without a code. Only the first counts.
    pub fn received(&mut self, code: Option<CloseCode>) {
        if self.received.is_none() {
            self.peer_first = self.sent.is_none();
            self.received = Some(code.unwrap_or(CloseCode::NO_STATUS));
        }
    }

    /// The transport ended, in whatever way.
    pub fn transport_ended(&mut self) {
        self.ended = true;
    }

    /// How far it has come.
    #[must_use]
    pub const fn state(&self) -> ClosingState {
        match (self.ended, self.sent, self.received) {
            (true, _, _) => ClosingState::Ended,
            (false, None, None) => ClosingState::Open,
            (false, Some(_), None) => ClosingState::Sent,
            (false, None, Some(_)) => ClosingState::Received,
            (false, Some(_), Some(_)) => ClosingState::Exchanged,
        }
    }

    /// The outcome if the transport ended now.
    #[must_use]
    pub const fn outcome(&self) -> CloseOutcome {
        let (by, code) = match (self.sent, self.received) {
            (_, Some(code)) if self.peer_first => (CloseInitiator::Peer, code),
            (Some(code), _) => (CloseInitiator::Us, code),
            _ => (CloseInitiator::Nobody, CloseCode::ABNORMAL),
        };
        CloseOutcome {
            by,
            code,
            clean: self.sent.is_some() && self.received.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_7_1_4_clean_close_by_us() {
        let mut closing = Closing::default();
        closing.sent(Some(CloseCode::NORMAL));
        assert_eq!(closing.state(), ClosingState::Sent);
        closing.received(Some(CloseCode::NORMAL));
        assert_eq!(closing.state(), ClosingState::Exchanged);
        closing.transport_ended();
        assert_eq!(closing.state(), ClosingState::Ended);
        let expected = CloseOutcome {
            by: CloseInitiator::Us,
            code: CloseCode::NORMAL,
            clean: true,
        };
        assert_eq!(closing.outcome(), expected);
    }

    #[test]
    fn rfc6455_7_1_5_close_without_a_code_is_1005() {
        let mut closing = Closing::default();
        closing.received(None);
        assert_eq!(closing.state(), ClosingState::Received);
        closing.sent(None);
        let expected = CloseOutcome {
            by: CloseInitiator::Peer,
            code: CloseCode::NO_STATUS,
            clean: true,
        };
        assert_eq!(closing.outcome(), expected);
    }

    #[test]
    fn rfc6455_7_1_5_no_frame_at_all_is_1006() {
        let mut closing = Closing::default();
        closing.transport_ended();
        let expected = CloseOutcome {
            by: CloseInitiator::Nobody,
            code: CloseCode::ABNORMAL,
            clean: false,
        };
        assert_eq!(closing.outcome(), expected);
    }

    #[test]
    fn an_unanswered_close_is_not_clean() {
        let mut closing = Closing::default();
        closing.sent(Some(CloseCode::GOING_AWAY));
        closing.transport_ended();
        let expected = CloseOutcome {
            by: CloseInitiator::Us,
            code: CloseCode::GOING_AWAY,
            clean: false,
        };
        assert_eq!(closing.outcome(), expected);
    }

    #[test]
    fn simultaneous_closes_belong_to_who_sent_before_receiving() {
        let mut closing = Closing::default();
        closing.sent(Some(CloseCode::NORMAL));
        closing.received(Some(CloseCode(4000)));
        assert_eq!(closing.outcome().by, CloseInitiator::Us);
        assert_eq!(closing.outcome().code, CloseCode::NORMAL);
    }
}
