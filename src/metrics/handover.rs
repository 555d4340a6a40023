//! How shards travel from workers to the recorder and back, without loss and without waiting.
//!
//! Each worker circulates two shards: it fills one while the recorder holds the other. A flush swaps them if the
//! recorder has given the other one back, else it does nothing and the worker goes on filling. So memory is bounded,
//! nothing is dropped, and a slow recorder delays only what is shown.

use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use crate::clock::Moment;

use super::generator::WorkerPulse;
use super::shard::Shard;

/// The present state of one worker, or summed over all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Clients that the load model asks for now.
    pub clients_wanted: u64,
    /// Clients that run a flow.
    pub clients_active: u64,
    /// Connections whose upgrade succeeded and that have not ended.
    pub connections_open: u64,
}

impl Gauges {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            clients_wanted: self.clients_wanted + other.clients_wanted,
            clients_active: self.clients_active + other.clients_active,
            connections_open: self.connections_open + other.connections_open,
        }
    }

    /// The higher of the two for each gauge.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            clients_wanted: self.clients_wanted.max(other.clients_wanted),
            clients_active: self.clients_active.max(other.clients_active),
            connections_open: self.connections_open.max(other.connections_open),
        }
    }
}

/// What a worker hands over.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) worker: usize,
    pub(super) shard: Shard,
    /// Up to when it was measured; what follows is in the next shard.
    pub(super) until: Moment,
    pub(super) gauges: Gauges,
    /// The highest of each gauge since the hand-over before.
    pub(super) peak: Gauges,
    pub(super) pulse: Option<WorkerPulse>,
    /// None follows.
    pub(super) last: bool,
}

/// The recorder's end: full shards come in, cleared ones go back.
#[derive(Debug)]
pub(super) struct Collector {
    pub(super) incoming: Receiver<Handover>,
    returns: Vec<SyncSender<Shard>>,
}

impl Collector {
    /// Gives a shard back to its worker, cleared.
    pub(super) fn give_back(&self, worker: usize, mut shard: Shard) {
        shard.clear();
        // A worker that has finished needs no shard any more; room for one that has not is certain, since it owns two.
        let _ = self.returns[worker].try_send(shard);
    }
}

/// A worker's end: owns the shard that is being filled.
#[derive(Debug)]
pub struct ShardSender {
    worker: usize,
    shard: Shard,
    outgoing: SyncSender<Handover>,
    spares: Receiver<Shard>,
    peak: Gauges,
    pulse: Option<WorkerPulse>,
}

impl ShardSender {
    /// The shard to record into.
    pub const fn shard(&mut self) -> &mut Shard {
        &mut self.shard
    }

    /// What the worker's thread has used so far; it goes with the next hand-over.
    pub const fn pulse(&mut self, pulse: WorkerPulse) {
        self.pulse = Some(pulse);
    }

    /// Looks at gauges between two hand-overs, lest a peak is missed.
    #[inline]
    pub fn saw(&mut self, gauges: Gauges) {
        self.peak = self.peak.max(gauges);
    }

    /// Hands the shard to the recorder, if the recorder is not behind; never waits and never loses a sample. It holds what
    /// was measured up to `at`.
    pub fn flush(&mut self, at: Moment, gauges: Gauges) {
        match self.spares.try_recv() {
            Ok(spare) => {
                let shard = mem::replace(&mut self.shard, spare);
                self.send(shard, at, gauges, false);
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
        }
    }

    /// Hands over the last shard, with what was measured up to `at`.
    pub fn finish(mut self, at: Moment, gauges: Gauges) {
        let shard = mem::replace(&mut self.shard, Shard::new(0));
        self.send(shard, at, gauges, true);
    }

    fn send(&mut self, shard: Shard, until: Moment, gauges: Gauges, last: bool) {
        let peak = mem::replace(&mut self.peak, gauges).max(gauges);
        // The channel has room for both shards of every worker, so this does not wait; it fails only if the recorder
        // is gone, and then nobody is left to tell.
        let _ = self.outgoing.send(Handover {
            worker: self.worker,
            shard,
            until,
            gauges,
            peak,
            pulse: self.pulse,
            last,
        });
    }
}

/// Both ends, for `workers` workers whose shards have `groups` groups.
pub(super) fn connect(groups: usize, workers: usize) -> (Collector, Vec<ShardSender>) {
    let (outgoing, incoming) = sync_channel(2 * workers);
    let mut returns = Vec::with_capacity(workers);
    let mut senders = Vec::with_capacity(workers);
    for worker in 0..workers {
        let (back, spares) = sync_channel(2);
        let _ = back.try_send(Shard::new(groups));
        returns.push(back);
        senders.push(ShardSender {
            worker,
            shard: Shard::new(groups),
            outgoing: outgoing.clone(),
            spares,
            peak: Gauges::default(),
            pulse: None,
        });
    }
    (Collector { incoming, returns }, senders)
}
