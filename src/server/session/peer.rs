//! [`Peer`]: the client as a mode sees it.

use std::sync::Arc;
use std::time::Duration;

use super::output::Output;
use crate::clock::Moment;
use crate::server::handle::{Address, SessionHandle};
use crate::server::hub::Publication;
use crate::server::ids::{ConnectionId, RouteId};
use crate::server::message::SharedMessage;
use crate::server::room::RoomName;
use crate::server::worker::{Shared, Worker};
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
    pub(super) close: Option<(Option<CloseCode>, String)>,
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

    /// The room of this session.
    pub(crate) fn room(&self) -> Room<'a> {
        Room::new(self.worker, self.route, self.address)
    }

    /// Begins the close handshake; a Close frame without a code has no reason either. The mode gets no further message.
    pub(crate) fn close(&mut self, code: impl Into<Option<CloseCode>>, reason: &str) {
        self.wishes
            .close
            .get_or_insert_with(|| (code.into(), reason.to_owned()));
    }

    /// Calls [`super::super::mode::Mode::woken`] after this time, in place of a moment asked for before.
    pub(crate) fn wake_after(&mut self, delay: Duration) {
        self.wishes.wake_after = Some(delay);
    }

    /// The connection's id.
    pub(crate) fn id(&self) -> ConnectionId {
        self.address.id
    }

    /// The present, as [`Worker::now`] knows it.
    pub(crate) fn now(&self) -> Moment {
        self.worker.now()
    }

    /// What the workers share.
    pub(crate) fn shared(&self) -> &'a Shared {
        &self.worker.shared
    }

    /// Counts messages that this client did not get because it reads too slowly.
    pub(crate) fn dropped(&self, count: u64) {
        self.worker.metrics().routes[self.route.index()]
            .dropped
            .add(count);
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

/// All open sessions of a room, on every worker, as one of its members sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'a> {
    worker: &'a Worker,
    route: RouteId,
    member: Address,
}

impl<'a> Room<'a> {
    pub(crate) fn new(worker: &'a Worker, route: RouteId, member: Address) -> Self {
        Self {
            worker,
            route,
            member,
        }
    }

    /// Sends a message to every open session of the room, here and on the servers that share the backplane; text must be
    /// UTF-8.
    ///
    /// Messages of one sender arrive in their order. A mode that calls this says so by
    /// [`Mode::publishes`](crate::server::mode::Mode::publishes).
    pub(crate) fn publish(&self, kind: MessageKind, payload: &[u8]) {
        let publication = self.publication(kind, payload);
        if let Some(backplane) = &self.worker.shared.backplane {
            backplane.publish(&publication);
        }
        self.deliver(&publication);
    }

    /// The same, without the other servers.
    pub(crate) fn publish_here(&self, kind: MessageKind, payload: &[u8]) {
        self.deliver(&self.publication(kind, payload));
    }

    fn deliver(&self, publication: &Publication) {
        // While the server stops, every session takes leave of every other, and none takes messages any more.
        if !self.worker.is_stopping() {
            self.worker.hub.publish(publication);
        }
    }

    fn publication(&self, kind: MessageKind, payload: &[u8]) -> Publication {
        Publication {
            route: self.route,
            room: self.name(),
            message: SharedMessage::new(kind, payload),
        }
    }

    /// The room's name.
    pub(crate) fn name(&self) -> RoomName {
        self.worker.registry.borrow().room_of(self.member.slot)
    }

    /// The room's route.
    pub(crate) fn route(&self) -> RouteId {
        self.route
    }

    /// A name for this member that no other connection has, on whichever server: `<instance>-<connection>`.
    pub(crate) fn member_name(&self) -> String {
        format!("{}-{}", self.worker.shared.instance, self.member.id)
    }

    /// What the workers share.
    pub(crate) fn shared(&self) -> &'a Arc<Shared> {
        &self.worker.shared
    }
}
