//! From a request to its route: an upgrade, an endpoint's answer, or a refusal.

use std::borrow::Cow;
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header, request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;

use super::reply::{INSTANCE_HEADER, Reply};
use super::tap::Received;
use crate::clock;
use crate::server::auth::Identity;
use crate::server::endpoint::Endpoint;
use crate::server::fault::{Held, RequestedFaults, faults_are_off};
use crate::server::ids::RouteId;
use crate::server::journal::{Entry, RefusalEntry};
use crate::server::listener::Surface;
use crate::server::mode::{Admitted, Denied, ProbeRequest, Service};
use crate::server::query::Query;
use crate::server::refusal::{Refusal, RefusalCode};
use crate::server::request_parts::RequestParts;
use crate::server::room::RoomName;
use crate::server::session::{Admission, Upgraded, UpgradedFaults};
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
    /// Filled when HTTP is done with the connection.
    pub(super) successor: Rc<RefCell<Option<Successor>>>,
    /// What the client sent since the last answer, if anybody wants to know.
    pub(super) received: Option<Received>,
}

/// What a connection becomes after HTTP.
#[derive(Debug)]
pub(super) enum Successor {
    /// A session.
    Session(Box<Upgraded>),
    /// An upgrade without an answer.
    Held(Held),
}

impl Successor {
    /// Whether HTTP must not answer: somebody else does, or nobody.
    pub(super) fn answers_itself(&self) -> bool {
        match self {
            Self::Session(upgraded) => upgraded
                .faults
                .as_ref()
                .is_some_and(|faults| faults.head.is_some()),
            Self::Held(_) => true,
        }
    }
}

/// A request to an HTTP endpoint.
#[derive(Debug)]
pub(crate) struct EndpointRequest {
    pub(crate) method: Method,
    pub(crate) path: String,
    query: String,
    pub(crate) headers: HeaderMap,
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// The client's address; behind trusted proxies the one that they name.
    pub(crate) client: IpAddr,
    /// Empty unless the endpoint takes POST.
    pub(crate) body: Bytes,
}

/// By then another server, or this one started anew, may be there.
const RETRY_AFTER_STOP: Duration = Duration::from_secs(5);
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
            if let Ok(instance) = this.worker.shared.instance.parse() {
                // What passes an upstream's answer on keeps its instance: that is who serves the client.
                reply.headers.entry(INSTANCE_HEADER).or_insert(instance);
            }
            if !this.is_held() {
                this.worker.metrics().responded(reply.status.as_u16());
            }
            if this.leaves_answer_to_successor(&reply) {
                // The connection is taken away before this goes on.
                std::future::pending::<()>().await;
            }
            Ok(reply.into_response())
        })
    }
}

impl Dispatcher {
    async fn answer(&self, head: &request::Parts, body: Incoming) -> Result<Reply, Refusal> {
        let Some(route) = self.find_route(head.uri.path()) else {
            if head.headers.contains_key(header::UPGRADE) {
                self.worker.metrics().upgrades_astray.add(1);
            }
            return Err(Refusal::new(RefusalCode::NoSuchRoute, "there is no such route"));
        };
        let shared = &self.worker.shared;
        let is_off = shared.modes[route.index()].misbehaves() && !shared.faults;
        match &self.worker.services[route.index()] {
            Service::Http(_) if is_off => Err(faults_are_off()),
            Service::Http(endpoint) => {
                self.admit(head, route).await?;
                self.ask(&**endpoint, head, body).await
            }
            service => {
                let upgraded = match is_off {
                    true => Err(faults_are_off()),
                    false => self.upgrade(head, route, service).await,
                };
                if let Err(refusal) = &upgraded {
                    self.worker.metrics().routes[route.index()]
                        .refused
                        .add(Some(refusal.code));
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
        let route = shared.route_ids.get(path).or_else(above).copied();
        let route = route.or_else(|| shared.route_of(path))?;
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
            client: self.client(head),
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
        let faults = self.faults(head, route, service)?;
        if self.worker.is_stopping() {
            let refusal = Refusal::new(RefusalCode::ServerStopping, "the server is stopping");
            return Err(refusal.retry_after(RETRY_AFTER_STOP));
        }
        if shared.conditions.is_draining() {
            let refusal = Refusal::new(RefusalCode::ServerDraining, "the server is draining");
            return Err(refusal.retry_after(RETRY_AFTER_STOP));
        }
        let room = if plan.mode.has_rooms() {
            RoomName::from_query(Query::of(&head.uri))?
        } else {
            RoomName::default()
        };
        let identity = self.admit(head, route).await?;
        if let Some(time) = faults.hold() {
            return self.hold(head, time);
        }
        let client = self.client(head);
        let admission = Admission::new(shared, &settings, route, client)?;
        let Admitted {
            mode,
            subprotocol: chosen,
            headers: further,
        } = match self.judge(service, head).await {
            Ok(admitted) => admitted,
            Err(Denied::Refused(refusal)) => return Err(refusal),
            Err(Denied::Answered(reply)) => {
                self.worker.metrics().routes[route.index()].refused.add(None);
                self.note_refusal(
                    head,
                    reply.status.as_u16(),
                    None,
                    "refused by the route's handler",
                );
                return Ok(*reply);
            }
        };
        let deflate = plan.limits.compression.map(|level| DeflateConfig {
            level,
            ..DeflateConfig::default()
        });
        let announced = identity.as_ref().and_then(|identity| identity.subprotocol);
        let subprotocol = request
            .choose_subprotocol(chosen.as_slice())
            .or_else(|| request.choose_subprotocol(&plan.subprotocols))
            .or_else(|| request.choose_subprotocol(announced.as_slice()));
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
        let faults = (!faults.is_empty()).then(|| {
            Box::new(UpgradedFaults {
                requested: faults,
                head: None,
            })
        });
        self.successor.replace(Some(Successor::Session(Box::new(Upgraded {
            admission,
            route,
            peer: self.peer,
            tag: tag_of(head),
            subject: identity.map(|identity| identity.subject.into()),
            allowance: settings.guards[route.index()].message_allowance(client, clock::now()),
            room,
            deflate: response.deflate.map(|accepted| accepted.params),
            mode,
            faults,
        }))));
        Ok(reply)
    }

    /// Judges a request by what its route asks of clients; says who the client is.
    async fn admit(&self, head: &request::Parts, route: RouteId) -> Result<Option<Identity>, Refusal> {
        let settings = self.worker.current_settings();
        let secure = settings.tls.is_some() && self.surface == Surface::Everything;
        let request = RequestParts::new(&head.uri, &head.headers, self.client(head), secure);
        settings.guards[route.index()]
            .admit(&request, clock::now(), unix_seconds())
            .await
    }

    /// The client's address.
    fn client(&self, head: &request::Parts) -> IpAddr {
        let settings = self.worker.current_settings();
        let proxies = &settings.limits.trusted_proxies;
        proxies.client(self.peer.ip(), &head.headers)
    }

    /// The faults that the request asks for, those of its route and of its probe.
    fn faults(
        &self,
        head: &request::Parts,
        route: RouteId,
        service: &Service,
    ) -> Result<RequestedFaults, Refusal> {
        let shared = &self.worker.shared;
        let query = Query::of(&head.uri);
        let mut faults = RequestedFaults::read(
            &self.worker.current_settings().routes[route.index()].faults,
            query,
        )?;
        if let Service::Probe(probe) = service {
            faults = faults.with(&probe.faults(query)?);
            if probe.greets() {
                faults = faults.greeting();
            }
        }
        if !faults.plan().is_empty() && !shared.faults {
            return Err(faults_are_off());
        }
        Ok(faults)
    }

    /// Leaves an upgrade without an answer.
    fn hold(&self, head: &request::Parts, time: Duration) -> Result<Reply, Refusal> {
        let path = head.uri.path();
        let path = &path[..path.floor_char_boundary(MAX_PATH)];
        let Some(mut held) = Held::new(&self.worker.shared, path, self.peer, time) else {
            return Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "there are as many held upgrades as may be",
            ));
        };
        held.tag = tag_of(head);
        self.successor.replace(Some(Successor::Held(held)));
        Ok(Reply::new(StatusCode::SWITCHING_PROTOCOLS))
    }

    fn is_held(&self) -> bool {
        matches!(&*self.successor.borrow(), Some(Successor::Held(_)))
    }

    /// Whether HTTP must not answer. A session that answers itself gets the answer to write.
    fn leaves_answer_to_successor(&self, reply: &Reply) -> bool {
        let mut successor = self.successor.borrow_mut();
        if let Some(Successor::Session(upgraded)) = &mut *successor
            && let Some(faults) = &mut upgraded.faults
        {
            faults.head = faults.requested.head(&reply.headers);
        }
        successor.as_ref().is_some_and(Successor::answers_itself)
    }

    /// Asks whoever has to be asked.
    async fn judge(&self, service: &Service, head: &request::Parts) -> Result<Admitted, Denied> {
        match service {
            Service::WebSocket(make_mode) => match make_mode(head) {
                Ok(mode) => Ok(mode.into()),
                Err(refusal) => Err(Denied::Refused(refusal)),
            },
            Service::Probe(probe) => {
                let request = ProbeRequest {
                    head,
                    peer: self.peer,
                    received: self.received.as_ref().map(|received| received.borrow().clone()),
                    shared: &self.worker.shared,
                };
                probe.mode(&request).map(Into::into).map_err(Denied::Refused)
            }
            Service::Gated(gate) => gate.judge(head.clone(), self.client(head)).await,
            Service::Http(_) => Err(Denied::Refused(Refusal::new(
                StatusCode::NOT_FOUND,
                "this route has no WebSocket",
            ))),
        }
    }

    fn refuse(&self, head: &request::Parts, refusal: Refusal) -> Reply {
        self.note_refusal(head, refusal.status(), Some(refusal.code), &refusal.message);
        refusal.into_reply()
    }

    /// Writes a refused upgrade into journal and log. Other requests are not worth it: a scanner's would displace them.
    fn note_refusal(&self, head: &request::Parts, status: u16, code: Option<RefusalCode>, reason: &str) {
        if !head.headers.contains_key(header::UPGRADE) {
            return;
        }
        // The query stays out of it: it may hold a token.
        let path = head.uri.path();
        let path = &path[..path.floor_char_boundary(MAX_PATH)];
        let error = code.map(RefusalCode::name);
        let client = self.client(head);
        // Who may not or cannot is the operator's affair; who does not know how is the client's.
        let matters = matches!(status, 401 | 403 | 429) || status >= 500;
        if matters {
            tracing::warn!(path, %client, status, error, reason, "upgrade refused");
        } else {
            tracing::info!(path, %client, status, error, reason, "upgrade refused");
        }
        self.worker.shared.journal.push(Entry::Refusal(RefusalEntry {
            path: path.into(),
            peer: self.peer,
            tag: tag_of(head),
            at: clock::now(),
            status,
            error,
            reason: reason.into(),
        }));
    }
}

/// What tokens' `exp` and `nbf` are compared with. Unlike the server's monotonic clock, it follows the system's when that
/// is set.
fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// What the client wants its connection to be called in the journal: the header `X-Tag`, or `tag` in the query.
fn tag_of(head: &request::Parts) -> Option<Box<str>> {
    let tag = header_text(&head.headers, "x-tag").map(Cow::Borrowed);
    let tag = tag.or_else(|| Query::of(&head.uri).value("tag"))?;
    Some(tag[..tag.floor_char_boundary(MAX_TAG)].into())
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl EndpointRequest {
    /// The parameters.
    pub(crate) fn query(&self) -> Query<'_> {
        Query::new(&self.query)
    }
}
