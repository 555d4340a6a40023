//! [`run`]: a whole run, from the checks before it to what is left to tell after it.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::{Moment, now};
use crate::metrics::{GroupId, ShardSender, Trend};
use crate::net::SourceAddresses;
use crate::net::system::{allowed_cores, pin_current_thread, raise_open_file_limit};
use crate::scenario::Plan;

use super::control::{Control, Request};
use super::health::{EarlyEnd, Watch, WorkerHealth};
use super::reactor::{Endpoint, Reactor, ReactorConfig};
use super::roster::Roster;
use super::target::ResolvedTarget;
use super::vclient::Script;
use super::worker::Worker;

/// Open files of a process beside its connections: per worker, and all others.
const FILES_PER_WORKER: u64 = 4;
const OTHER_FILES: u64 = 48;
/// How often the health of the target is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(100);
/// Room for clients that is reserved at most; beyond it memory grows with the clients.
const MAX_RESERVED: u64 = 1 << 20;

/// How a run is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// Connects under way at once, over all workers.
    pub connects_at_once: usize,
    /// Pin worker `n` to core `n`.
    pub pin_workers: bool,
}

impl Default for RunOptions {
    /// 256 connects at once: a few round trips of waiting even far away, and small enough for common listen backlogs.
    fn default() -> Self {
        Self {
            connects_at_once: 256,
            pin_workers: false,
        }
    }
}

/// How many workers to use: one per core, half as many if the target runs on the same machine.
#[must_use]
pub fn default_workers(target_is_here: bool) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if target_is_here { (cores / 2).max(1) } else { cores }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunOutcome {
    /// When the first client was to start.
    pub began: Moment,
    /// When the last worker finished.
    pub ended: Moment,
    /// Whether someone used the [`Control`] to end it before its plan did.
    pub stopped: bool,
    /// Whether it was given up for want of a target.
    pub early_end: Option<EarlyEnd>,
}

/// Why a run could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The open-file limit is too low.
    #[error(
        "{connections} connections need {needed} open files and the limit is {limit}: {missing} are missing; \
         raise the hard limit (ulimit -Hn) or use fewer clients"
    )]
    OpenFiles {
        /// Connections that the plan can hold at once.
        connections: u64,
        /// Files that they and the program need.
        needed: u64,
        /// The limit, after it was raised as far as the system allows.
        limit: u64,
        /// `needed - limit`.
        missing: u64,
    },
    /// No worker at all.
    #[error("a run needs at least one worker")]
    NoWorkers,
    /// The system refused something that every worker needs.
    #[error("worker {worker}: {source}")]
    Worker {
        /// Its number, from 0.
        worker: usize,
        /// What was refused.
        source: io::Error,
    },
}

/// Whether the open-file limit suffices for a plan. `limit` is the soft limit after it was raised.
///
/// # Errors
/// [`LoadError::OpenFiles`] says how many are missing.
pub fn check_open_files(plan: &Plan, workers: usize, limit: u64) -> Result<(), LoadError> {
    let connections = plan.max_connections();
    let needed = connections.saturating_add(workers as u64 * FILES_PER_WORKER + OTHER_FILES);
    match needed.saturating_sub(limit) {
        0 => Ok(()),
        missing => Err(LoadError::OpenFiles {
            connections,
            needed,
            limit,
            missing,
        }),
    }
}

/// What all workers of a run share.
struct Run {
    script: Arc<Script>,
    plan: Arc<Plan>,
    endpoint: Arc<Endpoint>,
    options: RunOptions,
    control: Control,
    health: Vec<Arc<WorkerHealth>>,
    /// All workers begin at once.
    ready: Barrier,
    begin: OnceLock<Moment>,
}

/// Carries out `plan` against `target` with one worker thread per element of `shards`, and returns when all of them have
/// ended and handed over what they measured. It blocks: call it from a thread that may.
///
/// # Errors
/// Too few open files, before anything has begun; or a worker that the system did not let work.
pub fn run(
    plan: &Arc<Plan>,
    target: ResolvedTarget,
    mut shards: Vec<ShardSender>,
    options: RunOptions,
    control: &Control,
) -> Result<RunOutcome, LoadError> {
    let workers = shards.len();
    let first = shards.first_mut().ok_or(LoadError::NoWorkers)?;
    if let Ok(limit) = raise_open_file_limit() {
        check_open_files(plan, workers, limit.soft)?;
    }
    if let Some(time) = target.resolve_time {
        first.shard().record(GroupId(0), Trend::Resolve, time);
    }
    let script = Script::new(Arc::clone(plan), &target.target, unix_origin());
    let run = Run {
        script: Arc::new(script),
        plan: Arc::clone(plan),
        endpoint: Arc::new(target.endpoint),
        options,
        control: control.clone(),
        health: (0..workers).map(|_| Arc::default()).collect(),
        ready: Barrier::new(workers + 1),
        begin: OnceLock::new(),
    };
    run.carry_out(shards)
}

impl Run {
    fn carry_out(&self, shards: Vec<ShardSender>) -> Result<RunOutcome, LoadError> {
        let (report, reports) = sync_channel(shards.len());
        thread::scope(|scope| {
            for (worker, shards) in shards.into_iter().enumerate() {
                let report = report.clone();
                scope.spawn(move || self.work(worker, shards, &report));
            }
            drop(report);
            self.ready.wait();
            let begin = *self.begin.get_or_init(now);
            let mut watch = Watch::new(self.health.clone(), begin);
            let mut early_end = None;
            let mut failure = None;
            loop {
                match reports.recv_timeout(WATCH_EVERY) {
                    Ok((_, Ok(()))) => {}
                    Ok((worker, Err(source))) => {
                        self.control.abort();
                        failure.get_or_insert(LoadError::Worker { worker, source });
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => {
                        if early_end.is_none() && self.control.request() == Request::Continue {
                            early_end = watch.check(now());
                            early_end.inspect(|_| self.control.interrupt());
                        }
                    }
                }
            }
            let stopped = early_end.is_none() && self.control.request() != Request::Continue;
            let outcome = RunOutcome {
                began: begin,
                ended: now(),
                stopped,
                early_end,
            };
            failure.map_or(Ok(outcome), Err)
        })
    }

    /// One worker's thread.
    fn work(&self, worker: usize, shards: ShardSender, report: &SyncSender<(usize, io::Result<()>)>) {
        if self.options.pin_workers {
            let cores = allowed_cores();
            // A system that cannot pin threads runs them unpinned.
            let _ = pin_current_thread(cores[worker % cores.len()]);
        }
        let reactor = self.reactor(shards);
        self.ready.wait();
        let begin = *self.begin.get_or_init(now);
        let result = reactor.and_then(|reactor| {
            let roster = Roster::new(&self.plan, worker, self.health.len());
            let health = Arc::clone(&self.health[worker]);
            let (plan, control) = (Arc::clone(&self.plan), self.control.clone());
            Worker {
                plan,
                reactor,
                roster,
                control,
                health,
                begin,
                keys: Vec::new(),
            }
            .run()
        });
        // The coordinator waits for every report, and there is room for one of each worker.
        let _ = report.send((worker, result));
    }

    fn reactor(&self, shards: ShardSender) -> io::Result<Reactor> {
        let workers = self.health.len();
        let reactor = Reactor::new(ReactorConfig {
            script: Arc::clone(&self.script),
            endpoint: Arc::clone(&self.endpoint),
            shards,
            connects: self.options.connects_at_once.div_ceil(workers),
            sources: SourceAddresses::new(&self.plan.transport.source_addresses),
            capacity: self.plan.max_connections().min(MAX_RESERVED) as usize / workers + 1,
            seed: rand::random(),
        })?;
        self.control.add_waker(reactor.waker()?);
        Ok(reactor)
    }
}

/// The wall clock at [`Moment::ZERO`], in nanoseconds since 1970.
fn unix_origin() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos())
        .unwrap_or(u64::MAX)
        .saturating_sub(now().as_nanos())
}
