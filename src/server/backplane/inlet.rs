//! From the broker to the workers.

use std::cell::Cell;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::outlet::Backplane;
use super::parcel::{Content, Parcel, Place};
use crate::server::game::MatchKey;
use crate::server::handle::Order;
use crate::server::hub::Publication;
use crate::server::message::SharedMessage;
use crate::server::room::RoomName;
use crate::server::worker::Shared;

/// What came from the broker and waits for the workers. The connection is read on meanwhile: a broker cuts off, and the
/// clients of both brokers hoard for, those who do not read.
#[derive(Debug)]
pub(super) struct Inlet {
    queue: mpsc::Sender<Bytes>,
    waiting_bytes: Cell<usize>,
}

/// Messages that may wait for the workers.
const QUEUE_MESSAGES: usize = 8192;
/// Bytes that may.
const QUEUE_BYTES: usize = 32 << 20;
/// Publications that a worker is handed at once.
const PER_ORDER: usize = 32;

impl Inlet {
    pub(super) fn new() -> (Self, mpsc::Receiver<Bytes>) {
        let (queue, receiver) = mpsc::channel(QUEUE_MESSAGES);
        let inlet = Self {
            queue,
            waiting_bytes: Cell::new(0),
        };
        (inlet, receiver)
    }

    /// Takes a message of another server, unless too much waits; says whether it did.
    pub(super) fn offer(&self, bytes: Bytes) -> bool {
        let size = bytes.len();
        let fits = self.waiting_bytes.get() + size <= QUEUE_BYTES;
        let taken = fits && self.queue.try_send(bytes).is_ok();
        if taken {
            self.waiting_bytes.set(self.waiting_bytes.get() + size);
        }
        taken
    }

    /// Hands to the workers what comes, for ever.
    pub(super) async fn deliver(&self, mut receiver: mpsc::Receiver<Bytes>, shared: &Shared) {
        let mut batch = Vec::new();
        while receiver.recv_many(&mut batch, PER_ORDER).await > 0 {
            let mut publications = Vec::new();
            for bytes in batch.drain(..) {
                self.waiting_bytes.set(self.waiting_bytes.get() - bytes.len());
                publications.extend(open(&bytes, shared));
            }
            if publications.is_empty() {
                continue;
            }
            for mailbox in &shared.mailboxes {
                // A worker that has stopped has no clients.
                let _ = mailbox.send(Order::Publish(publications.clone())).await;
            }
        }
    }
}

/// Whether the parcel is from another server; none if it is no parcel.
pub(super) fn is_foreign(bytes: &[u8], backplane: &Backplane) -> Option<bool> {
    Parcel::decode(bytes).map(|parcel| parcel.origin != backplane.origin)
}

/// What this server's clients are to get for a parcel. Rooms of routes that are not here have no members here.
fn open(bytes: &[u8], shared: &Shared) -> Vec<Publication> {
    match Parcel::decode(bytes).map(|parcel| parcel.content) {
        Some(Content::Message(place, kind, payload)) => {
            let publication = find(place, shared).map(|(route, room)| Publication {
                route,
                room,
                message: SharedMessage::new(kind, payload),
            });
            publication.into_iter().collect()
        }
        Some(Content::Match(place, update)) => {
            find(place, shared).map_or_else(Vec::new, |key| shared.matches.hear(&key, update))
        }
        Some(Content::Heartbeat) | None => Vec::new(),
    }
}

fn find(place: Place<'_>, shared: &Shared) -> Option<MatchKey> {
    let route = *shared.route_ids.get(place.path)?;
    let has_rooms = shared.modes[route.index()].has_rooms();
    let room = RoomName::new(place.room).ok()?;
    has_rooms.then_some((route, room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing;
    use crate::wire::MessageKind;

    fn parcel(path: &str, room: &str) -> Vec<u8> {
        let content = Content::Message(Place { path, room }, MessageKind::Text, b"x");
        Parcel { origin: 1, content }.encode()
    }

    #[test]
    fn messages_find_their_room_by_its_names() {
        let worker = testing::worker();
        let shared = &worker.shared;
        let found = open(&parcel("/chat", "lobby"), shared);
        assert_eq!(found.len(), 1);
        assert_eq!(shared.path(found[0].route), "/chat");
        assert_eq!(
            (found[0].room.as_str(), found[0].message.payload()),
            ("lobby", &b"x"[..])
        );
        assert!(open(&parcel("/nowhere", ""), shared).is_empty());
        assert!(open(&parcel("/echo", ""), shared).is_empty(), "no rooms there");
        assert!(open(&parcel("/chat", &"x".repeat(65)), shared).is_empty());
        assert!(open(b"nonsense", shared).is_empty());
    }

    #[test]
    fn what_waits_is_bounded() {
        let (inlet, _receiver) = Inlet::new();
        for _ in 0..QUEUE_MESSAGES {
            assert!(inlet.offer(Bytes::from_static(b"x")));
        }
        assert!(!inlet.offer(Bytes::from_static(b"x")));
        let (inlet, _receiver) = Inlet::new();
        assert!(inlet.offer(Bytes::from(vec![0; QUEUE_BYTES])));
        assert!(!inlet.offer(Bytes::from_static(b"x")));
    }
}
