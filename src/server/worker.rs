//! [`Worker`]: what the tasks of one worker thread share. [`Shared`]: what the workers share.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use super::backplane::Backplane;
use super::conditions::{Check, Conditions};
use super::config::{RouteLimits, ServerConfig};
use super::drain;
use super::error::ServerError;
use super::game::Matches;
use super::handle::{Address, MAILBOX_CAPACITY, Mailbox, Order};
use super::hub::{Hub, Publication};
use super::ids::RouteId;
use super::journal::{ConnectionEntry, Entry, Journal, WallClock};
use super::message::SharedMessage;
use super::metrics::WorkerMetrics;
use super::mode::{Feed, ModeConfig, ProbeKind, Service, Uploads};
use super::proxy::Pools;
use super::ratelimit::ConnectionLimiter;
use super::registry::{Registry, Waiting};
use super::relay::Relay;
use super::running::Wish;
use super::settings::Settings;
use crate::clock::{self, Moment, Wheel};

/// What all workers of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) instance: String,
    /// The configuration that the server was started with.
    pub(crate) config: ServerConfig,
    /// By route.
    pub(crate) paths: Vec<String>,
    pub(crate) route_ids: HashMap<String, RouteId>,
    /// Routes that end in `/*`, without that, the longest first.
    prefixes: Vec<(String, RouteId)>,
    /// By route: what it does, which no reload changes.
    pub(crate) modes: Vec<ModeConfig>,
    pub(crate) faults: bool,
    /// Some route tells clients what their requests looked like.
    pub(crate) shows_requests: bool,
    /// The latest; workers keep their own.
    settings: RwLock<Arc<Settings>>,
    pub(crate) conditions: Arc<Conditions>,
    /// What the server's owner is asked to do.
    pub(crate) wishes: mpsc::Sender<Wish>,
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

/// What a server begins with.
#[derive(Debug)]
pub(crate) struct Beginnings {
    pub(crate) shared: Arc<Shared>,
    /// By worker.
    pub(crate) mailboxes: Vec<mpsc::Receiver<Order>>,
    pub(crate) wishes: mpsc::Receiver<Wish>,
}

/// Wishes that may wait for the server's owner.
const WISHES: usize = 4;

/// What the tasks of one worker thread share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    /// By route.
    pub(crate) services: Vec<Service>,
    pub(crate) registry: RefCell<Registry>,
    pub(crate) hub: Hub,
    settings: RefCell<Arc<Settings>>,
    /// By route: whether its clients are not read for now.
    paused: Vec<Cell<bool>>,
    drain: RefCell<Option<AbortHandle>>,
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
    /// What `workers` workers share, the mailboxes for them to read, and the wishes for the server's owner.
    ///
    /// # Errors
    /// A configuration that contradicts itself, or files that cannot be used.
    pub(crate) fn begin(config: &ServerConfig, workers: usize) -> Result<Beginnings, ServerError> {
        let settings = Settings::new(config)?;
        let routes = &settings.routes;
        let by_id = || (0..).map(RouteId).zip(routes);
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
        let modes: Vec<_> = routes.iter().map(|route| route.mode.clone()).collect();
        let (wishes, wished) = mpsc::channel(WISHES);
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
            config: config.clone(),
            uploads: uploads.collect(),
            feeds: feeds.collect(),
            shows_requests: modes.contains(&ModeConfig::Probe(ProbeKind::Headers)),
            metrics: (0..workers).map(|_| WorkerMetrics::new(routes.len())).collect(),
            paths: routes.iter().map(|route| route.path.clone()).collect(),
            modes,
            route_ids,
            prefixes,
            faults: config.faults,
            settings: RwLock::new(Arc::new(settings)),
            conditions: Arc::default(),
            wishes,
            journal: Journal::new(usize::try_from(config.journal.0).unwrap_or(usize::MAX)),
            wall_clock: WallClock::new(clock::now()),
            mailboxes,
            connections: ConnectionLimiter::new(config.limits.quota(), "the server"),
            held: AtomicUsize::new(0),
            last_id: AtomicU64::new(0),
        };
        Ok(Beginnings {
            shared: Arc::new(shared),
            mailboxes: receivers,
            wishes: wished,
        })
    }

    /// The latest settings.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts new settings in force, here and for all workers.
    pub(crate) async fn adopt(&self, settings: Settings) {
        self.connections.set_quota(settings.limits.quota());
        let settings = Arc::new(settings);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings.clone();
        self.tell_all(|| Order::Reload(settings.clone())).await;
    }

    /// Gives every worker an order.
    pub(crate) async fn tell_all(&self, order: impl Fn() -> Order) {
        for mailbox in &self.mailboxes {
            // A worker that has stopped has nothing left to do.
            let _ = mailbox.send(order()).await;
        }
    }

    /// Asks every worker that has not stopped.
    pub(crate) async fn ask_all<T>(&self, question: impl Fn(oneshot::Sender<T>) -> Order) -> Vec<T> {
        let mut answers = Vec::new();
        for mailbox in &self.mailboxes {
            let (reply, answer) = oneshot::channel();
            if mailbox.send(question(reply)).await.is_ok() {
                answers.extend(answer.await.ok());
            }
        }
        answers
    }

    /// What is known of the connections that are open, on every worker.
    pub(crate) async fn open_connections(&self) -> Vec<Entry> {
        self.ask_all(Order::Inspect).await.concat()
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
        &self.paths[route.index()]
    }
}

impl Worker {
    pub(crate) fn new(index: usize, shared: Arc<Shared>) -> Rc<Self> {
        let now = clock::now();
        let settings = shared.settings();
        Rc::new(Self {
            index,
            services: (0..)
                .map(RouteId)
                .zip(&settings.routes)
                .map(|(id, route)| Service::new(id, route, &shared))
                .collect(),
            registry: RefCell::new(Registry::new(shared.paths.len())),
            hub: Hub::new(index, shared.mailboxes.len()),
            settings: RefCell::new(settings),
            paused: vec![Cell::new(false); shared.paths.len()],
            drain: RefCell::default(),
            buffers: RefCell::new(Buffers::new()),
            timers: RefCell::new(Wheel::new(TICK, now)),
            now: Cell::new(now),
            session_opened: Notify::new(),
            stopping: Cell::new(false),
            drained: Notify::new(),
            shared,
        })
    }

    /// The settings in force, to be kept over a wait.
    pub(crate) fn current_settings(&self) -> Arc<Settings> {
        self.settings.borrow().clone()
    }

    /// The limits in force of a route. Nothing may wait while it holds them.
    #[inline]
    pub(crate) fn limits(&self, route: RouteId) -> Ref<'_, RouteLimits> {
        Ref::map(self.settings.borrow(), |settings| {
            &settings.routes[route.index()].limits
        })
    }

    /// Puts new settings in force.
    pub(crate) fn adopt(&self, settings: Arc<Settings>) {
        self.settings.replace(settings);
        if self.index == 0 {
            self.warm_up_guards();
        }
        // Deadlines may be nearer than the sessions' timers.
        self.registry.borrow_mut().fire_all_timers();
    }

    /// Lets the guards fetch what they need, so that the first client need not wait for it.
    pub(crate) fn warm_up_guards(&self) {
        for guard in &self.settings.borrow().guards {
            let guard = guard.clone();
            tokio::task::spawn_local(async move { guard.warm_up(clock::now()).await });
        }
    }

    /// Whether the clients of a route are to wait.
    #[inline]
    pub(crate) fn reads_paused(&self, route: RouteId) -> bool {
        self.paused[route.index()].get()
    }

    /// Lets the clients of a route, or of all, wait or go on.
    pub(crate) fn pause_reads(&self, route: Option<RouteId>, paused: bool) {
        for (index, flag) in self.paused.iter().enumerate() {
            if route.is_none_or(|route| route.index() == index) {
                flag.set(paused);
            }
        }
        if !paused {
            self.registry.borrow().wake_all();
        }
    }

    /// Begins to close all sessions, evenly over a time; `None` ends that.
    pub(crate) fn drain(self: &Rc<Self>, over: Option<Duration>) {
        let closing = over.map(|over| tokio::task::spawn_local(drain::close_evenly(self.clone(), over)));
        let before = self.drain.replace(closing.map(|task| task.abort_handle()));
        if let Some(before) = before {
            before.abort();
        }
    }

    /// Why a health check fails; `None` if all is well.
    pub(crate) fn ailment(&self, check: Check) -> Option<&'static str> {
        let conditions = &self.shared.conditions;
        let stopping = self.is_stopping().then_some("stopping");
        let draining = || conditions.is_draining().then_some("draining");
        stopping
            .or_else(draining)
            .or_else(|| conditions.is_down(check).then_some("down"))
    }

    /// What waits for slow clients, by route.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let mut waiting = vec![Waiting::default(); self.shared.paths.len()];
        for slot in self.registry.borrow().iter() {
            waiting[slot.route.index()] += slot.waiting();
        }
        waiting
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
            .fan_out((*route, room), message, &self.limits(*route), |offered| {
                metrics.offered(offered);
            })
    }

    /// Offers a message to one session, unless it is gone.
    pub(crate) fn deliver(&self, address: Address, message: SharedMessage) {
        let delivered = self
            .registry
            .borrow_mut()
            .deliver(address, message, &self.settings.borrow().routes);
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
                peer: slot.about.peer,
                remarks: slot.about.remarks.clone(),
                opened: slot.about.opened,
                traffic: slot.traffic,
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
            let wanted = ticks.tick().await;
            worker.metrics().lateness.add(wanted.elapsed());
            worker.tick(clock::now());
        }
    }
}
