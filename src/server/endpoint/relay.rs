//! `relay-admin`: the relay's processes, seen and steered over HTTP.
//!
//! `GET` lists them, `?pid=` shows one. `POST` takes a JSON object:
//!
//! | `action` | fields | does |
//! |---|---|---|
//! | `send` | `pid`, `topic`, `payload` | sends a letter |
//! | `call` | the same, `timeout` | sends a letter and answers with the first that comes back |
//! | `transfer` | `pid`, `target_pid`, `message_topic` | moves a connection to another process |
//! | `kill` | `pid`, `reason` | ends a process |
//! | `start` | `process`, `name` | starts a process of a configured kind, unless there is one of this name |
//!
//! Wherever a PID is wanted, a process's name will do.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::api::{Answer, Endpoint};
use crate::clock;
use crate::server::access::{Access, json_body};
use crate::server::http::{EndpointRequest, Reply};
use crate::server::refusal::Refusal;
use crate::server::relay::{
    Content, Directory, Envelope, ExitReason, Kind, Letter, Pid, Relay, ResolveError, SendError,
};
use crate::server::worker::Worker;
use crate::units::Span;

/// Settings of the endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelayAdminConfig {
    /// What `Authorization: Bearer` must carry. Without one, only clients on this machine are served.
    pub token: Option<String>,
}

pub(crate) struct RelayAdmin {
    access: Access,
    relay: Arc<Relay>,
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
enum Action {
    Send {
        pid: String,
        topic: String,
        #[serde(default)]
        payload: Value,
    },
    Call {
        pid: String,
        topic: String,
        #[serde(default)]
        payload: Value,
        #[serde(default = "call_timeout")]
        timeout: Span,
    },
    Transfer {
        pid: String,
        target_pid: String,
        message_topic: Option<String>,
    },
    Kill {
        pid: String,
        reason: Option<String>,
    },
    Start {
        process: String,
        name: Option<String>,
    },
}

const fn call_timeout() -> Span {
    Span::from_secs(5)
}

impl RelayAdmin {
    pub(crate) fn new(config: &RelayAdminConfig, relay: Arc<Relay>) -> Self {
        Self {
            access: Access::of_text(config.token.as_deref()),
            relay,
        }
    }
}

impl Endpoint for RelayAdmin {
    fn takes_posts(&self) -> bool {
        true
    }

    fn answer(&self, request: EndpointRequest, _: Rc<Worker>) -> Answer {
        let admitted = self.access.admit(&request.headers, request.client);
        let relay = self.relay.clone();
        Box::pin(async move {
            let answered = match admitted {
                Ok(()) => answer(&relay, &request).await,
                Err(refusal) => Err(refusal),
            };
            answered.map_or_else(Refusal::into_reply, |value| Reply::json(StatusCode::OK, &value))
        })
    }
}

async fn answer(relay: &Relay, request: &EndpointRequest) -> Result<Value, Refusal> {
    let unavailable = |error: crate::server::relay::RelayError| {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
    };
    let directory = relay.directory().map_err(unavailable)?;
    if request.method == Method::POST {
        return act(&directory, request).await;
    }
    match request.query().value("pid") {
        None => {
            Ok(json!({ "node": directory.processes().node().as_str(), "processes": list(&directory, None) }))
        }
        Some(called) => {
            let pid = find(&directory, &called)?;
            list(&directory, Some(&pid)).pop().ok_or_else(|| nobody(&called))
        }
    }
}

/// Whether a process of this node is a connection; those of other nodes are taken at their word.
fn is_connection(directory: &Directory, called: &str) -> Result<bool, Refusal> {
    let pid = find(directory, called)?;
    let kinds = directory
        .processes()
        .inspect(|entry| (entry.pid == pid).then_some(matches!(entry.kind, Kind::Connection)));
    Ok(kinds.into_iter().flatten().all(|is_connection| is_connection))
}

/// Every process, or one.
fn list(directory: &Directory, only: Option<&Pid>) -> Vec<Value> {
    let now = clock::now();
    let shown = directory.processes().inspect(|entry| {
        only.is_none_or(|pid| *pid == entry.pid).then(|| {
            let kind = match &entry.kind {
                Kind::Connection => "connection",
                Kind::Service(kind) => kind,
            };
            json!({
                "pid": entry.pid,
                "kind": kind,
                "name": entry.name,
                "uptime": now.since(entry.started).as_secs_f64(),
                "waiting": entry.mailbox.len(),
                "monitors": entry.monitors,
                "links": entry.links,
            })
        })
    });
    shown.into_iter().flatten().collect()
}

async fn act(directory: &Directory, request: &EndpointRequest) -> Result<Value, Refusal> {
    let action: Action = json_body(request)?;
    let done = json!({ "ok": true });
    match action {
        Action::Send { pid, topic, payload } => {
            let content = Content::parse(&topic, payload).map_err(|error| bad(error.to_string()))?;
            send(directory, &pid, content).await.map(|()| done)
        }
        Action::Call {
            pid,
            topic,
            payload,
            timeout,
        } => {
            let content = Content::parse(&topic, payload).map_err(|error| bad(error.to_string()))?;
            call(directory, &pid, content, timeout.0).await
        }
        Action::Transfer {
            pid,
            target_pid,
            message_topic,
        } => {
            let target = directory
                .resolve(&target_pid)
                .await
                .map_err(|error| unresolved(&error))?
                .to_string();
            let content = Content::Control {
                target,
                topic: message_topic.map(Into::into),
            };
            if !is_connection(directory, &pid)? {
                return Err(bad("only a connection can be moved".to_owned()));
            }
            send(directory, &pid, content).await.map(|()| done)
        }
        Action::Kill { pid, reason } => {
            let reason = ExitReason::killed(reason.as_deref().unwrap_or("by the administrator"));
            let killed = directory.processes().kill(&find(directory, &pid)?, reason);
            if killed { Ok(done) } else { Err(nobody(&pid)) }
        }
        Action::Start { process, name } => {
            let pid = directory
                .start(&process, name.as_deref())
                .await
                .map_err(|error| unresolved(&error))?;
            Ok(json!({ "pid": pid }))
        }
    }
}

async fn send(directory: &Directory, called: &str, content: Content) -> Result<(), Refusal> {
    let pid = find(directory, called)?;
    directory
        .processes()
        .send(&pid, Letter::anonymous(content))
        .await
        .map_err(|error| undelivered(&error))
}

/// Sends a letter from a process made for this, which waits for the answer.
async fn call(
    directory: &Directory,
    called: &str,
    content: Content,
    patience: Duration,
) -> Result<Value, Refusal> {
    let pid = find(directory, called)?;
    let (answered, answer) = oneshot::channel();
    let caller = directory
        .processes()
        .spawn(Kind::Service("call".to_owned()), None, |mut me| async move {
            let answer = match me.send(&pid, content).await {
                Ok(()) => timeout(patience, me.next()).await.map_err(|_| None),
                Err(error) => Err(Some(error)),
            };
            // Whoever asked may have gone.
            let _ = answered.send(answer);
            ExitReason::Normal
        });
    caller.map_err(|error| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    match answer.await {
        Ok(Ok(Ok(letter))) => {
            serde_json::to_value::<Envelope>(letter.to_envelope()).map_err(|e| bad(e.to_string()))
        }
        Ok(Err(Some(error))) => Err(undelivered(&error)),
        Ok(Err(None)) => Err(Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            "the process did not answer in time",
        )),
        Ok(Ok(Err(_))) | Err(_) => Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is stopping",
        )),
    }
}

fn find(directory: &Directory, called: &str) -> Result<Pid, Refusal> {
    let processes = directory.processes();
    // Letters can be sent to other nodes' processes without knowing whether they live.
    let afar = || {
        called
            .parse()
            .ok()
            .filter(|pid: &Pid| pid.node() != processes.node())
    };
    processes.find(called).or_else(afar).ok_or_else(|| nobody(called))
}

fn bad(reason: String) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, reason)
}

fn nobody(called: &str) -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        SendError::Unknown(called.to_owned()).to_string(),
    )
}

fn unresolved(error: &ResolveError) -> Refusal {
    let status = match error {
        ResolveError::Unknown(_) => StatusCode::NOT_FOUND,
        ResolveError::InvalidName(_) | ResolveError::Connection(_) => StatusCode::BAD_REQUEST,
        ResolveError::Spawn(_) => StatusCode::SERVICE_UNAVAILABLE,
        ResolveError::NoUplink(_) | ResolveError::Silent { .. } | ResolveError::Start { .. } => {
            StatusCode::BAD_GATEWAY
        }
    };
    Refusal::new(status, error.to_string())
}

fn undelivered(error: &SendError) -> Refusal {
    let status = match error {
        SendError::Unknown(_) => StatusCode::NOT_FOUND,
        SendError::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        SendError::Unreachable(..) => StatusCode::BAD_GATEWAY,
    };
    Refusal::new(status, error.to_string())
}
