//! [`Me`]: a process as its own code sees it.

use tokio::sync::oneshot;

use super::exit::ExitReason;
use super::letter::{Content, Letter};
use super::mailbox::Inbox;
use super::pid::Pid;
use super::processes::{Processes, SendError};

/// A process as its own code sees it.
#[derive(Debug)]
pub(crate) struct Me {
    pub(crate) pid: Pid,
    pub(crate) processes: Processes,
    pub(crate) inbox: Inbox,
    pub(crate) killed: Killed,
}

/// Tells once that the process was killed.
#[derive(Debug)]
pub(crate) struct Killed(Option<oneshot::Receiver<ExitReason>>);

impl Me {
    pub(crate) fn new(
        pid: Pid,
        inbox: Inbox,
        killed: oneshot::Receiver<ExitReason>,
        processes: Processes,
    ) -> Self {
        Self {
            pid,
            processes,
            inbox,
            killed: Killed(Some(killed)),
        }
    }

    /// The next letter. Cancelling loses nothing.
    ///
    /// # Errors
    /// The process was killed and has to end for this reason.
    pub(crate) async fn next(&mut self) -> Result<Letter, ExitReason> {
        tokio::select! {
            biased;
            reason = self.killed.reason() => Err(reason),
            letter = self.inbox.next() => letter.ok_or(ExitReason::Unknown),
        }
    }

    /// Sends a letter, as [`Processes::send`].
    pub(crate) async fn send(&self, to: &Pid, content: Content) -> Result<(), SendError> {
        self.processes
            .send(to, Letter::new(self.pid.clone(), content))
            .await
    }
}

impl Killed {
    /// Waits until the process is killed; for ever once that was told. Cancelling loses nothing.
    pub(crate) async fn reason(&mut self) -> ExitReason {
        let Some(receiver) = &mut self.0 else {
            return std::future::pending().await;
        };
        let reason = receiver.await.unwrap_or(ExitReason::Unknown);
        self.0 = None;
        reason
    }
}
