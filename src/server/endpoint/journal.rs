//! `/journal`: what the server saw of each connection, as NDJSON.
//!
//! First the ended connections and the refusals in the order of their end, then the open connections, then a line of
//! type `summary` that says how many entries gave way to later ones. `?tag=` keeps the lines with that tag, `?route=`
//! those of a route.

use std::collections::HashSet;
use std::rc::Rc;

use super::api::{Answer, Endpoint};
use crate::server::http::{EndpointRequest, Reply};
use crate::server::ids::{ConnectionId, RouteId};
use crate::server::journal::{Entry, Scribe};
use crate::server::worker::{Shared, Worker};

pub(crate) struct Journal;

impl Endpoint for Journal {
    fn answer(&self, request: EndpointRequest, worker: Rc<Worker>) -> Answer {
        Box::pin(async move {
            // The open ones are asked for first: a connection that ends in between is in both lists rather than in none.
            let mut open = worker.shared.open_connections().await;
            let shared = &*worker.shared;
            let mut entries = shared.journal.entries();
            let ended: HashSet<_> = entries.iter().filter_map(Entry::id).collect();
            open.retain(|entry| entry.id().is_none_or(|id| !ended.contains(&id)));
            entries.extend(open);
            let query = request.query();
            let (tag, route) = (query.value("tag"), query.value("route"));
            entries.retain(|entry| {
                tag.as_deref().is_none_or(|tag| entry.tag() == Some(tag))
                    && route.as_deref().is_none_or(|route| entry.path(shared) == route)
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

impl Entry {
    fn id(&self) -> Option<ConnectionId> {
        match self {
            Self::Connection(entry) => Some(entry.id),
            Self::Refusal(_) => None,
        }
    }

    pub(super) fn tag(&self) -> Option<&str> {
        match self {
            Self::Connection(entry) => entry.tag(),
            Self::Refusal(entry) => entry.tag.as_deref(),
        }
    }

    pub(super) fn path<'a>(&'a self, shared: &'a Shared) -> &'a str {
        match self {
            Self::Connection(entry) => shared.path(entry.route),
            Self::Refusal(entry) => &entry.path,
        }
    }
}
