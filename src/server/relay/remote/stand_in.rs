//! The local process that stands in for a remote one: it has a PID here, so that it can be a target, be monitored and be
//! linked like any other.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::bus::BusError;
use super::uplink::{MONITOR, Uplink};
use crate::server::relay::exit::ExitReason;
use crate::server::relay::letter::{Content, Letter};
use crate::server::relay::me::Me;
use crate::server::relay::ops;
use crate::server::relay::pid::Pid;

/// Where a remote process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remote {
    /// Something that listens on a subject of the bus.
    Subject(String),
    /// A process of another node.
    Process(Pid),
}

/// Time between two questions whether the remote process lives.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const PING_PATIENCE: Duration = Duration::from_secs(3);
/// Answers that may be missing in a row.
const MISSES: u32 = 2;

impl Remote {
    /// What the names of stand-ins begin with; other processes have no such names.
    pub(crate) const PREFIX: &str = "nats:";

    fn subject(&self) -> String {
        match self {
            Self::Subject(subject) => subject.clone(),
            Self::Process(pid) => Uplink::subject(pid.node()),
        }
    }

    fn pid(&self) -> Option<&Pid> {
        match self {
            Self::Subject(_) => None,
            Self::Process(pid) => Some(pid),
        }
    }

    /// What the stand-in is called, so that there is one for each remote process.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Subject(subject) => format!("{}{subject}", Self::PREFIX),
            Self::Process(pid) => format!("{}{pid}", Self::PREFIX),
        }
    }

    /// Who it is that the stand-in of this name stands in for.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let called = name.strip_prefix(Self::PREFIX)?;
        Some(
            called
                .parse()
                .map_or_else(|_| Self::Subject(called.to_owned()), Self::Process),
        )
    }

    /// Whether it lives, as far as can be found out.
    pub(crate) async fn answers(&self, uplink: &Uplink) -> Result<bool, BusError> {
        uplink.ping(&self.subject(), self.pid(), PING_PATIENCE).await
    }
}

type Asking = Pin<Box<dyn Future<Output = Result<bool, BusError>> + Send>>;

/// Sends on what it gets, until the remote process ends or answers no more.
pub(crate) async fn stand_in(mut me: Me, uplink: Uplink, remote: Remote) -> ExitReason {
    let (subject, pid) = (remote.subject(), remote.pid());
    let hello = match &remote {
        Remote::Subject(_) => ops::init(&me.pid),
        // The other node tells us of its end.
        Remote::Process(_) => Content::Other {
            topic: MONITOR.into(),
            payload: serde_json::json!({}),
        },
    };
    if let Err(error) = uplink
        .send(&subject, pid, &Letter::new(me.pid.clone(), hello))
        .await
    {
        return ExitReason::crashed(error);
    }
    let mut pinging: Option<Asking> = None;
    let mut missed = 0;
    let mut time_to_ping = interval(PING_INTERVAL);
    time_to_ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            letter = me.next() => match letter {
                Err(reason) => return reason,
                Ok(letter) => match pass_on(&me, &uplink, &remote, letter).await {
                    Ok(None) => {}
                    Ok(Some(reason)) => return reason,
                    Err(error) => tracing::warn!(%error, subject, "letter for a remote process is lost"),
                },
            },
            _ = time_to_ping.tick(), if pinging.is_none() => {
                let (uplink, remote) = (uplink.clone(), remote.clone());
                pinging = Some(Box::pin(async move { remote.answers(&uplink).await }));
            }
            answer = pending(&mut pinging) => {
                pinging = None;
                missed = match answer {
                    Ok(true) => 0,
                    Ok(false) => return ExitReason::crashed("the remote process is gone"),
                    Err(error) if missed + 1 < MISSES && !matches!(error, BusError::NobodyListens(_)) => missed + 1,
                    Err(error) => return ExitReason::crashed(error),
                };
            }
        }
    }
}

async fn pending<F: Future + Unpin>(future: &mut Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Sends a letter on, unless the remote process sent it itself: then it is a wish, or its end.
async fn pass_on(
    me: &Me,
    uplink: &Uplink,
    remote: &Remote,
    letter: Letter,
) -> Result<Option<ExitReason>, BusError> {
    match &letter.content {
        Content::Exit { pid, reason } if *pid == me.pid || Some(pid) == remote.pid() => {
            return Ok(Some(reason.clone()));
        }
        Content::Other { topic, payload } if ops::is_op(topic) => {
            let Err(error) = ops::perform(&me.processes, &me.pid, topic, payload) else {
                return Ok(None);
            };
            let complaint = Letter::anonymous(Content::error(topic, error));
            uplink.send(&remote.subject(), remote.pid(), &complaint).await?;
        }
        _ => uplink.send(&remote.subject(), remote.pid(), &letter).await?,
    }
    Ok(None)
}
