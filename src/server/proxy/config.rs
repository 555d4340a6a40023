//! [`ProxyConfig`]: the upstreams of a route, and how connections are spread over them (seed C).

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};

use super::health_config::HealthCheckConfig;
use crate::net::Target;
use crate::units::Span;

/// Settings of the mode.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyConfig {
    /// Where connections go.
    pub upstreams: Vec<UpstreamConfig>,
    /// Which upstream the next one goes to (seed A47).
    pub balance: Balance,
    /// A cookie that leads a client back to its upstream, whatever the balance says (seeds A25, A29).
    pub sticky_cookie: Option<StickyCookie>,
    /// What becomes of the path that the client asks for.
    pub path: PathRule,
    /// The upstream gets the client's `Host` instead of its own.
    pub preserve_host: bool,
    /// `Origin` for requests without one (seed C5).
    #[serde(alias = "defaultOrigin")]
    pub default_origin: Option<HeaderText>,
    /// For TCP and TLS together, for each upstream that is tried (seeds A10, A16: 5 s).
    pub connect_timeout: Span,
    /// How long an upstream may take to answer the upgrade (10 s).
    pub answer_timeout: Span,
    /// Without a health check: connections in a row that have to fail before the upstream is left alone (1).
    pub max_fails: NonZeroU32,
    /// Without a health check: how long it is then left alone (10 s).
    pub fail_timeout: Span,
    /// Asks the upstreams how they are (seeds C6 to C8).
    #[serde(alias = "healthCheck")]
    pub health_check: Option<HealthCheckConfig>,
    /// For upstreams of `wss`.
    pub tls: UpstreamTls,
}

impl Default for ProxyConfig {
    fn default() -> Self {
        Self {
            upstreams: Vec::new(),
            balance: Balance::RoundRobin,
            sticky_cookie: None,
            path: PathRule::Replace,
            preserve_host: false,
            default_origin: None,
            connect_timeout: Span::from_secs(5),
            answer_timeout: Span::from_secs(10),
            max_fails: NonZeroU32::MIN,
            fail_timeout: Span::from_secs(10),
            health_check: None,
            tls: UpstreamTls::default(),
        }
    }
}

impl ProxyConfig {
    /// A proxy before these upstreams.
    #[must_use]
    pub fn to(upstreams: &[UpstreamUrl]) -> Self {
        let of = |url: &UpstreamUrl| UpstreamConfig {
            url: url.clone(),
            weight: NonZeroU32::MIN,
        };
        Self {
            upstreams: upstreams.iter().map(of).collect(),
            ..Self::default()
        }
    }

    /// What is wrong with the settings as a whole.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let urls = || self.upstreams.iter().map(|upstream| &upstream.url);
        let twice = urls()
            .enumerate()
            .any(|(index, url)| urls().take(index).any(|other| other == url));
        if self.upstreams.is_empty() {
            Some("a proxy needs `upstreams`: a list of {url: ws://host:port}")
        } else if twice {
            Some("an upstream is listed twice: give it a `weight` instead")
        } else {
            None
        }
    }
}

/// A server behind the proxy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// `ws://` or `wss://`, perhaps with a path.
    pub url: UpstreamUrl,
    /// Its share of the connections, for every balance but `round_robin` (seed A25: 2 to 1).
    #[serde(default = "one")]
    pub weight: NonZeroU32,
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// Which upstream the next connection goes to (seeds A47, B14, D10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest connections for its weight (seeds A24, A43).
    LeastConn,
    /// One after the other, heavier ones more often (seed A25).
    Weighted,
    /// The client's address decides (seeds A22, A29, D10).
    IpHash,
}

/// A cookie that names an upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StickyCookie {
    /// Its name.
    pub name: CookieName,
}

/// The name of a cookie (seed A29: `WS_SESSION`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName(String);

impl CookieName {
    /// The name as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for CookieName {
    fn default() -> Self {
        Self("WS_SESSION".to_owned())
    }
}

impl<'de> Deserialize<'de> for CookieName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        // A token (RFC 6265 4.1.1).
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !name.is_empty() && name.bytes().all(allowed) {
            Ok(Self(name))
        } else {
            Err(de::Error::custom(format_args!(
                "`{name}` is not the name of a cookie"
            )))
        }
    }
}

/// What becomes of the path that the client asks for. Its query is always passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathRule {
    /// The route's path is replaced by that of the upstream's URL; what a route with `/*` matched beyond it follows.
    #[default]
    Replace,
    /// The whole path follows that of the upstream's URL.
    Keep,
}

/// Whom to trust as an upstream of `wss`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamTls {
    /// Accept any certificate.
    pub insecure: bool,
    /// PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// An upstream's URL: `ws://host:port` or `wss://host:port`, perhaps with a path, without a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl(Target);

impl UpstreamUrl {
    /// Its parts.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.0
    }
}

impl std::str::FromStr for UpstreamUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let target = Target::parse(url).map_err(|error| error.to_string())?;
        if target.path.contains('?') {
            return Err(format!(
                "`{url}`: an upstream gets the client's query and has none of its own"
            ));
        }
        Ok(Self(target))
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for UpstreamUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Text that can be the value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderText(http::HeaderValue);

impl HeaderText {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &http::HeaderValue {
        &self.0
    }
}

impl<'de> Deserialize<'de> for HeaderText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = http::HeaderValue::from_str(&text);
        let error = |_| de::Error::custom(format_args!("`{text}` cannot be the value of a header"));
        value.map(Self).map_err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<ProxyConfig, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_seeds() {
        let config = read("upstreams: [{url: 'ws://127.0.0.1:9095'}]").unwrap();
        assert_eq!(config.problem(), None);
        assert_eq!(config, ProxyConfig::to(&["ws://127.0.0.1:9095".parse().unwrap()]));
        assert_eq!(config.connect_timeout, Span::from_secs(5));
        assert_eq!(config.balance, Balance::RoundRobin);
        assert_eq!(StickyCookie::default().name.as_str(), "WS_SESSION");
    }

    #[test]
    fn a47_every_balance_has_its_name() {
        for (name, balance) in [
            ("round_robin", Balance::RoundRobin),
            ("least_conn", Balance::LeastConn),
            ("weighted", Balance::Weighted),
            ("ip_hash", Balance::IpHash),
        ] {
            assert_eq!(read(&format!("balance: {name}")).unwrap().balance, balance);
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (yaml, problem) in [
            ("upstreams: [{url: 'ws://h/?x=1'}]", "has none of its own"),
            ("upstreams: [{url: h}]", "has no scheme"),
            ("upstreams: [{url: 'ws://h', weight: 0}]", "zero"),
            ("sticky_cookie: {name: 'a b'}", "is not the name of a cookie"),
            ("default_origin: \"a\\nb\"", "cannot be the value of a header"),
            ("balance: random", "random"),
        ] {
            let error = read(yaml).unwrap_err();
            assert!(error.contains(problem), "{yaml}: {error}");
        }
        assert!(
            read("{}")
                .unwrap()
                .problem()
                .unwrap()
                .contains("needs `upstreams`")
        );
        let twice = read("upstreams: [{url: 'ws://h'}, {url: 'ws://h:80/'}]").unwrap();
        assert!(twice.problem().unwrap().contains("twice"));
    }

    #[test]
    fn the_documentations_example_is_a_configuration() {
        let page = include_str!("../../../docs/proxy.md");
        let yaml = page
            .split("```")
            .find_map(|block| block.strip_prefix("yaml"))
            .unwrap();
        crate::server::ServerConfig::from_yaml(yaml, "docs/proxy.md").unwrap();
    }
}
