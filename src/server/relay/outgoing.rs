//! [`Outgoing`]: a connection's letters on their way to its targets, in order, while it goes on with everything else.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use super::letter::Letter;
use super::mailbox::NotNow;
use super::postbox::{Postbox, Undelivered};

type Delivery = Pin<Box<dyn Future<Output = Result<(), Undelivered>> + Send>>;

/// Letters in the order in which they have to arrive, also across different processes.
#[derive(Default)]
pub(crate) struct Outgoing {
    waiting: VecDeque<(Postbox, Letter)>,
    /// The one that waits for room.
    under_way: Option<Delivery>,
}

impl Outgoing {
    pub(crate) fn push(&mut self, to: &Postbox, letter: Letter) {
        self.waiting.push_back((to.clone(), letter));
    }

    /// Whether everything arrived.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_none()
    }

    /// Letters that have not arrived.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.under_way.is_some())
    }

    /// Delivers everything. Cancelling loses nothing. What is for a process that is gone is dropped: who sends is told of
    /// the process's end in another way.
    pub(crate) async fn deliver(&mut self) {
        loop {
            if let Some(sending) = &mut self.under_way {
                if let Err(Undelivered::Bus(error)) = sending.await {
                    tracing::warn!(%error, "letter to a remote process is lost");
                }
                self.under_way = None;
            }
            let Some((to, letter)) = self.waiting.pop_front() else {
                return;
            };
            if let Err(NotNow::Full(letter)) = to.try_send(letter) {
                self.under_way = Some(Box::pin(async move { to.send(letter).await }));
            }
        }
    }
}
