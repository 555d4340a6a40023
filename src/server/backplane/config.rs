//! [`BackplaneConfig`]: which broker joins the rooms of several servers.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// Which broker joins the rooms of several servers.
///
/// In YAML `memory`, `{redis: {url: "redis://...", prefix: wsbench}}` or `{nats: {...}}`; as a flag `memory` or the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum BackplaneConfig {
    /// None: the rooms are this server's.
    #[default]
    Memory,
    /// Redis Pub/Sub.
    Redis(BrokerConfig),
    /// NATS.
    Nats(BrokerConfig),
}

/// Where the broker is and what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    /// Its address, with user and password if it wants them.
    pub url: BrokerUrl,
    /// Servers with the same prefix share their rooms: it begins the name of the channel.
    #[serde(default = "default_prefix")]
    pub prefix: String,
}

/// A broker's URL. It may have a password, so it never shows more than scheme and host.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct BrokerUrl(String);

/// Why a text names no backplane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a backplane is `memory`, `redis://HOST:PORT` or `nats://HOST:PORT`")]
pub struct NoBackplane;

fn default_prefix() -> String {
    "wsbench".to_owned()
}

impl BackplaneConfig {
    /// What cannot work, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let broker = match self {
            Self::Memory => return None,
            Self::Redis(broker) if ::redis::Client::open(broker.url.expose()).is_err() => {
                return Some("the url of redis is `redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]`");
            }
            Self::Nats(broker) if broker.url.expose().parse::<async_nats::ServerAddr>().is_err() => {
                return Some("the url of nats is `nats://[USER:PASSWORD@]HOST[:PORT]`");
            }
            Self::Redis(broker) | Self::Nats(broker) => broker,
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let plain = !broker.prefix.is_empty() && broker.prefix.chars().all(is_plain);
        (!plain).then_some("`prefix` has letters, digits and `-_.:` only")
    }
}

impl BrokerConfig {
    /// The channel, or subject, of the rooms.
    pub(super) fn channel(&self) -> String {
        format!("{}.rooms", self.prefix)
    }
}

impl FromStr for BackplaneConfig {
    type Err = NoBackplane;

    fn from_str(text: &str) -> Result<Self, NoBackplane> {
        let broker = || BrokerConfig {
            url: BrokerUrl(text.to_owned()),
            prefix: default_prefix(),
        };
        match text.split_once("://") {
            None if text == "memory" => Ok(Self::Memory),
            Some(("redis", _)) => Ok(Self::Redis(broker())),
            Some(("nats", _)) => Ok(Self::Nats(broker())),
            _ => Err(NoBackplane),
        }
    }
}

impl BrokerUrl {
    /// The whole URL, password included.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        // A password may have any character but `@` before the last of them, and `/` only behind the host.
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        let host = host.split(['/', '?', '#']).next().unwrap_or_default();
        write!(f, "{scheme}://{host}")
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> BackplaneConfig {
        text.parse().unwrap()
    }

    #[test]
    fn a_url_says_which_broker() {
        assert_eq!(parse("memory"), BackplaneConfig::Memory);
        let BackplaneConfig::Redis(redis) = parse("redis://127.0.0.1:6379/2") else {
            panic!("no redis");
        };
        assert_eq!(redis.channel(), "wsbench.rooms");
        assert!(matches!(parse("nats://127.0.0.1"), BackplaneConfig::Nats(_)));
        for text in ["", "redis", "rediss://host", "http://host", "memory://"] {
            assert_eq!(text.parse::<BackplaneConfig>(), Err(NoBackplane), "{text}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in ["redis://me:se@cret@host:1/0", "nats://me:secret@host:1?x=y"] {
            let shown = format!("{:?}", parse(text));
            assert!(shown.contains("://host:1"), "{shown}");
            assert!(!shown.contains("cret") && !shown.contains("me:"), "{shown}");
        }
    }

    #[test]
    fn what_cannot_work_is_told() {
        assert_eq!(parse("redis://127.0.0.1").problem(), None);
        assert_eq!(parse("nats://u:p@127.0.0.1:4222").problem(), None);
        assert!(parse("redis://").problem().is_some() || parse("redis://:bad:port").problem().is_some());
        let BackplaneConfig::Nats(broker) = parse("nats://h") else {
            panic!("no nats");
        };
        let with = |prefix: &str| {
            BackplaneConfig::Nats(BrokerConfig {
                prefix: prefix.to_owned(),
                ..broker.clone()
            })
        };
        assert_eq!(with("team-a.eu").problem(), None);
        for prefix in ["", "a b", "a.*", ">"] {
            assert!(with(prefix).problem().is_some(), "{prefix}");
        }
    }
}
