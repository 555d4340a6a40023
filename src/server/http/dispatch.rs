//! From a request to its route: an upgrade, an endpoint's answer, or a refusal.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header, request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;

use super::reply::{INSTANCE_HEADER, Refusal, Reply};
use crate::clock;
use crate::server::auth;
use crate::server::endpoint::Endpoint;
use crate::server::ids::RouteId;
use crate::server::journal::{Entry, RefusalEntry};
use crate::server::listener::Surface;
use crate::server::mode::{Admitted, Denied, Service};
use crate::server::session::{Admission, Upgraded};
use crate::server::worker::Worker;
use crate::wire::deflate::DeflateConfig;
use crate::wire::handshake::{HandshakeRules, parse_upgrade};

/// Serves the requests of one connection.
#[derive(Clone, Debug)]
pub(super) struct Dispatcher {
    pub(super) worker: Rc<Worker>,
    pub(super) peer: SocketAddr,
    /// What is served where it connected to.
    pub(super) surface: Surface,
    /// Filled when a request is answered by 101.
    pub(super) upgraded: Rc<RefCell<Option<Upgraded>>>,
}

/// A request to an HTTP endpoint.
#[derive(Debug)]
pub(crate) struct EndpointRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: SocketAddr,
    /// Empty unless the endpoint takes POST.
    pub(crate) body: Bytes,
}

/// Longest tag that the journal keeps, in bytes.
const MAX_TAG: usize = 64;
/// Largest body of a request.
const MAX_BODY: usize = 1 << 20;
/// Longest path of a refused request that the journal keeps, in bytes.
const MAX_PATH: usize = 256;

impl hyper::service::Service<Request<Incoming>> for Dispatcher {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let this = self.clone();
        let (head, body) = request.into_parts();
        Box::pin(async move {
            let mut reply = match this.answer(&head, body).await {
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
    async fn answer(&self, head: &request::Parts, body: Incoming) -> Result<Reply, Refusal> {
        let Some(route) = self.find_route(head.uri.path()) else {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "there is no such route"));
        };
        match &self.worker.services[route.index()] {
            Service::Http(endpoint) => self.ask(&**endpoint, head, body).await,
            service => {
                let upgraded = self.upgrade(head, route, service).await;
                if !matches!(&upgraded, Ok(reply) if reply.status == StatusCode::SWITCHING_PROTOCOLS) {
                    self.worker.metrics().routes[route.index()].refused.add(1);
                }
                upgraded
            }
        }
    }

    /// The route of a path, if it is served here.
    fn find_route(&self, path: &str) -> Option<RouteId> {
        let shared = &self.worker.shared;
        let settings = self.worker.current_settings();
        let mode = |route: RouteId| &settings.routes[route.index()].mode;
        let above = || {
            let (parent, _) = path.rsplit_once('/')?;
            let route = shared.route_ids.get(parent)?;
            mode(*route).has_subpaths().then_some(route)
        };
        let route = *shared.route_ids.get(path).or_else(above)?;
        self.surface.shows(mode(route), &settings.admin).then_some(route)
    }

    /// An endpoint's answer.
    async fn ask(
        &self,
        endpoint: &dyn Endpoint,
        head: &request::Parts,
        body: Incoming,
    ) -> Result<Reply, Refusal> {
        let reads = head.method == Method::GET || head.method == Method::HEAD;
        let writes = head.method == Method::POST && endpoint.takes_posts();
        if !reads && !writes {
            let allowed = if endpoint.takes_posts() {
                "GET, HEAD, POST"
            } else {
                "GET, HEAD"
            };
            let refusal = Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("this route answers {allowed}"),
            );
            return Err(refusal.with(header::ALLOW, allowed));
        }
        let body = if writes {
            let too_large = |_| {
                Refusal::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("a body has at most {MAX_BODY} bytes"),
                )
            };
            Limited::new(body, MAX_BODY)
                .collect()
                .await
                .map_err(too_large)?
                .to_bytes()
        } else {
            Bytes::new()
        };
        let request = EndpointRequest {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers.clone(),
            peer: self.peer,
            body,
        };
        Ok(endpoint.answer(request, self.worker.clone()).await)
    }

    /// Judges an upgrade request; accepts it by a 101.
    async fn upgrade(
        &self,
        head: &request::Parts,
        route: RouteId,
        service: &Service,
    ) -> Result<Reply, Refusal> {
        let shared = &self.worker.shared;
        let settings = self.worker.current_settings();
        let plan = &settings.routes[route.index()];
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
        if shared.conditions.is_draining() {
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is draining");
            return Err(refusal.with(header::RETRY_AFTER, "5"));
        }
        let Some(admission) = Admission::new(shared, plan.mode.is_probe()) else {
            let refusal = Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "there are as many connections as may be",
            );
            return Err(refusal.with(header::RETRY_AFTER, "5"));
        };
        let Admitted {
            mode,
            subprotocol: chosen,
            headers: further,
        } = match self.judge(service, head).await {
            Ok(admitted) => admitted,
            Err(Denied::Refused(refusal)) => return Err(refusal),
            Err(Denied::Answered(reply)) => {
                self.note_refusal(head, reply.status, "refused by the route's handler");
                return Ok(*reply);
            }
        };
        let deflate = plan.limits.compression.map(|level| DeflateConfig {
            level,
            ..DeflateConfig::default()
        });
        let chosen = request.choose_subprotocol(chosen.as_slice());
        let subprotocol = chosen.or_else(|| request.choose_subprotocol(&plan.subprotocols));
        let response = request.accept(subprotocol, deflate.as_ref());
        let mut reply = Reply {
            headers: further,
            ..Reply::new(StatusCode::SWITCHING_PROTOCOLS)
        };
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
            mode,
        }));
        Ok(reply)
    }

    /// Asks whoever has to be asked.
    async fn judge(&self, service: &Service, head: &request::Parts) -> Result<Admitted, Denied> {
        match service {
            Service::WebSocket(make_mode) => match make_mode(head) {
                Ok(mode) => Ok(mode.into()),
                Err(refusal) => Err(Denied::Refused(refusal)),
            },
            Service::Gated(gate) => gate.judge(head.clone(), self.peer.ip()).await,
            Service::Http(_) => Err(Denied::Refused(Refusal::new(
                StatusCode::NOT_FOUND,
                "this route has no WebSocket",
            ))),
        }
    }

    fn refuse(&self, head: &request::Parts, refusal: Refusal) -> Reply {
        self.note_refusal(head, refusal.status, &refusal.reason);
        refusal.into_reply()
    }

    fn note_refusal(&self, head: &request::Parts, status: StatusCode, reason: &str) {
        // Only upgrades are worth remembering: a scanner's requests would displace them.
        if head.headers.contains_key(header::UPGRADE) {
            // Without the query, which may carry a token.
            let path = head.uri.path();
            tracing::info!(peer = %self.peer, path, status = status.as_u16(), reason, "upgrade refused");
            self.worker.shared.journal.push(Entry::Refusal(RefusalEntry {
                path: path[..path.floor_char_boundary(MAX_PATH)].into(),
                peer: self.peer,
                tag: tag_of(head),
                at: clock::now(),
                status: status.as_u16(),
                reason: reason.into(),
            }));
        }
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
pub(crate) fn query_value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
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
