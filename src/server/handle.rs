//! [`SessionHandle`]: reaching a session from any task or thread. [`Order`]: what a worker can be told from outside.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::hub::Publication;
use super::ids::{ConnectionId, RouteId};
use super::journal::Entry;
use super::message::SharedMessage;
use super::registry::{Kill, Selection, SessionOrder, Waiting};
use super::settings::Settings;
use crate::wire::{CloseCode, MessageKind};

/// Where orders for a worker go. Bounded: senders wait.
pub(crate) type Mailbox = mpsc::Sender<Order>;

/// Orders that may wait for a worker.
pub(crate) const MAILBOX_CAPACITY: usize = 64;

/// What a worker can be told from outside.
#[derive(Debug)]
pub(crate) enum Order {
    /// Publications of another worker's sessions.
    Publish(Vec<Publication>),
    /// A message for one session.
    Deliver(Address, SharedMessage),
    /// Something for one session to do.
    Session(Address, SessionOrder),
    /// What is known of the connections that are open.
    Inspect(oneshot::Sender<Vec<Entry>>),
    /// End some sessions; says how many there were.
    Kill(Selection, Kill, oneshot::Sender<usize>),
    /// What waits for slow clients, by route.
    Waiting(oneshot::Sender<Vec<Waiting>>),
    /// Let the clients of a route, or of all, wait or go on.
    PauseReads(Option<RouteId>, bool),
    /// Close all sessions, evenly over this time; `None` ends that.
    Drain(Option<Duration>),
    /// New settings.
    Reload(Arc<Settings>),
    /// Stop gracefully.
    Stop,
}

/// A session's place. The id tells it from a later session in the same slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) slot: u32,
    pub(crate) id: ConnectionId,
}

/// Sends to one session, from any task or thread. Outliving the session is harmless.
///
/// Messages wait in the worker's mailbox and then in the session's outbox; both are bounded. The first makes the
/// sender wait, the second applies the route's slow-consumer policy.
#[derive(Clone, Debug)]
pub struct SessionHandle {
    pub(crate) mailbox: Mailbox,
    pub(crate) address: Address,
}

/// The worker of the session has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server has stopped")]
pub struct Stopped;

impl SessionHandle {
    /// The connection's id.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.address.id
    }

    /// Queues a message; text must be UTF-8. A session that is gone gets nothing.
    ///
    /// # Errors
    /// The server has stopped.
    pub async fn send(&self, kind: MessageKind, payload: &[u8]) -> Result<(), Stopped> {
        let message = SharedMessage::new(kind, payload);
        self.tell(Order::Deliver(self.address, message)).await
    }

    /// Begins the close handshake.
    ///
    /// # Errors
    /// The server has stopped.
    pub async fn close(&self, code: CloseCode, reason: &str) -> Result<(), Stopped> {
        self.tell(Order::Session(
            self.address,
            SessionOrder::Close(code, reason.to_owned()),
        ))
        .await
    }

    async fn tell(&self, order: Order) -> Result<(), Stopped> {
        self.mailbox.send(order).await.map_err(|_| Stopped)
    }
}
