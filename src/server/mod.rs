//! The reference server behind `wsbench serve`.
//!
//! A request's way: listener, TLS, HTTP ([`http`](self) up to the upgrade), route; then the raw socket belongs to a session,
//! which hands messages to the route's mode. Each worker is a thread with an event loop and a listener of its own; sessions
//! never move between workers.
//!
//! | file | purpose |
//! |---|---|
//! | `config` | [`ServerConfig`] and its YAML |
//! | `running` | [`Server`], [`run`]: start, report, graceful stop |
//! | `thread` | the life of a worker's thread |
//! | `worker` | what the tasks of a worker share, and what the workers share |
//! | `settings` | what a reload can change |
//! | `conditions` | what an administrator may set: health, draining |
//! | `drain` | closing connections one after the other |
//! | `access` | who may steer the server |
//! | `listener` | listening, accepting; what is served where |
//! | `http` | HTTP/1.1 up to the upgrade |
//! | [`guard`] | what a request has to pass before it is upgraded, in one call |
//! | [`auth`], [`origin`], [`ratelimit`] | who may upgrade, from which pages, how often |
//! | [`refusal`], [`request_parts`] | what the guard says, and what it looks at |
//! | `query` | the parameters of a request |
//! | `session` | a WebSocket connection after its upgrade |
//! | `registry` | a worker's sessions as others see them |
//! | `outbox` | what waits for a slow client, bounded |
//! | `message`, `hub` | a message for many receivers, and its way to them |
//! | `room` | the name of a room inside a route |
//! | `backplane` | the rooms of several servers, made one by a message broker |
//! | `game` | matches and their ticks |
//! | `handle` | [`SessionHandle`]: reaching a session from anywhere |
//! | `mode` | what a WebSocket route does: one file each |
//! | `endpoint` | what an HTTP route does: one file each |
//! | `relay` | connections as processes |
//! | `proxy` | upstreams, their health, whose turn it is |
//! | `fault` | what is done wrong on request |
//! | `broker` | message brokers outside of the server |
//! | `journal`, `record` | what the server saw of each connection |
//! | `metrics` | a worker's counters |

pub mod auth;
pub mod guard;
pub mod origin;
pub mod ratelimit;
pub mod refusal;
pub mod request_parts;

mod access;
mod backplane;
mod broker;
mod conditions;
mod config;
mod drain;
mod endpoint;
mod error;
mod fault;
mod figures;
mod game;
mod handle;
mod http;
mod hub;
mod ids;
mod journal;
mod listener;
mod message;
mod metrics;
mod mode;
mod outbox;
mod proxy;
mod query;
mod record;
mod registry;
mod relay;
mod room;
mod running;
mod session;
mod settings;
mod thread;
mod worker;

#[cfg(test)]
mod testing;

pub use auth::SecretSource;
pub use backplane::{BackplaneConfig, BrokerConfig, BrokerUrl, NoBackplane};
pub use config::{
    AdminConfig, ConfigError, ConnectionLimits, RouteConfig, RouteLimits, ServerConfig, SlowConsumer,
    TlsConfig,
};
pub use endpoint::RelayAdminConfig;
pub use error::ServerError;
pub use fault::{FaultError, FaultPlan};
pub use figures::{RouteFigures, ServerFigures};
pub use handle::{SessionHandle, Stopped};
pub use ids::ConnectionId;
pub use mode::{
    ChatConfig, DashboardConfig, Deliver, GameConfig, ModeConfig, NotificationsConfig, PrefixedEchoConfig,
    ProbeKind, RelayRouteConfig, UploadConfig,
};
pub use proxy::{
    Balance, CookieName, HeaderMatch, HeaderPattern, HeaderText, HealthCheckConfig, MatchConfig, PathRule,
    ProbeConfig, ProbeHeaders, ProxyConfig, StatusRange, StickyCookie, UpstreamConfig, UpstreamTls,
    UpstreamUrl,
};
pub use relay::{AllowedOrigins, HandlerUrl, ProcessSpec, ProgramSpec, RelayConfig};
pub use running::{Reloaded, Server, ServerReport, Wish, run};
