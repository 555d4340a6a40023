//! [`Peer`]: the client as a mode sees it.

use std::time::Duration;

use super::output::Output;
use crate::server::handle::{Address, SessionHandle};
use crate::server::ids::{ConnectionId, RouteId};
use crate::server::message::SharedMessage;
use crate::server::worker::Worker;
use crate::wire::{CloseCode, MessageKind};

/// The client as a mode sees it: to be answered, told of, closed.
#[derive(Debug)]
pub(crate) struct Peer<'a> {
    pub(super) output: Output<'a>,
    pub(super) wishes: Wishes,
    worker: &'a Worker,
    address: Address,
    route: RouteId,
}

/// What a mode asked of its session.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) close: Option<(CloseCode, String)>,
    pub(super) wake_after: Option<Duration>,
}

impl<'a> Peer<'a> {
    pub(crate) fn new(output: Output<'a>, worker: &'a Worker, address: Address, route: RouteId) -> Self {
        Self {
            output,
            wishes: Wishes::default(),
            worker,
            address,
            route,
        }
    }

    /// Sends a message to this client; text must be UTF-8.
    #[inline]
    pub(crate) fn send(&mut self, kind: MessageKind, payload: &[u8]) {
        self.output.message(kind, payload);
    }

    /// Sends the message that `compose` appends to its argument; text must be UTF-8.
    pub(crate) fn compose(&mut self, kind: MessageKind, compose: impl FnOnce(&mut Vec<u8>)) {
        self.output.compose(kind, compose);
    }

    /// All sessions of this route.
    pub(crate) fn room(&self) -> Room<'a> {
        Room::new(self.worker, self.route)
    }

    /// Begins the close handshake. The mode gets no further message.
    pub(crate) fn close(&mut self, code: CloseCode, reason: &str) {
        self.wishes.close.get_or_insert_with(|| (code, reason.to_owned()));
    }

    /// Calls [`super::super::mode::Mode::woken`] after this time, in place of a moment asked for before.
    pub(crate) fn wake_after(&mut self, delay: Duration) {
        self.wishes.wake_after = Some(delay);
    }

    /// The connection's id.
    pub(crate) fn id(&self) -> ConnectionId {
        self.address.id
    }

    /// A way to reach this client from any task or thread.
    pub(crate) fn handle(&self) -> SessionHandle {
        let mailbox = self.worker.shared.mailboxes[self.worker.index].clone();
        SessionHandle {
            mailbox,
            address: self.address,
        }
    }
}

/// All open sessions of a route, on every worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'a> {
    worker: &'a Worker,
    route: RouteId,
}

impl<'a> Room<'a> {
    pub(crate) fn new(worker: &'a Worker, route: RouteId) -> Self {
        Self { worker, route }
    }

    /// Sends a message to every open session of the route; text must be UTF-8.
    ///
    /// Messages of one sender arrive in their order. A mode that calls this says so by
    /// [`Mode::publishes`](crate::server::mode::Mode::publishes).
    pub(crate) fn publish(&self, kind: MessageKind, payload: &[u8]) {
        self.worker
            .hub
            .publish(self.route, &SharedMessage::new(kind, payload));
    }
}
