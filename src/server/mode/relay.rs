//! `relay`: every connection is a process, bound to another one that a handler or the configuration chooses (seed E).

use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use http::{StatusCode, request};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::gate::Judging;
use super::{Admitted, Denied, Gate, Message, Mode};
use crate::server::http::{Refusal, Reply};
use crate::server::record::{Cause, Ending};
use crate::server::refusal::RefusalCode;
use crate::server::relay::{
    AllowedOrigins, Assignment, Data, Directory, Handler, HandlerAnswer, HandlerError, HandlerUrl, Inlet,
    Parting, Relay, RelayHeader, ResolveError, connect, default_topic,
};
use crate::server::session::Peer;
use crate::units::Span;
use crate::wire::CloseCode;

/// Settings of the mode: either the handler decides about each connection, or the target is fixed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelayRouteConfig {
    /// The upstream that is asked, and answers with `X-WS-Relay` (seed E1).
    pub handler: Option<HandlerUrl>,
    /// How long the handler may take (10 s); then the upgrade is refused by 504.
    pub handler_timeout: Span,
    /// Without a handler: the name of a process (`echo`).
    pub target: Option<String>,
    /// Without a handler: the topic of clients' messages (seed E8: `ws.message`).
    pub message_topic: String,
    /// Without a handler: time between heartbeats (seed E8: none).
    pub heartbeat_interval: Option<Span>,
    /// Without a handler: attached to every message (seed E8).
    pub metadata: Map<String, Value>,
    /// Origins with commas between; none: only the same origin (seeds E6, E7).
    #[serde(rename = "wsrelay.allowed.origins")]
    pub allowed_origins: AllowedOrigins,
}

impl RelayRouteConfig {
    /// What contradicts itself.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let both = self.handler.is_some() && self.target.is_some();
        both.then_some("either the `handler` chooses the target, or `target` names it")
    }
}

impl Default for RelayRouteConfig {
    fn default() -> Self {
        Self {
            handler: None,
            handler_timeout: Span::from_secs(10),
            target: None,
            message_topic: default_topic(),
            heartbeat_interval: None,
            metadata: Map::new(),
            allowed_origins: AllowedOrigins::default(),
        }
    }
}

/// Decides where connections go.
#[derive(Debug)]
pub(super) struct RelayGate(Rc<Judge>);

#[derive(Debug)]
struct Judge {
    relay: Arc<Relay>,
    config: RelayRouteConfig,
    handler: Option<Handler>,
}

impl RelayGate {
    pub(super) fn new(config: &RelayRouteConfig, relay: Arc<Relay>) -> Self {
        let handler = config
            .handler
            .clone()
            .map(|url| Handler::new(url, config.handler_timeout.0));
        Self(Rc::new(Judge {
            relay,
            config: config.clone(),
            handler,
        }))
    }
}

impl Gate for RelayGate {
    fn judge(&self, head: request::Parts, client: std::net::IpAddr) -> Judging {
        let judge = self.0.clone();
        Box::pin(async move { judge.judge(&head, client).await })
    }
}

impl Judge {
    async fn judge(&self, head: &request::Parts, client: std::net::IpAddr) -> Result<Admitted, Denied> {
        self.check_origin(head)?;
        let Some(handler) = &self.handler else {
            let header = RelayHeader {
                target_pid: self.config.target.clone().unwrap_or_else(|| "echo".to_owned()),
                message_topic: self.config.message_topic.clone(),
                heartbeat_interval: self.config.heartbeat_interval,
                metadata: Some(self.config.metadata.clone()),
            };
            return Ok(self.assign(header).await?.into());
        };
        let mut answer = handler
            .ask(head, client)
            .await
            .map_err(|error| handler_failed(&error))?;
        let header = RelayHeader::take(&mut answer.headers)
            .map_err(|error| refused(StatusCode::BAD_GATEWAY, &error))?;
        let Some(header) = header else {
            return Err(Denied::Answered(Box::new(pass_on(answer))));
        };
        let mode = self.assign(header).await?;
        // What describes the body of an answer has no place in a 101.
        for name in [CONTENT_TYPE, CONTENT_LENGTH] {
            answer.headers.remove(name);
        }
        let subprotocol = answer.headers.remove(SEC_WEBSOCKET_PROTOCOL);
        let subprotocol = subprotocol.and_then(|name| name.to_str().ok().map(str::to_owned));
        Ok(Admitted {
            mode,
            subprotocol,
            headers: answer.headers,
        })
    }

    fn check_origin(&self, head: &request::Parts) -> Result<(), Denied> {
        let text = |name| {
            head.headers
                .get(name)
                .map(|value| value.to_str().unwrap_or_default())
        };
        if self.config.allowed_origins.allows(text(ORIGIN), text(HOST)) {
            return Ok(());
        }
        Err(refused(RefusalCode::OriginRefused, &"the origin is not allowed"))
    }

    /// Finds the target.
    async fn assign(&self, header: RelayHeader) -> Result<Box<dyn Mode>, Denied> {
        let unavailable = |error| refused(StatusCode::SERVICE_UNAVAILABLE, &error);
        let directory = self.relay.directory().map_err(unavailable)?;
        let target = directory
            .resolve(&header.target_pid)
            .await
            .map_err(|error| match error {
                ResolveError::Spawn(_) => refused(StatusCode::SERVICE_UNAVAILABLE, &error),
                _ => refused(StatusCode::BAD_GATEWAY, &error),
            })?;
        let assignment = Assignment {
            target,
            topic: header.message_topic.into(),
            heartbeat_interval: header.heartbeat_interval.map(Duration::from),
            metadata: Arc::new(header.metadata.unwrap_or_default()),
        };
        Ok(Box::new(RelayMode::Waiting(directory, assignment)))
    }
}

fn handler_failed(error: &HandlerError) -> Denied {
    match error {
        HandlerError::Silent(_) => refused(StatusCode::GATEWAY_TIMEOUT, error),
        _ => refused(StatusCode::BAD_GATEWAY, error),
    }
}

fn refused(code: impl Into<RefusalCode>, reason: &impl ToString) -> Denied {
    Denied::Refused(Refusal::new(code, reason.to_string()))
}

fn pass_on(answer: HandlerAnswer) -> Reply {
    let HandlerAnswer {
        status,
        headers,
        body,
    } = answer;
    // An informational answer would leave the client waiting for another.
    let status = if status.is_informational() {
        StatusCode::BAD_GATEWAY
    } else {
        status
    };
    Reply {
        status,
        headers,
        body: body.into(),
    }
}

/// A connection's mode.
#[derive(Debug)]
enum RelayMode {
    /// It is not open yet.
    Waiting(Arc<Directory>, Assignment),
    /// Its process runs.
    Bound(Inlet),
    /// It has no process.
    Lost,
}

impl Mode for RelayMode {
    fn may_read(&self, waker: &Waker) -> bool {
        match self {
            Self::Bound(inlet) => inlet.has_room(waker),
            Self::Waiting(..) | Self::Lost => true,
        }
    }

    fn opened(&mut self, peer: &mut Peer<'_>) {
        let Self::Waiting(directory, assignment) = std::mem::replace(self, Self::Lost) else {
            return;
        };
        match connect(&directory, peer.handle(), assignment) {
            Ok((pid, inlet)) => {
                tracing::debug!(%pid, connection = %peer.id(), "connection is a process");
                *self = Self::Bound(inlet);
            }
            Err(error) => {
                tracing::error!(%error, "connection has no process");
                peer.close(CloseCode::INTERNAL, "no process for this connection");
            }
        }
    }

    fn message(&mut self, message: Message<'_>, _: &mut Peer<'_>) {
        if let Self::Bound(inlet) = self {
            inlet.push(Data {
                kind: message.kind,
                bytes: Bytes::copy_from_slice(message.payload),
            });
        }
    }

    fn ended(&mut self, ending: &Ending) {
        if let Self::Bound(inlet) = self {
            inlet.end(parting(ending));
        }
    }
}

/// What others are told of a connection's end: `client closed: 1000`, `closed by process: 4001 bye`,
/// `client vanished: 1006`.
fn parting(ending: &Ending) -> Parting {
    let Ending {
        outcome,
        cause,
        reason,
    } = ending;
    let cause_name = match cause {
        Cause::ClosedByHandle => "closed by process".to_owned(),
        cause => cause.to_string(),
    };
    let code = outcome.code;
    let text = reason
        .as_deref()
        .filter(|_| !matches!(cause, Cause::Violation(_)));
    let reason = match text {
        Some(text) => format!("{cause_name}: {code} {text}"),
        None => format!("{cause_name}: {code}"),
    };
    let harmless = [CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NO_STATUS].contains(&code)
        || (3000..5000).contains(&code.0);
    Parting {
        reason,
        orderly: outcome.clean && harmless,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{CloseInitiator, CloseOutcome};

    fn ending(cause: Cause, code: u16, clean: bool, reason: Option<&str>) -> Ending {
        let outcome = CloseOutcome {
            by: CloseInitiator::Peer,
            code: CloseCode(code),
            clean,
        };
        Ending {
            outcome,
            cause,
            reason: reason.map(Into::into),
        }
    }

    #[test]
    fn e12_the_reason_says_who_closed_and_how() {
        for (ending, reason, orderly) in [
            (
                ending(Cause::ClientClosed, 1000, true, None),
                "client closed: 1000",
                true,
            ),
            (
                ending(Cause::ClientClosed, 1005, true, None),
                "client closed: 1005",
                true,
            ),
            (
                ending(Cause::ClosedByHandle, 4001, true, Some("bye")),
                "closed by process: 4001 bye",
                true,
            ),
            (
                ending(Cause::ClosedByHandle, 1011, true, Some("x")),
                "closed by process: 1011 x",
                false,
            ),
            (
                ending(Cause::ClientVanished, 1006, false, None),
                "client vanished: 1006",
                false,
            ),
        ] {
            assert_eq!(
                parting(&ending),
                Parting {
                    reason: reason.to_owned(),
                    orderly
                }
            );
        }
    }

    #[test]
    fn e8_settings_of_a_route() {
        let config: RelayRouteConfig = serde_saphyr::from_str(
            "{target: lobby, message_topic: chat.in, heartbeat_interval: 30s, metadata: {a: 1}, \
             wsrelay.allowed.origins: 'https://app.example.com, http://localhost:3000'}",
        )
        .unwrap();
        assert_eq!(config.heartbeat_interval, Some(Span::from_secs(30)));
        assert_eq!(config.metadata["a"], 1);
        assert!(config.allowed_origins.allows(Some("http://localhost:3000"), None));
        assert!(serde_saphyr::from_str::<RelayRouteConfig>("{handler: 'ws://h'}").is_err());
        for list in [
            "foo",
            "app.example.com",
            "https://*.example.com",
            "https://a.example, b",
        ] {
            let text = format!("{{wsrelay.allowed.origins: '{list}'}}");
            let error = serde_saphyr::from_str::<RelayRouteConfig>(&text)
                .unwrap_err()
                .to_string();
            assert!(error.contains("is not an origin"), "{error}");
        }
    }
}
