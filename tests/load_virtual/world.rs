//! A world over virtual time: virtual clients on one side, a scripted server that speaks `wire` on the other, and a network
//! with a fixed delay between them. Nothing here waits; time jumps from one event to the next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use wsbench::clock::Moment;
use wsbench::load::pacer::{Change, ClosedPacer, OpenPacer};
use wsbench::load::vclient::{Command, Scratch, Script, TransportEnd, Turn, VClient};
use wsbench::metrics::{Books, CloseCause, Counter, ErrorClass, Figures, GroupId, Histogram, Shard, Trend};
use wsbench::net::Target;
use wsbench::scenario::{LoadModel, Overrides, Plan, from_str};
use wsbench::wire::handshake::{HandshakeRules, HeadLimits, ServerHandshake, ServerProgress};
use wsbench::wire::{CloseCode, MaskKey, MessageKind, Received, Receiver, ReceiverConfig, Role, Sender};

/// One way through the network.
pub(crate) const DELAY: Duration = Duration::from_millis(1);
/// There and back.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(2);

/// What the server sees of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Opened,
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The client's TCP connection ended.
    Gone,
}

/// What the server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// Bytes as they are.
    Raw(Vec<u8>),
    Eof,
    Reset,
}

/// What becomes of a connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    Refused,
    /// Nothing ever comes back.
    Silent,
    /// TCP opens, the upgrade gets no answer.
    Mute,
    /// TCP opens and ends.
    Slammed,
    /// The upgrade is refused.
    Forbidden,
    /// The same, and the client is asked to come again after so many seconds.
    Busy(u32),
}

/// An upgrade request: when it was sent, its target and its headers.
pub(crate) type Upgrade = (Moment, String, Vec<(String, String)>);

/// A server's behaviour: what it does, and how long after it saw something.
pub(crate) type Behaviour = Box<dyn FnMut(Moment, &Seen) -> Vec<(Duration, Act)>>;

/// What connects the connections of a server: what it does on others (by the client's number) when it saw something on one.
pub(crate) type Hub = Box<dyn FnMut(Moment, usize, &Seen) -> Vec<(usize, Duration, Act)>>;

/// A server that echoes at once, answers pings and completes close handshakes.
pub(crate) fn echo() -> Behaviour {
    Box::new(|_, seen| match seen {
        Seen::Text(text) => vec![(Duration::ZERO, Act::Text(text.clone()))],
        other => polite(other),
    })
}

/// Answers pings, completes close handshakes and ends TCP after them.
pub(crate) fn polite(seen: &Seen) -> Vec<(Duration, Act)> {
    match seen {
        Seen::Ping(payload) => vec![(Duration::ZERO, Act::Pong(payload.clone()))],
        Seen::Close(code) => vec![(Duration::ZERO, Act::Close(*code)), (Duration::ZERO, Act::Eof)],
        _ => Vec::new(),
    }
}

/// As [`polite`], but with these answers to text messages.
pub(crate) fn answering(mut answer: impl FnMut(Moment, &str) -> Vec<(Duration, Act)> + 'static) -> Behaviour {
    Box::new(move |now, seen| match seen {
        Seen::Text(text) => answer(now, text),
        other => polite(other),
    })
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

enum Event {
    Connected,
    ConnectRefused,
    ToServer(Vec<u8>),
    ToClient(Vec<u8>),
    ServerActs(Act),
    ClientGone,
    ServerGone(bool),
}

struct Queued {
    at: Moment,
    order: u64,
    client: usize,
    connection: u64,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
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

    fn server_receives(&mut self, key: usize, mut bytes: Vec<u8>) {
        let Some(server) = self.clients.get_mut(&key).and_then(|sim| sim.server.as_mut()) else {
            return;
        };
        let mut start = 0;
        if let Some(handshake) = &mut server.handshake {
            let Ok(ServerProgress::Done { consumed, head }) = handshake.receive(&bytes) else {
                return;
            };
            server.handshake = None;
            self.requests
                .push((self.now, head.target.clone(), head.headers.clone()));
            start = consumed;
            let mut answer = Vec::new();
            match server.door {
                Door::Mute => return,
                Door::Forbidden => {
                    answer.extend_from_slice(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
                }
                Door::Busy(seconds) => answer.extend_from_slice(
                    format!("HTTP/1.1 503 Busy\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\r\n")
                        .as_bytes(),
                ),
                _ => head
                    .upgrade(HandshakeRules::STRICT)
                    .unwrap()
                    .accept(None, None)
                    .write(&mut answer),
            }
            let opened = server.door == Door::Open;
            self.send_to_client(key, &answer);
            if opened {
                self.server_sees(key, &Seen::Opened);
            }
        }
        let mut seen = Vec::new();
        if let Some(server) = self.clients.get_mut(&key).and_then(|sim| sim.server.as_mut()) {
            loop {
                let (used, event) = server.receiver.receive(&mut bytes[start..]);
                start += used;
                seen.push(match event {
                    Received::NeedMore => break,
                    Received::Message {
                        kind: MessageKind::Text,
                        payload,
                    } => Seen::Text(String::from_utf8(payload.to_vec()).unwrap()),
                    Received::Message {
                        kind: MessageKind::Binary,
                        payload,
                    } => Seen::Binary(payload.to_vec()),
                    Received::Ping(payload) => Seen::Ping(payload.to_vec()),
                    Received::Pong(payload) => Seen::Pong(payload.to_vec()),
                    Received::Close(close) => Seen::Close(close.map(|close| close.code.0)),
                    Received::Violation(violation) => panic!("the client broke the protocol: {violation}"),
                });
            }
        }
        for seen in &seen {
            if let Seen::Text(text) = seen {
                let left = Moment::from_nanos(self.now.as_nanos() - DELAY.as_nanos() as u64);
                self.sent.push((left, text.clone()));
            }
            self.server_sees(key, seen);
        }
    }

    fn server_sees(&mut self, key: usize, seen: &Seen) {
        let now = self.now;
        let Some(sim) = self.clients.get_mut(&key) else {
            return;
        };
        let connection = sim.connection;
        let Some(server) = sim.server.as_mut() else { return };
        for (after, act) in (server.behaviour)(now, seen) {
            self.push(now + after, key, connection, Event::ServerActs(act));
        }
        let acts = self.hub.as_mut().map(|hub| hub(now, key, seen));
        for (to, after, act) in acts.into_iter().flatten() {
            let connection = self.clients.get(&to).map(|sim| sim.connection);
            if let Some(connection) = connection {
                self.push(now + after, to, connection, Event::ServerActs(act));
            }
        }
    }

    fn server_does(&mut self, key: usize, act: Act) {
        let now = self.now;
        let Some(sim) = self.clients.get_mut(&key) else {
            return;
        };
        let connection = sim.connection;
        let Some(server) = sim
            .server
            .as_mut()
            .filter(|server| !server.ended && server.handshake.is_none())
        else {
            return;
        };
        let mut out = Vec::new();
        let mask = MaskKey([0; 4]);
        match act {
            Act::Text(text) => server
                .sender
                .message(MessageKind::Text, text.as_bytes(), mask, &mut out),
            Act::Binary(bytes) => server.sender.message(MessageKind::Binary, &bytes, mask, &mut out),
            Act::Ping(payload) => server.sender.ping(&payload, mask, &mut out),
            Act::Pong(payload) => server.sender.pong(&payload, mask, &mut out),
            Act::Close(code) => server.sender.close(code.map(CloseCode), "", mask, &mut out),
            Act::Raw(bytes) => out = bytes,
            Act::Eof | Act::Reset => {
                server.ended = true;
                self.push(now + DELAY, key, connection, Event::ServerGone(act == Act::Reset));
                return;
            }
        }
        self.send_to_client(key, &out);
    }

    fn send_to_client(&mut self, key: usize, bytes: &[u8]) {
        let connection = self.clients[&key].connection;
        let at = self.now + DELAY;
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = match &mut self.splitter {
                Some(random) => random.random_range(1..=rest.len()),
                None => rest.len(),
            };
            self.push(at, key, connection, Event::ToClient(rest[..length].to_vec()));
            rest = &rest[length..];
        }
    }

    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.shard
            .groups()
            .iter()
            .map(|tally| tally.counter(counter))
            .sum()
    }

    pub(crate) fn cause(&self, cause: CloseCause) -> u64 {
        self.shard.groups().iter().map(|tally| tally.cause(cause)).sum()
    }

    pub(crate) fn errors(&self, class: ErrorClass) -> u64 {
        self.shard
            .groups()
            .iter()
            .map(|tally| tally.errors().count(class))
            .sum()
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures::new(&self.shard.groups()[0], Duration::from_secs(1))
    }

    pub(crate) fn trend(&self, trend: Trend) -> Histogram {
        self.shard.groups()[0]
            .trend(trend)
            .cloned()
            .unwrap_or_else(Histogram::new)
    }

    /// The one value, or the common value, of a trend.
    pub(crate) fn exactly(&self, trend: Trend) -> Duration {
        let histogram = self.trend(trend);
        assert!(!histogram.is_empty(), "{trend:?} has no value");
        assert_eq!(histogram.min(), histogram.max(), "{trend:?} has several values");
        histogram.min()
    }

    /// Every equation holds, and so do those that the books cannot know.
    pub(crate) fn assert_balanced(&self) {
        let figures = self.figures();
        let books = Books::check(&figures, [("group", &figures)]);
        let broken: Vec<String> = books.broken().map(ToString::to_string).collect();
        assert!(books.balanced(), "{broken:#?}");
        assert_eq!(
            self.count(Counter::SentLostTimeout),
            self.errors(ErrorClass::ReplyTimeout)
        );
        assert_eq!(
            self.cause(CloseCause::CloseTimeout),
            self.errors(ErrorClass::CloseTimeout)
        );
        let lost = self.cause(CloseCause::PeerEof) + self.cause(CloseCause::TransportError);
        assert_eq!(lost, self.errors(ErrorClass::ConnectionLost));
        assert_eq!(
            self.trend(Trend::Response).count(),
            self.count(Counter::SentAnswered)
        );
        assert_eq!(
            self.trend(Trend::Service).count(),
            self.count(Counter::SentAnswered)
        );
        assert_eq!(
            self.trend(Trend::SendLag).count(),
            self.count(Counter::MessagesSent)
        );
        assert_eq!(
            self.trend(Trend::Session).count(),
            self.count(Counter::ConnectOpened)
        );
        assert_eq!(
            self.trend(Trend::Connect).count(),
            self.count(Counter::ConnectOpened)
        );
        let codes: u64 = figures.close_codes.client.codes.values().sum::<u64>()
            + figures.close_codes.server.codes.values().sum::<u64>()
            + figures.close_codes.nobody.codes.values().sum::<u64>();
        assert_eq!(
            codes,
            self.count(Counter::ConnectOpened),
            "one close code for each connection"
        );
    }
}
