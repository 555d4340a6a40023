//! [`Backplane`]: what the workers see of it; its figures.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::{Notify, mpsc};

use super::config::{BackplaneConfig, BrokerConfig};
use super::link::Broker;
use super::thread::run;
use crate::server::game::MatchKey;
use crate::server::hub::Publication;
use crate::server::worker::Shared;

/// The way to other servers.
#[derive(Debug)]
pub(crate) struct Backplane {
    pub(super) origin: u64,
    pub(super) broker: Broker,
    pub(super) config: BrokerConfig,
    pub(super) figures: Figures,
    pub(super) stop: Notify,
    queue: mpsc::Sender<Outgoing>,
    waiting_bytes: AtomicUsize,
    receiver: Mutex<Option<mpsc::Receiver<Outgoing>>>,
}

/// What waits for the broker.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// A message for a room.
    Publication(Publication),
    /// Something about a match.
    Match(MatchKey, Vec<u8>),
}

/// What the backplane did.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Whether the broker takes and brings.
    pub(crate) up: AtomicBool,
    /// Given to the broker.
    pub(crate) published: AtomicU64,
    /// From other servers.
    pub(crate) received: AtomicU64,
    /// Not given to the broker or not taken from it.
    pub(crate) dropped: AtomicU64,
    /// Times that the broker was lost.
    pub(crate) lost: AtomicU64,
}

/// Publications that may wait for the broker.
const QUEUE_MESSAGES: usize = 4096;
/// Bytes that may wait for the broker.
const QUEUE_BYTES: usize = 16 << 20;

impl Backplane {
    /// None if the rooms are this server's alone.
    pub(crate) fn new(config: &BackplaneConfig) -> Option<Self> {
        let (broker, config) = match config {
            BackplaneConfig::Memory => return None,
            BackplaneConfig::Redis(config) => (Broker::Redis, config),
            BackplaneConfig::Nats(config) => (Broker::Nats, config),
        };
        let (queue, receiver) = mpsc::channel(QUEUE_MESSAGES);
        Some(Self {
            origin: rand::random(),
            broker,
            config: config.clone(),
            figures: Figures::default(),
            stop: Notify::new(),
            queue,
            waiting_bytes: AtomicUsize::new(0),
            receiver: Mutex::new(Some(receiver)),
        })
    }

    /// Starts its thread, which ends some time after [`Backplane::stop`].
    ///
    /// # Errors
    /// The system has no thread for it.
    pub(crate) fn start(&self, shared: Arc<Shared>) -> std::io::Result<Option<JoinHandle<()>>> {
        let receiver = self
            .receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let spawn = |receiver| {
            let builder = thread::Builder::new().name("ws-backplane".to_owned());
            builder.spawn(move || run(&shared, receiver))
        };
        receiver.map(spawn).transpose()
    }

    /// Tells its thread to send what waits and end.
    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Gives a message for a room to the other servers, if the broker is there.
    pub(crate) fn publish(&self, publication: &Publication) {
        self.offer(Outgoing::Publication(publication.clone()));
    }

    /// Tells the other servers something about a match.
    pub(crate) fn publish_match(&self, key: &MatchKey, update: Vec<u8>) {
        self.offer(Outgoing::Match(key.clone(), update));
    }

    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }

    fn offer(&self, outgoing: Outgoing) {
        // What waited until the broker is back would arrive long after what was said since.
        let size = outgoing.size();
        let accepted = self.figures.up.load(Relaxed) && self.reserve(size) && {
            let queued = self.queue.try_send(outgoing).is_ok();
            if !queued {
                self.release(size);
            }
            queued
        };
        if !accepted {
            self.figures.dropped.fetch_add(1, Relaxed);
        }
    }

    fn reserve(&self, size: usize) -> bool {
        let before = self.waiting_bytes.fetch_add(size, Relaxed);
        // A message that is alone always fits.
        let fits = before == 0 || before + size <= QUEUE_BYTES;
        if !fits {
            self.release(size);
        }
        fits
    }

    /// What was queued waits no more.
    pub(super) fn release(&self, size: usize) {
        self.waiting_bytes.fetch_sub(size, Relaxed);
    }
}

impl Outgoing {
    /// Bytes that it takes in the queue.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Publication(publication) => publication.message.size(),
            Self::Match(_, update) => update.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ids::RouteId;
    use crate::server::message::SharedMessage;
    use crate::server::room::RoomName;
    use crate::wire::MessageKind;

    fn backplane() -> Backplane {
        let config = "redis://127.0.0.1:1".parse().unwrap();
        Backplane::new(&config).unwrap()
    }

    fn publish(backplane: &Backplane, size: usize) -> u64 {
        backplane.publish(&Publication {
            route: RouteId(0),
            room: RoomName::default(),
            message: SharedMessage::new(MessageKind::Binary, &vec![0; size]),
        });
        backplane.figures.dropped.load(Relaxed)
    }

    #[test]
    fn without_a_broker_everything_is_dropped_and_counted() {
        let backplane = backplane();
        assert_eq!((publish(&backplane, 1), publish(&backplane, 1)), (1, 2));
        assert_eq!(backplane.waiting_bytes.load(Relaxed), 0);
    }

    #[test]
    fn the_queue_is_bounded_in_messages() {
        let backplane = backplane();
        backplane.figures.up.store(true, Relaxed);
        for _ in 0..QUEUE_MESSAGES {
            assert_eq!(publish(&backplane, 1), 0);
        }
        assert_eq!(publish(&backplane, 1), 1);
    }

    #[test]
    fn the_queue_is_bounded_in_bytes() {
        let backplane = backplane();
        backplane.figures.up.store(true, Relaxed);
        assert_eq!(publish(&backplane, QUEUE_BYTES + 1), 0, "alone it fits");
        assert_eq!(publish(&backplane, 1), 1);
        let mut receiver = backplane.receiver.lock().unwrap().take().unwrap();
        backplane.release(receiver.try_recv().unwrap().size());
        assert_eq!(publish(&backplane, 1), 1, "there is room again");
    }
}
