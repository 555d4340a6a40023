//! [`ModeConfig`]: the table of everything that a route can do. [`Service`]: what a worker makes from it.

use std::fmt;
use std::rc::Rc;

use http::request;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::Mode;
use super::broadcast::Broadcast;
use super::chat::{Chat, ChatConfig};
use super::dashboard::{DashboardConfig, Dashboards};
use super::echo::Echo;
use super::game::{Game, GameConfig};
use super::gate::Gate;
use super::health_ws;
use super::iot::Iot;
use super::notifications::{Listener, NotificationsConfig};
use super::prefixed_echo::{PrefixedEcho, PrefixedEchoConfig};
use super::probe::{ProbeKind, Status};
use super::proxy::ProxyGate;
use super::relay::{RelayGate, RelayRouteConfig};
use super::upload::{UploadConfig, UploadSession};
use crate::server::config::RoutePlan;
use crate::server::endpoint::{Admin, Endpoint, Health, Journal, Metrics, RelayAdmin, RelayAdminConfig};
use crate::server::http::Refusal;
use crate::server::ids::RouteId;
use crate::server::proxy::ProxyConfig;
use crate::server::worker::Shared;

/// What a route does, and the settings of it.
///
/// In YAML it is the mode's name, or a mapping from the name to the mode's settings:
/// `mode: echo`, `mode: {prefixed-echo: {prefix: "You said: "}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModeConfig {
    /// Every message comes back.
    Echo,
    /// Every message comes back behind a prefix (seed B2).
    PrefixedEcho(PrefixedEchoConfig),
    /// Every message goes to every client of the route (seed B3).
    Broadcast,
    /// Users with names talk to each other (seeds B4, B5, B8, B9).
    Chat(ChatConfig),
    /// Players of a match see each other's inputs at a fixed rate (seed A25).
    Game(GameConfig),
    /// The server's figures are pushed at an interval (seed A23).
    Dashboard(DashboardConfig),
    /// Telemetry is acknowledged (seed A24).
    Iot,
    /// Files come in chunks (seed A26).
    Upload(UploadConfig),
    /// Events from NATS are pushed (seed D22).
    Notifications(NotificationsConfig),
    /// Every connection is a process, bound to another one (seed E).
    Relay(RelayRouteConfig),
    /// Connections are passed on to upstreams (seed C).
    Proxy(Box<ProxyConfig>),
    /// One of the routes that gateways and clients are probed with.
    Probe(ProbeKind),
    /// HTTP: is the server well.
    Health,
    /// Is the server well: the upgrade succeeds, and then every message comes back (seed C7).
    HealthWebSocket,
    /// HTTP: steers the server.
    Admin,
    /// HTTP: figures for Prometheus.
    Metrics,
    /// HTTP: what the server saw of each connection.
    Journal,
    /// HTTP: lists the relay's processes, sends to them, moves connections, ends them.
    RelayAdmin(RelayAdminConfig),
}

const NAMES: &[&str] = &[
    "echo",
    "prefixed-echo",
    "broadcast",
    "chat",
    "game",
    "dashboard",
    "iot",
    "upload",
    "notifications",
    "relay",
    "proxy",
    "health",
    "health-ws",
    "admin",
    "metrics",
    "journal",
    "relay-admin",
    "headers",
    "push",
    "sink",
    "first-frame",
    "slow",
    "hold",
    "status",
    "bad-101",
    "close",
    "fin",
    "rst",
    "half-close",
    "mute-pong",
];

impl ModeConfig {
    /// The mode with default settings.
    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "echo" => Self::Echo,
            "prefixed-echo" => Self::PrefixedEcho(PrefixedEchoConfig::default()),
            "broadcast" => Self::Broadcast,
            "chat" => Self::Chat(ChatConfig::default()),
            "game" => Self::Game(GameConfig::default()),
            "dashboard" => Self::Dashboard(DashboardConfig::default()),
            "iot" => Self::Iot,
            "upload" => Self::Upload(UploadConfig::default()),
            "notifications" => Self::Notifications(NotificationsConfig::default()),
            "relay" => Self::Relay(RelayRouteConfig::default()),
            "proxy" => Self::Proxy(Box::default()),
            "health" => Self::Health,
            "health-ws" => Self::HealthWebSocket,
            "admin" => Self::Admin,
            "metrics" => Self::Metrics,
            "journal" => Self::Journal,
            "relay-admin" => Self::RelayAdmin(RelayAdminConfig::default()),
            name => Self::Probe(ProbeKind::by_name(name)?),
        })
    }

    /// Whether its route answers for the paths below it too.
    pub(crate) const fn has_subpaths(&self) -> bool {
        matches!(self, Self::Admin)
    }

    /// Whether its connections only ask whether the server is well.
    pub(crate) const fn is_probe(&self) -> bool {
        matches!(self, Self::HealthWebSocket)
    }

    /// Whether it answers HTTP requests and has no WebSocket.
    pub(crate) const fn is_endpoint(&self) -> bool {
        matches!(
            self,
            Self::Health | Self::Admin | Self::Metrics | Self::Journal | Self::RelayAdmin(_)
        )
    }

    /// Whether the route has rooms, chosen by `?room=`.
    pub(crate) const fn has_rooms(&self) -> bool {
        matches!(self, Self::Broadcast | Self::Chat(_) | Self::Game(_))
    }

    /// Whether it does what is only done on a server that has faults.
    pub(crate) fn misbehaves(&self) -> bool {
        matches!(self, Self::Probe(kind) if kind.misbehaves())
    }

    /// The name in YAML.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::PrefixedEcho(_) => "prefixed-echo",
            Self::Broadcast => "broadcast",
            Self::Chat(_) => "chat",
            Self::Game(_) => "game",
            Self::Dashboard(_) => "dashboard",
            Self::Iot => "iot",
            Self::Upload(_) => "upload",
            Self::Notifications(_) => "notifications",
            Self::Relay(_) => "relay",
            Self::Proxy(_) => "proxy",
            Self::Probe(kind) => kind.name(),
            Self::Health => "health",
            Self::HealthWebSocket => "health-ws",
            Self::Admin => "admin",
            Self::Metrics => "metrics",
            Self::Journal => "journal",
            Self::RelayAdmin(_) => "relay-admin",
        }
    }
}

/// Makes the mode of a new connection from its request, or says why the request cannot be served.
pub(crate) type MakeMode = Box<dyn Fn(&request::Parts) -> Result<Box<dyn Mode>, Refusal>>;

/// What a worker needs to serve a route.
pub(crate) enum Service {
    /// Makes the mode of each new connection.
    WebSocket(MakeMode),
    /// The same for a probe, which sees more of the request.
    Probe(ProbeKind),
    /// The same, once somebody has been asked.
    Gated(Box<dyn Gate>),
    /// Answers HTTP requests.
    Http(Box<dyn Endpoint>),
}

impl Service {
    /// The service of a route.
    pub(crate) fn new(id: RouteId, route: &RoutePlan, shared: &Shared) -> Self {
        match &route.mode {
            ModeConfig::Echo => Self::WebSocket(Box::new(|_| Ok(Box::new(Echo)))),
            ModeConfig::PrefixedEcho(config) => {
                let prefix: Rc<str> = config.prefix.as_str().into();
                Self::WebSocket(Box::new(move |_| {
                    Ok(Box::new(PrefixedEcho {
                        prefix: prefix.clone(),
                    }))
                }))
            }
            ModeConfig::Broadcast => Self::WebSocket(Box::new(|_| Ok(Box::new(Broadcast)))),
            ModeConfig::Chat(config) => {
                let config = Rc::new(config.clone());
                Self::WebSocket(Box::new(move |_| Ok(Box::new(Chat::new(config.clone())))))
            }
            ModeConfig::Game(config) => {
                let config = Rc::new(config.clone());
                Self::WebSocket(Box::new(move |head| {
                    Ok(Box::new(Game::from_request(config.clone(), head)?))
                }))
            }
            ModeConfig::Dashboard(config) => {
                let dashboards = Dashboards::new(config);
                Self::WebSocket(Box::new(move |head| Ok(Box::new(dashboards.open(head)?))))
            }
            ModeConfig::Iot => Self::WebSocket(Box::new(|_| Ok(Box::new(Iot)))),
            ModeConfig::Upload(_) => {
                let uploads = shared.uploads[&id].clone();
                Self::WebSocket(Box::new(move |_| {
                    Ok(Box::new(UploadSession::new(uploads.clone())))
                }))
            }
            ModeConfig::Notifications(_) => {
                let feed = shared.feeds[&id].clone();
                Self::WebSocket(Box::new(move |_| Ok(Box::new(Listener::new(feed.clone())?))))
            }
            ModeConfig::Relay(config) => Self::Gated(Box::new(RelayGate::new(config, shared.relay.clone()))),
            ModeConfig::Proxy(_) => Self::Gated(Box::new(ProxyGate::new(route, shared))),
            ModeConfig::Probe(ProbeKind::Status) => Self::Http(Box::new(Status)),
            ModeConfig::Probe(kind) => Self::Probe(*kind),
            ModeConfig::Health => Self::Http(Box::new(Health)),
            ModeConfig::HealthWebSocket => Self::WebSocket(Box::new(health_ws::probed(shared))),
            ModeConfig::Admin => Self::Http(Box::new(Admin)),
            ModeConfig::Metrics => Self::Http(Box::new(Metrics)),
            ModeConfig::Journal => Self::Http(Box::new(Journal)),
            ModeConfig::RelayAdmin(config) => {
                Self::Http(Box::new(RelayAdmin::new(config, shared.relay.clone())))
            }
        }
    }

    /// Whether its route can have WebSocket connections.
    pub(crate) const fn has_connections(&self) -> bool {
        !matches!(self, Self::Http(_))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebSocket(_) => "WebSocket",
            Self::Probe(_) => "Probe",
            Self::Gated(_) => "Gated",
            Self::Http(_) => "Http",
        })
    }
}

impl<'de> Deserialize<'de> for ModeConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrSettings)
    }
}

struct NameOrSettings;

impl<'de> Visitor<'de> for NameOrSettings {
    type Value = ModeConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mode ({})", NAMES.join(", "))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<ModeConfig, E> {
        ModeConfig::by_name(name).ok_or_else(|| E::unknown_variant(name, NAMES))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ModeConfig, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(de::Error::invalid_length(0, &"one mode and its settings"));
        };
        let mode = match name.as_str() {
            "prefixed-echo" => ModeConfig::PrefixedEcho(map.next_value()?),
            "chat" => ModeConfig::Chat(map.next_value()?),
            "game" => ModeConfig::Game(map.next_value()?),
            "dashboard" => ModeConfig::Dashboard(map.next_value()?),
            "upload" => ModeConfig::Upload(map.next_value()?),
            "notifications" => ModeConfig::Notifications(map.next_value()?),
            "relay" => ModeConfig::Relay(map.next_value()?),
            "proxy" => ModeConfig::Proxy(map.next_value()?),
            "relay-admin" => ModeConfig::RelayAdmin(map.next_value()?),
            name => {
                let mode =
                    ModeConfig::by_name(name).ok_or_else(|| de::Error::unknown_variant(name, NAMES))?;
                map.next_value::<NoSettings>()?;
                mode
            }
        };
        match map.next_key::<String>()? {
            None => Ok(mode),
            Some(_) => Err(de::Error::custom("a route has one mode")),
        }
    }
}

/// The settings of a mode that has none: `{}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoSettings {}
