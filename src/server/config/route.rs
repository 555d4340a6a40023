//! [`RouteConfig`]: what a file says of a route; [`RouteLimits`]: what follows from it and the defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, ServerConfig};
use crate::server::auth::{ApiKeyConfig, AuthConfig, SecretSource};
use crate::server::fault::FaultPlan;
use crate::server::guard::GuardConfig;
use crate::server::mode::{ModeConfig, ProbeKind};
use crate::server::origin::OriginPolicy;
use crate::server::ratelimit::{ConnectionQuota, MessageLimitConfig, UpgradeLimitConfig};
use crate::units::{ByteSize, Count, Span};
use crate::wire::extension::is_token;

/// What the configuration says of one route; whatever it leaves out comes from the route's kind and the defaults.
///
/// Durations of `0` switch the timeout off.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteConfig {
    /// What is done with a message. Built-in routes have one; a new path needs it.
    pub mode: Option<ModeConfig>,
    /// `false` removes a built-in route.
    pub enabled: Option<bool>,
    /// Close 1001 after this long without a frame from the client or a message to it (seed A1: 300 s).
    pub idle_timeout: Option<Span>,
    /// Time between pings (seeds A2, D6: 30 s).
    pub ping_interval: Option<Span>,
    /// Close 1011 if a ping is not answered within this time (seed D6: 60 s).
    pub pong_wait: Option<Span>,
    /// In place of the two above: time between pings; a client that has not answered by the next one is cut without a
    /// Close frame (seed B13: 30 s).
    pub heartbeat: Option<Span>,
    /// Cut the connection if the client takes no byte of what is due to it for this long (seeds D6, D7: 15 s).
    pub write_deadline: Option<Span>,
    /// How long to wait for the client's part of the close handshake (5 s).
    pub close_timeout: Option<Span>,
    /// Largest message, after decompression; a larger one is answered by close 1009 (seed A3: 1 MiB).
    pub max_message_size: Option<ByteSize>,
    /// permessage-deflate, if the client offers it (seed A4: off).
    pub compression: Option<bool>,
    /// 0 (fastest) to 9 (smallest) (seed B12: 3).
    pub compression_level: Option<u8>,
    /// Messages from others that may wait for one client (1024).
    pub outbox_messages: Option<Count>,
    /// Bytes that may wait for one client (4 MiB); a single message always may.
    pub outbox_bytes: Option<ByteSize>,
    /// What happens to a client whose outbox is full (disconnect).
    pub slow_consumer: Option<SlowConsumer>,
    /// Credentials that a client needs.
    pub auth: Option<AuthConfig>,
    /// Short for `auth.api_key.keys`: if not empty, `X-Device-Key` must be one of these (seed A24).
    pub api_keys: Option<Vec<SecretSource>>,
    /// The web pages that may connect. Unset: all; `{}`: those of the same origin.
    pub origin: Option<OriginPolicy>,
    /// Upgrades per second, by address, by identity or by claim.
    pub upgrade_limits: Option<Vec<UpgradeLimitConfig>>,
    /// Messages per minute of an address (seed B7).
    pub message_limit: Option<MessageLimitConfig>,
    /// Connections of this route at a time; a further upgrade is refused by 503.
    pub max_connections: Option<Count>,
    /// Connections of this route from an address at a time; a further upgrade is refused by 429. 0 is any number.
    pub max_connections_per_address: Option<Count>,
    /// Subprotocols that the route speaks; the first that the client offers is chosen.
    pub subprotocols: Option<Vec<String>>,
    /// What is done wrong to every connection of the route, if the server has `faults` (none).
    pub faults: Option<FaultPlan>,
}

/// What happens to a client that reads more slowly than others write to it (seed B11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlowConsumer {
    /// Close 1008 `slow consumer`; what waited is discarded.
    #[default]
    Disconnect,
    /// The message that waits longest is discarded for the new one.
    DropOldest,
    /// The new message is discarded.
    DropNewest,
}

/// The settings of a route, complete. `None` is "never".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteLimits {
    /// See [`RouteConfig::idle_timeout`].
    pub idle_timeout: Option<Duration>,
    /// See [`RouteConfig::ping_interval`].
    pub ping_interval: Option<Duration>,
    /// See [`RouteConfig::pong_wait`].
    pub pong_wait: Option<Duration>,
    /// Whether a missing pong cuts the connection instead of closing it; see [`RouteConfig::heartbeat`].
    pub pong_cuts: bool,
    /// See [`RouteConfig::write_deadline`].
    pub write_deadline: Option<Duration>,
    /// See [`RouteConfig::close_timeout`].
    pub close_timeout: Option<Duration>,
    /// Bytes.
    pub max_message_size: u64,
    /// The level, if permessage-deflate may be negotiated.
    pub compression: Option<u8>,
    /// Messages.
    pub outbox_messages: usize,
    /// Bytes.
    pub outbox_bytes: usize,
    /// See [`SlowConsumer`].
    pub slow_consumer: SlowConsumer,
}

impl Default for RouteLimits {
    fn default() -> Self {
        Self {
            idle_timeout: Some(Duration::from_secs(300)),
            ping_interval: Some(Duration::from_secs(30)),
            pong_wait: Some(Duration::from_secs(60)),
            pong_cuts: false,
            write_deadline: Some(Duration::from_secs(15)),
            close_timeout: Some(Duration::from_secs(5)),
            max_message_size: 1 << 20,
            compression: None,
            outbox_messages: 1024,
            outbox_bytes: 4 << 20,
            slow_consumer: SlowConsumer::Disconnect,
        }
    }
}

impl RouteLimits {
    /// What is allowed and hardly meant.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        // Seed A28: pings have to come before the connection counts as idle, here or at a gateway in between.
        if let (Some(ping), Some(idle)) = (self.ping_interval, self.idle_timeout)
            && ping >= idle
        {
            warnings.push(format!(
                "ping_interval ({}) is not below idle_timeout ({}): idle connections end before their first ping; \
                 a fifth of it or less is good",
                Span(ping),
                Span(idle)
            ));
        }
        warnings
    }
}

/// A route as the server is to build it.
#[derive(Clone, Debug)]
pub(crate) struct RoutePlan {
    pub(crate) path: String,
    pub(crate) mode: ModeConfig,
    pub(crate) limits: RouteLimits,
    pub(crate) guard: GuardConfig,
    /// Whether the guard's `auth` is that of all routes that have none of their own.
    pub(crate) auth_is_common: bool,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) faults: FaultPlan,
}

/// Level of compression unless configured (seed B12).
const COMPRESSION_LEVEL: u8 = 3;

/// The routes that exist without a configuration file.
fn built_in() -> BTreeMap<String, RouteConfig> {
    let of = |mode| RouteConfig {
        mode: Some(mode),
        ..RouteConfig::default()
    };
    // Seed A24: devices report rarely, and little.
    let iot = RouteConfig {
        idle_timeout: Some(Span::from_secs(3600)),
        ping_interval: Some(Span::from_secs(120)),
        max_message_size: Some(ByteSize(10_240)),
        ..of(ModeConfig::Iot)
    };
    // Seed A22: people pause between messages, and write more than devices do.
    let chat = RouteConfig {
        idle_timeout: Some(Span::from_secs(600)),
        ping_interval: Some(Span::from_secs(30)),
        max_message_size: Some(ByteSize(262_144)),
        ..of(ModeConfig::Chat(Default::default()))
    };
    // Seed A25: a match is long, and a lost player is to be noticed soon.
    let game = RouteConfig {
        idle_timeout: Some(Span::from_secs(7200)),
        ping_interval: Some(Span::from_secs(10)),
        max_message_size: Some(ByteSize(524_288)),
        // A state that was not sent yet is of no use once there is another.
        outbox_messages: Some(Count(64)),
        slow_consumer: Some(SlowConsumer::DropOldest),
        ..of(ModeConfig::Game(Default::default()))
    };
    // Seeds A23, A32: JSON that is worth compressing.
    let dashboard = RouteConfig {
        idle_timeout: Some(Span::from_secs(300)),
        ping_interval: Some(Span::from_secs(60)),
        compression: Some(true),
        ..of(ModeConfig::Dashboard(Default::default()))
    };
    // Seed A26: large chunks, from clients that may pause long; what they send is mostly compressed already.
    let upload = RouteConfig {
        idle_timeout: Some(Span::from_secs(1800)),
        ping_interval: Some(Span::from_secs(60)),
        max_message_size: Some(ByteSize(10 << 20)),
        compression: Some(false),
        ..of(ModeConfig::Upload(Default::default()))
    };
    // Seeds D6, D13.
    let notifications = RouteConfig {
        write_deadline: Some(Span::from_secs(15)),
        pong_wait: Some(Span::from_secs(60)),
        ping_interval: Some(Span::from_secs(30)),
        max_message_size: Some(ByteSize(65_536)),
        ..of(ModeConfig::Notifications(Default::default()))
    };
    let routes = [
        ("/echo", of(ModeConfig::Echo)),
        ("/ws", of(ModeConfig::PrefixedEcho(Default::default()))),
        ("/broadcast", of(ModeConfig::Broadcast)),
        ("/chat", chat),
        ("/game", game),
        ("/dashboard", dashboard),
        ("/iot", iot),
        ("/upload", upload),
        ("/ws-notifications", notifications),
        ("/relay", of(ModeConfig::Relay(Default::default()))),
        ("/health", of(ModeConfig::Health)),
        ("/health/ws", of(ModeConfig::HealthWebSocket)),
        ("/admin", of(ModeConfig::Admin)),
        ("/metrics", of(ModeConfig::Metrics)),
        ("/journal", of(ModeConfig::Journal)),
    ];
    let probes = ProbeKind::ALL
        .iter()
        .map(|&kind| (kind.path(), of(ModeConfig::Probe(kind))));
    routes
        .into_iter()
        .chain(probes)
        .map(|(path, route)| (path.to_owned(), route))
        .collect()
}

/// Every route of `config`, ordered by path. A route's own setting comes before its kind's, and that before the defaults.
///
/// # Errors
/// A path without `/` at its beginning, a new path without a mode, a value out of range.
pub(crate) fn plan_routes(config: &ServerConfig) -> Result<Vec<RoutePlan>, ConfigError> {
    if config.defaults.mode.is_some() {
        return Err(ConfigError::invalid(
            "defaults",
            "`mode` belongs to a route, not to the defaults",
        ));
    }
    if let Some((place, problem)) = config.problem() {
        return Err(ConfigError::invalid(place, problem));
    }
    if let Some((place, problem)) = config.relay.problem() {
        return Err(ConfigError::invalid(&place, problem));
    }
    if config.admin.token.is_none() && !config.admin.listen.iter().all(|at| at.ip().is_loopback()) {
        return Err(ConfigError::invalid(
            "admin.listen",
            "an address beyond this machine needs `admin.token`",
        ));
    }
    if let Some(problem) = config.backplane.problem() {
        return Err(ConfigError::invalid("backplane", problem));
    }
    let defaults = RouteConfig {
        compression: config.defaults.compression.or(Some(config.compression)),
        ..config.defaults.clone()
    };
    let mut routes = built_in();
    for (path, written) in &config.routes {
        let route = routes.remove(path).unwrap_or_default();
        routes.insert(path.clone(), written.clone().or(route));
    }
    routes
        .into_iter()
        .filter(|(_, route)| route.enabled != Some(false))
        .map(|(path, route)| {
            let has_own_auth = route.auth.is_some() || route.api_keys.is_some();
            let fallback = match &route.mode {
                Some(mode) if mode.is_endpoint() => defaults.clone().unguarded(),
                _ => defaults.clone(),
            };
            let mut plan = resolve(path, route.or(fallback))?;
            plan.auth_is_common = !has_own_auth;
            Ok(plan)
        })
        .collect()
}

impl RouteConfig {
    /// These settings, with `fallback` for those that are missing.
    fn or(self, fallback: Self) -> Self {
        // A route that says who may connect says all of it.
        let (auth, api_keys) = match (self.auth, self.api_keys) {
            (None, None) => (fallback.auth, fallback.api_keys),
            own => own,
        };
        Self {
            mode: self.mode.or(fallback.mode),
            enabled: self.enabled.or(fallback.enabled),
            idle_timeout: self.idle_timeout.or(fallback.idle_timeout),
            ping_interval: self.ping_interval.or(fallback.ping_interval),
            pong_wait: self.pong_wait.or(fallback.pong_wait),
            heartbeat: self.heartbeat.or(fallback.heartbeat),
            write_deadline: self.write_deadline.or(fallback.write_deadline),
            close_timeout: self.close_timeout.or(fallback.close_timeout),
            max_message_size: self.max_message_size.or(fallback.max_message_size),
            compression: self.compression.or(fallback.compression),
            compression_level: self.compression_level.or(fallback.compression_level),
            outbox_messages: self.outbox_messages.or(fallback.outbox_messages),
            outbox_bytes: self.outbox_bytes.or(fallback.outbox_bytes),
            slow_consumer: self.slow_consumer.or(fallback.slow_consumer),
            auth,
            api_keys,
            origin: self.origin.or(fallback.origin),
            upgrade_limits: self.upgrade_limits.or(fallback.upgrade_limits),
            message_limit: self.message_limit.or(fallback.message_limit),
            max_connections: self.max_connections.or(fallback.max_connections),
            max_connections_per_address: self
                .max_connections_per_address
                .or(fallback.max_connections_per_address),
            subprotocols: self.subprotocols.or(fallback.subprotocols),
            faults: self.faults.or(fallback.faults),
        }
    }

    /// Without what a request has to pass. The defaults are about WebSocket clients: those who watch the server must not
    /// need their credentials, so an endpoint is guarded only if it says so itself.
    fn unguarded(self) -> Self {
        Self {
            auth: None,
            api_keys: None,
            origin: None,
            upgrade_limits: None,
            ..self
        }
    }
}

fn resolve(path: String, route: RouteConfig) -> Result<RoutePlan, ConfigError> {
    if !path.starts_with('/')
        || path.contains(['?', '#'])
        || !path.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(ConfigError::invalid(
            &path,
            "a route's path begins with `/`, has no query, and stands as in a request: `%20` for a blank",
        ));
    }
    if path.strip_suffix("/*").unwrap_or(&path).contains('*') {
        return Err(ConfigError::invalid(
            &path,
            "`*` stands at the end only, as in `/proxy/*`",
        ));
    }
    let Some(mode) = route.mode else {
        return Err(ConfigError::invalid(&path, "a new route needs a `mode`"));
    };
    if let ModeConfig::Game(game) = &mode
        && let Some(problem) = game.problem()
    {
        return Err(ConfigError::invalid(&path, problem));
    }
    if let ModeConfig::Relay(relay) = &mode
        && let Some(problem) = relay.problem()
    {
        return Err(ConfigError::invalid(&path, problem));
    }
    if let ModeConfig::Proxy(proxy) = &mode
        && let Some(problem) = proxy.problem()
    {
        return Err(ConfigError::invalid(&path, problem));
    }
    let level = route.compression_level.unwrap_or(COMPRESSION_LEVEL);
    if level > 9 {
        return Err(ConfigError::invalid(
            &path,
            "`compression_level` is a number from 0 to 9",
        ));
    }
    if route
        .upgrade_limits
        .iter()
        .flatten()
        .any(|limit| limit.rate.get() == 0.0)
    {
        return Err(ConfigError::invalid(
            &path,
            "an upgrade limit needs a `rate` above 0; without the limit there is none",
        ));
    }
    if !route
        .subprotocols
        .iter()
        .flatten()
        .all(|name| is_token(name.as_bytes()))
    {
        return Err(ConfigError::invalid(
            &path,
            "a subprotocol is a word without blanks and separators",
        ));
    }
    let standard = RouteLimits::default();
    let heartbeat = route.heartbeat.is_some_and(|Span(span)| !span.is_zero());
    let limits = RouteLimits {
        idle_timeout: duration(route.idle_timeout, standard.idle_timeout),
        ping_interval: duration(route.heartbeat.or(route.ping_interval), standard.ping_interval),
        pong_wait: duration(route.heartbeat.or(route.pong_wait), standard.pong_wait),
        pong_cuts: heartbeat,
        write_deadline: duration(route.write_deadline, standard.write_deadline),
        close_timeout: duration(route.close_timeout, standard.close_timeout),
        max_message_size: route
            .max_message_size
            .map_or(standard.max_message_size, |size| size.0),
        compression: route.compression.unwrap_or(false).then_some(level),
        outbox_messages: route
            .outbox_messages
            .map_or(standard.outbox_messages, |count| bounded(count.0)),
        outbox_bytes: route
            .outbox_bytes
            .map_or(standard.outbox_bytes, |size| bounded(size.0)),
        slow_consumer: route.slow_consumer.unwrap_or(standard.slow_consumer),
    };
    let auth = match (route.auth, route.api_keys.filter(|keys| !keys.is_empty())) {
        (auth, None) => auth,
        (Some(AuthConfig { api_key: Some(_), .. }), Some(_)) => {
            return Err(ConfigError::invalid(
                &path,
                "`api_keys` is short for `auth.api_key`; a route has one of them",
            ));
        }
        (auth, Some(keys)) => Some(AuthConfig {
            api_key: Some(ApiKeyConfig::device_keys(keys)),
            ..auth.unwrap_or_default()
        }),
    };
    let guard = GuardConfig {
        auth,
        origin: route.origin,
        upgrade_limits: route.upgrade_limits.unwrap_or_default(),
        message_limit: route.message_limit,
        connections: quota(route.max_connections, route.max_connections_per_address),
    };
    Ok(RoutePlan {
        path,
        mode,
        limits,
        guard,
        auth_is_common: false,
        subprotocols: route.subprotocols.unwrap_or_default(),
        faults: route.faults.unwrap_or_default(),
    })
}

fn quota(max_connections: Option<Count>, max_per_address: Option<Count>) -> Option<ConnectionQuota> {
    max_connections.or(max_per_address)?;
    Some(ConnectionQuota {
        max_connections: max_connections.unwrap_or(Count(u64::MAX)),
        max_per_address: max_per_address.unwrap_or(Count(0)),
    })
}

fn duration(written: Option<Span>, standard: Option<Duration>) -> Option<Duration> {
    written.map_or(standard, |Span(span)| (!span.is_zero()).then_some(span))
}

fn bounded(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
