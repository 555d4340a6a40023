//! [`Roster`]: one worker's share of the clients, and when they start and stop.
//!
//! Every worker walks through the same list of starts and stops and takes those that are its own, so the workers agree on
//! numbers and groups without a word between them, and a run has the same clients however many workers it has.

use std::iter::Peekable;
use std::time::Duration;

use crate::metrics::GroupId;
use crate::scenario::{LoadModel, Plan};

use super::pacer::{Change, ClosedPacer, OpenPacer};

/// What a worker is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Start a client that was intended for the offset `at`.
    Start { group: GroupId, id: u64, at: Duration },
    /// Stop the client that started last.
    StopLast { at: Duration },
    /// An arrival found too many clients.
    Drop { group: GroupId },
}

/// The starts and stops of one worker.
#[derive(Debug)]
pub(super) struct Roster {
    pace: Pace,
    picker: GroupPicker,
    worker: u64,
    workers: u64,
    /// Clients that all workers together have started.
    started: u64,
}

#[derive(Debug)]
enum Pace {
    Closed {
        changes: Peekable<ClosedPacer>,
        /// Clients of all workers at this point of the list.
        clients: u64,
    },
    Open {
        arrivals: Peekable<OpenPacer>,
        /// This worker's part of the maximum.
        most: u64,
    },
}

impl Roster {
    /// The share of worker number `worker` (from 0) of `workers`.
    pub(super) fn new(plan: &Plan, worker: usize, workers: usize) -> Self {
        let (worker, workers) = (worker as u64, workers.max(1) as u64);
        let pace = match &plan.load {
            LoadModel::Closed { stages } => Pace::Closed {
                changes: ClosedPacer::new(stages).peekable(),
                clients: 0,
            },
            LoadModel::Open {
                stages,
                max_clients,
                arrivals,
            } => Pace::Open {
                arrivals: OpenPacer::new(stages, *arrivals, plan.seed).peekable(),
                most: max_clients / workers + u64::from(worker < max_clients % workers),
            },
        };
        let weights = plan.groups.iter().map(|group| group.weight).collect();
        Self {
            pace,
            picker: GroupPicker::new(weights),
            worker,
            workers,
            started: 0,
        }
    }

    /// The offset of the next entry of the list, this worker's or not.
    pub(super) fn next_at(&mut self) -> Option<Duration> {
        match &mut self.pace {
            Pace::Closed { changes, .. } => changes.peek().map(|change| change.at()),
            Pace::Open { arrivals, .. } => arrivals.peek().copied(),
        }
    }

    /// The next order that is due `elapsed` after the begin, for a worker that has `clients` clients.
    pub(super) fn next_order(&mut self, elapsed: Duration, clients: u64) -> Option<Order> {
        while self.next_at().is_some_and(|at| at <= elapsed) {
            if let Some(order) = self.advance(clients) {
                return Some(order);
            }
        }
        None
    }

    /// Takes one entry of the list; `None` if it is another worker's.
    fn advance(&mut self, present: u64) -> Option<Order> {
        match &mut self.pace {
            Pace::Closed { changes, clients } => match changes.next()? {
                Change::Start(at) => {
                    let mine = *clients % self.workers == self.worker;
                    *clients += 1;
                    let (group, id) = (self.picker.pick(), self.started);
                    self.started += 1;
                    mine.then_some(Order::Start { group, id, at })
                }
                Change::Stop(at) => {
                    *clients -= 1;
                    (*clients % self.workers == self.worker).then_some(Order::StopLast { at })
                }
            },
            Pace::Open { arrivals, most } => {
                let at = arrivals.next()?;
                let (group, id) = (self.picker.pick(), self.started);
                self.started += 1;
                let order = if present < *most {
                    Order::Start { group, id, at }
                } else {
                    Order::Drop { group }
                };
                (id % self.workers == self.worker).then_some(order)
            }
        }
    }
}

/// Deals clients out to groups by weight, as evenly as can be: each goes to the group that is furthest behind its share.
#[derive(Debug)]
struct GroupPicker {
    weights: Vec<u32>,
    total: i64,
    /// How far each group is behind, in units of one client times `total`.
    behind: Vec<i64>,
}

impl GroupPicker {
    fn new(weights: Vec<u32>) -> Self {
        let total = weights.iter().copied().map(i64::from).sum();
        Self {
            behind: vec![0; weights.len()],
            total,
            weights,
        }
    }

    fn pick(&mut self) -> GroupId {
        for (behind, weight) in self.behind.iter_mut().zip(&self.weights) {
            *behind += i64::from(*weight);
        }
        // Of several, the first: `max_by_key` would give the last.
        let most = self.behind.iter().copied().max().unwrap_or(0);
        let picked = self.behind.iter().position(|behind| *behind == most).unwrap_or(0);
        if let Some(behind) = self.behind.get_mut(picked) {
            *behind -= self.total;
        }
        GroupId(picked as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(weights: &[u32], n: usize) -> Vec<u16> {
        let mut picker = GroupPicker::new(weights.to_vec());
        (0..n).map(|_| picker.pick().0).collect()
    }

    #[test]
    fn weights_are_exact_over_each_period_and_mixed_within() {
        let dealt = picks(&[5, 1, 2], 16);
        assert_eq!(dealt[..8], dealt[8..]);
        for (group, weight) in [(0, 5), (1, 1), (2, 2)] {
            assert_eq!(
                dealt[..8].iter().filter(|picked| **picked == group).count(),
                weight
            );
        }
        assert_ne!(dealt[..5], [0; 5], "the first group does not go first as a block");
        assert_eq!(picks(&[7], 3), [0, 0, 0]);
        assert_eq!(picks(&[u32::MAX, u32::MAX], 4), [0, 1, 0, 1]);
    }

    fn plan(load: &str) -> Plan {
        let text = format!(
            "target: ws://server.test/\n{load}\nscenarios: [\
             {{name: a, weight: 3, flow: [{{think: 1s}}]}}, {{name: b, flow: [{{think: 1s}}]}}]"
        );
        crate::scenario::from_str("test.yaml", &text, &crate::scenario::Overrides::default()).unwrap()
    }

    /// All orders of one worker, each with its offset, as if none of its clients ever ended by itself.
    fn orders(plan: &Plan, worker: usize, workers: usize) -> Vec<Order> {
        let mut roster = Roster::new(plan, worker, workers);
        std::iter::from_fn(|| roster.next_order(Duration::MAX, 0)).collect()
    }

    #[test]
    fn workers_divide_the_clients_among_them_and_lose_none() {
        for load in [
            "stages: [{duration: 3s, clients: 11}, {duration: 1s, clients: 2}, {duration: 2s, clients: 7}, {duration: 0s, clients: 0}]",
            "arrivals: {stages: [{duration: 4s, from: 1/s, to: 9/s}], process: poisson, max_clients: 9}",
        ] {
            let plan = plan(load);
            let key = |order: &Order| match *order {
                Order::Start { group, id, at } => (0, at, id, group.0),
                Order::StopLast { at } => (1, at, 0, 0),
                Order::Drop { group } => (2, Duration::ZERO, 0, group.0),
            };
            let mut whole: Vec<_> = orders(&plan, 0, 1).iter().map(key).collect();
            let mut parts: Vec<_> = (0..3)
                .flat_map(|worker| orders(&plan, worker, 3))
                .map(|order| key(&order))
                .collect();
            whole.sort_unstable();
            parts.sort_unstable();
            assert!(!whole.is_empty());
            assert_eq!(whole, parts, "{load}");
        }
    }

    #[test]
    fn the_maximum_of_clients_is_divided_without_a_rest() {
        let plan = plan("arrivals: {stages: [{duration: 1s, rate: 90/s}], max_clients: 10}");
        let started: u64 = (0..3)
            .map(|worker| {
                let mut roster = Roster::new(&plan, worker, 3);
                let mut clients = 0;
                while let Some(order) = roster.next_order(Duration::MAX, clients) {
                    clients += u64::from(matches!(order, Order::Start { .. }));
                }
                clients
            })
            .sum();
        assert_eq!(started, 10);
    }
}
