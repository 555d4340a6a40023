//! The health check (seeds C6 to C8).

use std::sync::Arc;

use http::StatusCode;
use tokio::task::spawn_local;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::connect::{Answer, Patience, Switched, ask};
use super::health_config::{HealthCheckConfig, ProbeConfig, StatusRange};
use super::link::{Farewell, Link};
use super::pool::Pool;
use super::request::Question;
use super::upstream::Upstream;
use crate::clock;
use crate::net::Target;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    WebSocket,
    Page,
}

/// Messages are not what a check is after.
const MAX_MESSAGE: u64 = 64 * 1024;

/// Checks the upstreams of a pool, each by itself, for ever; at once if there is nothing to check.
pub(crate) fn keep_checking(pool: &Arc<Pool>) {
    let Some(config) = &pool.config.health_check else {
        return;
    };
    for upstream in &pool.upstreams {
        spawn_local(keep_checking_one(pool.clone(), upstream.clone(), config.clone()));
    }
}

async fn keep_checking_one(pool: Arc<Pool>, upstream: Arc<Upstream>, config: HealthCheckConfig) {
    // An interval of nothing would leave no time for anything else.
    let mut rhythm = interval(
        config
            .interval
            .0
            .max(config.timeout.0.min(std::time::Duration::from_millis(10))),
    );
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rhythm.tick().await;
        let outcome = check(&pool, &upstream.target, &config).await;
        pool.checked(&upstream, &outcome, clock::now());
    }
}

/// One check of every kind that is configured; the error says what was wrong.
async fn check(pool: &Pool, target: &Target, config: &HealthCheckConfig) -> Result<(), String> {
    let standard = ProbeConfig::default();
    let ws = match (&config.ws, &config.http) {
        (None, None) => Some(&standard),
        (ws, _) => ws.as_ref(),
    };
    let ask = async |probe: Option<&ProbeConfig>, kind| match probe {
        None => Ok(()),
        Some(probe) => {
            let asked = timeout(config.timeout.0, probe_once(pool, target, probe, kind, config)).await;
            asked.unwrap_or_else(|_| Err(format!("no answer within {:?}", config.timeout.0)))
        }
    };
    let (ws, http) = tokio::join!(ask(ws, Kind::WebSocket), ask(config.http.as_ref(), Kind::Page));
    ws.map_err(|problem| format!("health check by WebSocket: {problem}"))?;
    http.map_err(|problem| format!("health check by HTTP: {problem}"))
}

async fn probe_once(
    pool: &Pool,
    target: &Target,
    probe: &ProbeConfig,
    kind: Kind,
    config: &HealthCheckConfig,
) -> Result<(), String> {
    let target = Target {
        port: probe.port.unwrap_or(target.port),
        ..target.clone()
    };
    let path = probe.uri.clone().unwrap_or_else(|| target.path.clone());
    let headers = probe.headers.0.clone();
    let (question, usual) = match kind {
        Kind::WebSocket => (Question::upgrade(&target, &path, headers), StatusRange(101, 101)),
        Kind::Page => (Question::get(&target, &path, headers), StatusRange(200, 399)),
    };
    let question = question.ok_or_else(|| format!("`{path}` is not a path"))?;
    let patience = Patience {
        connect: config.timeout.0,
        answer: config.timeout.0,
    };
    let answer = ask(pool, &target, question, patience)
        .await
        .map_err(|error| error.to_string())?;
    let (status, headers, switched) = match answer {
        Answer::Switched(switched) => (
            StatusCode::SWITCHING_PROTOCOLS,
            switched.headers.clone(),
            Some(switched),
        ),
        Answer::Other(reply) => (reply.status, reply.headers, None),
    };
    if let Some(switched) = switched {
        leave(*switched).await;
    }
    if probe.r#match.accepts(status, &headers, usual) {
        Ok(())
    } else {
        Err(format!("status {status} or the headers do not match"))
    }
}

/// Ends the connection of a check in order, so that it leaves no trace of a client that vanished.
async fn leave(switched: Switched) {
    let link = Link::new(switched, MAX_MESSAGE).await;
    let code = CloseCode::Normal;
    link.leave(Some(Farewell::new(code, "health check")), ());
}
