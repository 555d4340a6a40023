//! [`Worker`]: what the tasks of one worker thread share. [`Shared`]: what the workers share.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::MissedTickBehavior;

use super::backplane::Backplane;
use super::config::{ConfigError, ConnectionLimits, RouteLimits, RoutePlan, ServerConfig, plan_routes};
use super::game::Matches;
use super::guard::RouteGuard;
use super::handle::{Address, MAILBOX_CAPACITY, Mailbox, Order};
use super::hub::{Hub, Publication};
use super::ids::RouteId;
use super::journal::{ConnectionEntry, Entry, Journal, WallClock};
use super::message::SharedMessage;
use super::metrics::WorkerMetrics;
use super::mode::{Feed, ModeConfig, ProbeKind, Service, Uploads};
use super::proxy::Pools;
use super::ratelimit::{ConnectionLimiter, ConnectionQuota};
use super::registry::Registry;
use super::relay::Relay;
use crate::clock::{self, Moment, Wheel};

/// What all workers of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) instance: String,
    pub(crate) routes: Vec<RoutePlan>,
    /// By route.
    pub(crate) guards: Vec<RouteGuard>,
    pub(crate) route_ids: HashMap<String, RouteId>,
    /// Routes that end in `/*`, without that, the longest first.
    prefixes: Vec<(String, RouteId)>,
    pub(crate) limits: ConnectionLimits,
    pub(crate) faults: bool,
    /// Some route tells clients what their requests looked like.
    pub(crate) shows_requests: bool,
    pub(crate) drain_time: Duration,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) journal: Journal,
    pub(crate) wall_clock: WallClock,
    /// By worker.
    pub(crate) metrics: Vec<WorkerMetrics>,
    /// By worker.
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) relay: Arc<Relay>,
    /// The WebSocket connections of all routes.
    pub(crate) connections: Arc<ConnectionLimiter>,
    /// The way to the rooms of other servers, if they share them.
    pub(crate) backplane: Option<Backplane>,
    pub(crate) matches: Matches,
    /// Of the routes that take uploads.
    pub(crate) uploads: HashMap<RouteId, Arc<Uploads>>,
    /// Of the routes with notifications.
    pub(crate) feeds: HashMap<RouteId, Arc<Feed>>,
    pub(crate) pools: Pools,
    /// Upgrades that are left without an answer.
    pub(crate) held: AtomicUsize,
    pub(crate) last_id: AtomicU64,
}

/// What the tasks of one worker thread share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    /// By route.
    pub(crate) services: Vec<Service>,
    pub(crate) registry: RefCell<Registry>,
    pub(crate) hub: Hub,
    pub(crate) buffers: RefCell<Buffers>,
    timers: RefCell<Wheel>,
    now: Cell<Moment>,
    session_opened: Notify,
    stopping: Cell<bool>,
    drained: Notify,
}

/// The buffers through which all sessions of a worker read and write.
#[derive(Debug)]
pub(crate) struct Buffers {
    /// Always at its full length.
    pub(crate) read: Box<[u8]>,
    pub(crate) write: Vec<u8>,
    /// Where payloads are put together.
    pub(crate) scratch: Vec<u8>,
}

/// Room for a message of 64 KiB and its header in one read, and a little more.
const READ_BUFFER: usize = 128 * 1024;
/// Capacity that a buffer may keep once a large message went through it.
const KEPT_CAPACITY: usize = 256 * 1024;
/// The accuracy of sessions' deadlines.
const TICK: Duration = Duration::from_millis(10);

impl Buffers {
    fn new() -> Self {
        Self {
            read: vec![0; READ_BUFFER].into_boxed_slice(),
            write: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Gives back what an unusually large message took.
    pub(crate) fn trim(&mut self) {
        for buffer in [&mut self.write, &mut self.scratch] {
            if buffer.capacity() > KEPT_CAPACITY {
                *buffer = Vec::new();
            }
        }
    }
}

impl Shared {
    /// What `workers` workers share, and the mailboxes for them to read.
    ///
    /// # Errors
    /// Routes that contradict themselves, secrets that cannot be read.
    pub(crate) fn new(
        config: &ServerConfig,
        workers: usize,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Result<(Self, Vec<mpsc::Receiver<Order>>), ConfigError> {
        let routes = plan_routes(config)?;
        let guards = routes.iter().map(guard).collect::<Result<_, _>>()?;
        let by_id = || (0..).map(RouteId).zip(&routes);
        let route_ids: HashMap<_, _> = by_id().map(|(id, route)| (route.path.clone(), id)).collect();
        let uploads = by_id().filter_map(|(id, route)| match &route.mode {
            ModeConfig::Upload(config) => Some((id, Arc::new(Uploads::new(config)))),
            _ => None,
        });
        let feeds = by_id().filter_map(|(id, route)| match &route.mode {
            ModeConfig::Notifications(config) => Some((id, Arc::new(Feed::new(config)))),
            _ => None,
        });
        let prefix = |(path, id): (&String, &RouteId)| Some((path.strip_suffix("/*")?.to_owned(), *id));
        let mut prefixes: Vec<_> = route_ids.iter().filter_map(prefix).collect();
        prefixes.sort_unstable_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let proxies = routes.iter().filter_map(|route| match &route.mode {
            ModeConfig::Proxy(config) => Some((route.path.as_str(), &**config)),
            _ => None,
        });
        let (mailboxes, receivers) = (0..workers).map(|_| mpsc::channel(MAILBOX_CAPACITY)).unzip();
        let instance = config
            .instance
            .clone()
            .unwrap_or_else(|| format!("{:08x}", rand::random::<u32>()));
        let shared = Self {
            relay: Arc::new(Relay::new(&instance, &config.relay)),
            backplane: Backplane::new(&config.backplane),
            matches: Matches::default(),
            pools: Pools::new(proxies),
            instance,
            uploads: uploads.collect(),
            feeds: feeds.collect(),
            shows_requests: routes
                .iter()
                .any(|route| route.mode == ModeConfig::Probe(ProbeKind::Headers)),
            metrics: (0..workers).map(|_| WorkerMetrics::new(routes.len())).collect(),
            routes,
            guards,
            route_ids,
            prefixes,
            limits: config.limits.clone(),
            faults: config.faults,
            drain_time: config.drain_time.0,
            tls,
            journal: Journal::new(usize::try_from(config.journal.0).unwrap_or(usize::MAX)),
            wall_clock: WallClock::new(clock::now()),
            mailboxes,
            connections: ConnectionLimiter::new(quota(&config.limits), "the server"),
            held: AtomicUsize::new(0),
            last_id: AtomicU64::new(0),
        };
        Ok((shared, receivers))
    }

    /// The route of a request's path: that very path, or the longest one with `/*` that begins it.
    pub(crate) fn route_of(&self, path: &str) -> Option<RouteId> {
        let below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let by_prefix = || {
            self.prefixes
                .iter()
                .find(|(prefix, _)| below(prefix))
                .map(|(_, route)| *route)
        };
        self.route_ids.get(path).copied().or_else(by_prefix)
    }

    /// The path of a route.
    pub(crate) fn path(&self, route: RouteId) -> &str {
        &self.routes[route.index()].path
    }
}

fn guard(route: &RoutePlan) -> Result<RouteGuard, ConfigError> {
    RouteGuard::new(&route.guard).map_err(|source| ConfigError::Auth {
        route: route.path.clone(),
        source,
    })
}

fn quota(limits: &ConnectionLimits) -> ConnectionQuota {
    ConnectionQuota {
        max_connections: limits.max_connections,
        max_per_address: limits.max_connections_per_address,
    }
}

impl Worker {
    pub(crate) fn new(index: usize, shared: Arc<Shared>) -> Rc<Self> {
        let now = clock::now();
        Rc::new(Self {
            index,
            services: (0..)
                .map(RouteId)
                .zip(&shared.routes)
                .map(|(id, route)| Service::new(id, route, &shared))
                .collect(),
            registry: RefCell::new(Registry::new(shared.routes.len())),
            hub: Hub::new(index, shared.mailboxes.len()),
            buffers: RefCell::new(Buffers::new()),
            timers: RefCell::new(Wheel::new(TICK, now)),
            now: Cell::new(now),
            session_opened: Notify::new(),
            stopping: Cell::new(false),
            drained: Notify::new(),
            shared,
        })
    }

    pub(crate) fn limits(&self, route: RouteId) -> &RouteLimits {
        &self.shared.routes[route.index()].limits
    }

    pub(crate) fn metrics(&self) -> &WorkerMetrics {
        &self.shared.metrics[self.index]
    }

    /// The present, to the accuracy of a tick: reading the clock for every message would be felt.
    #[inline]
    pub(crate) fn now(&self) -> Moment {
        self.now.get()
    }

    /// Makes sure that the session is polled no later than at `deadline`.
    pub(crate) fn wake_by(&self, slot: u32, deadline: Moment) {
        self.timers.borrow_mut().schedule_by(slot, deadline);
    }

    /// A session opened.
    pub(crate) fn session_opened(&self) {
        self.now.set(clock::now());
        self.session_opened.notify_one();
    }

    /// A session's slot is free again.
    pub(crate) fn session_closed(&self, slot: u32) {
        self.timers.borrow_mut().cancel(slot);
        if self.stopping.get() && self.registry.borrow().len() == 0 {
            self.drained.notify_one();
        }
    }

    /// Offers a publication to every open session of its room; says how many took it.
    pub(crate) fn fan_out(&self, publication: &Publication) -> usize {
        let Publication { route, room, message } = publication;
        let metrics = &self.metrics().routes[route.index()];
        self.registry
            .borrow_mut()
            .fan_out((*route, room), message, self.limits(*route), |offered| {
                metrics.offered(offered);
            })
    }

    /// Offers a message to one session, unless it is gone.
    pub(crate) fn deliver(&self, address: Address, message: SharedMessage) {
        let delivered = self
            .registry
            .borrow_mut()
            .deliver(address, message, &self.shared.routes);
        if let Some((route, offered)) = delivered {
            self.metrics().routes[route.index()].offered(offered);
        }
    }

    /// What is known of the open connections.
    pub(crate) fn open_connections(&self) -> Vec<Entry> {
        let registry = self.registry.borrow();
        let entries = registry.iter().map(|slot| {
            Entry::Connection(ConnectionEntry {
                id: slot.id,
                route: slot.route,
                peer: slot.peer,
                tag: slot.tag.clone(),
                subject: slot.subject.clone(),
                opened: slot.opened,
                traffic: slot.traffic,
                faults: slot.faults.clone(),
                ended: None,
            })
        });
        entries.collect()
    }

    /// From now on [`Worker::drained`] may return.
    pub(crate) fn stop(&self) {
        self.stopping.set(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Waits until a stopping worker has no sessions.
    pub(crate) async fn drained(&self) {
        while self.registry.borrow().len() > 0 {
            self.drained.notified().await;
        }
    }

    fn tick(&self, now: Moment) {
        self.now.set(now);
        let mut registry = self.registry.borrow_mut();
        self.timers
            .borrow_mut()
            .expire(now, &mut |slot| registry.timer_fired(slot));
    }
}

/// Lets time pass for the worker's sessions, for ever. A worker without sessions sleeps.
pub(crate) async fn keep_time(worker: Rc<Worker>) {
    loop {
        while worker.registry.borrow().len() == 0 {
            worker.session_opened.notified().await;
        }
        // Sleeping for a tick each time would make ticks longer than they are meant to be.
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while worker.registry.borrow().len() > 0 {
            ticks.tick().await;
            worker.tick(clock::now());
        }
    }
}
