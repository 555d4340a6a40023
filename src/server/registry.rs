//! [`Registry`]: a worker's sessions, as far as others than the session's own task have to do with them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::AddAssign;
use std::task::Waker;

use slab::Slab;

use super::config::{RouteLimits, RoutePlan};
use super::handle::Address;
use super::ids::{ConnectionId, RouteId};
use super::journal::Remarks;
use super::message::SharedMessage;
use super::outbox::{Offered, Outbox};
use super::record::Traffic;
use super::room::RoomName;
use super::session::Places;
use crate::clock::Moment;
use crate::wire::CloseCode;

/// The sessions of one worker.
#[derive(Debug)]
pub(crate) struct Registry {
    slots: Slab<Slot>,
    /// The first are the routes' default rooms, by route; they stay. A named room is there while it has members.
    rooms: Slab<Members>,
    /// By route: the places of its named rooms.
    named: Vec<HashMap<RoomName, u32>>,
}

/// The open sessions of a room.
type Members = Vec<u32>;

/// What the rest of the worker may see and touch of a session.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: ConnectionId,
    pub(crate) traffic: Traffic,
    pub(crate) about: Box<About>,
    outbox: Option<Box<Outbox>>,
    waker: Option<Waker>,
    order: Option<Box<SessionOrder>>,
    /// The place of its room.
    room_key: u32,
    /// Its place among the members of its room, or [`NOT_A_MEMBER`].
    member: u32,
    pub(crate) route: RouteId,
    timer_fired: bool,
}

/// What no message needs to know of a session.
///
/// It is small enough for the gaps that the allocator leaves between sessions, which are aligned to cache lines, so it
/// costs hardly any memory.
#[derive(Debug)]
pub(crate) struct About {
    pub(crate) opened: Moment,
    pub(crate) peer: SocketAddr,
    pub(crate) remarks: Option<Box<Remarks>>,
    room: RoomName,
    #[expect(dead_code, reason = "held to be dropped with the slot")]
    places: Places,
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
            rooms: (0..routes).map(|route| (route, Members::new())).collect(),
            named: vec![HashMap::new(); routes],
        }
    }

    /// Number of sessions.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Adds a session; it gets messages of its room from now on.
    pub(crate) fn insert(&mut self, entry: NewSession) -> u32 {
        let NewSession {
            id,
            route,
            peer,
            remarks,
            opened,
            places,
            room,
        } = entry;
        let room_key = self.room_key(route, &room);
        let members = &mut self.rooms[room_key as usize];
        let slot = Slot {
            id,
            traffic: Traffic::default(),
            about: Box::new(About {
                opened,
                peer,
                remarks,
                room,
                places,
            }),
            outbox: None,
            waker: None,
            order: None,
            room_key,
            member: members.len() as u32,
            route,
            timer_fired: false,
        };
        let key = self.slots.insert(slot) as u32;
        members.push(key);
        key
    }

    /// The place of a room, which is made if need be.
    fn room_key(&mut self, route: RouteId, room: &RoomName) -> u32 {
        if let Some(key) = self.find_room(route, room) {
            return key;
        }
        let Self { rooms, named, .. } = self;
        let key = rooms.insert(Members::new()) as u32;
        named[route.index()].insert(room.clone(), key);
        key
    }

    /// The place of a room that exists.
    fn find_room(&self, route: RouteId, room: &RoomName) -> Option<u32> {
        if room.is_default() {
            Some(u32::from(route.0))
        } else {
            self.named[route.index()].get(room).copied()
        }
    }

    /// The room of a session; the default room if it is gone.
    pub(crate) fn room_of(&self, key: u32) -> RoomName {
        let slot = self.slots.get(key as usize);
        slot.map(|slot| slot.about.room.clone()).unwrap_or_default()
    }

    /// Takes a session out.
    pub(crate) fn remove(&mut self, key: u32) -> Option<Slot> {
        self.leave(key);
        self.slots.try_remove(key as usize)
    }

    /// From now on the session gets no messages of its room, which ends with its last member.
    pub(crate) fn leave(&mut self, key: u32) {
        let Some(slot) = self.slots.get_mut(key as usize) else {
            return;
        };
        let member = std::mem::replace(&mut slot.member, NOT_A_MEMBER);
        if member == NOT_A_MEMBER {
            return;
        }
        let (room_key, route, room) = (slot.room_key, slot.route, slot.about.room.clone());
        let members = &mut self.rooms[room_key as usize];
        members.swap_remove(member as usize);
        if let Some(&moved) = members.get(member as usize) {
            self.slots[moved as usize].member = member;
        } else if members.is_empty() && !room.is_default() {
            self.rooms.remove(room_key as usize);
            self.named[route.index()].remove(&room);
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

    /// Offers a message to every open session of a room; `report` gets what became of each. Says how many took it.
    pub(crate) fn fan_out(
        &mut self,
        (route, room): (RouteId, &RoomName),
        message: &SharedMessage,
        limits: &RouteLimits,
        mut report: impl FnMut(Offered),
    ) -> usize {
        let Some(room_key) = self.find_room(route, room) else {
            return 0;
        };
        let mut taken = 0;
        for &key in &self.rooms[room_key as usize] {
            if let Some(slot) = self.slots.get_mut(key as usize).filter(|slot| slot.is_open()) {
                let offered = slot.offer(message.clone(), limits);
                taken += usize::from(offered.is_taken());
                report(offered);
            }
        }
        taken
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
    pub(crate) remarks: Option<Box<Remarks>>,
    pub(crate) opened: Moment,
    /// Free again when the session is taken out.
    pub(crate) places: Places,
    pub(crate) room: RoomName,
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
mod tests;
