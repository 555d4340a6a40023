//! `/journal`: what the server saw of each connection, as NDJSON.
//!
//! First the ended connections and the refusals in the order of their end, then the open connections, then a line of
//! type `summary` that says how many entries gave way to later ones. `?tag=` keeps the lines with that tag, `?route=`
//! those of a route.

use std::collections::HashSet;
use std::rc::Rc;

use tokio::sync::oneshot;

use super::api::{Answer, Endpoint};
use crate::server::handle::Order;
use crate::server::http::{EndpointRequest, Reply};
use crate::server::ids::{ConnectionId, RouteId};
use crate::server::journal::{Entry, Scribe};
use crate::server::worker::{Shared, Worker};

pub(crate) struct Journal;

impl Endpoint for Journal {
    fn answer(&self, request: EndpointRequest, worker: Rc<Worker>) -> Answer {
        Box::pin(async move {
            // The open ones are asked for first: a connection that ends in between is in both lists rather than in none.
            let mut open = open_connections(&worker.shared).await;
            let shared = &*worker.shared;
            let mut entries = shared.journal.entries();
            let ended: HashSet<_> = entries.iter().filter_map(Entry::id).collect();
            open.retain(|entry| entry.id().is_none_or(|id| !ended.contains(&id)));
            entries.extend(open);
            let (tag, route) = (request.query_value("tag"), request.query_value("route"));
            entries.retain(|entry| {
                tag.is_none_or(|tag| entry.tag() == Some(tag))
                    && route.is_none_or(|route| entry.path(shared) == route)
            });

            let path_of = |route: RouteId| shared.path(route);
            let scribe = Scribe {
                instance: &shared.instance,
                clock: shared.wall_clock,
                path_of,
            };
            let mut body = Vec::new();
            for entry in &entries {
                scribe.write(entry, &mut body);
            }
            scribe.write_summary(entries.len(), shared.journal.dropped(), &mut body);
            Reply::ok("application/x-ndjson", body)
        })
    }
}

/// Asks every worker, this one included.
async fn open_connections(shared: &Shared) -> Vec<Entry> {
    let mut open = Vec::new();
    for mailbox in &shared.mailboxes {
        let (reply, entries) = oneshot::channel();
        // A worker that has stopped has no connections.
        if mailbox.send(Order::Inspect(reply)).await.is_ok() {
            open.extend(entries.await.unwrap_or_default());
        }
    }
    open
}

impl Entry {
    fn id(&self) -> Option<ConnectionId> {
        match self {
            Self::Connection(entry) => Some(entry.id),
            Self::Refusal(_) => None,
        }
    }

    fn tag(&self) -> Option<&str> {
        match self {
            Self::Connection(entry) => entry.tag.as_deref(),
            Self::Refusal(entry) => entry.tag.as_deref(),
        }
    }

    fn path<'a>(&'a self, shared: &'a Shared) -> &'a str {
        match self {
            Self::Connection(entry) => shared.path(entry.route),
            Self::Refusal(entry) => &entry.path,
        }
    }
}
