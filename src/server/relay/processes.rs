//! [`Processes`]: starting, finding, watching and ending the processes of a node.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::exit::ExitReason;
use super::letter::{Content, Letter};
use super::mailbox::{MailboxLimits, NotNow, PATIENCE, mailbox};
use super::me::Me;
use super::pid::{Node, Pid};
use super::postbox::Postbox;
use super::remote::{self, Uplink};
use super::table::{Entry, Kind, Notice, Table};
use crate::clock;

/// The processes of a node. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Processes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    node: Node,
    limits: ProcessLimits,
    runtime: Handle,
    last_serial: AtomicU64,
    table: Mutex<Table>,
    /// A process ended.
    ended: Notify,
    /// The way to other nodes, if there is one.
    uplink: OnceLock<Uplink>,
}

/// How many processes there may be, and what may wait for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcessLimits {
    /// Connections do not count: the server has its own limit for them.
    pub(crate) services: usize,
    pub(crate) mailbox: MailboxLimits,
}

/// Why a process was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpawnError {
    #[error("process {0} has this name")]
    NameTaken(Pid),
    #[error("there are {0} processes, as many as may be: end some, or raise relay.max_processes")]
    TooMany(usize),
}

/// Why a letter did not reach its process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    #[error("there is no process `{0}`")]
    Unknown(String),
    #[error("the mailbox of {0} is full")]
    Full(Pid),
    #[error("{0} is out of reach: {1}")]
    Unreachable(Pid, String),
}

impl Processes {
    /// No processes yet; those that come run on `runtime`.
    pub(crate) fn new(node: Node, limits: ProcessLimits, runtime: Handle) -> Self {
        Self(Arc::new(Inner {
            node,
            limits,
            runtime,
            last_serial: AtomicU64::new(0),
            table: Mutex::default(),
            ended: Notify::new(),
            uplink: OnceLock::new(),
        }))
    }

    pub(crate) fn node(&self) -> &Node {
        &self.0.node
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    /// Other nodes are reached through this from now on; a second one is ignored.
    pub(crate) fn connect(&self, uplink: Uplink) {
        let _ = self.0.uplink.set(uplink);
    }

    pub(crate) fn uplink(&self) -> Option<&Uplink> {
        self.0.uplink.get()
    }

    /// Starts a process that runs `body` to its end.
    ///
    /// # Errors
    /// Another process has the name, or there are too many.
    pub(crate) fn spawn<F>(
        &self,
        kind: Kind,
        name: Option<&str>,
        body: impl FnOnce(Me) -> F,
    ) -> Result<Pid, SpawnError>
    where
        F: Future<Output = ExitReason> + Send + 'static,
    {
        let pid = self
            .0
            .node
            .pid(self.0.last_serial.fetch_add(1, Ordering::Relaxed) + 1);
        let (mailbox, inbox) = mailbox(self.0.limits.mailbox);
        let (kill, killed) = oneshot::channel();
        {
            let mut table = self.table();
            if kind != Kind::Connection && table.services() >= self.0.limits.services {
                return Err(SpawnError::TooMany(table.services()));
            }
            let entry = Entry::new(pid.clone(), kind, clock::now(), mailbox, kill);
            table.insert(entry, name).map_err(SpawnError::NameTaken)?;
        }
        let life = Life {
            processes: self.clone(),
            pid: pid.clone(),
            reason: None,
        };
        let body = body(Me::new(pid.clone(), inbox, killed, self.clone()));
        self.0.runtime.spawn(async move {
            let reason = body.await;
            life.end(reason);
        });
        Ok(pid)
    }

    /// Who is called so: a PID, or the name of a process. Only who lives is found.
    pub(crate) fn find(&self, called: &str) -> Option<Pid> {
        let table = self.table();
        match called.parse::<Pid>() {
            Ok(pid) => table.get(&pid).map(|entry| entry.pid.clone()),
            Err(_) => table.named(called).cloned(),
        }
    }

    /// What a process of this node is called, if it has a name.
    pub(crate) fn name(&self, pid: &Pid) -> Option<String> {
        self.table().get(pid)?.name.clone()
    }

    /// What a process of this node is.
    pub(crate) fn kind(&self, pid: &Pid) -> Option<Kind> {
        self.table().get(pid).map(|entry| entry.kind.clone())
    }

    /// The way to a process, which may be another node's.
    pub(crate) fn postbox(&self, pid: &Pid) -> Option<Postbox> {
        if pid.node() == self.node() {
            return self
                .table()
                .get(pid)
                .map(|entry| Postbox::Local(entry.mailbox.clone()));
        }
        Some(Postbox::Remote(self.uplink()?.clone(), pid.clone()))
    }

    /// Sends a letter; waits for room in a full mailbox, but no longer than [`PATIENCE`].
    ///
    /// # Errors
    /// The process does not exist, takes nothing, or cannot be reached.
    pub(crate) async fn send(&self, to: &Pid, letter: Letter) -> Result<(), SendError> {
        let postbox = self
            .postbox(to)
            .ok_or_else(|| SendError::Unknown(to.to_string()))?;
        match timeout(PATIENCE, postbox.send(letter)).await {
            Ok(sent) => sent.map_err(|error| error.of(to)),
            Err(_) => Err(SendError::Full(to.clone())),
        }
    }

    /// Sends a letter that came from afar, whose sender cannot be made to wait. A connection empties its mailbox
    /// whatever happens, so it is waited for; anyone else's full mailbox refuses.
    ///
    /// # Errors
    /// As [`Processes::send`].
    pub(crate) async fn send_from_afar(&self, to: &Pid, letter: Letter) -> Result<(), SendError> {
        let found = self
            .table()
            .get(to)
            .map(|entry| (entry.kind.clone(), entry.mailbox.clone()));
        let (kind, mailbox) = found.ok_or_else(|| SendError::Unknown(to.to_string()))?;
        if kind == Kind::Connection {
            return self.send(to, letter).await;
        }
        mailbox.try_send(letter).map_err(|error| match error {
            NotNow::Full(_) => SendError::Full(to.clone()),
            NotNow::Gone => SendError::Unknown(to.to_string()),
        })
    }

    /// From now on `watcher` gets `process.exit` when `watched` ends (seed E4); at once if it is gone.
    ///
    /// Another node is asked to tell; if it fails as a whole, it cannot.
    pub(crate) fn monitor(&self, watcher: &Pid, watched: &Pid) {
        if watched.node() != self.node() && self.uplink().is_some() {
            let content = Content::Other {
                topic: remote::MONITOR.into(),
                payload: serde_json::json!({}),
            };
            return self.deliver([(watched.clone(), Letter::new(watcher.clone(), content))]);
        }
        let notice = self.table().monitor(watcher, watched);
        self.deliver(notice);
    }

    pub(crate) fn demonitor(&self, watcher: &Pid, watched: &Pid) {
        self.table().demonitor(watcher, watched);
    }

    /// Links two processes of this node (seed E4): if one fails, the other is killed, or told if it traps exits.
    pub(crate) fn link(&self, pid: &Pid, other: &Pid) {
        let notice = self.table().link(pid, other);
        self.deliver(notice);
    }

    pub(crate) fn unlink(&self, pid: &Pid, other: &Pid) {
        self.table().unlink(pid, other);
    }

    pub(crate) fn trap_exits(&self, pid: &Pid, enabled: bool) {
        self.table().trap_exits(pid, enabled);
    }

    /// Tells a process to end. Whether there is one.
    pub(crate) fn kill(&self, pid: &Pid, reason: ExitReason) -> bool {
        self.table().kill(pid, reason)
    }

    /// Looks at every process in the order of their start.
    pub(crate) fn inspect<T>(&self, look: impl FnMut(&Entry) -> T) -> Vec<T> {
        self.table().iter().map(look).collect()
    }

    /// Lets connections end by themselves for at most `patience`, then ends everything else, as patiently.
    pub(crate) async fn stop(&self, patience: Duration) {
        let connections_ended = self.until(|table| table.connections() == 0);
        // Whoever does not end in time is dropped with the runtime.
        let _ = timeout(patience, connections_ended).await;
        self.table()
            .kill_services(&ExitReason::killed("the server is stopping"));
        let _ = timeout(patience, self.until(|table| table.services() == 0)).await;
    }

    async fn until(&self, reached: impl Fn(&Table) -> bool) {
        loop {
            let ended = self.0.ended.notified();
            if reached(&self.table()) {
                return;
            }
            ended.await;
        }
    }

    fn deliver(&self, notices: impl IntoIterator<Item = Notice>) {
        for (to, letter) in notices {
            let Some(postbox) = self.postbox(&to) else {
                continue;
            };
            if let Err(NotNow::Full(letter)) = postbox.try_send(letter) {
                // It must not be lost, and the others must not wait for this one.
                self.0.runtime.spawn(async move {
                    // Who is gone by then needs it no more.
                    let _ = postbox.send(letter).await;
                });
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process that runs. Dropped, it has ended: without a reason by a panic.
struct Life {
    processes: Processes,
    pid: Pid,
    reason: Option<ExitReason>,
}

impl Life {
    fn end(mut self, reason: ExitReason) {
        self.reason = Some(reason);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let reason = self
            .reason
            .take()
            .unwrap_or_else(|| ExitReason::crashed("its code failed"));
        tracing::debug!(pid = %self.pid, %reason, "process ended");
        let notices = self.processes.table().ended(&self.pid, &reason);
        self.processes.deliver(notices);
        self.processes.0.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
