//! Simulated runs, whose truth is known, and how they compare.
//!
//! The noise is that of real machines as far as it is known to us:
//! - latencies are lognormal, and each resembles the one before it, as in a queue that fills and drains;
//! - each run has its own level and its own tail: another process, another layout of memory, other neighbours;
//! - the machine has two speeds, 4.6 to 6.0, and stays in each for minutes, so it changes within runs as well;
//! - the level drifts over the hour;
//! - one run in forty is disturbed by a neighbour, who makes three messages in a hundred wait three times as long;
//! - a stored baseline was measured in another session, on another day, with an offset of its own.
//!
//! Its p99 differs by about 5 % between two runs of the same server. Seeds are fixed: the runs are the same each time.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use wsbench::clock::Moment;
use wsbench::gate::{
    BASELINE_SCHEMA, Baseline, CompareOptions, Comparison, GroupHistograms, Machine, Pace, Repeat,
    ScenarioId, Verdict, compare,
};
use wsbench::metrics::{
    Counter, Gauges, GroupId, Histogram, Processes, Recorder, RunEnd, RunFacts, Summary, Trend,
};

const MESSAGES: u32 = 5_000;
const RUN_SECONDS: f64 = 10.0;
/// How long the machine stays in one of its states, on average.
const STATE_SECONDS: f64 = 180.0;
const SLOWNESS: f64 = 6.0 / 4.6;
/// Between two latencies in a row.
const CORRELATION: f64 = 0.7;
const SPREAD: f64 = 0.5;

/// How the server's p99 compares with that of an unchanged one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Server {
    Unchanged,
    /// A tenth slower from the p90 on, as by a slow path that few messages take.
    SlowTail,
}

/// A machine that goes through its states while runs are made on it.
struct World {
    rng: Pcg64Mcg,
    seconds: f64,
    slow: bool,
    next_change: f64,
    session: f64,
    /// The second of two normal numbers that are drawn at once.
    spare: Option<f64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = Self {
            rng: Pcg64Mcg::seed_from_u64(seed),
            seconds: 0.0,
            slow: false,
            next_change: 0.0,
            session: 0.0,
            spare: None,
        };
        world.slow = world.rng.random();
        world.next_change = world.dwell();
        world
    }

    /// Another day: another offset of everything.
    fn new_session(&mut self) {
        self.seconds = self.next_change + STATE_SECONDS * 10.0;
        self.session = 0.015 * self.normal();
        self.slow = self.rng.random();
        self.next_change = self.seconds + self.dwell();
    }

    fn dwell(&mut self) -> f64 {
        -self.rng.random::<f64>().max(1e-12).ln() * STATE_SECONDS
    }

    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * self.rng.random::<f64>().max(1e-300).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.rng.random::<f64>()).sin_cos();
        self.spare = Some(radius * sine);
        radius * cosine
    }

    fn pass(&mut self, seconds: f64) {
        self.seconds += seconds;
        while self.seconds >= self.next_change {
            self.slow = !self.slow;
            self.next_change += self.dwell();
        }
    }

    /// Two per cent of error, as a tenth of a second of measuring has.
    fn pace(&mut self) -> f64 {
        let speed = if self.slow { 1.0 / SLOWNESS } else { 1.0 };
        100_000.0 * speed * (0.02 * self.normal()).exp()
    }

    fn run(&mut self, server: Server) -> Repeat {
        let before = self.pace();
        let level = 0.02 * self.normal() + self.session + 0.01 * self.seconds / 3_600.0;
        let spread = SPREAD * (1.0 + 0.02 * self.normal());
        let mut histogram = Histogram::new();
        let mut z = self.normal();
        let disturbed = self.rng.random::<f64>() < 0.025;
        let innovation = (1.0 - CORRELATION * CORRELATION).sqrt();
        for _ in 0..MESSAGES {
            z = CORRELATION * z + innovation * self.normal();
            let slower = match server {
                Server::Unchanged => 0.0,
                // The 90th percentile of the normal distribution is 1.2816, the 99th 2.3263.
                Server::SlowTail => (z - 1.2816).max(0.0) / (2.3263 - 1.2816) * 1.1_f64.ln(),
            };
            let neighbour = if disturbed && self.rng.random::<f64>() < 0.03 {
                3.0_f64.ln()
            } else {
                0.0
            };
            let machine = if self.slow { SLOWNESS.ln() } else { 0.0 };
            let millis = 2.0 * (level + spread * z + slower + machine + neighbour).exp();
            histogram.record(Duration::from_nanos((millis * 1e6) as u64));
            self.pass(RUN_SECONDS / f64::from(MESSAGES));
        }
        let after = self.pace();
        self.pass(1.0);
        Repeat {
            pace: Pace { before, after },
            summary: summary(),
            histograms: vec![GroupHistograms {
                group: "only".to_owned(),
                trends: BTreeMap::from([(Trend::Response, histogram.to_base64())]),
            }],
        }
    }
}

fn summary() -> Summary {
    let (recorder, mut senders) = Recorder::new(&["only"], 1, Moment::ZERO);
    let mut sender = senders.remove(0);
    sender
        .shard()
        .add(GroupId(0), Counter::MessagesSent, u64::from(MESSAGES));
    sender
        .shard()
        .add(GroupId(0), Counter::SentAnswered, u64::from(MESSAGES));
    sender
        .shard()
        .add(GroupId(0), Counter::MessagesReceived, u64::from(MESSAGES));
    sender.finish(
        Moment::ZERO + Duration::from_secs_f64(RUN_SECONDS),
        Gauges::default(),
    );
    let facts = RunFacts {
        name: "simulated".to_owned(),
        target: "ws://localhost/".to_owned(),
        seed: 1,
        started: UNIX_EPOCH,
        duration: Duration::from_secs_f64(RUN_SECONDS),
        end: RunEnd::Completed,
    };
    Summary::new(facts, &recorder.finish(), Processes::default())
}

fn baseline(name: &str, repeats: Vec<Repeat>) -> Baseline {
    Baseline {
        schema: BASELINE_SCHEMA.to_owned(),
        name: name.to_owned(),
        created: "2026-01-01T00:00:00Z".to_owned(),
        version: "1.0.0".to_owned(),
        scenario: ScenarioId::default(),
        target: "ws://localhost/".to_owned(),
        machine: Machine::default(),
        repeats,
    }
}

/// Both sides in turns, A B B A, as `compare` runs two targets.
pub(crate) fn interleaved(seed: u64, server: Server, repeats: usize) -> Comparison {
    let mut world = World::new(seed);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for pair in 0..repeats {
        if pair % 2 == 0 {
            a.push(world.run(Server::Unchanged));
            b.push(world.run(server));
        } else {
            b.push(world.run(server));
            a.push(world.run(Server::Unchanged));
        }
    }
    let options = CompareOptions {
        interleaved: true,
        ..CompareOptions::default()
    };
    compare(&baseline("a", a), &baseline("b", b), &options)
}

/// B today against a baseline of another day.
pub(crate) fn stored(seed: u64, server: Server, repeats: usize) -> Comparison {
    let mut world = World::new(seed);
    let a = (0..repeats).map(|_| world.run(Server::Unchanged)).collect();
    world.new_session();
    let b = (0..repeats).map(|_| world.run(server)).collect();
    compare(&baseline("a", a), &baseline("b", b), &CompareOptions::default())
}

/// How many comparisons came to each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdicts {
    pub(crate) improved: usize,
    pub(crate) same: usize,
    pub(crate) regressed: usize,
    pub(crate) cannot_tell: usize,
}

/// Compares once for each seed, on all cores.
pub(crate) fn verdicts(seeds: std::ops::Range<u64>, compare: impl Fn(u64) -> Comparison + Sync) -> Verdicts {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let verdicts: Vec<Verdict> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let mine = seeds.clone().skip(worker).step_by(threads);
                let compare = &compare;
                scope.spawn(move || mine.map(|seed| compare(seed).verdict).collect::<Vec<_>>())
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    Verdicts {
        improved: count(Verdict::Improved),
        same: count(Verdict::Same),
        regressed: count(Verdict::Regressed),
        cannot_tell: count(Verdict::CannotTell),
    }
}
