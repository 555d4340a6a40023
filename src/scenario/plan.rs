//! [`Plan`]: a scenario after compilation, with every value resolved and every reference checked.
//!
//! The load engine interprets a plan and never sees YAML. A plan is immutable and shared by all workers.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::gate::Threshold;
use crate::units::ByteSize;

use super::capture::Capture;
use super::credentials::Credentials;
use super::feeder::Feeder;
use super::matcher::{Correlation, Matcher};
use super::stream::Stream;
use super::template::Template;

/// A whole run, compiled.
#[derive(Debug)]
pub struct Plan {
    /// Name of the scenario, for people.
    pub name: String,
    /// Seed of every random choice; the same seed sends the same payloads in the same order per client.
    pub seed: u64,
    /// What is tested.
    pub target: TargetSpec,
    /// Kinds of clients. A client belongs to one group, chosen by weight.
    pub groups: Vec<Group>,
    /// How many clients there are, and when they start.
    pub load: LoadModel,
    /// After the last stage: how long flows may take to finish by themselves before they are closed.
    pub graceful_stop: Duration,
    /// Transport settings shared by all groups.
    pub transport: TransportPlan,
    /// Of the scenario's content with its variables, but without its name, target and thresholds: two plans with the
    /// same one put the same load on whatever they test.
    pub fingerprint: String,
    /// What the run must meet.
    pub thresholds: Vec<Threshold>,
}

/// What a run connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetSpec {
    /// wsbench's own reference server, started as a child process for the run.
    Embedded,
    /// A `ws://` or `wss://` URL; a group's path is joined to it.
    Url(String),
}

/// Settings of the transport below WebSocket.
#[derive(Clone, Debug, Default)]
pub struct TransportPlan {
    /// Accept any certificate.
    pub insecure: bool,
    /// PEM file of additional certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// PEM files of a client certificate chain and its key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Name to present and verify instead of the URL's host.
    pub server_name: Option<String>,
    /// Local addresses to connect from, one for each client; empty lets the system choose.
    pub source_addresses: Vec<IpAddr>,
}

/// One kind of client.
#[derive(Debug)]
pub struct Group {
    /// Unique within the plan.
    pub name: String,
    /// Share of the clients, relative to the other groups' weights; at least 1.
    pub weight: u32,
    /// How its clients connect.
    pub connection: ConnectionPlan,
    /// Pings that run beside the flow for as long as a connection is open.
    pub heartbeat: Option<Heartbeat>,
    /// The program of its clients. Loops and branches are jumps: see [`Op::LoopBegin`] and [`Op::Branch`].
    pub flow: Vec<Op>,
    /// How many values a client keeps.
    pub slots: u16,
    /// Where a client takes its rows from.
    pub feeder: Option<Feeder>,
    /// What its clients are owed as members of a room; `None` if they neither join nor address one.
    pub fan_out: Option<FanOutPlan>,
    /// How to read messages that the target numbers itself.
    pub stream: Option<Stream>,
}

/// What members of a room are owed of the messages that carry a [`Mark`](super::Mark).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanOutPlan {
    /// A message that a member has not received after this long is lost.
    pub settle: Duration,
    /// Whether senders get their own messages too.
    pub own: bool,
    /// Whether the server repeats the latest message of each sender: then repetitions are no duplicates, and what was
    /// not received was replaced rather than lost.
    pub latest: bool,
}

/// How a client of a group opens and bounds its connections.
#[derive(Debug)]
pub struct ConnectionPlan {
    /// Path and query, starting with `/`, rendered for each connection.
    pub path: Template,
    /// Additional request headers.
    pub headers: Vec<(String, Template)>,
    /// Subprotocols to offer, in order of preference.
    pub subprotocols: Vec<String>,
    /// Offer permessage-deflate.
    pub compression: bool,
    /// The largest message a client accepts; a larger one fails the connection with 1009.
    pub max_message_size: ByteSize,
    /// How fast a new connection is read.
    pub read_rate: ReadRate,
    /// Size of the system's receive buffer, in which what is not read waits; `None` leaves it to the system.
    pub receive_buffer: Option<ByteSize>,
    /// From the start of name resolution to the end of the upgrade.
    pub connect_timeout: Duration,
    /// From a sent Close frame to the end of the TCP connection.
    pub close_timeout: Duration,
    /// Who the client says it is.
    pub credentials: Option<Credentials>,
    /// When a client whose flow failed begins again; `None` leaves it to the engine, which is patient.
    pub reconnect: Option<ReconnectPlan>,
}

/// How fast a client reads what the peer sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadRate {
    /// As it comes.
    #[default]
    Unlimited,
    /// At most so many bytes per second; 0 reads nothing.
    PerSecond(u64),
}

/// When a client whose flow failed begins again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconnectPlan {
    /// The pause.
    pub policy: ReconnectPolicy,
    /// How many times in a row; then the client leaves.
    pub max_attempts: Option<u64>,
    /// Whether the `Retry-After` of a refused upgrade makes the pause longer.
    pub retry_after: bool,
}

/// How long a client waits before it begins again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReconnectPolicy {
    /// It does not begin again.
    None,
    /// Always the same.
    Fixed(Duration),
    /// A random part of `first`, twice that after each further failure in a row, at most of `cap`.
    Exponential {
        /// The longest pause after a first failure.
        first: Duration,
        /// The longest pause of all.
        cap: Duration,
    },
}

/// Pings in the background.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// From one ping to the next, on a schedule that does not drift.
    pub every: Duration,
    /// A ping without its pong after this long counts as unanswered.
    pub timeout: Duration,
}

/// One instruction of a flow.
#[derive(Debug)]
pub enum Op {
    /// Open the connection. A flow that does not begin with it gets it implicitly.
    Connect,
    /// Send one message.
    Send(SendOp),
    /// Wait for a message that matches and is no reply to a tracked send.
    Expect(ExpectOp),
    /// Send a ping and wait for its pong.
    Ping {
        /// Application data, at most 125 bytes.
        payload: Template,
        /// How long to wait.
        timeout: Duration,
    },
    /// Wait.
    Think(Delay),
    /// Read messages for a time or up to a number, whichever is first; at least one of the two is set.
    Receive {
        /// Number of messages.
        count: Option<u64>,
        /// Length of time.
        duration: Option<Duration>,
    },
    /// Begin of a loop; the matching [`Op::LoopEnd`] is at index `end`.
    LoopBegin(LoopOp),
    /// End of a loop; its [`Op::LoopBegin`] is at index `begin`.
    LoopEnd {
        /// Index of the begin.
        begin: usize,
    },
    /// Choose by the message that the operation before waited for.
    Branch(BranchOp),
    /// Go on elsewhere: the end of a branch's arm.
    Jump {
        /// Index to go on at.
        to: usize,
    },
    /// Close handshake.
    Close {
        /// Status code; `None` sends an empty Close frame.
        code: Option<u16>,
        /// Reason, at most 123 bytes of UTF-8.
        reason: String,
    },
    /// Search for the largest message that the target takes.
    SizeProbe(SizeProbeOp),
    /// From here on the connection is read at this rate.
    ReadRate(ReadRate),
    /// The client knows that it is a member of this room. Any room before is left.
    Join {
        /// The room's name.
        room: Template,
    },
    /// The client is about to leave its room.
    Leave,
    /// End the TCP connection without a Close frame.
    Drop,
}

/// Loops nest at most this deep.
pub const MAX_LOOP_DEPTH: usize = 4;

/// A loop. Without any bound it runs until the run asks the client to stop.
#[derive(Clone, Debug)]
pub struct LoopOp {
    /// At most this many rounds.
    pub times: Option<u64>,
    /// No new round after this long.
    pub duration: Option<Duration>,
    /// Begin a round at each multiple of this interval since the loop's first: the intended moment of what it sends.
    /// A round that is late starts at once and the schedule does not drift.
    pub every: Option<Every>,
    /// Index of the matching [`Op::LoopEnd`].
    pub end: usize,
}

/// A choice between arms. Each but the last ends with an [`Op::Jump`] to `end`.
#[derive(Debug, Default)]
pub struct BranchOp {
    /// What is looked for, in order, and where its arm begins.
    pub cases: Vec<(Matcher, usize)>,
    /// Where the arm begins if the message looks like none of them, or did not come; `end` if there is no such arm.
    pub otherwise: usize,
    /// What follows the branch.
    pub end: usize,
}

/// The schedule of a loop.
#[derive(Clone, Debug)]
pub struct Every {
    /// From the intended begin of a round to that of the next.
    pub interval: Duration,
    /// Each round's begin is moved by a random time from 0 up to this much, without moving the schedule.
    pub jitter: Duration,
    /// The first round begins after a random time in `0..interval`, so that clients do not march in step.
    pub spread: bool,
}

/// Text or binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    /// Opcode 1; the payload is UTF-8.
    Text,
    /// Opcode 2.
    Binary,
}

/// A message to send.
#[derive(Debug)]
pub struct SendOp {
    /// Text or binary.
    pub kind: PayloadKind,
    /// The payload.
    pub payload: Template,
    /// Whether the payload has a mark, so that members of a room are owed it.
    pub marked: bool,
    /// The room that it is for; the sender's own if `None`.
    pub room: Option<Template>,
    /// What answers it; `None` is a one-way message, which the books count as such.
    pub reply: Option<ReplySpec>,
}

/// The reply that a message is owed.
#[derive(Debug)]
pub struct ReplySpec {
    /// What the reply looks like.
    pub matcher: Matcher,
    /// How a reply finds its message.
    pub correlation: Correlation,
    /// A message without its reply after this long is lost.
    pub timeout: Duration,
    /// Whether the flow waits for the reply, or goes on while it is under way.
    pub wait: bool,
    /// Unless the flow waits: how many may be under way per client; at the limit it waits for one to return.
    pub max_in_flight: u32,
    /// Values to keep of it.
    pub captures: Box<[Capture]>,
}

/// A search for the largest message that the target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeProbeOp {
    /// The size that is tried first, in bytes.
    pub from: u64,
    /// The largest that is tried.
    pub to: u64,
    /// The search is over when the smallest that was refused is at most so much larger than the largest that was accepted.
    pub precision: u64,
    /// Text or binary.
    pub kind: PayloadKind,
    /// Whether a message is accepted when its echo comes; otherwise when the pong to a ping after it does.
    pub echo: bool,
    /// A message without either after this long is refused.
    pub timeout: Duration,
}

/// A message to wait for.
#[derive(Debug)]
pub struct ExpectOp {
    /// What it looks like.
    pub matcher: Matcher,
    /// Then the flow fails.
    pub timeout: Duration,
    /// Values to keep of it.
    pub captures: Box<[Capture]>,
}

/// A length of time to wait, drawn anew each time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// Always the same.
    Fixed(Duration),
    /// Evenly between two bounds.
    Uniform(Duration, Duration),
    /// Exponential, as between events of a Poisson process; cut off at `max`.
    Exponential {
        /// Mean before the cut.
        mean: Duration,
        /// The longest.
        max: Duration,
    },
    /// Normal, cut off at zero and at `max`.
    Normal {
        /// Mean before the cut.
        mean: Duration,
        /// Standard deviation before the cut.
        deviation: Duration,
        /// The longest.
        max: Duration,
    },
    /// Lognormal, cut off at `max`: as people's pauses mostly are, with many short ones and a few long ones.
    LogNormal {
        /// Half of all are shorter.
        median: Duration,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
        /// The longest.
        max: Duration,
    },
}

/// How many clients there are over time.
#[derive(Clone, Debug)]
pub enum LoadModel {
    /// A number of clients that each stage moves to linearly. A client whose flow ends starts it again.
    Closed {
        /// In order; the run begins with no clients.
        stages: Vec<ClosedStage>,
    },
    /// Clients arrive at a rate, whatever the target does, run their flow once and leave.
    Open {
        /// In order.
        stages: Vec<OpenStage>,
        /// An arrival beyond this many clients at once is dropped and counted as dropped.
        max_clients: u64,
        /// How arrivals are spaced.
        arrivals: Arrivals,
    },
}

/// One stage of a closed model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClosedStage {
    /// Its length.
    pub duration: Duration,
    /// Number of clients at its end; zero duration jumps to it.
    pub clients: u64,
}

/// One stage of an open model: the rate moves linearly between the two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenStage {
    /// Its length.
    pub duration: Duration,
    /// Arrivals per second at its begin.
    pub from: f64,
    /// Arrivals per second at its end.
    pub to: f64,
}

/// How arrivals are spaced around their rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// At the reciprocal of the rate.
    Constant,
    /// As a Poisson process of that rate.
    Poisson,
}

impl Plan {
    /// The length of all stages together.
    #[must_use]
    pub fn duration(&self) -> Duration {
        match &self.load {
            LoadModel::Closed { stages } => stages.iter().map(|stage| stage.duration).sum(),
            LoadModel::Open { stages, .. } => stages.iter().map(|stage| stage.duration).sum(),
        }
    }

    /// The most connections that the plan can hold open at once.
    #[must_use]
    pub fn max_connections(&self) -> u64 {
        match &self.load {
            LoadModel::Closed { stages } => stages.iter().map(|stage| stage.clients).max().unwrap_or(0),
            LoadModel::Open { max_clients, .. } => *max_clients,
        }
    }
}
