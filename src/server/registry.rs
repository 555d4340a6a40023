//! [`Registry`]: a worker's sessions, as far as others than the session's own task have to do with them.

use std::net::SocketAddr;
use std::ops::AddAssign;
use std::task::Waker;

use slab::Slab;

use super::config::{RouteLimits, RoutePlan};
use super::handle::Address;
use super::ids::{ConnectionId, RouteId};
use super::message::SharedMessage;
use super::outbox::{Offered, Outbox};
use super::record::Traffic;
use super::session::Places;
use crate::clock::Moment;
use crate::wire::CloseCode;

/// The sessions of one worker.
#[derive(Debug)]
pub(crate) struct Registry {
    slots: Slab<Slot>,
    /// The open sessions of each route.
    members: Vec<Vec<u32>>,
}

/// What the rest of the worker may see and touch of a session.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: ConnectionId,
    pub(crate) opened: Moment,
    pub(crate) traffic: Traffic,
    pub(crate) peer: SocketAddr,
    pub(crate) tag: Option<Box<str>>,
    pub(crate) subject: Option<Box<str>>,
    outbox: Option<Box<Outbox>>,
    waker: Option<Waker>,
    order: Option<Box<SessionOrder>>,
    /// Its place among the members of its route, or [`NOT_A_MEMBER`].
    member: u32,
    pub(crate) route: RouteId,
    timer_fired: bool,
    #[expect(dead_code, reason = "held to be dropped with the slot")]
    places: Option<Places>,
}

/// What a session was told by others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionOrder {
    /// Its outbox overflowed.
    SlowConsumer,
    /// Begin the close handshake: the server stops.
    Stop,
    /// End now.
    Cut,
    /// Begin the close handshake.
    Close(CloseCode, String),
    /// Begin the close handshake: the server is to have no sessions.
    Drain,
    /// The administrator ends it.
    Kill(Kill),
}

/// How an administrator ends a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// By a Close frame.
    Close(CloseCode, String),
    /// By a reset of the connection.
    Cut,
}

/// Some of a worker's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    Route(RouteId),
    Id(ConnectionId),
}

/// What waits for clients that do not take it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) sessions: u64,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl AddAssign for Waiting {
    fn add_assign(&mut self, rhs: Self) {
        self.sessions += rhs.sessions;
        self.messages += rhs.messages;
        self.bytes += rhs.bytes;
    }
}

/// What a session finds in its slot when it is polled.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    pub(crate) timer_fired: bool,
    pub(crate) order: Option<Box<SessionOrder>>,
    pub(crate) outbox: Option<Box<Outbox>>,
}

const NOT_A_MEMBER: u32 = u32::MAX;

impl Registry {
    /// Room for sessions of that many routes.
    pub(crate) fn new(routes: usize) -> Self {
        Self {
            slots: Slab::new(),
            members: vec![Vec::new(); routes],
        }
    }

    /// Number of sessions.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds a session; it gets messages of its route from now on.
    pub(crate) fn insert(&mut self, entry: NewSession) -> u32 {
        let NewSession {
            id,
            route,
            peer,
            tag,
            subject,
            opened,
            places,
        } = entry;
        let members = &mut self.members[route.index()];
        let slot = Slot {
            id,
            opened,
            traffic: Traffic::default(),
            peer,
            tag,
            subject,
            outbox: None,
            waker: None,
            order: None,
            member: members.len() as u32,
            route,
            timer_fired: false,
            places,
        };
        let key = self.slots.insert(slot) as u32;
        members.push(key);
        key
    }

    /// Takes a session out.
    pub(crate) fn remove(&mut self, key: u32) -> Option<Slot> {
        self.leave(key);
        self.slots.try_remove(key as usize)
    }

    /// From now on the session gets no messages of its route.
    pub(crate) fn leave(&mut self, key: u32) {
        let Some(slot) = self.slots.get_mut(key as usize) else {
            return;
        };
        let member = std::mem::replace(&mut slot.member, NOT_A_MEMBER);
        let members = &mut self.members[slot.route.index()];
        if member == NOT_A_MEMBER {
            return;
        }
        members.swap_remove(member as usize);
        if let Some(&moved) = members.get(member as usize) {
            self.slots[moved as usize].member = member;
        }
    }

    /// The session's task tells how to wake it.
    pub(crate) fn set_waker(&mut self, key: u32, waker: &Waker) {
        if let Some(slot) = self.slots.get_mut(key as usize) {
            slot.waker = Some(waker.clone());
        }
    }

    /// What the session has to attend to; taken out of the slot.
    #[inline]
    pub(crate) fn attend(&mut self, key: u32) -> Attention {
        let Some(slot) = self.slots.get_mut(key as usize) else {
            return Attention::default();
        };
        Attention {
            timer_fired: std::mem::take(&mut slot.timer_fired),
            order: slot.order.take(),
            outbox: slot.outbox.take(),
        }
    }

    /// The session's task ends a turn: what it could not write, and what passed.
    #[inline]
    pub(crate) fn yielded(&mut self, key: u32, outbox: Option<Box<Outbox>>, traffic: &Traffic) {
        if let Some(slot) = self.slots.get_mut(key as usize) {
            slot.outbox = outbox;
            slot.traffic += *traffic;
        }
    }

    /// The session's timer fired.
    pub(crate) fn timer_fired(&mut self, key: u32) {
        if let Some(slot) = self.slots.get_mut(key as usize) {
            slot.timer_fired = true;
            slot.wake();
        }
    }

    /// Lets every session look at its deadlines.
    pub(crate) fn fire_all_timers(&mut self) {
        for (_, slot) in &mut self.slots {
            slot.timer_fired = true;
            slot.wake();
        }
    }

    /// Wakes every session.
    pub(crate) fn wake_all(&self) {
        for (_, slot) in &self.slots {
            slot.wake();
        }
    }

    /// Number of sessions that do not close.
    pub(crate) fn open(&self) -> usize {
        self.iter().filter(|slot| slot.is_open()).count()
    }

    /// Tells some of the sessions that do not close something.
    pub(crate) fn order_some(&mut self, count: usize, order: &SessionOrder) {
        let open = self.slots.iter_mut().filter(|(_, slot)| slot.is_open());
        for (_, slot) in open.take(count) {
            slot.give(order.clone());
        }
    }

    /// Ends some sessions; says how many.
    pub(crate) fn kill(&mut self, selection: Selection, how: &Kill) -> usize {
        let mut count = 0;
        let selected = self.slots.iter_mut().filter(|(_, slot)| match selection {
            Selection::All => true,
            Selection::Route(route) => slot.route == route,
            Selection::Id(id) => slot.id == id,
        });
        for (_, slot) in selected {
            slot.give(SessionOrder::Kill(how.clone()));
            count += 1;
        }
        count
    }

    /// Tells every session something.
    pub(crate) fn order_all(&mut self, order: &SessionOrder) {
        for (_, slot) in &mut self.slots {
            slot.give(order.clone());
        }
    }

    /// Tells one session something, unless it is gone.
    pub(crate) fn order(&mut self, address: Address, order: SessionOrder) {
        if let Some(slot) = self.get(address) {
            slot.give(order);
        }
    }

    /// Offers a message to one session, within the limits of its route. `None` if it is gone or closing.
    pub(crate) fn deliver(
        &mut self,
        address: Address,
        message: SharedMessage,
        routes: &[RoutePlan],
    ) -> Option<(RouteId, Offered)> {
        let slot = self.get(address).filter(|slot| slot.is_open())?;
        let limits = &routes[slot.route.index()].limits;
        Some((slot.route, slot.offer(message, limits)))
    }

    fn get(&mut self, address: Address) -> Option<&mut Slot> {
        self.slots
            .get_mut(address.slot as usize)
            .filter(|slot| slot.id == address.id)
    }

    /// Offers a message to every open session of a route; `report` gets what became of each.
    pub(crate) fn fan_out(
        &mut self,
        route: RouteId,
        message: &SharedMessage,
        limits: &RouteLimits,
        mut report: impl FnMut(Offered),
    ) -> usize {
        let members = &self.members[route.index()];
        for &key in members {
            if let Some(slot) = self.slots.get_mut(key as usize).filter(|slot| slot.is_open()) {
                report(slot.offer(message.clone(), limits));
            }
        }
        members.len()
    }

    /// Every session.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().map(|(_, slot)| slot)
    }
}

/// A session that opens.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) id: ConnectionId,
    pub(crate) route: RouteId,
    pub(crate) peer: SocketAddr,
    pub(crate) tag: Option<Box<str>>,
    pub(crate) subject: Option<Box<str>>,
    pub(crate) opened: Moment,
    /// Free again when the session is taken out; tests need none.
    pub(crate) places: Option<Places>,
}

impl Slot {
    /// Whether it takes messages: it does not close and was not told to.
    fn is_open(&self) -> bool {
        self.member != NOT_A_MEMBER && self.order.is_none()
    }

    fn offer(&mut self, message: SharedMessage, limits: &RouteLimits) -> Offered {
        let outbox = self.outbox.get_or_insert_default();
        // A session with something in its outbox was woken for it, or waits for its socket.
        let idle = outbox.is_empty();
        let offered = outbox.offer(message, limits);
        match offered {
            Offered::Overflow(_) => self.give(SessionOrder::SlowConsumer),
            _ if idle => self.wake(),
            _ => {}
        }
        offered
    }

    /// What waits for the client.
    pub(crate) fn waiting(&self) -> Waiting {
        self.outbox
            .as_ref()
            .map_or_else(Waiting::default, |outbox| Waiting {
                sessions: 1,
                messages: outbox.messages() as u64,
                bytes: outbox.bytes() as u64,
            })
    }

    /// The first order stands, but for the order to end now.
    fn give(&mut self, order: SessionOrder) {
        let at_once = matches!(order, SessionOrder::Cut | SessionOrder::Kill(Kill::Cut));
        if self.order.is_none() || at_once {
            self.order = Some(Box::new(order));
        }
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::{ServerConfig, plan_routes};
    use crate::wire::MessageKind;

    fn session(id: u64, route: u16) -> NewSession {
        NewSession {
            id: ConnectionId(id),
            route: RouteId(route),
            peer: SocketAddr::from(([127, 0, 0, 1], 1)),
            tag: None,
            subject: None,
            opened: Moment::ZERO,
            places: None,
        }
    }

    fn reached(registry: &mut Registry, route: u16) -> usize {
        let message = SharedMessage::new(MessageKind::Text, b"x");
        registry.fan_out(RouteId(route), &message, &RouteLimits::default(), drop)
    }

    #[test]
    fn messages_reach_the_open_sessions_of_their_route() {
        let mut registry = Registry::new(2);
        let keys: Vec<u32> = (0..4).map(|id| registry.insert(session(id, 0))).collect();
        registry.insert(session(9, 1));
        assert_eq!((reached(&mut registry, 0), reached(&mut registry, 1)), (4, 1));
        registry.leave(keys[1]);
        registry.leave(keys[1]);
        registry.remove(keys[0]);
        assert_eq!(reached(&mut registry, 0), 2);
        registry.remove(keys[1]);
        registry.remove(keys[3]);
        assert_eq!((reached(&mut registry, 0), registry.len()), (1, 2));
    }

    #[test]
    fn a_message_for_a_session_that_is_gone_does_not_reach_its_successor() {
        let routes = plan_routes(&ServerConfig::default()).unwrap();
        let mut registry = Registry::new(routes.len());
        let slot = registry.insert(session(1, 0));
        registry.remove(slot);
        assert_eq!(registry.insert(session(2, 0)), slot);
        let message = SharedMessage::new(MessageKind::Text, b"x");
        let mut deliver = |id| {
            registry.deliver(
                Address {
                    slot,
                    id: ConnectionId(id),
                },
                message.clone(),
                &routes,
            )
        };
        assert_eq!(deliver(1), None);
        assert_eq!(deliver(2), Some((RouteId(0), Offered::Queued)));
        assert!(registry.attend(slot).outbox.is_some());
    }

    #[test]
    fn the_first_order_stands_but_for_a_cut() {
        let mut registry = Registry::new(1);
        let slot = registry.insert(session(1, 0));
        registry.order_all(&SessionOrder::Stop);
        registry.order(
            Address {
                slot,
                id: ConnectionId(1),
            },
            SessionOrder::SlowConsumer,
        );
        assert_eq!(registry.attend(slot).order.as_deref(), Some(&SessionOrder::Stop));
        registry.order_all(&SessionOrder::Stop);
        registry.order_all(&SessionOrder::Cut);
        assert_eq!(registry.attend(slot).order.as_deref(), Some(&SessionOrder::Cut));
    }
}
