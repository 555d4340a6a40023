//! The process of a client's connection (seeds E3 to E14).
//!
//! It empties its mailbox whatever happens: nothing that it does may wait for its target, which may be waiting for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep};

use super::directory::{Directory, ResolveError};
use super::exit::ExitReason;
use super::inlet::{Incoming, Inlet, Outlet, Parting, inlet};
use super::letter::{Content, Data, Letter, Metadata, Topic, topic};
use super::me::Me;
use super::outgoing::Outgoing;
use super::pid::Pid;
use super::postbox::Postbox;
use super::processes::{SendError, SpawnError};
use super::table::Kind;
use crate::server::handle::SessionHandle;
use crate::wire::CloseCode;

/// What a connection is told at its start (seed E8).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) target: Pid,
    /// Of the client's messages.
    pub(crate) topic: Topic,
    pub(crate) heartbeat_interval: Option<Duration>,
    pub(crate) metadata: Metadata,
}

/// How long the last letters may wait for the target after the client is gone.
const LINGER: Duration = Duration::from_secs(30);
/// Letters to targets that may wait before a further transfer is refused.
const MAX_OUTGOING: usize = 16;

/// Starts the process of a connection; the session's side of its messages is returned.
///
/// # Errors
/// Never for want of room: connections are bounded by the server.
pub(crate) fn connect(
    directory: &Arc<Directory>,
    session: SessionHandle,
    assignment: Assignment,
) -> Result<(Pid, Inlet), SpawnError> {
    let (inlet, outlet) = inlet();
    let pid = directory.processes().spawn(Kind::Connection, None, |me| {
        let directory = directory.clone();
        async move {
            Connection::new(me, directory, session, assignment)
                .run(outlet)
                .await
        }
    })?;
    Ok((pid, inlet))
}

struct Connection {
    me: Me,
    directory: Arc<Directory>,
    session: SessionHandle,
    /// `None` once it has ended.
    target: Option<Target>,
    topic: Topic,
    metadata: Metadata,
    outgoing: Outgoing,
    transfer: Option<Transfer>,
    started: Instant,
    heartbeat: Option<Interval>,
    /// From the client.
    message_count: u64,
    /// The client is gone, and the target knows or is about to.
    parting: Option<Parting>,
    /// When the last letters are given up, once the client is gone.
    patience: Option<Pin<Box<Sleep>>>,
    /// How this process ends, if something else than the client decided that.
    verdict: Option<ExitReason>,
}

struct Target {
    pid: Pid,
    /// `None` if it was gone before anything could be sent.
    postbox: Option<Postbox>,
}

/// A transfer whose new target has yet to be found.
struct Transfer {
    target: Pin<Box<dyn Future<Output = Result<Pid, ResolveError>> + Send>>,
    topic: Option<Topic>,
    wanted_by: Option<Pid>,
}

impl Connection {
    fn new(me: Me, directory: Arc<Directory>, session: SessionHandle, assignment: Assignment) -> Self {
        let Assignment {
            target,
            topic,
            heartbeat_interval,
            metadata,
        } = assignment;
        let started = Instant::now();
        let heartbeat = heartbeat_interval
            .filter(|period| !period.is_zero())
            .map(|period| {
                let mut heartbeat = interval_at(started + period, period);
                heartbeat.set_missed_tick_behavior(MissedTickBehavior::Skip);
                heartbeat
            });
        let mut connection = Self {
            me,
            directory,
            session,
            target: None,
            topic,
            metadata,
            outgoing: Outgoing::default(),
            transfer: None,
            started,
            heartbeat,
            message_count: 0,
            parting: None,
            patience: None,
            verdict: None,
        };
        connection.join(target);
        connection
    }

    async fn run(mut self, outlet: Outlet) -> ExitReason {
        loop {
            if self.parting.is_some() && self.outgoing.is_empty() {
                return self.end();
            }
            tokio::select! {
                reason = self.me.killed.reason() => {
                    self.close(CloseCode::INTERNAL, "connection was killed").await;
                    self.verdict = Some(reason);
                }
                letter = self.me.inbox.next() => match letter {
                    Some(letter) => self.receive(letter).await,
                    None => return ExitReason::Unknown,
                },
                () = self.outgoing.deliver(), if !self.outgoing.is_empty() => {}
                found = find(&mut self.transfer) => self.transfer_to(found),
                incoming = outlet.next(), if self.outgoing.is_empty() => match incoming {
                    Incoming::Message(data) => self.message(data),
                    Incoming::Gone(parting) => {
                        self.say_leave(&parting.reason);
                        self.parting = Some(parting);
                    }
                },
                () = outlet.left(), if self.patience.is_none() => self.patience = Some(Box::pin(sleep(LINGER))),
                () = pass(&mut self.patience) => {
                    tracing::warn!(pid = %self.me.pid, "target takes no letters; those of a client that is gone are dropped");
                    return ExitReason::crashed("its target took no letters");
                }
                () = beat(&mut self.heartbeat), if self.outgoing.is_empty() => self.heartbeat(),
            }
        }
    }

    /// Does what a letter wants.
    async fn receive(&mut self, letter: Letter) {
        let Letter { from, content } = letter;
        match content {
            // A session that is gone needs nothing any more, and tells so through the outlet.
            Content::Send(data) => drop(self.session.send(data.kind, &data.bytes).await),
            Content::Close { code, reason } => self.close(code, &reason).await,
            Content::Control { target, topic } => self.control(target, topic, from),
            Content::Exit { pid, reason } if from.as_ref() == Some(&pid) => self.exited(&pid, reason).await,
            other => {
                let problem = "a connection understands ws.send, ws.close and ws.control";
                self.complain(from.as_ref(), other.topic(), problem);
            }
        }
    }

    fn control(&mut self, target: String, topic: Option<Topic>, wanted_by: Option<Pid>) {
        if self.transfer.is_some() || self.outgoing.len() > MAX_OUTGOING {
            return self.complain(
                wanted_by.as_ref(),
                topic::CONTROL,
                "another transfer is under way",
            );
        }
        let directory = self.directory.clone();
        let target = Box::pin(async move { directory.resolve(&target).await });
        self.transfer = Some(Transfer {
            target,
            topic,
            wanted_by,
        });
    }

    /// Leaves the old target and joins the new one (seed E5). What the client sent before this goes to the old one.
    fn transfer_to(&mut self, found: Result<Pid, ResolveError>) {
        let Some(Transfer { topic, wanted_by, .. }) = self.transfer.take() else {
            return;
        };
        let target = match found {
            // Who lost its target meanwhile is being closed.
            Ok(target) if self.target.is_some() => target,
            Ok(_) => return,
            Err(error) => return self.complain(wanted_by.as_ref(), topic::CONTROL, error),
        };
        self.topic = topic.unwrap_or_else(|| self.topic.clone());
        if self.target.as_ref().is_some_and(|old| old.pid == target) {
            return;
        }
        if let Some(old) = &self.target {
            self.me.processes.demonitor(&self.me.pid, &old.pid);
        }
        self.say_leave("transferred");
        self.join(target);
    }

    fn join(&mut self, target: Pid) {
        // If it is gone already, that is reported at once.
        self.me.processes.monitor(&self.me.pid, &target);
        let postbox = self.me.processes.postbox(&target);
        self.target = Some(Target { pid: target, postbox });
        self.say(Content::Join {
            client: self.me.pid.clone(),
            metadata: self.metadata.clone(),
        });
    }

    fn message(&mut self, data: Data) {
        self.message_count += 1;
        let (topic, client, metadata) = (self.topic.clone(), self.me.pid.clone(), self.metadata.clone());
        self.say(Content::Message {
            topic,
            client,
            data,
            metadata,
        });
    }

    fn heartbeat(&mut self) {
        let (client, uptime) = (self.me.pid.clone(), self.started.elapsed());
        self.say(Content::Heartbeat {
            client,
            uptime,
            message_count: self.message_count,
        });
    }

    fn say_leave(&mut self, reason: &str) {
        let (client, metadata) = (self.me.pid.clone(), self.metadata.clone());
        self.say(Content::Leave {
            client,
            reason: reason.into(),
            metadata,
        });
    }

    fn say(&mut self, content: Content) {
        if let Some(Target {
            postbox: Some(postbox),
            ..
        }) = &self.target
        {
            self.outgoing
                .push(postbox, Letter::new(self.me.pid.clone(), content));
        }
    }

    /// The target's end closes the connection (seed E2).
    async fn exited(&mut self, pid: &Pid, reason: ExitReason) {
        if self.target.as_ref().is_none_or(|target| target.pid != *pid) {
            return;
        }
        self.target = None;
        self.transfer = None;
        let (code, text) = reason.farewell();
        self.close(code, text).await;
        if reason != ExitReason::Normal {
            self.verdict
                .get_or_insert(ExitReason::crashed(format_args!("target {pid} {reason}")));
        }
    }

    async fn close(&mut self, code: CloseCode, reason: &str) {
        // A worker that has stopped has closed everything.
        let _ = self.session.close(code, reason).await;
    }

    /// What others learn of this process's end.
    fn end(self) -> ExitReason {
        match (self.verdict, self.parting) {
            (Some(verdict), _) => verdict,
            (None, Some(parting)) if !parting.orderly => ExitReason::crashed(parting.reason),
            (None, _) => ExitReason::Normal,
        }
    }

    /// Tells a sender what was wrong with its letter, if it takes that now.
    fn complain(&self, to: Option<&Pid>, about: &str, error: impl std::fmt::Display) {
        let Some(to) = to else { return };
        let complaint = Letter::new(self.me.pid.clone(), Content::error(about, &error));
        let sent = self
            .me
            .processes
            .postbox(to)
            .ok_or_else(|| SendError::Unknown(to.to_string()));
        if sent.is_ok_and(|postbox| postbox.try_send(complaint).is_err()) {
            tracing::debug!(%to, about, %error, "complaint found no room");
        }
    }
}

async fn find(transfer: &mut Option<Transfer>) -> Result<Pid, ResolveError> {
    match transfer {
        Some(transfer) => transfer.target.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn pass(patience: &mut Option<Pin<Box<Sleep>>>) {
    match patience {
        Some(patience) => patience.await,
        None => std::future::pending().await,
    }
}

async fn beat(heartbeat: &mut Option<Interval>) {
    match heartbeat {
        Some(heartbeat) => drop(heartbeat.tick().await),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
