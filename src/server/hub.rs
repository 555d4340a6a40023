//! [`Hub`]: messages on their way from one session to all sessions of a room, on every worker.
//!
//! A publication is queued for each worker, the own one included, and fanned out by a task of that worker. It yields
//! between portions, so that receivers can write before more arrives: otherwise one read with thousands of messages
//! would overflow the outbox of every receiver, however fast.
//!
//! Nothing is lost between workers and nothing grows without bound: while a queue is long, the sessions of publishing
//! routes do not read, and TCP tells their clients to wait. What one read has brought may exceed the bound once.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

use tokio::sync::Notify;

use super::handle::{Mailbox, Order};
use super::ids::RouteId;
use super::message::SharedMessage;
use super::room::RoomName;
use super::worker::Worker;

/// A message for every open session of a room.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    pub(crate) route: RouteId,
    pub(crate) room: RoomName,
    pub(crate) message: SharedMessage,
}

/// Publications that may wait for one worker before publishers have to.
const QUEUE_MESSAGES: usize = 256;
/// Bytes that may wait for one worker before publishers have to.
const QUEUE_BYTES: usize = 4 << 20;
/// Deliveries after which the fan-out lets the receivers run.
const DELIVERIES_PER_TURN: usize = 512;
/// Publications after which it does; well below any sensible outbox.
const PUBLICATIONS_PER_TURN: usize = 32;

/// The queues of one worker's publications.
#[derive(Debug)]
pub(crate) struct Hub {
    /// One for each worker.
    queues: Vec<Queue>,
    own: usize,
    /// Sessions that wait for a queue to become shorter.
    publishers: RefCell<Vec<Waker>>,
}

#[derive(Debug, Default)]
struct Queue {
    publications: RefCell<VecDeque<Publication>>,
    bytes: Cell<usize>,
    filled: Notify,
}

impl Hub {
    /// For worker `own` of `workers`.
    pub(crate) fn new(own: usize, workers: usize) -> Self {
        let queues = (0..workers).map(|_| Queue::default()).collect();
        Self {
            queues,
            own,
            publishers: RefCell::default(),
        }
    }

    /// Sends a message to every open session of a room.
    pub(crate) fn publish(&self, publication: &Publication) {
        for queue in &self.queues {
            queue.push(publication.clone());
        }
    }

    /// Whether a publisher may go on. If not, `waker` is woken when it may.
    pub(crate) fn is_open(&self, waker: &Waker) -> bool {
        let open = !self.queues.iter().any(Queue::is_long);
        if !open {
            self.publishers.borrow_mut().push(waker.clone());
        }
        open
    }

    fn wake_publishers(&self) {
        if !self.publishers.borrow().is_empty() && !self.queues.iter().any(Queue::is_long) {
            for waker in self.publishers.take() {
                waker.wake();
            }
        }
    }
}

impl Queue {
    fn is_long(&self) -> bool {
        self.publications.borrow().len() > QUEUE_MESSAGES || self.bytes.get() > QUEUE_BYTES
    }

    fn push(&self, publication: Publication) {
        self.bytes.set(self.bytes.get() + publication.message.size());
        self.publications.borrow_mut().push_back(publication);
        self.filled.notify_one();
    }

    fn pop(&self) -> Option<Publication> {
        let publication = self.publications.borrow_mut().pop_front()?;
        self.bytes.set(self.bytes.get() - publication.message.size());
        Some(publication)
    }

    /// At most one turn's publications; waits until there are any.
    async fn take_turn(&self) -> Vec<Publication> {
        loop {
            let turn: Vec<_> = std::iter::from_fn(|| self.pop())
                .take(PUBLICATIONS_PER_TURN)
                .collect();
            if !turn.is_empty() {
                return turn;
            }
            self.filled.notified().await;
        }
    }
}

/// Fans out what this worker's sessions publish, for ever.
pub(crate) async fn deliver_own(worker: Rc<Worker>) {
    let hub = &worker.hub;
    loop {
        let turn = hub.queues[hub.own].take_turn().await;
        fan_out(&worker, turn).await;
        hub.wake_publishers();
    }
}

/// Hands what this worker's sessions publish to another worker, for ever.
pub(crate) async fn forward(worker: Rc<Worker>, other: usize, mailbox: Mailbox) {
    let hub = &worker.hub;
    loop {
        let turn = hub.queues[other].take_turn().await;
        if mailbox.send(Order::Publish(turn)).await.is_err() {
            // The other worker stops, and so shall this one; its receivers are gone.
            hub.queues[other].publications.borrow_mut().clear();
            hub.queues[other].bytes.set(0);
        }
        hub.wake_publishers();
    }
}

/// Offers publications to this worker's sessions, a portion at a time; says of each how many took it.
pub(crate) async fn fan_out(worker: &Worker, publications: Vec<Publication>) -> Vec<usize> {
    let mut deliveries = 0;
    let mut taken = Vec::with_capacity(publications.len());
    for publication in publications {
        let takers = worker.fan_out(&publication);
        taken.push(takers);
        deliveries += takers;
        if deliveries >= DELIVERIES_PER_TURN {
            deliveries = 0;
            tokio::task::yield_now().await;
        }
    }
    if deliveries > 0 {
        tokio::task::yield_now().await;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::MessageKind;

    const ROUTE: RouteId = RouteId(0);

    fn publish(hub: &Hub, text: &str) {
        hub.publish(&Publication {
            route: ROUTE,
            room: RoomName::default(),
            message: SharedMessage::new(MessageKind::Text, text.as_bytes()),
        });
    }

    #[test]
    fn a_publication_waits_for_every_worker_in_order() {
        let hub = Hub::new(0, 3);
        publish(&hub, "a");
        publish(&hub, "b");
        for queue in &hub.queues {
            let texts: Vec<_> = std::iter::from_fn(|| queue.pop())
                .map(|p| p.message.payload().to_vec())
                .collect();
            assert_eq!(texts, [b"a", b"b"]);
            assert_eq!(queue.bytes.get(), 0);
        }
    }

    #[test]
    fn publishers_wait_while_a_queue_is_long() {
        let hub = Hub::new(0, 2);
        let waker = Waker::noop();
        for _ in 0..=QUEUE_MESSAGES {
            assert!(hub.is_open(waker));
            publish(&hub, "x");
        }
        assert!(!hub.is_open(waker));
        hub.queues[0].pop();
        assert!(
            !hub.is_open(waker),
            "the other worker's queue is as long as before"
        );
        hub.queues[1].pop();
        assert!(hub.is_open(waker));
        hub.wake_publishers();
        assert!(hub.publishers.borrow().is_empty());
    }

    #[test]
    fn large_messages_make_a_queue_long_sooner() {
        let hub = Hub::new(0, 1);
        publish(&hub, &"x".repeat(QUEUE_BYTES));
        assert!(!hub.is_open(Waker::noop()));
    }
}
