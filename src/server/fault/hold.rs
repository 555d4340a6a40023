//! [`Held`]: an upgrade without an answer.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::kind::FaultKind;
use crate::clock;
use crate::server::journal::{Entry, RefusalEntry};
use crate::server::session::Transport;
use crate::server::worker::{Shared, Worker};

/// Upgrades that may be without an answer at a time, over the whole server.
pub(crate) const HELD_AT_MOST: usize = 10_000;

/// An upgrade without an answer, in one of the places that there are.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) path: Box<str>,
    pub(crate) peer: SocketAddr,
    pub(crate) tag: Option<Box<str>>,
    time: Duration,
    place: Place,
}

/// Free again when it is dropped.
#[derive(Debug)]
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Held {
    /// A place for `time`, unless all are taken.
    pub(crate) fn new(shared: &Arc<Shared>, path: &str, peer: SocketAddr, time: Duration) -> Option<Self> {
        let before = shared.held.fetch_add(1, Ordering::Relaxed);
        let place = Place(shared.clone());
        (before < HELD_AT_MOST).then(|| Self {
            path: path.into(),
            peer,
            tag: None,
            time,
            place,
        })
    }

    /// Says nothing until the client leaves or the time is over, then ends TCP.
    pub(crate) async fn wait(self, mut transport: Transport, worker: Rc<Worker>) {
        worker.metrics().faults[FaultKind::Hold.index()].add(1);
        let from = clock::now();
        let left = async {
            let mut discarded = [0; 1024];
            while matches!(transport.read(&mut discarded).await, Ok(1..)) {}
        };
        let end = match timeout(self.time, left).await {
            Ok(()) => "the client left",
            Err(_) => "the time was over",
        };
        let now = clock::now();
        worker.shared.journal.push(Entry::Refusal(RefusalEntry {
            path: self.path,
            peer: self.peer,
            tag: self.tag,
            at: now,
            status: 0,
            error: None,
            reason: format!(
                "held without an answer for {:.3} s; {end}",
                (now - from).as_secs_f64()
            )
            .into(),
        }));
        drop(self.place);
    }
}
