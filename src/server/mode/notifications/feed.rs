//! [`Feed`]: what the workers share of a route with notifications.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use tokio::sync::{Notify, oneshot};

use super::config::NotificationsConfig;
use crate::server::broker::nats;
use crate::server::handle::Order;
use crate::server::hub::Publication;
use crate::server::ids::RouteId;
use crate::server::message::SharedMessage;
use crate::server::metrics::Counter;
use crate::server::room::RoomName;
use crate::server::worker::Shared;

/// What the workers share of a route with notifications.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(super) config: NotificationsConfig,
    clients: AtomicUsize,
    client_came: Notify,
    pub(super) broker: OnceLock<nats::Client>,
    /// The stream and the consumer were there when they were last needed.
    pub(super) ready: AtomicBool,
    /// Events that at least one client got.
    pub(crate) delivered: Counter,
    /// Events that no client was there for; they come again.
    pub(crate) returned: Counter,
    /// Events that came again although they had been delivered.
    pub(crate) repeated: Counter,
}

impl Feed {
    pub(crate) fn new(config: &NotificationsConfig) -> Self {
        Self {
            config: config.clone(),
            clients: AtomicUsize::new(0),
            client_came: Notify::new(),
            broker: OnceLock::new(),
            ready: AtomicBool::new(false),
            delivered: Counter::default(),
            returned: Counter::default(),
            repeated: Counter::default(),
        }
    }

    /// Whether there is a broker at all.
    pub(crate) fn is_configured(&self) -> bool {
        self.config.nats.is_some()
    }

    /// Whether events can come.
    pub(crate) fn is_up(&self) -> bool {
        self.ready.load(Relaxed) && self.broker.get().is_some_and(nats::is_connected)
    }

    /// A client came.
    pub(super) fn enter(&self) {
        self.clients.fetch_add(1, Relaxed);
        self.client_came.notify_one();
    }

    /// A client went.
    pub(super) fn leave(&self) {
        self.clients.fetch_sub(1, Relaxed);
    }

    /// Waits until there is a client.
    pub(super) async fn client(&self) {
        while self.clients.load(Relaxed) == 0 {
            self.client_came.notified().await;
        }
    }
}

/// Offers messages to every client of a route, on every worker; says of each how many took it.
pub(super) async fn offer(shared: &Shared, route: RouteId, messages: &[SharedMessage]) -> Vec<usize> {
    let publications = || {
        let publication = |message: &SharedMessage| Publication {
            route,
            room: RoomName::default(),
            message: message.clone(),
        };
        messages.iter().map(publication).collect()
    };
    let mut answers = Vec::new();
    for mailbox in &shared.mailboxes {
        let (taken, answer) = oneshot::channel();
        // A worker that stops has no clients to speak of.
        if mailbox.send(Order::Offer(publications(), taken)).await.is_ok() {
            answers.push(answer);
        }
    }
    let mut totals = vec![0; messages.len()];
    for answer in answers {
        for (total, taken) in totals.iter_mut().zip(answer.await.unwrap_or_default()) {
            *total += taken;
        }
    }
    totals
}
