//! [`Relay`]: a server's processes and the thread that runs them.

use std::io;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::config::RelayConfig;
use super::directory::Directory;
use super::mailbox::MailboxLimits;
use super::pid::Node;
use super::processes::{ProcessLimits, Processes};
use super::remote::{BusError, NatsBus, Uplink};

/// A server's processes. They have a thread of their own, started when the first is needed: a room serves the clients of all
/// workers, and outlives every one of them.
#[derive(Debug)]
pub(crate) struct Relay {
    node: Node,
    config: RelayConfig,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    directory: Arc<Directory>,
    /// Dropping it ends the thread.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Why there are no processes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayError {
    #[error("cannot start the thread of the relay's processes")]
    Thread(#[from] io::Error),
    #[error("cannot use `relay: nats:`")]
    Bus(#[from] BusError),
}

/// How long a stop waits for connections, and then for programs.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

impl Relay {
    pub(crate) fn new(instance: &str, config: &RelayConfig) -> Self {
        Self {
            node: Node::new(instance),
            config: config.clone(),
            running: Mutex::default(),
        }
    }

    /// The processes, which run from now on.
    ///
    /// # Errors
    /// The system has no thread for them, or NATS is configured in a way that cannot work.
    pub(crate) fn directory(&self) -> Result<Arc<Directory>, RelayError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*running {
            return Ok(running.directory.clone());
        }
        let started = self.start()?;
        Ok(running.insert(started).directory.clone())
    }

    fn start(&self) -> Result<Running, RelayError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mailbox = MailboxLimits {
            letters: bounded(self.config.mailbox_letters.0),
            bytes: bounded(self.config.mailbox_bytes.0),
        };
        let limits = ProcessLimits {
            services: bounded(self.config.max_processes.0),
            mailbox,
        };
        let processes = Processes::new(self.node.clone(), limits, runtime.handle().clone());
        let (stop, stopped) = oneshot::channel();
        let (ready, outcome) = sync_channel(1);
        let nats = self.config.nats.clone();
        let life = {
            let processes = processes.clone();
            async move {
                // Whoever starts this waits for it.
                let _ = ready.send(connect(processes, nats).await);
                // It is never sent, only dropped.
                let _ = stopped.await;
            }
        };
        let thread = thread::Builder::new()
            .name("ws-relay".to_owned())
            .spawn(move || runtime.block_on(life))?;
        // Connecting happens in the background, so this does not take long.
        outcome.recv().map_err(io::Error::other)??;
        Ok(Running {
            directory: Arc::new(Directory::new(processes, &self.config)),
            stop,
            thread,
        })
    }

    /// Ends everything: connections by themselves, then the others. Does nothing if nothing runs.
    pub(crate) async fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running {
            directory,
            stop,
            thread,
        }) = running
        else {
            return;
        };
        directory.processes().stop(STOP_PATIENCE).await;
        drop(stop);
        // The thread has nothing else to do, so this does not wait. If it failed, its processes have ended all the same.
        let _ = thread.join();
    }
}

/// Gives the processes the way to other nodes, if one is configured.
async fn connect(processes: Processes, nats: Option<String>) -> Result<(), BusError> {
    let Some(url) = nats else { return Ok(()) };
    let uplink = Uplink::new(Arc::new(NatsBus::connect(&url).await?), processes.node().clone());
    processes.connect(uplink.clone());
    uplink.listen(processes).await
}

fn bounded(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
