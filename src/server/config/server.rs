//! [`ServerConfig`]: what holds for the whole server.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

use super::RouteConfig;
use crate::server::auth::SecretSource;
use crate::server::backplane::BackplaneConfig;
use crate::server::ratelimit::{ConnectionQuota, TrustedProxies};
use crate::server::relay::RelayConfig;
use crate::units::{AddressRange, ByteSize, Count, Span};

/// Everything that `wsbench serve` can be told.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Addresses to listen on; port 0 takes any free one. In YAML `ADDR:FIRST-LAST` is a range of ports.
    #[serde(deserialize_with = "addresses")]
    pub listen: Vec<SocketAddr>,
    /// Further addresses that serve only health and metrics, without TLS.
    #[serde(deserialize_with = "addresses")]
    pub health_listen: Vec<SocketAddr>,
    /// Who may steer the server over HTTP.
    pub admin: AdminConfig,
    /// Worker threads, each with its own event loop and listener; default: one for each core.
    pub workers: Option<NonZeroUsize>,
    /// The id that every reply carries as `X-Instance-Id`; default: made from host name and process id.
    pub instance: Option<String>,
    /// `wss` and `https` instead of `ws` and `http` on every listener.
    pub tls: Option<TlsConfig>,
    /// permessage-deflate on every route that does not say otherwise (seed A4: off).
    pub compression: bool,
    /// How many ended connections and refusals the journal remembers; the oldest give way.
    pub journal: Count,
    /// What a connection may cost before it is a WebSocket, and how many there may be.
    pub limits: ConnectionLimits,
    /// How long a graceful stop waits for the clients' Close frames before it cuts the connections.
    pub drain_time: Span,
    /// The broker that joins the rooms of several servers (seed B18).
    pub backplane: BackplaneConfig,
    /// The processes behind routes with the mode `relay`.
    pub relay: RelayConfig,
    /// Whether clients may ask for faults, and routes may have some; without it they are refused by 403.
    pub faults: bool,
    /// Settings of every route that does not say otherwise. `mode` has no place here.
    pub defaults: RouteConfig,
    /// Routes by their path. They add to the built-in ones, or change those with the same path.
    pub routes: BTreeMap<String, RouteConfig>,
}

/// The most workers: more are a typo, and would take minutes to start.
const MAX_WORKERS: usize = 1024;

impl ServerConfig {
    /// Which setting cannot be, and why.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let everywhere = [&self.listen, &self.health_listen, &self.admin.listen];
        if everywhere.iter().all(|addresses| addresses.is_empty()) {
            return Some(("listen", "there is no address to listen on"));
        }
        if self.workers.is_some_and(|workers| workers.get() > MAX_WORKERS) {
            return Some(("workers", "a number from 1 to 1024"));
        }
        if self.defaults.compression_level.is_some_and(|level| level > 9) {
            return Some(("defaults", "`compression_level` is a number from 0 to 9"));
        }
        let is_header = |text: &String| http::HeaderValue::from_str(text).is_ok();
        if !self.instance.as_ref().is_none_or(is_header) {
            return Some(("instance", "it has to fit into a header: one line"));
        }
        None
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9001)],
            health_listen: Vec::new(),
            admin: AdminConfig::default(),
            workers: None,
            instance: None,
            tls: None,
            compression: false,
            journal: Count(10_000),
            limits: ConnectionLimits::default(),
            drain_time: Span::from_secs(5),
            backplane: BackplaneConfig::default(),
            relay: RelayConfig::default(),
            faults: false,
            defaults: RouteConfig::default(),
            routes: BTreeMap::new(),
        }
    }
}

/// Who may steer the server over HTTP. The default is nobody.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminConfig {
    /// Addresses that serve the administration, without TLS. Without a token they have to be of the loopback interface.
    #[serde(deserialize_with = "addresses")]
    pub listen: Vec<SocketAddr>,
    /// What `Authorization: Bearer` must carry. With a token, the administration is on the ordinary addresses too.
    pub token: Option<SecretSource>,
}

/// Where the server's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TlsConfig {
    /// PEM files.
    Files {
        /// The certificate, followed by its intermediates.
        certificate: PathBuf,
        /// The private key: PKCS #8, PKCS #1 or SEC 1.
        key: PathBuf,
    },
    /// A certificate made at start, for these host names and addresses (seed D8).
    SelfSigned(Vec<String>),
}

/// Limits that hold before a connection belongs to a route.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionLimits {
    /// WebSocket connections at a time over all routes; a further upgrade is refused by 503.
    pub max_connections: Count,
    /// WebSocket connections at a time from one address over all routes, 0 for any number; a further upgrade is refused by
    /// 429.
    pub max_connections_per_address: Count,
    /// The proxies whose `X-Forwarded-For` tells the client's address.
    pub trusted_proxies: TrustedProxies,
    /// Request line and headers together; a longer head is refused by 431.
    pub max_header_size: ByteSize,
    /// Header lines; more are refused by 431.
    pub max_headers: Count,
    /// From the first byte to the end of the request head, and for the TLS handshake before it.
    pub handshake_timeout: Span,
}

impl ConnectionLimits {
    /// How many connections there may be.
    pub(crate) const fn quota(&self) -> ConnectionQuota {
        ConnectionQuota {
            max_connections: self.max_connections,
            max_per_address: self.max_connections_per_address,
        }
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: Count(1_000_000),
            max_connections_per_address: Count(0),
            trusted_proxies: TrustedProxies::default(),
            max_header_size: ByteSize::kib(16),
            max_headers: Count(100),
            handshake_timeout: Span::from_secs(10),
        }
    }
}

fn addresses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    let ranges = Vec::<AddressRange>::deserialize(deserializer)?;
    Ok(ranges.into_iter().flat_map(AddressRange::addresses).collect())
}
