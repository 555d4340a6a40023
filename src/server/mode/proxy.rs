//! `proxy`: every connection is passed on to an upstream, message by message (seed C).
//!
//! The upstream's socket is polled by the session itself: there is no task and no queue between the two. Whoever does not
//! take messages keeps the other side from being read.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL, SET_COOKIE};
use http::{HeaderMap, StatusCode, request};

use super::gate::Judging;
use super::{Admitted, Denied, Gate, Message, Mode};
use crate::clock;
use crate::server::config::RoutePlan;
use crate::server::http::{Refusal, Reply, end_to_end};
use crate::server::proxy::{
    Answer, AskError, Farewell, Heard, Lease, Link, LinkError, Patience, Pool, Question, Switched, ask,
    headers_for, path_for,
};
use crate::server::record::{Cause, Ending};
use crate::server::session::Peer;
use crate::server::worker::Shared;
use crate::wire::{CloseCode, ClosePayload};

/// Finds an upstream for each connection.
#[derive(Debug)]
pub(super) struct ProxyGate(Rc<Judge>);

#[derive(Debug)]
struct Judge {
    pool: Arc<Pool>,
    /// Clients come over TLS.
    secure: bool,
    max_message: u64,
    write_deadline: Option<Duration>,
}

impl ProxyGate {
    pub(super) fn new(route: &RoutePlan, shared: &Shared) -> Self {
        Self(Rc::new(Judge {
            pool: shared.pools.of(&route.path),
            secure: shared.config.tls.is_some(),
            max_message: route.limits.max_message_size,
            write_deadline: route.limits.write_deadline,
        }))
    }
}

impl Gate for ProxyGate {
    fn judge(&self, head: request::Parts, client: IpAddr) -> Judging {
        let judge = self.0.clone();
        Box::pin(async move { judge.judge(&head, client).await })
    }
}

impl Judge {
    /// Asks one upstream after the other until one answers (seed C9).
    async fn judge(&self, head: &request::Parts, client: IpAddr) -> Result<Admitted, Denied> {
        let mut tried = Vec::new();
        let mut failure = None;
        while let Some(lease) = self.pool.choose(client, &head.headers, &tried, clock::now()) {
            match self.ask(head, client, &lease).await? {
                Ok(Answer::Switched(switched)) => {
                    lease.answered(true, clock::now());
                    return Ok(self.admit(*switched, lease, &head.headers).await);
                }
                Ok(Answer::Other(reply)) => {
                    lease.answered(false, clock::now());
                    return Err(Denied::Answered(Box::new(pass_on(reply))));
                }
                Err(error) => {
                    tracing::debug!(upstream = %lease.upstream.name, %error, "upstream did not answer");
                    lease.failed(&error, clock::now());
                    tried.push(lease.index);
                    failure = Some(error);
                }
            }
        }
        Err(Denied::Refused(unavailable(failure.as_ref())))
    }

    async fn ask(
        &self,
        head: &request::Parts,
        client: IpAddr,
        lease: &Lease,
    ) -> Result<Result<Answer, AskError>, Denied> {
        let config = &self.pool.config;
        let target = &lease.upstream.target;
        let path = path_for(config.path, &self.pool.route, target, &head.uri);
        let headers = headers_for(config, head, client, self.secure);
        let question = Question::upgrade(target, &path, headers).ok_or_else(|| {
            let reason = "the path and that of the upstream do not go together";
            Denied::Refused(Refusal::new(StatusCode::BAD_REQUEST, reason))
        })?;
        let patience = Patience {
            connect: config.connect_timeout.0,
            answer: config.answer_timeout.0,
        };
        Ok(ask(&self.pool, target, question, patience).await)
    }

    async fn admit(&self, switched: Switched, lease: Lease, request: &HeaderMap) -> Admitted {
        let mut headers = end_to_end(&switched.headers);
        let subprotocol = headers.remove(SEC_WEBSOCKET_PROTOCOL);
        let subprotocol = subprotocol.and_then(|name| name.to_str().ok().map(str::to_owned));
        if let Some(cookie) = self.pool.cookie_for(&lease.upstream, request, self.secure) {
            headers.append(SET_COOKIE, cookie);
        }
        // What describes a body has no place in a 101.
        headers.remove(CONTENT_TYPE);
        let link = Link::new(switched, self.max_message).await;
        Admitted {
            mode: Box::new(Proxy {
                open: Some(Open { link, lease }),
                blocked: None,
                write_deadline: self.write_deadline,
            }),
            subprotocol,
            headers,
        }
    }
}

fn unavailable(failure: Option<&AskError>) -> Refusal {
    match failure {
        None => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no upstream is up").with(RETRY_AFTER, "5"),
        Some(error) if error.is_timeout() => Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("the upstream does not answer: {error}"),
        ),
        Some(error) => Refusal::new(
            StatusCode::BAD_GATEWAY,
            format!("the upstream cannot be reached: {error}"),
        ),
    }
}

/// An upstream's refusal for the client.
fn pass_on(reply: Reply) -> Reply {
    Reply {
        // An informational answer would leave the client waiting for another.
        status: if reply.status.is_informational() {
            StatusCode::BAD_GATEWAY
        } else {
            reply.status
        },
        headers: end_to_end(&reply.headers),
        body: reply.body,
    }
}

/// A connection's mode.
#[derive(Debug)]
struct Proxy {
    /// `None` once the upstream is gone.
    open: Option<Open>,
    /// The upstream does not take what is due to it; so many bytes it had taken when that was last looked at.
    blocked: Option<u64>,
    /// How long it may take nothing.
    write_deadline: Option<Duration>,
}

#[derive(Debug)]
struct Open {
    link: Link,
    lease: Lease,
}

/// Messages from the upstream that are passed on before the client is looked at again.
const MESSAGES_PER_TURN: usize = 64;
/// The same in bytes: what may wait in this process for a client that takes nothing, and one message more.
const BYTES_PER_TURN: usize = 128 * 1024;

impl Mode for Proxy {
    fn may_read(&self, _: &Waker) -> bool {
        // The flush that did not succeed wakes the session.
        self.blocked.is_none()
    }

    fn attends(&self) -> bool {
        true
    }

    fn attend(&mut self, waker: &Waker, peer: &mut Peer<'_>) {
        let mut cx = Context::from_waker(waker);
        if let Err(error) = self
            .flush(&mut cx, peer)
            .and_then(|()| self.listen(&mut cx, peer))
        {
            self.lose(error, peer);
        }
    }

    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        let Some(Open { link, .. }) = &mut self.open else {
            return;
        };
        if let Err(error) = link.send(message.kind, message.payload) {
            self.lose(error, peer);
        }
    }

    fn woken(&mut self, peer: &mut Peer<'_>) {
        let (Some(Open { link, .. }), Some(before)) = (&self.open, self.blocked) else {
            return;
        };
        if link.written() == before {
            return self.lose(LinkError::Stuck, peer);
        }
        self.blocked = Some(link.written());
        self.write_deadline
            .into_iter()
            .for_each(|delay| peer.wake_after(delay));
    }

    fn last_words(&mut self, cause: Cause, close: Option<ClosePayload<'_>>) -> bool {
        let Some(Open { link, .. }) = &mut self.open else {
            return false;
        };
        link.close(match (cause, close) {
            (Cause::ClientClosed, close) => close.map(|close| Farewell {
                code: close.code.0,
                reason: String::from_utf8_lossy(close.reason).into_owned(),
            }),
            (cause, _) => Some(going_away(cause)),
        });
        true
    }

    fn ended(&mut self, ending: &Ending) {
        let Some(Open { link, lease }) = self.open.take() else {
            return;
        };
        match parting(ending) {
            Parting::Leave(farewell) => link.leave(farewell, lease),
            Parting::Cut => {}
        }
    }
}

impl Proxy {
    /// Sends what was gathered for the upstream.
    fn flush(&mut self, cx: &mut Context<'_>, peer: &mut Peer<'_>) -> Result<(), LinkError> {
        let Some(Open { link, .. }) = &mut self.open else {
            return Ok(());
        };
        match link.poll_flush(cx) {
            Poll::Ready(flushed) => {
                self.blocked = None;
                flushed
            }
            Poll::Pending => {
                if self.blocked.is_none() {
                    self.blocked = Some(link.written());
                    self.write_deadline
                        .into_iter()
                        .for_each(|delay| peer.wake_after(delay));
                }
                Ok(())
            }
        }
    }

    /// Passes on what comes from the upstream.
    fn listen(&mut self, cx: &mut Context<'_>, peer: &mut Peer<'_>) -> Result<(), LinkError> {
        let mut bytes = 0;
        for _ in 0..MESSAGES_PER_TURN {
            let Some(Open { link, .. }) = &mut self.open else {
                return Ok(());
            };
            let Poll::Ready(heard) = link.poll_next(cx) else {
                return Ok(());
            };
            match heard? {
                Heard::Control => {}
                Heard::Message(kind, payload) => {
                    peer.send(kind, &payload);
                    bytes += payload.len();
                }
                Heard::Close(farewell) => {
                    self.part(farewell, peer);
                    return Ok(());
                }
            }
            if bytes >= BYTES_PER_TURN {
                break;
            }
        }
        // There may be more, after others had their turn.
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// The upstream closed: the client gets its code and reason.
    fn part(&mut self, farewell: Option<Farewell>, peer: &mut Peer<'_>) {
        match &farewell {
            Some(Farewell { code, reason }) => peer.close(CloseCode(*code), reason),
            None => peer.close(None, ""),
        }
        if let Some(Open { link, lease }) = self.open.take() {
            link.leave(farewell, lease);
        }
    }

    /// The upstream ended without a Close frame.
    fn lose(&mut self, error: LinkError, peer: &mut Peer<'_>) {
        if let Some(Open { link, lease }) = self.open.take() {
            tracing::debug!(upstream = %lease.upstream.name, %error, "connection to upstream lost");
            link.give_up(error, lease);
        }
        self.blocked = None;
        peer.close(CloseCode::INTERNAL, &error.to_string());
    }
}

/// What becomes of the upstream's connection when the client's has ended.
#[derive(Debug, PartialEq, Eq)]
enum Parting {
    /// A Close frame, with code and reason or without.
    Leave(Option<Farewell>),
    /// None: the upstream sees what the proxy saw.
    Cut,
}

fn parting(ending: &Ending) -> Parting {
    let code = ending.outcome.code;
    match ending.cause {
        Cause::ClientClosed if code == CloseCode::NO_STATUS => Parting::Leave(None),
        Cause::ClientClosed => Parting::Leave(Some(Farewell {
            code: code.0,
            reason: ending.reason.as_deref().unwrap_or_default().to_owned(),
        })),
        Cause::ClientVanished | Cause::TransportFailed | Cause::WriteDeadline | Cause::Failed => Parting::Cut,
        cause => Parting::Leave(Some(going_away(cause))),
    }
}

/// What the upstream is told if the proxy itself ended the client's connection.
fn going_away(cause: Cause) -> Farewell {
    Farewell {
        code: CloseCode::GOING_AWAY.0,
        reason: cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{CloseInitiator, CloseOutcome};

    #[test]
    fn the_upstream_learns_how_the_client_went() {
        let leave = |code, reason: &str| {
            Parting::Leave(Some(Farewell {
                code,
                reason: reason.to_owned(),
            }))
        };
        for (cause, code, reason, expected) in [
            (Cause::ClientClosed, 4001, Some("bye"), leave(4001, "bye")),
            (Cause::ClientClosed, 1000, None, leave(1000, "")),
            (Cause::ClientClosed, 1005, None, Parting::Leave(None)),
            (Cause::ClientVanished, 1006, None, Parting::Cut),
            (Cause::WriteDeadline, 1006, None, Parting::Cut),
            (
                Cause::IdleTimeout,
                1001,
                Some("idle timeout"),
                leave(1001, "idle timeout"),
            ),
            (
                Cause::ServerStopped,
                1001,
                Some("server is stopping"),
                leave(1001, "server stopped"),
            ),
        ] {
            let outcome = CloseOutcome {
                by: CloseInitiator::Peer,
                code: CloseCode(code),
                clean: true,
            };
            let ending = Ending {
                outcome,
                cause,
                reason: reason.map(Into::into),
            };
            assert_eq!(parting(&ending), expected, "{cause}");
        }
    }
}
