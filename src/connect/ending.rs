//! [`Ending`]: how a conversation ended.

use std::fmt;

use crate::units::ByteSize;
use crate::wire::{CloseCode, CloseInitiator, CloseOutcome};

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Who closed, with what code, and whether both Close frames passed.
    pub outcome: CloseOutcome,
    /// The reason in the first Close frame.
    pub reason: String,
    /// What went wrong: the transport's error, the server's violation of the protocol, or a message too large.
    pub problem: Option<Problem>,
    /// Lines of input that could not be carried out.
    pub refused: u64,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The server broke the protocol, so we closed.
    Violation(String),
    /// The server sent a message larger than we take, so we closed.
    TooLarge {
        /// Bytes of the message as far as it was announced.
        size: usize,
        /// `--max-message-size` in bytes.
        limit: usize,
    },
    /// The transport failed.
    Lost(String),
    /// The user did not want to wait for the server's Close frame.
    Forced,
}

/// What to make of an [`Ending`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// We closed, or the server did with 1000, 1001 or no code.
    Fine,
    /// The server closed with another code, broke the protocol, or sent a message larger than we take.
    Failed,
    /// The connection ended without a Close frame.
    Lost,
    /// The user gave up on the close handshake.
    Interrupted,
}

impl Ending {
    /// What to make of it.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match (&self.problem, self.outcome.by) {
            (Some(Problem::Violation(_) | Problem::TooLarge { .. }), _) => Verdict::Failed,
            (Some(Problem::Forced), _) => Verdict::Interrupted,
            (_, CloseInitiator::Nobody) => Verdict::Lost,
            (_, CloseInitiator::Us) => Verdict::Fine,
            (_, CloseInitiator::Peer) => match self.outcome.code {
                CloseCode::NORMAL | CloseCode::GOING_AWAY | CloseCode::NO_STATUS => Verdict::Fine,
                _ => Verdict::Failed,
            },
        }
    }
}

/// One line: who closed, with what, and what was wrong with it.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CloseOutcome { by, code, clean } = self.outcome;
        match by {
            CloseInitiator::Us => f.write_str("closed by us: ")?,
            CloseInitiator::Peer => f.write_str("closed by the server: ")?,
            CloseInitiator::Nobody => f.write_str("connection lost without a Close frame: ")?,
        }
        write!(f, "{code} ({})", code.name())?;
        if !self.reason.is_empty() {
            write!(f, ": {}", self.reason.escape_debug())?;
        }
        match &self.problem {
            Some(Problem::Violation(text)) => write!(f, "; the server broke the protocol: {text}"),
            Some(Problem::TooLarge { size, limit }) => write!(
                f,
                "; the server sent a message of {size} bytes or more, larger than {}: raise --max-message-size",
                ByteSize(*limit as u64)
            ),
            Some(Problem::Lost(text)) => write!(f, "; {text}"),
            Some(Problem::Forced) => f.write_str("; left without waiting for the server's Close frame"),
            None if !clean && by == CloseInitiator::Us => {
                f.write_str("; the server did not answer the Close frame")
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(by: CloseInitiator, code: u16) -> Ending {
        Ending {
            outcome: CloseOutcome {
                by,
                code: CloseCode(code),
                clean: true,
            },
            reason: String::new(),
            problem: None,
            refused: 0,
        }
    }

    #[test]
    fn the_line_says_who_closed_and_with_what() {
        let mut ended = ending(CloseInitiator::Peer, 1009);
        ended.reason = "at most\n64 KiB".to_owned();
        assert_eq!(
            ended.to_string(),
            "closed by the server: 1009 (message too big): at most\\n64 KiB"
        );
        assert_eq!(
            ending(CloseInitiator::Us, 1000).to_string(),
            "closed by us: 1000 (normal)"
        );
        let mut lost = ending(CloseInitiator::Nobody, 1006);
        lost.problem = Some(Problem::Lost("connection reset".to_owned()));
        assert_eq!(
            lost.to_string(),
            "connection lost without a Close frame: 1006 (abnormal); connection reset"
        );
    }

    #[test]
    fn only_closes_that_mean_well_are_fine() {
        for code in [1000, 1001, 1005] {
            assert_eq!(
                ending(CloseInitiator::Peer, code).verdict(),
                Verdict::Fine,
                "{code}"
            );
        }
        for code in [1002, 1009, 1011, 4000] {
            assert_eq!(
                ending(CloseInitiator::Peer, code).verdict(),
                Verdict::Failed,
                "{code}"
            );
            assert_eq!(
                ending(CloseInitiator::Us, code).verdict(),
                Verdict::Fine,
                "{code}"
            );
        }
        assert_eq!(ending(CloseInitiator::Nobody, 1006).verdict(), Verdict::Lost);
        let mut violated = ending(CloseInitiator::Us, 1002);
        violated.problem = Some(Problem::Violation("masked frame".to_owned()));
        assert_eq!(violated.verdict(), Verdict::Failed);
    }
}
