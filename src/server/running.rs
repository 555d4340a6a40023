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

use super::config::{ServerConfig, TlsConfig};
use super::error::ServerError;
use super::handle::Order;
use super::listener;
use super::metrics::{Counter, RouteMetrics};
use super::thread::{Beginning, run as run_thread};
use super::worker::Shared;
use crate::net::tls::{ALPN_HTTP_1_1, Identity, server_config};

/// A server that runs. Its workers have threads and event loops of their own, so it can be started from anywhere.
///
/// Dropping it tells the workers to stop without waiting for them; [`Server::stop`] waits.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    certificate: Option<String>,
    workers: Vec<Running>,
    backplane: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Running {
    thread: JoinHandle<()>,
    ended: oneshot::Receiver<()>,
}

/// What a server did in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerReport {
    /// WebSocket connections that opened.
    pub opened: u64,
    /// Those that ended by themselves or with a complete close handshake; all but the ones that were cut.
    pub ended: u64,
    /// WebSocket connections that were cut because the drain time was over.
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
/// be made.
///
/// # Errors
/// A server that cannot start, or a worker that failed.
pub async fn run(
    config: &ServerConfig,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(&[SocketAddr]),
) -> Result<ServerReport, ServerError> {
    let mut server = Server::start(config)?;
    on_ready(server.local_addrs());
    let mut shutdown = pin!(shutdown);
    poll_fn(|cx| match server.poll_worker_end(cx) {
        Poll::Ready(worker) => Poll::Ready(Err(ServerError::WorkerPanicked { worker })),
        Poll::Pending => shutdown.as_mut().poll(cx).map(Ok),
    })
    .await?;
    server.stop().await
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
        let identity = config.tls.as_ref().map(identity).transpose()?;
        let certificate = identity.as_ref().map(Identity::certificate_pem);
        let tls = identity
            .map(|identity| server_config(identity, &[ALPN_HTTP_1_1]))
            .transpose()?;
        let (shared, mailboxes) = Shared::new(config, count, tls)?;
        let shared = Arc::new(shared);
        let listeners = listener::listen(&config.listen, count)?;

        let (started, outcomes) = sync_channel(count);
        let mut server = Self {
            shared,
            addresses: listeners.addresses,
            certificate,
            workers: Vec::new(),
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
        listeners: Vec<std::net::TcpListener>,
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
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The id that its replies carry as `X-Instance-Id`.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.shared.instance
    }

    /// Its certificate in PEM, if it speaks TLS: what clients have to trust if it is self-signed.
    #[must_use]
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate.as_deref()
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
            refused: routes(|route| route.refused.total()),
            messages_in: routes(|route| route.messages_in.get()),
            messages_out: routes(|route| route.messages_out.get()),
            bytes_in: routes(|route| route.bytes_in.get()),
            bytes_out: routes(|route| route.bytes_out.get()),
            messages_dropped: routes(|route| route.dropped.get()),
            accept_errors: workers().map(|worker| Counter::get(&worker.accept_errors)).sum(),
        }
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

fn identity(config: &TlsConfig) -> Result<Identity, ServerError> {
    Ok(match config {
        TlsConfig::Files { certificate, key } => Identity::from_files(certificate, key)?,
        TlsConfig::SelfSigned(names) => Identity::self_signed(names)?,
    })
}
