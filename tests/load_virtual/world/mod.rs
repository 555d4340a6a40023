//! A world over virtual time: virtual clients on one side, a scripted server that speaks `wire` on the other, and a network
//! with a fixed delay between them. Nothing here waits; time jumps from one event to the next.

mod event;
mod measured;
mod peer;
mod server;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;
use wsbench::clock::Moment;
use wsbench::load::pacer::{Change, ClosedPacer, OpenPacer};
use wsbench::load::vclient::{Command, Scratch, Script, TransportEnd, Turn, VClient};
use wsbench::metrics::{Counter, ErrorClass, GroupId, Shard};
use wsbench::net::Target;
use wsbench::scenario::{LoadModel, Overrides, Plan, from_str};
use wsbench::wire::handshake::{HeadLimits, ServerHandshake};
use wsbench::wire::{Receiver, ReceiverConfig, Role, Sender};

use event::{Event, Queued};
pub(crate) use peer::{Act, Behaviour, Door, Hub, Seen, Upgrade, answering, echo, polite};

/// One way through the network.
pub(crate) const DELAY: Duration = Duration::from_millis(1);
/// There and back.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(2);

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Compiles a scenario; what every scenario needs and the tests do not care about is added.
pub(crate) fn plan(text: &str) -> Arc<Plan> {
    let mut whole = String::from("target: ws://server.test/\nseed: 7\n");
    if !text.contains("stages:") {
        whole.push_str("stages: [{duration: 0s, clients: 1}, {duration: 60s, clients: 1}]\n");
    }
    whole.push_str(text);
    Arc::new(
        from_str("test.yaml", &whole, &Overrides::default())
            .unwrap_or_else(|errors| panic!("{errors}\n{whole}")),
    )
}

/// The server's end of one connection.
struct ServerEnd {
    handshake: Option<ServerHandshake>,
    receiver: Receiver,
    sender: Sender,
    behaviour: Behaviour,
    ended: bool,
    door: Door,
}

struct SimClient {
    client: VClient,
    /// Counts its connections; events of earlier ones are void.
    connection: u64,
    server: Option<ServerEnd>,
    blocked: bool,
    arrived: Arrived,
}

/// What the system holds for a client until it is read.
#[derive(Default)]
struct Arrived {
    bytes: Vec<u8>,
    /// The end of the transport, which comes after the bytes.
    end: Option<TransportEnd>,
}

/// The world.
pub(crate) struct World {
    pub(crate) now: Moment,
    pub(crate) plan: Arc<Plan>,
    script: Script,
    shard: Shard,
    scratch: Scratch,
    clients: BTreeMap<usize, SimClient>,
    queue: BinaryHeap<Reverse<Queued>>,
    order: u64,
    next_client: usize,
    behaviour: Box<dyn FnMut() -> Behaviour>,
    door: Box<dyn FnMut(Moment) -> Door>,
    hub: Option<Hub>,
    /// Cuts what is sent to clients into random pieces.
    splitter: Option<Pcg64Mcg>,
    /// Every message that reached the server, with the moment it left the client.
    pub(crate) sent: Vec<(Moment, String)>,
    pub(crate) attempts: Vec<Moment>,
    /// Every upgrade request that reached the server.
    pub(crate) requests: Vec<Upgrade>,
    stalled: (Moment, u32),
}

impl World {
    pub(crate) fn new(plan: &Arc<Plan>, behaviour: impl FnMut() -> Behaviour + 'static) -> Self {
        let target = Target::parse("ws://server.test/").unwrap();
        Self {
            now: Moment::ZERO + Duration::from_secs(100),
            script: Script::new(Arc::clone(plan), &target, 1_700_000_000_000_000_000),
            shard: Shard::new(plan.groups.len()),
            plan: Arc::clone(plan),
            scratch: Scratch::new(5),
            clients: BTreeMap::new(),
            queue: BinaryHeap::new(),
            order: 0,
            next_client: 0,
            behaviour: Box::new(behaviour),
            door: Box::new(|_| Door::Open),
            hub: None,
            splitter: None,
            sent: Vec::new(),
            attempts: Vec::new(),
            requests: Vec::new(),
            stalled: (Moment::ZERO, 0),
        }
    }

    pub(crate) fn door(mut self, door: impl FnMut(Moment) -> Door + 'static) -> Self {
        self.door = Box::new(door);
        self
    }

    pub(crate) fn hub(
        mut self,
        hub: impl FnMut(Moment, usize, &Seen) -> Vec<(usize, Duration, Act)> + 'static,
    ) -> Self {
        self.hub = Some(Box::new(hub));
        self
    }

    pub(crate) fn split_bytes(mut self, seed: u64) -> Self {
        self.splitter = Some(Pcg64Mcg::seed_from_u64(seed));
        self
    }

    /// Starts a client of the first group, intended for now.
    pub(crate) fn start(&mut self) -> usize {
        self.start_at(GroupId(0), self.now)
    }

    /// Leaves out the number of the next client.
    pub(crate) fn skip_client(&mut self) {
        self.next_client += 1;
    }

    pub(crate) fn start_at(&mut self, group: GroupId, intended: Moment) -> usize {
        let key = self.next_client;
        self.next_client += 1;
        let client = VClient::new(&self.script, group, key as u64);
        self.clients.insert(
            key,
            SimClient {
                client,
                connection: 0,
                server: None,
                blocked: false,
                arrived: Arrived::default(),
            },
        );
        self.call(key, |client, turn| client.start(turn, intended));
        key
    }

    pub(crate) fn stop(&mut self, key: usize, within: Duration) {
        let until = self.now + within;
        self.call(key, |client, turn| client.stop(turn, until));
    }

    /// Holds all clients, as a pause of the run does.
    pub(crate) fn hold_all(&mut self) {
        self.keys()
            .into_iter()
            .for_each(|key| self.call(key, |client, _| client.hold()));
    }

    /// Lets all clients go on after a pause of this length.
    pub(crate) fn resume_all(&mut self, pause: Duration) {
        self.keys()
            .into_iter()
            .for_each(|key| self.call(key, |client, turn| client.resume(turn, pause)));
    }

    /// Counts an arrival that found too many clients.
    pub(crate) fn drop_arrival(&mut self) {
        self.shard.add(GroupId(0), Counter::ArrivalsDropped, 1);
    }

    pub(crate) fn stop_all(&mut self, within: Duration) {
        self.keys().into_iter().for_each(|key| self.stop(key, within));
    }

    pub(crate) fn interrupt_all(&mut self) {
        self.keys()
            .into_iter()
            .for_each(|key| self.call(key, VClient::interrupt));
    }

    pub(crate) fn abandon_all(&mut self) {
        self.keys()
            .into_iter()
            .for_each(|key| self.call(key, VClient::abandon));
    }

    /// Whether the transport takes what a client sends.
    pub(crate) fn set_blocked(&mut self, key: usize, blocked: bool) {
        if let Some(sim) = self.clients.get_mut(&key) {
            sim.blocked = blocked;
        }
        if !blocked {
            self.call(key, VClient::writable);
        }
    }

    /// The server does something by itself, on every connection.
    pub(crate) fn server_acts(&mut self, act: &Act) {
        for key in self.keys() {
            let connection = self.clients[&key].connection;
            self.push(self.now, key, connection, Event::ServerActs(act.clone()));
        }
    }

    fn keys(&self) -> Vec<usize> {
        self.clients.keys().copied().collect()
    }

    /// Clients that are not done.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn open(&self) -> usize {
        self.clients.values().filter(|sim| sim.client.is_open()).count()
    }

    /// Lets time pass until `after` from now, or until nothing is left to happen.
    pub(crate) fn run(&mut self, after: Duration) {
        let end = self.now + after;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            assert!(at >= self.now, "an event in the past");
            self.stalled = if at == self.stalled.0 {
                (at, self.stalled.1 + 1)
            } else {
                (at, 0)
            };
            assert!(self.stalled.1 < 20_000, "time stands still");
            self.now = at;
            self.happen();
        }
        self.now = end;
    }

    /// Follows the plan's load to its end, asks everybody to leave and waits until they have.
    pub(crate) fn follow_plan(&mut self) {
        let begin = self.now;
        match &Arc::clone(&self.plan).load {
            LoadModel::Closed { stages } => self.follow_closed(begin, ClosedPacer::new(stages)),
            LoadModel::Open {
                stages,
                max_clients,
                arrivals,
            } => {
                self.follow_open(begin, OpenPacer::new(stages, *arrivals, 1), *max_clients);
            }
        }
        let end = begin + self.plan.duration();
        self.run(end - self.now);
        self.finish();
    }

    fn follow_closed(&mut self, begin: Moment, changes: ClosedPacer) {
        let mut keys = Vec::new();
        for change in changes {
            self.run(begin + change.at() - self.now);
            match change {
                Change::Start(at) => keys.push(self.start_at(GroupId(0), begin + at)),
                Change::Stop(_) => {
                    let key = keys.pop().expect("only what started stops");
                    self.stop(key, self.plan.graceful_stop);
                }
            }
        }
    }

    fn follow_open(&mut self, begin: Moment, arrivals: OpenPacer, most: u64) {
        for at in arrivals {
            self.run(begin + at - self.now);
            if (self.len() as u64) < most {
                self.start_at(GroupId(0), begin + at);
            } else {
                self.shard.add(GroupId(0), Counter::ArrivalsDropped, 1);
            }
        }
    }

    /// Ends the run as the engine does.
    pub(crate) fn finish(&mut self) {
        let close = self
            .plan
            .groups
            .iter()
            .map(|group| group.connection.close_timeout)
            .max()
            .unwrap();
        self.stop_all(self.plan.graceful_stop);
        self.run(self.plan.graceful_stop + close + Duration::from_secs(1));
        self.abandon_all();
        assert_eq!(self.len(), 0, "nobody survives the end of the run");
    }

    fn next_event(&self) -> Option<Moment> {
        let deadlines = self
            .clients
            .values()
            .map(|sim| sim.client.deadline(&self.script).max(self.now));
        let queued = self.queue.peek().map(|Reverse(queued)| queued.at);
        deadlines.filter(|at| *at != Moment::NEVER).chain(queued).min()
    }

    /// Events that are due come before deadlines of the same moment.
    fn happen(&mut self) {
        if self
            .queue
            .peek()
            .is_some_and(|Reverse(queued)| queued.at <= self.now)
        {
            if let Some(Reverse(queued)) = self.queue.pop() {
                self.deliver(queued);
            }
            return;
        }
        for key in self.keys() {
            if self.clients[&key].client.deadline(&self.script) <= self.now {
                self.call(key, VClient::due);
            }
        }
    }

    fn deliver(&mut self, queued: Queued) {
        let Queued {
            client: key,
            connection,
            event,
            ..
        } = queued;
        let Some(sim) = self.clients.get_mut(&key) else {
            return;
        };
        if sim.connection != connection {
            return;
        }
        match event {
            Event::Connected => self.call(key, |client, turn| client.tcp_connected(turn, false)),
            Event::ConnectRefused => {
                sim.server = None;
                sim.connection += 1;
                self.call(key, |client, turn| {
                    client.connect_failed(turn, ErrorClass::Refused, String::new);
                });
            }
            Event::ToClient(bytes) => {
                sim.arrived.bytes.extend(bytes);
                self.client_reads(key);
            }
            Event::ToServer(bytes) => self.server_receives(key, bytes),
            Event::ServerActs(act) => self.server_does(key, act),
            Event::ClientGone => self.server_sees(key, &Seen::Gone),
            Event::ServerGone(reset) => {
                sim.server = None;
                sim.arrived.end = Some(if reset {
                    sim.client.read_freely();
                    TransportEnd::Error(io::ErrorKind::ConnectionReset.into())
                } else {
                    TransportEnd::Eof
                });
                self.client_reads(key);
            }
        }
    }

    /// Reads for a client what has arrived, as far as it takes it.
    fn client_reads(&mut self, key: usize) {
        while let Some(sim) = self.clients.get_mut(&key) {
            let there = sim.arrived.bytes.len();
            if there == 0 && sim.arrived.end.is_none() {
                return;
            }
            let ration = sim.client.ration(self.now);
            if ration == 0 {
                return;
            }
            if there == 0 {
                sim.connection += 1;
                let end = std::mem::take(&mut sim.arrived).end;
                if let Some(end) = end {
                    self.call(key, |client, turn| client.transport_ended(turn, end));
                }
                return;
            }
            let mut bytes: Vec<u8> = sim.arrived.bytes.drain(..ration.min(there)).collect();
            sim.client.has_read(bytes.len());
            self.call(key, |client, turn| client.receive(turn, &mut bytes));
        }
    }

    /// Calls a client and does what a driver does afterwards.
    fn call(&mut self, key: usize, call: impl FnOnce(&mut VClient, &mut Turn<'_>)) {
        let Some(sim) = self.clients.get_mut(&key) else {
            return;
        };
        let mut out = Vec::new();
        let mut turn = Turn {
            now: self.now,
            script: &self.script,
            shard: &mut self.shard,
            out: &mut out,
            blocked: sim.blocked,
            scratch: &mut self.scratch,
        };
        call(&mut sim.client, &mut turn);
        let (connection, command) = (sim.connection, sim.client.command());
        if !out.is_empty() && sim.server.is_some() {
            self.push(self.now + DELAY, key, connection, Event::ToServer(out));
        }
        match command {
            Command::None => {}
            Command::Connect => self.dial(key),
            Command::Read => {
                if let Some(sim) = self.clients.get_mut(&key) {
                    sim.client.reads_on();
                }
                self.client_reads(key);
            }
            Command::Disconnect => {
                self.push(self.now + DELAY, key, connection, Event::ClientGone);
                if let Some(sim) = self.clients.get_mut(&key) {
                    sim.connection += 1;
                    sim.server = None;
                    sim.arrived = Arrived::default();
                }
                self.call(key, VClient::disconnected);
            }
            Command::Finish => {
                self.clients.remove(&key);
            }
        }
    }

    fn dial(&mut self, key: usize) {
        self.attempts.push(self.now);
        self.call(key, VClient::dialing);
        let door = (self.door)(self.now);
        let behaviour = (self.behaviour)();
        let Some(sim) = self.clients.get_mut(&key) else {
            return;
        };
        sim.connection += 1;
        let connection = sim.connection;
        sim.server = Some(ServerEnd {
            handshake: Some(ServerHandshake::new(HeadLimits::default())),
            receiver: Receiver::new(Role::Server, ReceiverConfig::default(), None),
            sender: Sender::new(Role::Server, None),
            behaviour,
            ended: false,
            door,
        });
        let connected = self.now + ROUND_TRIP;
        match door {
            Door::Silent => {}
            Door::Refused => self.push(connected, key, connection, Event::ConnectRefused),
            Door::Open | Door::Mute | Door::Forbidden | Door::Busy(_) => {
                self.push(connected, key, connection, Event::Connected);
            }
            Door::Slammed => {
                self.push(connected, key, connection, Event::Connected);
                self.push(connected + DELAY, key, connection, Event::ServerGone(false));
            }
        }
    }

    fn push(&mut self, at: Moment, client: usize, connection: u64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse(Queued {
            at,
            order: self.order,
            client,
            connection,
            event,
        }));
    }
}
