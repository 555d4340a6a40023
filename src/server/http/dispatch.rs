//! From a request to its route: an upgrade, an endpoint's answer, or a refusal.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header, request};
use http_body_util::Full;
use hyper::body::Incoming;

use super::reply::{INSTANCE_HEADER, Refusal, Reply};
use crate::clock;
use crate::server::auth;
use crate::server::ids::RouteId;
use crate::server::journal::{Entry, RefusalEntry};
use crate::server::mode::{Mode, Service};
use crate::server::session::{Admission, Upgraded};
use crate::server::worker::Worker;
use crate::wire::deflate::DeflateConfig;
use crate::wire::handshake::{HandshakeRules, parse_upgrade};

/// Serves the requests of one connection.
#[derive(Clone, Debug)]
pub(super) struct Dispatcher {
    pub(super) worker: Rc<Worker>,
    pub(super) peer: SocketAddr,
    /// Filled when a request is answered by 101.
    pub(super) upgraded: Rc<RefCell<Option<Upgraded>>>,
}

/// A request to an HTTP endpoint.
#[derive(Debug)]
pub(crate) struct EndpointRequest {
    pub(crate) query: String,
}

/// Longest tag that the journal keeps, in bytes.
const MAX_TAG: usize = 64;
/// Longest path of a refused request that the journal keeps, in bytes.
const MAX_PATH: usize = 256;

impl hyper::service::Service<Request<Incoming>> for Dispatcher {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let this = self.clone();
        // No route reads a body.
        let (head, _) = request.into_parts();
        Box::pin(async move {
            let mut reply = match this.answer(&head).await {
                Ok(reply) => reply,
                Err(refusal) => this.refuse(&head, refusal),
            };
            this.worker.metrics().responded(reply.status.as_u16());
            if let Ok(instance) = this.worker.shared.instance.parse() {
                reply.headers.insert(INSTANCE_HEADER, instance);
            }
            Ok(reply.into_response())
        })
    }
}

impl Dispatcher {
    async fn answer(&self, head: &request::Parts) -> Result<Reply, Refusal> {
        let shared = &self.worker.shared;
        let Some(&route) = shared.route_ids.get(head.uri.path()) else {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "there is no such route"));
        };
        match &self.worker.services[route.index()] {
            Service::WebSocket(make_mode) => {
                let upgraded = self.upgrade(head, route, make_mode);
                if upgraded.is_err() {
                    self.worker.metrics().routes[route.index()].refused.add(1);
                }
                upgraded
            }
            Service::Http(endpoint) => {
                if head.method != Method::GET && head.method != Method::HEAD {
                    let refusal =
                        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this route answers GET and HEAD");
                    return Err(refusal.with(header::ALLOW, "GET, HEAD"));
                }
                let query = head.uri.query().unwrap_or_default().to_owned();
                Ok(endpoint
                    .answer(EndpointRequest { query }, self.worker.clone())
                    .await)
            }
        }
    }

    /// Judges an upgrade request; accepts it by a 101.
    fn upgrade(
        &self,
        head: &request::Parts,
        route: RouteId,
        make_mode: &dyn Fn() -> Box<dyn Mode>,
    ) -> Result<Reply, Refusal> {
        let shared = &self.worker.shared;
        let plan = &shared.routes[route.index()];
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        let request = parse_upgrade(
            head.method.as_str(),
            head.version,
            headers,
            HandshakeRules::STRICT,
        )?;
        auth::check_api_key(&head.headers, &plan.api_keys)?;
        if self.worker.is_stopping() {
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is stopping",
            ));
        }
        let Some(admission) = Admission::new(shared) else {
            let refusal = Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "there are as many connections as may be",
            );
            return Err(refusal.with(header::RETRY_AFTER, "5"));
        };
        let deflate = plan.limits.compression.map(|level| DeflateConfig {
            level,
            ..DeflateConfig::default()
        });
        let subprotocol = request.choose_subprotocol(&plan.subprotocols);
        let response = request.accept(subprotocol, deflate.as_ref());
        let mut reply = Reply::new(StatusCode::SWITCHING_PROTOCOLS);
        for (name, value) in response.headers() {
            if let Ok(name) = name.parse() {
                reply = reply.with(name, value);
            }
        }
        self.upgraded.replace(Some(Upgraded {
            admission,
            route,
            peer: self.peer,
            tag: tag_of(head),
            deflate: response.deflate.map(|accepted| accepted.params),
            mode: make_mode(),
        }));
        Ok(reply)
    }

    fn refuse(&self, head: &request::Parts, refusal: Refusal) -> Reply {
        // Only upgrades are worth remembering: a scanner's requests would displace them.
        if head.headers.contains_key(header::UPGRADE) {
            let path = head.uri.path();
            self.worker.shared.journal.push(Entry::Refusal(RefusalEntry {
                path: path[..path.floor_char_boundary(MAX_PATH)].into(),
                peer: self.peer,
                tag: tag_of(head),
                at: clock::now(),
                status: refusal.status.as_u16(),
                reason: refusal.reason.as_str().into(),
            }));
        }
        refusal.into_reply()
    }
}

/// What the client wants its connection to be called in the journal: the header `X-Tag`, or `tag` in the query.
fn tag_of(head: &request::Parts) -> Option<Box<str>> {
    let query = head.uri.query().unwrap_or_default();
    let tag = header_text(&head.headers, "x-tag").or_else(|| query_value(query, "tag"))?;
    Some(tag[..tag.floor_char_boundary(MAX_TAG)].into())
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The value of `name` in a query, as it stands.
pub(super) fn query_value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

impl EndpointRequest {
    /// The value of `name` in the query, as it stands.
    pub(crate) fn query_value(&self, name: &str) -> Option<&str> {
        query_value(&self.query, name)
    }
}
