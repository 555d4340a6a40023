//! `/admin`: the server seen and steered over HTTP.
//!
//! | path | `GET` | `POST`, a JSON object |
//! |---|---|---|
//! | `/admin` | everything below but the connections | |
//! | `/admin/health` | which checks succeed | `http`, `ws`: `up` or `down` |
//! | `/admin/drain` | whether the server drains | `over`: time for the open connections; `stop`: and then stop; or `cancel` |
//! | `/admin/reads` | the routes whose clients are not read | `reads`: `paused` or `running`; `route` |
//! | `/admin/connections` | the open ones; `?route=`, `?tag=`, `?limit=` | |
//! | `/admin/kill` | | `id`, `route` or `all`; `code` and `reason`, or `cut` |
//! | `/admin/reload` | what became of reloads | `{}` |

use std::rc::Rc;

use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::api::{Answer, Endpoint};
use crate::server::access::json_body;
use crate::server::conditions::Check;
use crate::server::handle::Order;
use crate::server::http::{EndpointRequest, Reply};
use crate::server::ids::{ConnectionId, RouteId};
use crate::server::journal::Scribe;
use crate::server::refusal::Refusal;
use crate::server::registry::{Kill, Selection};
use crate::server::running::Wish;
use crate::server::worker::Worker;
use crate::units::Span;
use crate::wire::{CloseCode, MAX_CLOSE_REASON};

pub(crate) struct Admin;

impl Endpoint for Admin {
    fn takes_posts(&self) -> bool {
        true
    }

    fn answer(&self, request: EndpointRequest, worker: Rc<Worker>) -> Answer {
        Box::pin(async move {
            let settings = worker.current_settings();
            let answered = match settings.admin.admit(&request.headers, request.client) {
                Ok(()) => answer(&request, &worker).await,
                Err(refusal) => Err(refusal),
            };
            answered.map_or_else(Refusal::into_reply, |value| Reply::json(StatusCode::OK, &value))
        })
    }
}

async fn answer(request: &EndpointRequest, worker: &Rc<Worker>) -> Result<Value, Refusal> {
    // The route may have any path; what follows it is the subject.
    let (_, subject) = request.path.rsplit_once('/').unwrap_or_default();
    let asks = request.method != Method::POST;
    match (subject, asks) {
        ("health", true) => Ok(health(worker)),
        ("health", false) => set_health(&json_body(request)?, worker),
        ("drain", true) => Ok(draining(worker)),
        ("drain", false) => drain(&json_body(request)?, worker).await,
        ("reads", true) => Ok(reads(worker)),
        ("reads", false) => set_reads(&json_body(request)?, worker).await,
        ("connections", true) => connections(request, worker).await,
        ("kill", false) => kill(json_body(request)?, worker).await,
        ("reload", true) => Ok(reloads(worker)),
        ("reload", false) => {
            let Nothing {} = json_body(request)?;
            reload(worker).await
        }
        ("connections", false) => Err(wrong_method("GET, HEAD")),
        ("kill", true) => Err(wrong_method("POST")),
        (_, true) if worker.shared.route_ids.contains_key(&request.path) => Ok(json!({
            "instance": worker.shared.instance,
            "health": health(worker),
            "drain": draining(worker),
            "reads": reads(worker),
            "reload": reloads(worker),
        })),
        (_, false) if worker.shared.route_ids.contains_key(&request.path) => Err(wrong_method("GET, HEAD")),
        _ => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "the administration has health, drain, reads, connections, kill and reload",
        )),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UpOrDown {
    Up,
    Down,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthOrder {
    http: Option<UpOrDown>,
    ws: Option<UpOrDown>,
}

fn health(worker: &Worker) -> Value {
    let checks = Check::ALL.map(|(check, name)| {
        let state = worker.ailment(check).unwrap_or("up");
        (name.to_owned(), state.into())
    });
    Value::Object(checks.into_iter().collect())
}

fn set_health(order: &HealthOrder, worker: &Worker) -> Result<Value, Refusal> {
    let wanted = [(Check::Http, order.http), (Check::WebSocket, order.ws)];
    if wanted.iter().all(|(_, state)| state.is_none()) {
        return Err(bad("say `http`, `ws` or both: \"up\" or \"down\""));
    }
    for (check, state) in wanted {
        if let Some(state) = state {
            worker.shared.conditions.set_down(check, state == UpOrDown::Down);
        }
    }
    let health = health(worker);
    tracing::info!(%health, "health set by the administrator");
    Ok(health)
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DrainOrder {
    over: Span,
    stop: bool,
    cancel: bool,
}

impl Default for DrainOrder {
    fn default() -> Self {
        Self {
            over: Span::from_secs(30),
            stop: false,
            cancel: false,
        }
    }
}

fn draining(worker: &Worker) -> Value {
    json!({ "draining": worker.shared.conditions.is_draining() })
}

async fn drain(order: &DrainOrder, worker: &Rc<Worker>) -> Result<Value, Refusal> {
    if order.cancel && order.stop {
        return Err(bad("`cancel` and `stop` exclude each other"));
    }
    let shared = &worker.shared;
    shared.conditions.set_draining(!order.cancel);
    let over = (!order.cancel).then_some(order.over.0);
    tracing::info!(draining = !order.cancel, over = %order.over, stop = order.stop, "drain set by the administrator");
    shared.tell_all(|| Order::Drain(over)).await;
    if order.stop {
        let (shared, over) = (shared.clone(), order.over.0);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(over).await;
            if shared.conditions.is_draining() {
                // A server that is being stopped already does not listen any more.
                let _ = shared.wishes.send(Wish::Stop).await;
            }
        });
    }
    Ok(draining(worker))
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reads {
    Paused,
    Running,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadsOrder {
    reads: Reads,
    route: Option<String>,
}

fn reads(worker: &Worker) -> Value {
    let routes = worker.shared.paths.iter().zip((0..).map(RouteId));
    let paused: Vec<_> = routes
        .filter(|&(_, route)| worker.reads_paused(route) && worker.services[route.index()].has_connections())
        .map(|(path, _)| path)
        .collect();
    json!({ "paused": paused })
}

async fn set_reads(order: &ReadsOrder, worker: &Rc<Worker>) -> Result<Value, Refusal> {
    let route = order
        .route
        .as_deref()
        .map(|path| find(path, worker))
        .transpose()?;
    let paused = order.reads == Reads::Paused;
    worker.shared.tell_all(|| Order::PauseReads(route, paused)).await;
    // The answer is to show it, and the order to this worker may still be on its way.
    worker.pause_reads(route, paused);
    tracing::info!(route = order.route, paused, "reads set by the administrator");
    Ok(reads(worker))
}

/// Connections that one answer lists unless more are asked for.
const LISTED: usize = 1_000;

async fn connections(request: &EndpointRequest, worker: &Worker) -> Result<Value, Refusal> {
    let shared = &*worker.shared;
    let query = request.query();
    let limit = match query.value("limit") {
        None => LISTED,
        Some(limit) => limit.parse().map_err(|_| bad("`limit` is a number"))?,
    };
    let (route, tag) = (query.value("route"), query.value("tag"));
    let mut open = shared.open_connections().await;
    open.retain(|entry| {
        tag.as_deref().is_none_or(|tag| entry.tag() == Some(tag))
            && route.as_deref().is_none_or(|route| entry.path(shared) == route)
    });
    let scribe = Scribe {
        instance: &shared.instance,
        clock: shared.wall_clock,
        path_of: |route: RouteId| shared.path(route),
    };
    let listed = open.iter().take(limit).filter_map(|entry| {
        let mut line = Vec::new();
        scribe.write(entry, &mut line);
        serde_json::from_slice::<Value>(&line).ok()
    });
    Ok(json!({ "open": open.len(), "connections": listed.collect::<Vec<_>>() }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct KillOrder {
    id: Option<u64>,
    route: Option<String>,
    all: bool,
    code: Option<u16>,
    reason: Option<String>,
    cut: bool,
}

async fn kill(order: KillOrder, worker: &Worker) -> Result<Value, Refusal> {
    let selection = match (order.id, &order.route, order.all) {
        (Some(id), None, false) => Selection::Id(ConnectionId(id)),
        (None, Some(route), false) => Selection::Route(find(route, worker)?),
        (None, None, true) => Selection::All,
        _ => return Err(bad("say one of `id`, `route` and `all`")),
    };
    let how = if order.cut {
        if order.code.is_some() || order.reason.is_some() {
            return Err(bad(
                "a connection that is `cut` gets no Close frame: no `code`, no `reason`",
            ));
        }
        Kill::Cut
    } else {
        let code = order.code.map_or(CloseCode::GOING_AWAY, CloseCode);
        if !code.is_sendable() {
            return Err(bad("no Close frame may carry this `code`"));
        }
        let reason = order
            .reason
            .unwrap_or_else(|| "closed by the administrator".to_owned());
        if reason.len() > MAX_CLOSE_REASON {
            return Err(bad("a `reason` has at most 123 bytes"));
        }
        Kill::Close(code, reason)
    };
    let killed = worker
        .shared
        .ask_all(|reply| Order::Kill(selection, how.clone(), reply))
        .await;
    let killed: usize = killed.iter().sum();
    if let (Selection::Id(_), 0) = (selection, killed) {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "there is no such connection"));
    }
    tracing::info!(killed, "connections ended by the administrator");
    Ok(json!({ "killed": killed }))
}

fn reloads(worker: &Worker) -> Value {
    let reloads = worker.shared.conditions.reloads();
    let (succeeded, failed) = reloads.counts();
    json!({ "succeeded": succeeded, "failed": failed, "last_succeeded": reloads.last_succeeded() })
}

async fn reload(worker: &Worker) -> Result<Value, Refusal> {
    let unavailable = || {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "this server has no configuration that it could read again",
        )
    };
    let (reply, reloaded) = oneshot::channel();
    let wish = Wish::Reload(reply);
    worker.shared.wishes.send(wish).await.map_err(|_| unavailable())?;
    match reloaded.await {
        Ok(Ok(reloaded)) => Ok(json!({ "reloaded": true, "need_restart": reloaded.need_restart })),
        Ok(Err(error)) => Err(Refusal::new(StatusCode::BAD_REQUEST, error.to_string())),
        Err(_) => Err(unavailable()),
    }
}

/// The route whose connections an order is about.
fn find(path: &str, worker: &Worker) -> Result<RouteId, Refusal> {
    let not_found = |reason| Err(Refusal::new(StatusCode::NOT_FOUND, reason));
    match worker.shared.route_ids.get(path) {
        None => not_found("there is no such route"),
        Some(route) if !worker.services[route.index()].has_connections() => {
            not_found("the route answers HTTP alone: it has no WebSocket connections")
        }
        Some(route) => Ok(*route),
    }
}

fn bad(reason: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, reason)
}

fn wrong_method(allowed: &'static str) -> Refusal {
    let reason = format!("this part of the administration answers {allowed}");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason).with(header::ALLOW, allowed)
}
