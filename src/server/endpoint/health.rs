//! `/health`: is the server well.

use std::rc::Rc;

use http::StatusCode;

use super::api::{Answer, Endpoint};
use crate::clock;
use crate::server::conditions::Check;
use crate::server::http::{EndpointRequest, Reply};
use crate::server::worker::Worker;

pub(crate) struct Health;

impl Endpoint for Health {
    fn answer(&self, _: EndpointRequest, worker: Rc<Worker>) -> Answer {
        Box::pin(async move {
            let shared = &worker.shared;
            let (status, word) = match worker.ailment(Check::Http) {
                None => (StatusCode::OK, "ok"),
                Some(ailment) => (StatusCode::SERVICE_UNAVAILABLE, ailment),
            };
            let body = serde_json::json!({
                "status": word,
                "instance": shared.instance,
                "version": env!("CARGO_PKG_VERSION"),
                "uptime_seconds": shared.wall_clock.uptime(clock::now()).as_secs_f64(),
                "workers": shared.mailboxes.len(),
                "connections": shared.connections.total(),
            });
            Reply {
                status,
                ..Reply::ok("application/json", body.to_string().into_bytes())
            }
        })
    }
}
