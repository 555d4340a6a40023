//! [`Reactor`]: clients in a slab, their timers in a wheel, one read and one write buffer for all.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Waker};
use slab::Slab;

use crate::clock::{Moment, Wheel, now};
use crate::load::vclient::{Command, Scratch, Script, Turn, VClient};
use crate::metrics::{Gauges, GroupId, ShardSender};
use crate::net::SourceAddresses;

use super::dialer::{Dialer, Endpoint};
use super::poller::{Poller, WAKE};
use super::socket::{Phase, Socket};

/// How much is read at once. A read that fills it is followed by another.
const READ_BUFFER: usize = 256 * 1024;
/// Rounds in which timers may have to wait for sockets.
const CROWDED_TURNS: u32 = 16;
/// The resolution of timers: a client acts at most this late while the worker keeps up.
const TICK: Duration = Duration::from_micros(100);

/// Drives virtual clients over real sockets, on one thread.
#[derive(Debug)]
pub(in crate::load) struct Reactor {
    pub(super) poller: Poller,
    pub(super) clients: Slab<Entry>,
    wheel: Wheel,
    pub(super) script: Arc<Script>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) dialer: Dialer,
    most: u64,
    shards: ShardSender,
    scratch: Scratch,
    /// What a socket is read into.
    pub(super) input: Box<[u8]>,
    /// What TLS makes of it.
    pub(super) plain: Vec<u8>,
    /// What the client that is being called writes.
    output: Vec<u8>,
    /// Clients whose timer fired.
    due: Vec<u32>,
    /// Clients whose socket may hold more than was read.
    pub(super) unread: Vec<u32>,
    /// Rounds since timers were last looked at.
    crowded_turns: u32,
    /// When the last wait for sockets ended, and how many events and timers were handled since.
    woke: Moment,
    handled: u64,
    pub(super) census: Census,
}

/// What a worker's reactor is made of.
#[derive(Debug)]
pub(in crate::load) struct ReactorConfig {
    pub(in crate::load) script: Arc<Script>,
    pub(in crate::load) endpoint: Arc<Endpoint>,
    pub(in crate::load) shards: ShardSender,
    /// Most connects at once.
    pub(in crate::load) connects: usize,
    /// Most connections: the files beyond them belong to others of this process.
    pub(in crate::load) most: u64,
    /// Local addresses to connect from.
    pub(in crate::load) sources: SourceAddresses,
    /// Clients to expect.
    pub(in crate::load) capacity: usize,
    /// For masks and upgrade keys.
    pub(in crate::load) seed: u64,
}

/// A client and its socket.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) client: VClient,
    pub(super) socket: Option<Socket>,
    /// It waits in the dialer's queue.
    pub(super) queued: bool,
    /// As the census last saw it.
    open: bool,
    active: bool,
    openings: u32,
}

/// How many clients and connections there are, and how connecting goes.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::load) struct Census {
    /// Clients that run a flow.
    pub(in crate::load) active: u64,
    /// Open connections.
    pub(in crate::load) open: u64,
    /// Connections that were ever opened.
    pub(in crate::load) opened: u64,
    /// Attempts that failed.
    pub(in crate::load) failed: u64,
}

impl Census {
    /// Without the clients that are wanted, which the worker knows.
    pub(in crate::load) fn gauges(&self) -> Gauges {
        Gauges {
            clients_active: self.active,
            connections_open: self.open,
            ..Gauges::default()
        }
    }

    fn update(&mut self, entry: &mut Entry) {
        let (open, active) = (entry.client.is_open(), entry.client.is_active());
        self.open = self.open + u64::from(open) - u64::from(mem::replace(&mut entry.open, open));
        self.active = self.active + u64::from(active) - u64::from(mem::replace(&mut entry.active, active));
    }
}

impl Reactor {
    pub(in crate::load) fn new(config: ReactorConfig) -> io::Result<Self> {
        Ok(Self {
            poller: Poller::new()?,
            // Room that is not used is not resident, and growing would copy every client.
            clients: Slab::with_capacity(config.capacity),
            wheel: Wheel::new(TICK, now()),
            script: config.script,
            endpoint: config.endpoint,
            dialer: Dialer::new(config.connects, config.sources),
            most: config.most,
            shards: config.shards,
            scratch: Scratch::new(config.seed),
            input: vec![0; READ_BUFFER].into_boxed_slice(),
            plain: Vec::new(),
            output: Vec::new(),
            due: Vec::new(),
            unread: Vec::new(),
            crowded_turns: 0,
            woke: now(),
            handled: 0,
            census: Census::default(),
        })
    }

    /// A handle that ends [`turn`](Self::turn)'s wait from another thread.
    pub(in crate::load) fn waker(&self) -> io::Result<Waker> {
        self.poller.waker()
    }

    /// Number of clients that are not done.
    pub(in crate::load) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(in crate::load) const fn census(&self) -> Census {
        self.census
    }

    pub(in crate::load) const fn shards(&mut self) -> &mut ShardSender {
        &mut self.shards
    }

    /// Hands over the last of what was measured.
    pub(in crate::load) fn finish(self, at: Moment, gauges: Gauges) {
        self.shards.finish(at, gauges);
    }

    /// Adds a client that starts now, as was intended for `at`. Returns its key, which is valid until it is done.
    pub(in crate::load) fn start(&mut self, group: GroupId, id: u64, at: Moment) -> u32 {
        let client = VClient::new(&self.script, group, id);
        let entry = Entry {
            client,
            socket: None,
            queued: false,
            open: false,
            active: false,
            openings: 0,
        };
        let key = self.clients.insert(entry) as u32;
        self.call(key, now(), |client, turn| client.start(turn, at));
        key
    }

    /// Asks one client to leave.
    pub(in crate::load) fn stop(&mut self, key: u32, until: Moment) {
        self.call(key, now(), |client, turn| client.stop(turn, until));
    }

    /// Asks all clients to leave.
    pub(in crate::load) fn stop_all(&mut self, until: Moment) {
        self.call_all(|client, turn| client.stop(turn, until));
    }

    /// Holds all clients.
    pub(in crate::load) fn hold_all(&mut self) {
        self.call_all(|client, _| client.hold());
    }

    /// Lets all clients go on after a pause of this length.
    pub(in crate::load) fn resume_all(&mut self, pause: Duration) {
        self.call_all(|client, turn| client.resume(turn, pause));
    }

    /// Interrupts all clients.
    pub(in crate::load) fn interrupt_all(&mut self) {
        self.call_all(VClient::interrupt);
    }

    /// Ends all clients at once.
    pub(in crate::load) fn abandon_all(&mut self) {
        self.call_all(VClient::abandon);
    }

    /// One round: what is due, new connects, then whatever the sockets bring until `until` at the latest.
    ///
    /// As long as more sockets are ready than one wait reports, timers have to wait: a worker that was held up must see
    /// the replies that have arrived meanwhile before it gives their messages up.
    pub(in crate::load) fn turn(&mut self, until: Moment) -> io::Result<()> {
        if self.poller.reported_all() || self.crowded_turns >= CROWDED_TURNS {
            self.crowded_turns = 0;
            self.expire();
            self.dial();
        } else {
            self.crowded_turns += 1;
        }
        let next = self.wheel.next_deadline().unwrap_or(Moment::NEVER).min(until);
        let at = now();
        let timeout = if self.unread.is_empty() {
            next - at
        } else {
            Duration::ZERO
        };
        if self.handled > 0 {
            self.shards.shard().busy(at - self.woke, self.handled);
        }
        self.poller.wait(timeout)?;
        self.woke = now();
        self.handled = (self.unread.len() + self.poller.events.iter().count()) as u64;
        for key in mem::take(&mut self.unread) {
            self.read(key, true);
        }
        let events = mem::replace(&mut self.poller.events, Events::with_capacity(0));
        for event in events.iter().filter(|event| event.token() != WAKE) {
            self.socket_event(event);
        }
        self.poller.events = events;
        Ok(())
    }

    fn expire(&mut self) {
        let mut due = mem::take(&mut self.due);
        self.wheel.expire(now(), &mut |key| due.push(key));
        self.handled += due.len() as u64;
        for key in due.drain(..) {
            let at = now();
            self.record_lag(key, at);
            self.call(key, at, VClient::due);
        }
        self.due = due;
    }

    /// How late a client's timer is looked at. A client that only gave others their turn is due all the while.
    fn record_lag(&mut self, key: u32, at: Moment) {
        let Some(entry) = self.clients.get(key as usize) else {
            return;
        };
        let deadline = entry.client.deadline(&self.script);
        if deadline > Moment::ZERO && deadline <= at {
            self.shards.shard().timer_lag(at - deadline);
        }
    }

    fn call_all(&mut self, mut call: impl FnMut(&mut VClient, &mut Turn<'_>)) {
        let keys: Vec<u32> = self.clients.iter().map(|(key, _)| key as u32).collect();
        for key in keys {
            self.call(key, now(), &mut call);
        }
    }

    /// Calls a client, sends what it writes and does what it asks for.
    pub(super) fn call(&mut self, key: u32, now: Moment, call: impl FnOnce(&mut VClient, &mut Turn<'_>)) {
        let Some(entry) = self.clients.get_mut(key as usize) else {
            return;
        };
        let mut turn = Turn {
            now,
            script: &self.script,
            shard: self.shards.shard(),
            out: &mut self.output,
            blocked: entry.socket.as_ref().is_some_and(Socket::is_blocked),
            scratch: &mut self.scratch,
        };
        call(&mut entry.client, &mut turn);
        if !self.output.is_empty() {
            let output = mem::take(&mut self.output);
            self.send(key, &output);
            self.output = output;
            self.output.clear();
        }
        self.settle(key, now);
    }

    pub(super) fn settle(&mut self, key: u32, now: Moment) {
        let Some(entry) = self.clients.get_mut(key as usize) else {
            return;
        };
        self.census.update(entry);
        self.shards.saw(self.census.gauges());
        let openings = entry.client.openings();
        if openings != mem::replace(&mut entry.openings, openings) {
            self.census.opened += 1;
            self.opening_succeeded(key);
        }
        let Some(entry) = self.clients.get_mut(key as usize) else {
            return;
        };
        match entry.client.command() {
            Command::None => {}
            Command::Connect if entry.queued => {}
            Command::Connect => {
                entry.queued = true;
                self.dialer.enqueue(key);
            }
            Command::Read => {
                entry.client.reads_on();
                self.unread.push(key);
            }
            Command::Disconnect => {
                self.hang_up(key);
                return self.call(key, now, VClient::disconnected);
            }
            Command::Finish => {
                self.wheel.cancel(key);
                self.clients.remove(key as usize);
                return;
            }
        }
        let deadline = entry.client.deadline(&self.script);
        self.wheel.schedule_by(key, deadline);
    }

    pub(super) fn socket(&mut self, key: u32) -> Option<&mut Socket> {
        self.clients.get_mut(key as usize)?.socket.as_mut()
    }

    /// An upgrade succeeded: the next client may connect.
    fn opening_succeeded(&mut self, key: u32) {
        if let Some(socket) = self.socket(key)
            && socket.phase == Phase::Opening
        {
            socket.phase = Phase::Open;
            self.dialer.ended();
        }
    }

    /// Whether the connects under way are more than there are files for.
    pub(super) const fn is_full(&self) -> bool {
        self.census.open + self.dialer.under_way() > self.most
    }

    /// An attempt came to nothing: the next client may connect.
    pub(super) fn opening_failed(&mut self) {
        self.census.failed += 1;
        self.dialer.ended();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_stays_small() {
        // With 24 bytes of the timer wheel and 8 of the slab this is all that an idle connection costs in user space.
        assert!(size_of::<Entry>() <= 512, "{} bytes", size_of::<Entry>());
    }
}
