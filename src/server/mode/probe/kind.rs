//! [`ProbeKind`]: the table of probes.

use std::borrow::Cow;
use std::net::SocketAddr;

use http::request;

use super::first_frame::FirstFrame;
use super::headers;
use super::push::Push;
use super::sink::Sink;
use crate::server::fault::FaultPlan;
use crate::server::http::Refusal;
use crate::server::mode::Mode;
use crate::server::mode::echo::Echo;
use crate::server::query::Query;
use crate::server::worker::Shared;

/// A route that gateways and clients are probed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// The first message shows the request; then echo.
    Headers,
    /// The server sends at a rate.
    Push,
    /// Takes everything, says nothing.
    Sink,
    /// A frame in one segment with the 101; then echo.
    FirstFrame,
    /// Reads slowly.
    Slow,
    /// Never answers the upgrade.
    Hold,
    /// HTTP: answers any status.
    Status,
    /// A wrong answer to the upgrade.
    Bad101,
    /// Closes with any code.
    Close,
    /// Ends TCP without a Close frame.
    Fin,
    /// Resets TCP.
    Reset,
    /// Ends its own side of TCP and reads on.
    HalfClose,
    /// Never answers pings.
    MutePong,
}

/// What a probe sees of a request.
#[derive(Debug)]
pub(crate) struct ProbeRequest<'a> {
    pub(crate) head: &'a request::Parts,
    pub(crate) peer: SocketAddr,
    /// The request as it came.
    pub(crate) received: Option<Vec<u8>>,
    pub(crate) shared: &'a Shared,
}

impl ProbeKind {
    /// Every probe.
    pub(crate) const ALL: &[Self] = &[
        Self::Headers,
        Self::Push,
        Self::Sink,
        Self::FirstFrame,
        Self::Slow,
        Self::Hold,
        Self::Status,
        Self::Bad101,
        Self::Close,
        Self::Fin,
        Self::Reset,
        Self::HalfClose,
        Self::MutePong,
    ];

    /// The name as a mode in YAML.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Push => "push",
            Self::Sink => "sink",
            Self::FirstFrame => "first-frame",
            Self::Slow => "slow",
            Self::Hold => "hold",
            Self::Status => "status",
            Self::Bad101 => "bad-101",
            Self::Close => "close",
            Self::Fin => "fin",
            Self::Reset => "rst",
            Self::HalfClose => "half-close",
            Self::MutePong => "mute-pong",
        }
    }

    /// The probe of this name.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// The path of the built-in route.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Headers => "/headers",
            Self::Push => "/push",
            Self::Sink => "/sink",
            Self::FirstFrame => "/first-frame",
            Self::Slow => "/slow",
            Self::Hold => "/hold",
            Self::Status => "/status/*",
            Self::Bad101 => "/bad101",
            Self::Close => "/close",
            Self::Fin => "/fin",
            Self::Reset => "/rst",
            Self::HalfClose => "/half-close",
            Self::MutePong => "/mute-pong",
        }
    }

    /// Whether it does what only a server with faults does.
    pub(crate) const fn misbehaves(self) -> bool {
        !matches!(self, Self::Headers | Self::Push | Self::Sink | Self::FirstFrame)
    }

    /// Whether its first frame goes out in one segment with the 101.
    pub(crate) const fn greets(self) -> bool {
        matches!(self, Self::FirstFrame)
    }

    /// The faults that make the probe, as the query sets them.
    pub(crate) fn faults(self, query: Query<'_>) -> Result<FaultPlan, Refusal> {
        let text = |name, default| query.value(name).unwrap_or(Cow::Borrowed(default));
        let mut plan = FaultPlan::default();
        match self {
            Self::Headers | Self::Push | Self::Sink | Self::FirstFrame | Self::Status => {}
            Self::Slow => plan.add("read-rate", &text("rate", "1KiB"))?,
            Self::Hold => plan.add("hold", &text("for", "60s"))?,
            Self::Bad101 => plan.add("bad-101", &text("mode", "wrong-accept"))?,
            Self::Fin => plan.add("fin", &text("after", "0"))?,
            Self::Reset => plan.add("rst", &text("after", "0"))?,
            Self::HalfClose => plan.add("half-close", &text("after", "0"))?,
            Self::MutePong => plan.add("mute-pong", "")?,
            Self::Close => {
                let (after, code, reason) = (text("after", "0"), text("code", "1000"), text("reason", ""));
                plan.add("close-after", &format!("{after},{code},{reason}"))?;
            }
        }
        Ok(plan)
    }

    /// The mode of a connection.
    pub(crate) fn mode(self, request: &ProbeRequest<'_>) -> Result<Box<dyn Mode>, Refusal> {
        let instance = &*request.shared.instance;
        Ok(match self {
            Self::Headers => Box::new(FirstFrame::new(headers::describe(request))),
            Self::FirstFrame => {
                let greeting = serde_json::json!({ "type": "first-frame", "instance": instance });
                Box::new(FirstFrame::new(greeting.to_string()))
            }
            Self::Push => Box::new(Push::new(
                Query::of(&request.head.uri),
                instance,
                request.shared.wall_clock,
            )?),
            Self::Sink => Box::new(Sink),
            _ => Box::new(Echo),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_and_every_path_is_its_own() {
        for (index, kind) in ProbeKind::ALL.iter().enumerate() {
            assert_eq!(ProbeKind::by_name(kind.name()), Some(*kind));
            assert!(
                ProbeKind::ALL[..index]
                    .iter()
                    .all(|other| other.path() != kind.path())
            );
        }
    }

    #[test]
    fn parameters_set_the_fault() {
        for (kind, query, fault) in [
            (ProbeKind::Slow, "", "read-rate:1KiB"),
            (ProbeKind::Slow, "rate=5MB/s", "read-rate:5MB/s"),
            (ProbeKind::Fin, "after=3", "fin:3"),
            (
                ProbeKind::Close,
                "code=1006&reason=a%20b&after=2",
                "close-after:2,1006,a b",
            ),
            (ProbeKind::Bad101, "mode=no-accept", "bad-101:no-accept"),
            (ProbeKind::MutePong, "", "mute-pong"),
        ] {
            let plan = kind.faults(Query::new(query)).unwrap();
            assert_eq!(plan.faults()[0].to_string(), fault);
        }
        for (kind, query) in [
            (ProbeKind::Slow, "rate=0"),
            (ProbeKind::Fin, "after=-1"),
            (ProbeKind::Close, "code=70000"),
            (ProbeKind::Bad101, "mode=nice"),
            (ProbeKind::Hold, "for=30"),
        ] {
            let refusal = kind.faults(Query::new(query)).unwrap_err();
            assert_eq!(refusal.status(), 400, "{query}");
        }
    }
}
