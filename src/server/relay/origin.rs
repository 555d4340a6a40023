//! [`AllowedOrigins`]: which web pages may connect (seeds E6, E7).

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::server::origin::AllowedOrigin;

/// The value of `wsrelay.allowed.origins`: origins with commas between. None configured: only pages of this very server.
///
/// A request without an origin passes: its client is no browser, and could write into the header what it likes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Origins such as `https://app.example.com`, with commas between.
    #[must_use]
    pub fn new(list: &str) -> Self {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Self(
            entries
                .map(|entry| without_default_port(&entry.to_ascii_lowercase()).to_owned())
                .collect(),
        )
    }

    /// Whether a page of `origin` may connect to a server that it called `host`.
    #[must_use]
    pub fn allows(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        let Some(origin) = origin.map(str::to_ascii_lowercase) else {
            return true;
        };
        let origin = without_default_port(&origin);
        if !self.0.is_empty() {
            return self.0.iter().any(|allowed| allowed == origin);
        }
        // The scheme is not compared: behind a gateway that ends TLS, a page of https arrives over plain TCP.
        let (Some((scheme, place)), Some(host)) = (origin.split_once("://"), host) else {
            return false;
        };
        let asked = format!("{scheme}://{}", host.to_ascii_lowercase());
        without_default_port(&asked)
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_prefix("://"))
            == Some(place)
    }
}

fn without_default_port(origin: &str) -> &str {
    let port = if origin.starts_with("https://") {
        ":443"
    } else {
        ":80"
    };
    origin.strip_suffix(port).unwrap_or(origin)
}

impl<'de> Deserialize<'de> for AllowedOrigins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = String::deserialize(deserializer)?;
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        for entry in entries {
            if !matches!(entry.parse(), Ok(AllowedOrigin::Exact(_))) {
                return Err(D::Error::custom(format!(
                    "`{entry}` is not an origin (example: https://app.example.com)"
                )));
            }
        }
        Ok(Self::new(&list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e6_the_listed_origins_may_connect() {
        let allowed = AllowedOrigins::new("https://app.example.com, http://localhost:3000 ,");
        for origin in [
            "https://app.example.com",
            "https://APP.example.com:443",
            "http://localhost:3000",
        ] {
            assert!(allowed.allows(Some(origin), Some("ws.example.com")), "{origin}");
        }
        for origin in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.test",
            "https://ws.example.com",
            "null",
            "",
        ] {
            assert!(!allowed.allows(Some(origin), Some("ws.example.com")), "{origin}");
        }
    }

    #[test]
    fn e7_without_a_list_only_the_same_origin_may_connect() {
        let none = AllowedOrigins::default();
        assert_eq!(AllowedOrigins::new(" , "), none);
        for (origin, host) in [
            ("https://ws.example.com", "ws.example.com"),
            ("https://ws.example.com", "WS.example.com:443"),
            ("http://127.0.0.1:9001", "127.0.0.1:9001"),
        ] {
            assert!(none.allows(Some(origin), Some(host)), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://evil.test", "ws.example.com"),
            ("https://ws.example.com:8443", "ws.example.com"),
            ("https://ws.example.com", "ws.example.com:8443"),
            ("null", "ws.example.com"),
        ] {
            assert!(!none.allows(Some(origin), Some(host)), "{origin} {host}");
        }
        assert!(!none.allows(Some("https://ws.example.com"), None));
    }

    #[test]
    fn e7_a_client_that_is_no_browser_may_connect() {
        assert!(AllowedOrigins::default().allows(None, Some("ws.example.com")));
        assert!(AllowedOrigins::new("https://app.example.com").allows(None, None));
    }
}
