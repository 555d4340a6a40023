//! [`Session`]: the task of a WebSocket connection.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::life::Life;
use super::peer::Room;
use super::transport::Transport;
use super::turn::Turn;
use crate::server::fault::{FaultKind, FaultRecord, FaultTally, FaultyTransport, RequestedFaults};
use crate::server::handle::Address;
use crate::server::ids::{ConnectionId, RouteId};
use crate::server::journal::{ConnectionEntry, Entry, Remarks};
use crate::server::message::shares_deflated;
use crate::server::mode::Mode;
use crate::server::ratelimit::{ConnectionPermit, MessageAllowance};
use crate::server::record::initiator_name;
use crate::server::refusal::Refusal;
use crate::server::registry::{NewSession, SessionOrder};
use crate::server::room::RoomName;
use crate::server::settings::Settings;
use crate::server::worker::{Shared, Worker};
use crate::wire::deflate::{DeflateParams, Deflater, Inflater};
use crate::wire::{Receiver, ReceiverConfig, Role, Rules, Sender};

/// A WebSocket connection. Each turn of the task reads, hands messages to the mode and writes the answers.
///
/// It owns no buffer: those of the worker serve all sessions. What cannot be written at once waits in the outbox of
/// its slot in the registry. Its memory counts: there is one for each of very many connections.
#[derive(Debug)]
pub(crate) struct Session {
    worker: Rc<Worker>,
    state: State,
}

/// Everything of a session but its worker.
#[derive(Debug)]
pub(super) struct State {
    pub(super) transport: Transport,
    pub(super) receiver: Receiver,
    pub(super) sender: Sender,
    pub(super) mode: Box<dyn Mode>,
    pub(super) life: Life,
    /// What the client may still send, if that is limited.
    pub(super) allowance: Option<Box<MessageAllowance>>,
    /// What came behind the request head.
    pub(super) early: Option<Box<Early>>,
    pub(super) address: Address,
    pub(super) route: RouteId,
    /// The mode publishes, so it may have to wait for the hub.
    pub(super) publishes: bool,
    /// The mode waits for something else than the client.
    pub(super) attends: bool,
    /// Compressed messages for many receivers can be sent as they are.
    pub(super) shares_deflated: bool,
    /// The client was not read although it may have sent something, because others had no room for it.
    pub(super) unread: bool,
    /// Written bytes may be inside TLS still.
    pub(super) unflushed: bool,
}

/// Bytes that came too early. Hardly any session has them, so a thin pointer is all that the others pay.
#[derive(Debug)]
pub(super) struct Early(pub(super) Box<[u8]>);

/// A connection after its upgrade.
#[derive(Debug)]
pub(crate) struct Upgraded {
    pub(crate) admission: Admission,
    pub(crate) route: RouteId,
    pub(crate) peer: std::net::SocketAddr,
    pub(crate) tag: Option<Box<str>>,
    /// Who the client is, if the route asks for it.
    pub(crate) subject: Option<Box<str>>,
    pub(crate) allowance: Option<MessageAllowance>,
    pub(crate) room: RoomName,
    pub(crate) deflate: Option<DeflateParams>,
    pub(crate) mode: Box<dyn Mode>,
    pub(crate) faults: Option<Box<UpgradedFaults>>,
}

/// What is done wrong to a connection.
#[derive(Debug)]
pub(crate) struct UpgradedFaults {
    pub(crate) requested: RequestedFaults,
    /// The answer to the upgrade, if it is not written yet.
    pub(crate) head: Option<Vec<u8>>,
}

/// A place among the connections that there may be, and an id. The place is free again when this or, once it is handed
/// over, the session's slot in the registry is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    id: ConnectionId,
    places: Places,
}

/// The places that a connection takes.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "held to be dropped with the connection")]
pub(crate) struct Places {
    /// Unless it only asks whether the server is well.
    server: Option<ConnectionPermit>,
    /// If the route has a limit of its own; few have.
    route: Option<Box<ConnectionPermit>>,
}

impl Admission {
    /// Places for a client in the server and in the route. A health check finds one in the server in any case: a full
    /// server is well.
    ///
    /// # Errors
    /// One of them has none left.
    pub(crate) fn new(
        shared: &Shared,
        settings: &Settings,
        route: RouteId,
        client: IpAddr,
    ) -> Result<Self, Refusal> {
        let is_probe = settings.routes[route.index()].mode.is_probe();
        let places = Places {
            server: (!is_probe)
                .then(|| shared.connections.admit(client))
                .transpose()?,
            route: settings.guards[route.index()].place(client)?.map(Box::new),
        };
        let id = ConnectionId(shared.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(Self { id, places })
    }
}

impl UpgradedFaults {
    /// The transport behind these faults, and the record of what they do.
    fn put_before(self, transport: Transport, worker: &Rc<Worker>) -> (Transport, Option<Arc<FaultRecord>>) {
        let plan = self.requested.plan();
        let tally = FaultTally::new(plan, worker.clone());
        if self.requested.bad_handshake().is_some() {
            tally.count(FaultKind::BadHandshake);
        }
        let record = (!plan.is_empty()).then(|| tally.record.clone());
        let faulty = FaultyTransport::new(transport, plan, self.head, tally);
        (Transport::Faulty(Box::new(faulty)), record)
    }
}

impl Session {
    /// Enters the connection into the worker's registry. The result has to be spawned on the worker's thread.
    pub(crate) fn new(worker: Rc<Worker>, upgraded: Upgraded, transport: Transport, early: &[u8]) -> Self {
        let Upgraded {
            admission,
            route,
            peer,
            tag,
            subject,
            allowance,
            room,
            deflate,
            mode,
            faults,
        } = upgraded;
        let Admission { id, places } = admission;
        worker.session_opened();
        let opened = worker.now();
        let (transport, faults) = match faults {
            None => (transport, None),
            Some(faults) => faults.put_before(transport, &worker),
        };
        let slot = worker.registry.borrow_mut().insert(NewSession {
            id,
            route,
            peer,
            remarks: Remarks { tag, subject, faults }.boxed(),
            opened,
            places,
            room,
        });
        if worker.is_stopping() {
            // The others were told before this one was there.
            worker
                .registry
                .borrow_mut()
                .order(Address { slot, id }, SessionOrder::Stop);
        }
        worker.metrics().routes[route.index()].opened.add(1);
        tracing::debug!(id = id.0, route = worker.shared.path(route), %peer, "connection opened");
        let limits = worker.limits(route);
        let config = ReceiverConfig {
            max_message_size: limits.max_message_size,
            rules: Rules::STRICT,
        };
        let level = limits.compression.unwrap_or_default();
        let inflater = deflate.map(|params| Box::new(Inflater::new(&params, Role::Server)));
        let deflater = deflate.map(|params| Box::new(Deflater::new(&params, Role::Server, level)));
        let state = State {
            transport,
            receiver: Receiver::new(Role::Server, config, inflater),
            sender: Sender::new(Role::Server, deflater),
            publishes: mode.publishes(),
            attends: mode.attends(),
            mode,
            life: Life::new(&limits, opened),
            allowance: allowance.map(Box::new),
            early: (!early.is_empty()).then(|| Box::new(Early(early.into()))),
            address: Address { slot, id },
            route,
            shares_deflated: deflate.is_some_and(|params| shares_deflated(&params)),
            unread: false,
            unflushed: false,
        };
        drop(limits);
        Self { worker, state }
    }
}

impl Future for Session {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { worker, state } = self.get_mut();
        Turn::run(state, worker, cx.waker())
    }
}

impl Drop for Session {
    /// Writes the ending down, whichever way it came: the task may also be dropped by a panic or with its runtime.
    fn drop(&mut self) {
        let Self { worker, state } = self;
        let (route, slot) = (state.route, state.address.slot);
        state.mode.closed(&Room::new(worker, route, state.address));
        let mut ending = state.life.ending();
        state.transport.correct_ending(&mut ending);
        state.mode.ended(&ending);
        let slot = worker.registry.borrow_mut().remove(slot);
        worker.session_closed(state.address.slot);
        let Some(slot) = slot else { return };

        let now = crate::clock::now();
        worker.metrics().routes[route.index()].ended(&ending, now - slot.about.opened);
        tracing::debug!(
            id = slot.id.0,
            route = worker.shared.path(route),
            peer = %slot.about.peer,
            cause = %ending.cause,
            closed_by = initiator_name(ending.outcome.by),
            code = ending.outcome.code.0,
            seconds = (now - slot.about.opened).as_secs_f64(),
            messages_in = slot.traffic.messages_in,
            messages_out = slot.traffic.messages_out,
            "connection ended"
        );
        worker.shared.journal.push(Entry::Connection(ConnectionEntry {
            id: slot.id,
            route,
            peer: slot.about.peer,
            remarks: slot.about.remarks,
            opened: slot.about.opened,
            traffic: slot.traffic,
            ended: Some((now, Box::new(ending))),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory per connection: the task's cell adds some 110 bytes to this and is rounded up to a multiple of 128.
    #[test]
    fn a_session_stays_small() {
        let size = std::mem::size_of::<Session>();
        assert!(size <= 256, "a session takes {size} bytes");
    }
}
