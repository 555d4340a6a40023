//! [`Postbox`]: the way to a process, in this node or in another.

use super::letter::Letter;
use super::mailbox::{Gone, Mailbox, NotNow};
use super::pid::Pid;
use super::processes::SendError;
use super::remote::{BusError, Uplink};

/// The way to a process.
#[derive(Clone, Debug)]
pub(crate) enum Postbox {
    Local(Mailbox),
    Remote(Uplink, Pid),
}

/// Why a letter did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undelivered {
    #[error("it is gone")]
    Gone,
    #[error(transparent)]
    Bus(BusError),
}

impl Postbox {
    /// Delivers a letter; waits for room. A letter to another node is delivered when the bus has it.
    pub(crate) async fn send(&self, letter: Letter) -> Result<(), Undelivered> {
        match self {
            Self::Local(mailbox) => mailbox.send(letter).await.map_err(|Gone| Undelivered::Gone),
            Self::Remote(uplink, pid) => uplink.send_to(pid, &letter).await.map_err(Undelivered::Bus),
        }
    }

    /// Delivers a letter if that takes no waiting, which it always does to another node.
    pub(crate) fn try_send(&self, letter: Letter) -> Result<(), NotNow> {
        match self {
            Self::Local(mailbox) => mailbox.try_send(letter),
            Self::Remote(..) => Err(NotNow::Full(letter)),
        }
    }
}

impl Undelivered {
    pub(crate) fn of(self, pid: &Pid) -> SendError {
        match self {
            Self::Gone => SendError::Unknown(pid.to_string()),
            Self::Bus(error) => SendError::Unreachable(pid.clone(), error.to_string()),
        }
    }
}
