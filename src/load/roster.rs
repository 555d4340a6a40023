//! [`Roster`]: one worker's share of the clients, and when they start and stop.
//!
//! Every worker walks through the same list of starts and stops and takes those that are its own, so the workers agree on
//! numbers and groups without a word between them, and a run has the same clients however many workers it has.

use std::iter::Peekable;
use std::time::Duration;

use crate::metrics::GroupId;
use crate::scenario::{ClosedStage, LoadModel, Plan};

use super::pacer::{Change, ClosedPacer, OpenPacer};

/// What a worker is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Start a client.
    Start {
        /// Its group.
        group: GroupId,
        /// Its number, unique within the run.
        id: u64,
        /// The offset that it was intended for.
        at: Duration,
    },
    /// Stop the client that started last.
    StopLast {
        /// The offset that this was intended for.
        at: Duration,
    },
    /// An arrival found too many clients.
    Drop {
        /// The group that it would have belonged to.
        group: GroupId,
    },
}

/// The starts and stops of one worker.
#[derive(Debug)]
pub struct Roster {
    pace: Pace,
    picker: GroupPicker,
    worker: u64,
    workers: u64,
    /// Clients that all workers together have started as planned.
    started: u64,
}

#[derive(Debug)]
enum Pace {
    Closed(Box<Closed>),
    Open {
        arrivals: Box<OpenPacer>,
        /// This worker's part of the maximum.
        most: u64,
    },
}

/// The clients of a closed model, as planned or as someone wants them while the run goes on.
///
/// The plan is followed all the while, so that it can be gone back to; only its orders are left out when it is overruled.
#[derive(Debug)]
struct Closed {
    changes: Peekable<ClosedPacer>,
    /// Clients of all workers at this point of the plan.
    planned: u64,
    /// Clients of all workers that someone wants instead, and since which offset.
    wanted: Option<(u64, Duration)>,
    /// Clients of this worker that were ordered to start and not to stop.
    mine: u64,
    /// Numbers and groups of the clients that the plan knows nothing of.
    extra: Extra,
}

#[derive(Debug)]
struct Extra {
    next_id: u64,
    picker: GroupPicker,
}

impl Roster {
    /// The share of worker number `worker` (from 0) of `workers`.
    #[must_use]
    pub fn new(plan: &Plan, worker: usize, workers: usize) -> Self {
        let (worker, workers) = (worker as u64, workers.max(1) as u64);
        let weights: Vec<u32> = plan.groups.iter().map(|group| group.weight).collect();
        let pace = match &plan.load {
            LoadModel::Closed { stages } => Pace::Closed(Box::new(Closed {
                changes: ClosedPacer::new(stages).peekable(),
                planned: 0,
                wanted: None,
                mine: 0,
                extra: Extra {
                    next_id: starts(stages) + worker,
                    picker: GroupPicker::new(weights.clone()),
                },
            })),
            LoadModel::Open {
                stages,
                max_clients,
                arrivals,
            } => Pace::Open {
                arrivals: Box::new(OpenPacer::new(stages, *arrivals, plan.seed)),
                most: share(*max_clients, worker, workers),
            },
        };
        Self {
            pace,
            picker: GroupPicker::new(weights),
            worker,
            workers,
            started: 0,
        }
    }

    /// From the offset `at` on, a closed model has this many clients, whatever its stages say; `None`: as they say.
    pub fn set_clients(&mut self, clients: Option<u64>, at: Duration) {
        if let Pace::Closed(closed) = &mut self.pace
            && closed.wanted.map(|(wanted, _)| wanted) != clients
        {
            closed.wanted = clients.map(|clients| (clients, at));
        }
    }

    /// From the offset `at` on, an open model's rates are multiplied by `factor`.
    pub fn set_rate_factor(&mut self, factor: f64, at: Duration) {
        if let Pace::Open { arrivals, .. } = &mut self.pace {
            arrivals.set_factor(factor, at);
        }
    }

    /// The offset of the next entry of the list, this worker's or not.
    pub fn next_at(&mut self) -> Option<Duration> {
        match &mut self.pace {
            Pace::Closed(closed) => closed.changes.peek().map(|change| change.at()),
            Pace::Open { arrivals, .. } => arrivals.peek(),
        }
    }

    /// The next order that is due `elapsed` after the begin, for a worker that has `clients` clients.
    pub fn next_order(&mut self, elapsed: Duration, clients: u64) -> Option<Order> {
        while self.next_at().is_some_and(|at| at <= elapsed) {
            if let Some(order) = self.advance(clients) {
                return Some(order);
            }
        }
        match &mut self.pace {
            Pace::Closed(closed) => closed.correct(elapsed, self.worker, self.workers),
            Pace::Open { .. } => None,
        }
    }

    /// Takes one entry of the list; `None` if it is another worker's or overruled.
    fn advance(&mut self, present: u64) -> Option<Order> {
        match &mut self.pace {
            Pace::Closed(closed) => {
                let change = closed.changes.next()?;
                let order = match change {
                    Change::Start(at) => {
                        let (group, id) = (self.picker.pick(), self.started);
                        self.started += 1;
                        Order::Start { group, id, at }
                    }
                    Change::Stop(at) => Order::StopLast { at },
                };
                closed.follow(order, self.worker, self.workers)
            }
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

impl Closed {
    /// Moves on by one change of the plan; gives its order if it is this worker's and not overruled.
    fn follow(&mut self, order: Order, worker: u64, workers: u64) -> Option<Order> {
        let starts = matches!(order, Order::Start { .. });
        self.planned -= u64::from(!starts);
        let mine = self.planned % workers == worker && self.wanted.is_none();
        self.planned += u64::from(starts);
        if !mine {
            return None;
        }
        self.mine = if starts {
            self.mine + 1
        } else {
            self.mine.saturating_sub(1)
        };
        Some(order)
    }

    /// What it takes to come to this worker's share of the clients; nothing as long as the plan was never overruled.
    fn correct(&mut self, elapsed: Duration, worker: u64, workers: u64) -> Option<Order> {
        let (clients, at) = self.wanted.unwrap_or((self.planned, elapsed));
        let wanted = share(clients, worker, workers);
        if self.mine < wanted {
            self.mine += 1;
            let id = self.extra.next_id;
            self.extra.next_id += workers;
            let group = self.extra.picker.pick();
            return Some(Order::Start { group, id, at });
        }
        (self.mine > wanted).then(|| {
            self.mine -= 1;
            Order::StopLast { at }
        })
    }
}

/// How many of `clients` belong to a worker: client number `n` to worker `n mod workers`.
const fn share(clients: u64, worker: u64, workers: u64) -> u64 {
    clients / workers + (worker < clients % workers) as u64
}

/// How many clients a closed model starts as planned.
fn starts(stages: &[ClosedStage]) -> u64 {
    let mut from = 0;
    let mut starts = 0;
    for stage in stages {
        starts += stage.clients.saturating_sub(from);
        from = stage.clients;
    }
    starts
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
    use proptest::prelude::*;

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

    /// Clients of one worker after each of its orders.
    fn apply(clients: &mut Vec<u64>, order: Order) {
        match order {
            Order::Start { id, .. } => clients.push(id),
            Order::StopLast { .. } => {
                clients.pop().expect("only what started stops");
            }
            Order::Drop { .. } => {}
        }
    }

    proptest! {
        #[test]
        fn whatever_someone_wants_the_workers_have_it_and_go_back_to_the_plan(
            stages in prop::collection::vec((0..20_u64, 0..30_u64), 1..5),
            wishes in prop::collection::vec((0..20_u64, prop::option::of(0..40_u64)), 0..8),
            workers in 1..4_usize,
        ) {
            let stages: Vec<_> = stages.iter().map(|(length, clients)| format!("{{duration: {length}s, clients: {clients}}}")).collect();
            let plan = plan(&format!("stages: [{{duration: 1s, clients: 3}}, {}]", stages.join(", ")));
            let mut rosters: Vec<_> = (0..workers).map(|worker| (Roster::new(&plan, worker, workers), Vec::new())).collect();
            let mut ids = std::collections::BTreeSet::new();
            let mut elapsed = Duration::ZERO;
            for (after, wish) in wishes {
                elapsed += Duration::from_millis(after * 700);
                let planned: i64 = ClosedPacer::new(match &plan.load {
                    LoadModel::Closed { stages } => stages,
                    LoadModel::Open { .. } => unreachable!("the plan has stages"),
                })
                .take_while(|change| change.at() <= elapsed)
                .map(|change| if matches!(change, Change::Start(_)) { 1 } else { -1 })
                .sum();
                let mut present = 0;
                for (roster, clients) in &mut rosters {
                    // As a worker does that notices a wish a little late.
                    while let Some(order) = roster.next_order(elapsed, 0) {
                        if let Order::Start { id, .. } = order {
                            prop_assert!(ids.insert(id), "client {} twice", id);
                        }
                        apply(clients, order);
                    }
                    roster.set_clients(wish, elapsed);
                    while let Some(order) = roster.next_order(elapsed, 0) {
                        if let Order::Start { id, .. } = order {
                            prop_assert!(ids.insert(id), "client {} twice", id);
                        }
                        apply(clients, order);
                    }
                    present += clients.len() as u64;
                }
                prop_assert_eq!(present, wish.unwrap_or(planned as u64));
            }
        }
    }
}
