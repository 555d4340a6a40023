//! [`Server`]: a server that runs. [`run`]: a server from its start to its graceful stop.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::config::{ConfigError, ServerConfig};
use super::error::ServerError;
use super::figures::ServerFigures;
use super::handle::Order;
use super::listener::{self, Surface};
use super::metrics::{Counter, RouteMetrics, WorkerMetrics};
use super::settings::Settings;
use super::thread::{Beginning, run as run_thread};
use super::worker::{Beginnings, Shared};

/// A server that runs. Its workers have threads and event loops of their own, so it can be started from anywhere.
///
/// Dropping it tells the workers to stop without waiting for them; [`Server::stop`] waits.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    addresses: Vec<(Surface, SocketAddr)>,
    workers: Vec<Running>,
    wishes: mpsc::Receiver<Wish>,
    backplane: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Running {
    thread: JoinHandle<()>,
    ended: oneshot::Receiver<()>,
}

/// What the administration asks the server's owner for.
#[derive(Debug)]
pub enum Wish {
    /// Read the configuration again, call [`Server::reload`], and tell what came of it.
    Reload(oneshot::Sender<Result<Reloaded, ServerError>>),
    /// Call [`Server::stop`].
    Stop,
}

/// What came of new settings that were put in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Settings that differ from those of the start and wait for a restart.
    pub need_restart: Vec<String>,
}

/// What a server did in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerReport {
    /// WebSocket connections that opened.
    pub opened: u64,
    /// Those that ended by themselves or with a complete close handshake; all but the ones that were cut.
    pub ended: u64,
    /// WebSocket connections that were cut because the drain time was over, or by the administrator.
    pub cut: u64,
    /// Upgrades that were refused.
    pub refused: u64,
    /// Messages from clients.
    pub messages_in: u64,
    /// Messages to clients.
    pub messages_out: u64,
    /// Bytes from clients after the upgrade.
    pub bytes_in: u64,
    /// Bytes to clients after the upgrade.
    pub bytes_out: u64,
    /// Messages that slow consumers did not get.
    pub messages_dropped: u64,
    /// Failures to accept a connection.
    pub accept_errors: u64,
}

/// Serves until `shutdown` is ready, then stops gracefully: no new connections, close 1001 to all, a wait of at most the
/// drain time, and whatever is left is cut. `on_ready` gets the addresses, with their real ports, once connections can
/// be made. It has no file to read its configuration from again: for that, use [`Server`].
///
/// # Errors
/// A server that cannot start, or a worker that failed.
pub async fn run(
    config: &ServerConfig,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(&[SocketAddr]),
) -> Result<ServerReport, ServerError> {
    let mut server = Server::start(config)?;
    on_ready(&server.local_addrs());
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return server.stop().await,
            wish = server.wish() => match wish? {
                Wish::Stop => return server.stop().await,
                // Dropping the reply tells that nobody reloads.
                Wish::Reload(_) => {}
            },
        }
    }
}

impl Server {
    /// Listens and starts the workers.
    ///
    /// # Errors
    /// A configuration that contradicts itself, an address that is taken, a certificate that cannot be used, or a
    /// system without resources for a thread.
    pub fn start(config: &ServerConfig) -> Result<Self, ServerError> {
        let count = config
            .workers
            .or_else(|| thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get);
        let Beginnings {
            shared,
            mailboxes,
            wishes,
        } = Shared::begin(config, count)?;
        warn_of(&shared.settings());
        let at = |surface| move |&address| (surface, address);
        let everything = config.listen.iter().map(at(Surface::Everything));
        let health = config.health_listen.iter().map(at(Surface::Health));
        let admin = config.admin.listen.iter().map(at(Surface::Admin));
        let addresses: Vec<_> = everything.chain(health).chain(admin).collect();
        let listeners = listener::listen(&addresses, count)?;

        let (started, outcomes) = sync_channel(count);
        let mut server = Self {
            shared,
            addresses: listeners.addresses,
            workers: Vec::new(),
            wishes,
            backplane: None,
        };
        for (index, (listeners, mailbox)) in listeners.by_worker.into_iter().zip(mailboxes).enumerate() {
            server.start_worker(index, listeners, mailbox, started.clone())?;
        }
        drop(started);
        for (worker, outcome) in outcomes.into_iter().take(count) {
            outcome.map_err(|source| ServerError::Worker { worker, source })?;
        }
        if let Some(backplane) = &server.shared.backplane {
            let thread = backplane.start(server.shared.clone());
            server.backplane = thread.map_err(ServerError::Backplane)?;
        }
        Ok(server)
    }

    fn start_worker(
        &mut self,
        index: usize,
        listeners: Vec<(Surface, std::net::TcpListener)>,
        mailbox: mpsc::Receiver<Order>,
        started: std::sync::mpsc::SyncSender<(usize, std::io::Result<()>)>,
    ) -> Result<(), ServerError> {
        let (ended_sender, ended) = oneshot::channel();
        let shared = self.shared.clone();
        let beginning = Beginning {
            index,
            shared,
            listeners,
            mailbox,
            started,
            ended: ended_sender,
        };
        let builder = thread::Builder::new().name(format!("ws-worker-{index}"));
        let thread = builder.spawn(move || run_thread(beginning));
        let thread = thread.map_err(|source| ServerError::Worker {
            worker: index,
            source,
        })?;
        self.workers.push(Running { thread, ended });
        Ok(())
    }

    /// The addresses that it listens on, in the configured order, with real ports.
    #[must_use]
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.addresses_of(Surface::Everything)
    }

    /// The addresses for health checks alone, likewise.
    #[must_use]
    pub fn health_addrs(&self) -> Vec<SocketAddr> {
        self.addresses_of(Surface::Health)
    }

    /// The addresses for the administration, likewise.
    #[must_use]
    pub fn admin_addrs(&self) -> Vec<SocketAddr> {
        self.addresses_of(Surface::Admin)
    }

    fn addresses_of(&self, wanted: Surface) -> Vec<SocketAddr> {
        let with_surface = self.addresses.iter().filter(|(surface, _)| *surface == wanted);
        with_surface.map(|(_, address)| *address).collect()
    }

    /// The id that its replies carry as `X-Instance-Id`.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.shared.instance
    }

    /// Its certificate in PEM, if it speaks TLS: what clients have to trust if it is self-signed.
    #[must_use]
    pub fn certificate_pem(&self) -> Option<String> {
        let settings = self.shared.settings();
        settings.tls.as_ref().map(|tls| tls.certificate_pem.clone())
    }

    /// What it did so far.
    #[must_use]
    pub fn report(&self) -> ServerReport {
        let workers = || self.shared.metrics.iter();
        let routes =
            |read: fn(&RouteMetrics) -> u64| workers().flat_map(|worker| &worker.routes).map(read).sum();
        let cut = workers().map(|worker| worker.cut.get()).sum();
        let closed: u64 = routes(RouteMetrics::closed_total);
        ServerReport {
            opened: routes(|route| route.opened.get()),
            ended: closed.saturating_sub(cut),
            cut,
            refused: workers().map(WorkerMetrics::refused_total).sum(),
            messages_in: routes(|route| route.messages_in.get()),
            messages_out: routes(|route| route.messages_out.get()),
            bytes_in: routes(|route| route.bytes_in.get()),
            bytes_out: routes(|route| route.bytes_out.get()),
            messages_dropped: routes(|route| route.dropped.get()),
            accept_errors: workers().map(|worker| Counter::get(&worker.accept_errors)).sum(),
        }
    }

    /// What it did so far on each route of WebSocket connections.
    #[must_use]
    pub fn figures(&self) -> ServerFigures {
        let mut figures = ServerFigures::new(&self.shared.paths, &self.shared.metrics);
        let settings = self.shared.settings();
        let mut modes = settings.routes.iter().map(|route| &route.mode);
        figures
            .routes
            .retain(|_| modes.next().is_none_or(|mode| !mode.is_endpoint()));
        figures
    }

    /// How many worker threads it has.
    #[must_use]
    pub const fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Stops gracefully, as [`run`] does.
    ///
    /// # Errors
    /// A worker that failed meanwhile.
    pub async fn stop(mut self) -> Result<ServerReport, ServerError> {
        for mailbox in &self.shared.mailboxes {
            // A worker that failed is told in vain.
            let _ = mailbox.send(Order::Stop).await;
        }
        let mut failed = None;
        for (worker, Running { thread, ended }) in std::mem::take(&mut self.workers).into_iter().enumerate() {
            let orderly = ended.await.is_ok();
            // After that message the thread does nothing any more, so this does not wait.
            if thread.join().is_err() || !orderly {
                failed.get_or_insert(worker);
            }
        }
        self.shared.relay.stop().await;
        self.stop_backplane();
        if let Some(thread) = self.backplane.take() {
            // It has a second to say goodbye; if it failed, it has said so.
            let _ = tokio::task::spawn_blocking(|| thread.join()).await;
        }
        match failed {
            Some(worker) => Err(ServerError::WorkerPanicked { worker }),
            None => Ok(self.report()),
        }
    }

    /// Waits for what the administration asks for.
    ///
    /// # Errors
    /// A worker that failed meanwhile.
    pub async fn wish(&mut self) -> Result<Wish, ServerError> {
        poll_fn(|cx| match self.poll_worker_end(cx) {
            Poll::Ready(worker) => Poll::Ready(Err(ServerError::WorkerPanicked { worker })),
            Poll::Pending => match self.wishes.poll_recv(cx) {
                Poll::Ready(Some(wish)) => Poll::Ready(Ok(wish)),
                // The sender lives as long as the server.
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            },
        })
        .await
    }

    /// Puts a new configuration in force as far as that is possible without a restart: certificates, the token of the
    /// administration, connection limits, drain time, and the settings of the routes that there are. Connections stay
    /// open: their time limits and outboxes follow, what they negotiated stays. Log and metrics tell what came of it.
    ///
    /// # Errors
    /// A configuration that cannot be used, or could not be read; then everything stays as it was.
    pub async fn reload(&self, config: Result<ServerConfig, ConfigError>) -> Result<Reloaded, ServerError> {
        let current = self.shared.settings();
        let renewed = config
            .map_err(ServerError::from)
            .and_then(|config| current.renewed(&self.shared.config, &config));
        self.shared.conditions.reloads().add(renewed.is_ok());
        match renewed {
            Ok((settings, need_restart)) => {
                warn_of(&settings);
                self.shared.adopt(settings).await;
                tracing::info!("configuration reloaded");
                if !need_restart.is_empty() {
                    let settings = need_restart.join(", ");
                    tracing::warn!(settings, "these settings wait for a restart");
                }
                Ok(Reloaded { need_restart })
            }
            Err(error) => {
                tracing::error!(%error, "configuration not reloaded; everything stays as it was");
                Err(error)
            }
        }
    }

    fn stop_backplane(&self) {
        if let Some(backplane) = &self.shared.backplane {
            backplane.stop();
        }
    }

    /// The number of a worker that ended although nobody told it to.
    fn poll_worker_end(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        for (index, worker) in self.workers.iter_mut().enumerate() {
            if Pin::new(&mut worker.ended).poll(cx).is_ready() {
                return Poll::Ready(index);
            }
        }
        Poll::Pending
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for mailbox in &self.shared.mailboxes {
            // Nothing remains to be done if the mailbox is full or the worker gone.
            let _ = mailbox.try_send(Order::Stop);
        }
        self.stop_backplane();
    }
}

/// Tells of what is allowed and hardly meant.
fn warn_of(settings: &Settings) {
    for route in &settings.routes {
        for warning in route.limits.warnings() {
            tracing::warn!(route = route.path, "{warning}");
        }
    }
}
