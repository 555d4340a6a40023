//! [`Mailbox`]: where letters wait for a process, bounded in number and in bytes.
//!
//! A full mailbox makes the sender wait; it never drops a letter. Who may not wait for ever, because it could wait for
//! itself, waits for [`PATIENCE`] (see [`super::Processes::send`]).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc};

use super::letter::Letter;

/// How long a process waits for room in another's mailbox before its letter is refused.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What may wait for one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MailboxLimits {
    pub(crate) letters: usize,
    /// A letter that is larger than this fits into an empty mailbox.
    pub(crate) bytes: usize,
}

/// The sending side; clones reach the same process.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox {
    letters: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    bytes: u32,
}

/// The receiving side.
#[derive(Debug)]
pub(crate) struct Inbox(mpsc::Receiver<Waiting>);

/// A letter, and the room that it takes.
#[derive(Debug)]
struct Waiting {
    letter: Letter,
    _room: OwnedSemaphorePermit,
}

/// Why a letter was not put into a mailbox at once.
#[derive(Debug)]
pub(crate) enum NotNow {
    /// There is no room.
    Full(Letter),
    /// The process is gone.
    Gone,
}

/// The process is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// A mailbox of its own for a process.
pub(crate) fn mailbox(limits: MailboxLimits) -> (Mailbox, Inbox) {
    // Semaphores count in 32 bits and no further than this.
    let bytes = limits
        .bytes
        .clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize)) as u32;
    let (letters, inbox) = mpsc::channel(limits.letters.max(1));
    (
        Mailbox {
            letters,
            room: Arc::new(Semaphore::new(bytes as usize)),
            bytes,
        },
        Inbox(inbox),
    )
}

impl Mailbox {
    /// Puts the letter in, once there is room. Letters of one sender stay in order if it sends one after the other.
    pub(crate) async fn send(&self, letter: Letter) -> Result<(), Gone> {
        // The semaphore outlives the process, whose end must wake those who wait.
        let room = tokio::select! {
            room = self.room.clone().acquire_many_owned(self.share(&letter)) => room.map_err(|_| Gone)?,
            () = self.letters.closed() => return Err(Gone),
        };
        self.letters
            .send(Waiting { letter, _room: room })
            .await
            .map_err(|_| Gone)
    }

    /// Puts the letter in if there is room.
    pub(crate) fn try_send(&self, letter: Letter) -> Result<(), NotNow> {
        let room = match self.room.clone().try_acquire_many_owned(self.share(&letter)) {
            Ok(room) => room,
            Err(TryAcquireError::NoPermits) if self.letters.is_closed() => return Err(NotNow::Gone),
            Err(TryAcquireError::NoPermits) => return Err(NotNow::Full(letter)),
            Err(TryAcquireError::Closed) => return Err(NotNow::Gone),
        };
        self.letters
            .try_send(Waiting { letter, _room: room })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(waiting) => NotNow::Full(waiting.letter),
                mpsc::error::TrySendError::Closed(_) => NotNow::Gone,
            })
    }

    /// Letters that wait.
    pub(crate) fn len(&self) -> usize {
        self.letters.max_capacity() - self.letters.capacity()
    }

    fn share(&self, letter: &Letter) -> u32 {
        u32::try_from(letter.size()).unwrap_or(u32::MAX).min(self.bytes)
    }
}

impl Inbox {
    /// The next letter. Cancelling loses nothing. `None` once nobody can send any more.
    pub(crate) async fn next(&mut self) -> Option<Letter> {
        self.0.recv().await.map(|waiting| waiting.letter)
    }

    /// The next letter if one waits.
    pub(crate) fn try_next(&mut self) -> Option<Letter> {
        self.0.try_recv().ok().map(|waiting| waiting.letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::relay::letter::{Content, Data};

    fn letter(text: &str) -> Letter {
        Letter::anonymous(Content::Send(Data::text(text)))
    }

    #[tokio::test]
    async fn e3_a_mailbox_is_bounded_in_letters() {
        let (mailbox, mut inbox) = mailbox(MailboxLimits {
            letters: 2,
            bytes: 1 << 20,
        });
        assert!(mailbox.try_send(letter("a")).is_ok());
        assert!(mailbox.try_send(letter("b")).is_ok());
        assert!(matches!(mailbox.try_send(letter("c")), Err(NotNow::Full(_))));
        assert_eq!(mailbox.len(), 2);
        assert_eq!(inbox.next().await, Some(letter("a")));
        assert!(mailbox.try_send(letter("c")).is_ok());
    }

    #[tokio::test]
    async fn e3_a_mailbox_is_bounded_in_bytes_and_takes_a_large_letter_alone() {
        let (mailbox, mut inbox) = mailbox(MailboxLimits {
            letters: 100,
            bytes: 1000,
        });
        let large = letter(&"x".repeat(5000));
        assert!(mailbox.try_send(large.clone()).is_ok());
        assert!(matches!(mailbox.try_send(letter("a")), Err(NotNow::Full(_))));
        assert_eq!(inbox.try_next(), Some(large));
        assert!(mailbox.try_send(letter("a")).is_ok());
    }

    #[tokio::test]
    async fn e3_a_sender_waits_for_room_and_learns_that_the_process_is_gone() {
        let (mailbox, mut inbox) = mailbox(MailboxLimits {
            letters: 1,
            bytes: 1 << 20,
        });
        mailbox.send(letter("a")).await.unwrap();
        let waiting = tokio::spawn({
            let mailbox = mailbox.clone();
            async move { mailbox.send(letter("b")).await }
        });
        assert_eq!(inbox.next().await, Some(letter("a")));
        assert_eq!(inbox.next().await, Some(letter("b")));
        waiting.await.unwrap().unwrap();
        mailbox.send(letter("c")).await.unwrap();
        let waiting = tokio::spawn(async move { mailbox.send(letter("d")).await });
        tokio::task::yield_now().await;
        drop(inbox);
        assert_eq!(waiting.await.unwrap(), Err(Gone));
    }
}
