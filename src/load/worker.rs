//! [`Worker`]: one thread's share of a run: starts and stops its clients, hands over what they measured, ends in time.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Moment, now};
use crate::metrics::{Counter, Gauges, WorkerPulse};
use crate::net::system::usage_of_thread;
use crate::scenario::{LoadModel, Plan};

use super::control::{Control, Request, Steering};
use super::health::WorkerHealth;
use super::reactor::Reactor;
use super::roster::{Order, Roster};

/// How often measurements are handed over and requests looked for.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// Clients that start or stop before the worker looks again at its sockets, and at what it is asked for.
const ORDERS_PER_TURN: usize = 1_000;
/// What clients may need beyond their own deadlines to end by themselves.
const MARGIN: Duration = Duration::from_secs(1);

/// A share of a run.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) plan: Arc<Plan>,
    pub(super) reactor: Reactor,
    pub(super) roster: Roster,
    pub(super) control: Control,
    pub(super) health: Arc<WorkerHealth>,
    pub(super) begin: Moment,
    /// A closed model's clients that were not asked to stop, in the order of their starts.
    pub(super) keys: Vec<u32>,
    pub(super) seen: Seen,
}

/// What a worker has made of its [`Control`] so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    version: u64,
    steering: Steering,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Clients start and stop as planned.
    Running,
    /// No client starts, and at this moment whatever is left is cut off.
    Ending { request: Request, deadline: Moment },
}

impl Worker {
    /// Runs to the end.
    pub(super) fn run(mut self) -> io::Result<()> {
        let result = self.run_stages();
        if result.is_err() {
            self.reactor.abandon_all();
        }
        self.pulse();
        let gauges = self.gauges();
        self.publish();
        self.reactor.finish(now(), gauges);
        result
    }

    fn run_stages(&mut self) -> io::Result<()> {
        let mut stage = Stage::Running;
        let mut flush_at = self.begin + FLUSH_EVERY;
        self.pulse();
        loop {
            let now = now();
            if now >= flush_at {
                self.flush();
                flush_at = now + FLUSH_EVERY;
            }
            self.steer(now);
            let paused = self.seen.steering.pause.is_some();
            let end = if paused {
                Moment::NEVER
            } else {
                self.begin + self.plan.duration()
            };
            if stage == Stage::Running && now >= end && self.control.request() == Request::Continue {
                // However late this turn is, what was due before the end is due.
                self.follow_roster(
                    self.plan.duration().saturating_sub(Duration::from_nanos(1)),
                    usize::MAX,
                );
            }
            stage = self.progress(stage, now, end);
            let next = match stage {
                Stage::Running if paused => Moment::NEVER,
                Stage::Running => self.follow_roster(now - self.begin, ORDERS_PER_TURN).min(end),
                Stage::Ending { .. } if self.reactor.len() == 0 => return Ok(()),
                Stage::Ending { deadline, .. } => deadline,
            };
            self.reactor.turn(next.min(flush_at))?;
        }
    }

    /// Does what the run was asked for since the last look: holds the schedule, moves it on by the pauses, scales it.
    fn steer(&mut self, now: Moment) {
        let version = self.control.version();
        if version == self.seen.version {
            return;
        }
        self.seen.version = version;
        let steering = self.control.steering();
        let last = mem::replace(&mut self.seen.steering, steering);
        // Also a pause that was over before this worker saw it counts.
        let pause = steering.paused - last.paused;
        if !pause.is_zero() || last.pause.is_some() && steering.pause != last.pause {
            self.begin += pause;
            self.reactor.resume_all(pause);
        }
        if steering.pause.is_some() && steering.pause != last.pause {
            self.reactor.hold_all();
        }
        // The schedule's clock shows less than the real one by the pauses, and `begin` was moved by them.
        let offset = |scheduled: Moment| scheduled + steering.paused - self.begin;
        if steering.rate != last.rate {
            self.roster
                .set_rate_factor(steering.rate.0, offset(steering.rate.1));
        }
        self.roster
            .set_clients(steering.clients, offset(steering.scheduled(now)));
    }

    /// Moves on to the next stage, if the plan or a request says so.
    fn progress(&mut self, stage: Stage, now: Moment, end: Moment) -> Stage {
        let requested = self.control.request();
        let (present, deadline) = match stage {
            Stage::Running if now >= end => (Request::Continue, end),
            Stage::Running => (Request::Continue, Moment::NEVER),
            Stage::Ending { request, deadline } => (request, deadline),
        };
        let wanted = match (stage, now >= deadline) {
            (Stage::Running, true) => requested.max(Request::Stop),
            (Stage::Ending { .. }, true) => Request::Abort,
            (_, false) => requested,
        };
        if wanted <= present {
            return stage;
        }
        self.control.end_steering();
        let until = now + self.plan.graceful_stop;
        let deadline = match wanted {
            Request::Continue => return stage,
            Request::Stop => {
                self.reactor.stop_all(until);
                until + self.longest_close() + MARGIN
            }
            Request::Interrupt => {
                self.reactor.interrupt_all();
                now + self.longest_close() + MARGIN
            }
            Request::Abort => {
                self.reactor.abandon_all();
                Moment::NEVER
            }
        };
        Stage::Ending {
            request: wanted,
            deadline,
        }
    }

    fn longest_close(&self) -> Duration {
        self.plan
            .groups
            .iter()
            .map(|group| group.connection.close_timeout)
            .max()
            .unwrap_or_default()
    }

    /// Starts and stops what is due `elapsed` after the begin, but no more than `most`; returns when there is more to do.
    fn follow_roster(&mut self, elapsed: Duration, most: usize) -> Moment {
        for _ in 0..most {
            let Some(order) = self.roster.next_order(elapsed, self.reactor.len() as u64) else {
                return self.roster.next_at().map_or(Moment::NEVER, |at| self.begin + at);
            };
            match order {
                Order::Start { group, id, at } => {
                    let key = self.reactor.start(group, id, self.begin + at);
                    if matches!(self.plan.load, LoadModel::Closed { .. }) {
                        self.keys.push(key);
                    }
                }
                Order::StopLast { at } => {
                    if let Some(key) = self.keys.pop() {
                        self.reactor.stop(key, self.begin + at + self.plan.graceful_stop);
                    }
                }
                Order::Drop { group } => {
                    self.reactor
                        .shards()
                        .shard()
                        .add(group, Counter::ArrivalsDropped, 1);
                }
            }
        }
        self.begin + elapsed
    }

    fn flush(&mut self) {
        self.pulse();
        let gauges = self.gauges();
        self.reactor.shards().flush(now(), gauges);
        self.publish();
    }

    /// Tells what this thread has used. A system that does not know leaves the share of a core unknown.
    fn pulse(&mut self) {
        if let Ok(usage) = usage_of_thread() {
            self.reactor.shards().pulse(WorkerPulse {
                at: now(),
                cpu: usage.cpu,
                waited: usage.waited,
            });
        }
    }

    fn publish(&self) {
        self.health.publish(self.reactor.census());
    }

    fn gauges(&self) -> Gauges {
        let clients_wanted = match self.plan.load {
            LoadModel::Closed { .. } => self.keys.len() as u64,
            LoadModel::Open { .. } => self.reactor.len() as u64,
        };
        Gauges {
            clients_wanted,
            ..self.reactor.census().gauges()
        }
    }
}
