//! [`OriginPolicy`]: which web pages may connect (seeds A41, E6, E7).
//!
//! Browsers let any page open a WebSocket to any server, cookies included; the `Origin` header that they add is what
//! a server can go by (RFC 6455 10.2). Clients that are no browsers can write into it what they like, or leave it
//! out.

use std::str::FromStr;

use http::header::ORIGIN;
use serde::{Deserialize, Deserializer};

use super::refusal::{Refusal, RefusalCode};
use super::request_parts::RequestParts;

/// Which origins may connect. The default is that of seed E7: pages of this server only, and clients that are no
/// browsers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OriginPolicy {
    /// As a list, or as one text with commas between (seed E6). Empty: requests of the same origin only (seed E7).
    #[serde(deserialize_with = "list_or_commas")]
    pub allowed: Vec<AllowedOrigin>,
    /// What becomes of a request without an origin.
    pub absent: AbsentOrigin,
}

/// What becomes of a request without an `Origin`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbsentOrigin {
    /// It may go on: the client is no browser.
    #[default]
    Allow,
    /// It may not.
    Refuse,
}

/// An entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// `*`: any origin, `null` too.
    Any,
    /// `null`: pages without an origin, such as files and sandboxed frames.
    Null,
    /// `https://app.example.com`: this one.
    Exact(Origin),
    /// `https://*.example.com`: the subdomains at any depth, not the domain itself.
    Subdomains(Origin),
}

/// Scheme, host and port (RFC 6454 4): in lower case, without the scheme's default port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

/// Not an entry of a list of origins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an origin (examples: https://app.example.com, https://*.example.com, http://localhost:3000, null, *)"
)]
pub struct OriginError(String);

impl OriginPolicy {
    /// A policy that lets every origin connect.
    #[must_use]
    pub fn any() -> Self {
        Self {
            allowed: vec![AllowedOrigin::Any],
            absent: AbsentOrigin::Allow,
        }
    }

    /// Judges a request.
    ///
    /// # Errors
    /// Its origin is not allowed, not readable, or missing where it must be there.
    pub fn check(&self, request: &RequestParts<'_>) -> Result<(), Refusal> {
        let refused = || Refusal::new(RefusalCode::OriginRefused, "the origin is not allowed");
        match (request.single(&ORIGIN), self.absent) {
            (Ok(Some(origin)), _) if self.allows(origin, request) => Ok(()),
            (Ok(Some(_)) | Err(_), _) => Err(refused()),
            (Ok(None), AbsentOrigin::Allow) => Ok(()),
            (Ok(None), AbsentOrigin::Refuse) => Err(Refusal::new(
                RefusalCode::OriginMissing,
                "the request has no Origin header",
            )),
        }
    }

    fn allows(&self, origin: &str, request: &RequestParts<'_>) -> bool {
        let parsed = Origin::parse(origin);
        if self.allowed.is_empty() {
            return parsed.is_some_and(|origin| origin.is_that_of(request));
        }
        self.allowed.iter().any(|allowed| match (allowed, &parsed) {
            (AllowedOrigin::Any, _) => true,
            (AllowedOrigin::Null, _) => origin == "null",
            (AllowedOrigin::Exact(exact), Some(origin)) => exact == origin,
            (AllowedOrigin::Subdomains(parent), Some(origin)) => origin.is_below(parent),
            (_, None) => false,
        })
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, place) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let is_scheme = scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if scheme.is_empty() || !is_scheme {
            return None;
        }
        let (host, port) = split_place(place)?;
        let port = port.filter(|port| default_port(&scheme) != Some(*port));
        Some(Self { scheme, host, port })
    }

    /// Whether this is the origin of the very server that is asked.
    ///
    /// Host and port must be those that the client asked for. The scheme is compared only if this server does TLS
    /// itself: behind a gateway that ends TLS, a page of `https` arrives over plain TCP.
    fn is_that_of(&self, request: &RequestParts<'_>) -> bool {
        if request.secure && self.scheme != "https" {
            return false;
        }
        let asked = request.authority.and_then(split_place);
        asked.is_some_and(|(host, port)| {
            let port = port.filter(|port| default_port(&self.scheme) != Some(*port));
            (&self.host, self.port) == (&host, port)
        })
    }

    fn is_below(&self, parent: &Self) -> bool {
        let label = self
            .host
            .strip_suffix(&parent.host)
            .and_then(|rest| rest.strip_suffix('.'));
        label.is_some_and(|label| !label.is_empty())
            && (&self.scheme, self.port) == (&parent.scheme, parent.port)
    }
}

/// Host and port; `None` for anything that is no bare authority.
fn split_place(place: &str) -> Option<(String, Option<u16>)> {
    let after_bracket = place.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match place[after_bracket..].rfind(':') {
        Some(colon) => {
            let (host, port) = place.split_at(after_bracket + colon);
            (host, Some(port[1..].parse().ok()?))
        }
        None => (place, None),
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    (!host.is_empty() && host.bytes().all(allowed)).then(|| (host.to_ascii_lowercase(), port))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

impl FromStr for AllowedOrigin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let error = || OriginError(text.to_owned());
        match text.trim() {
            "*" => Ok(Self::Any),
            "null" => Ok(Self::Null),
            origin => match origin.split_once("://*.") {
                Some((scheme, parent)) => {
                    let parent = Origin::parse(&format!("{scheme}://{parent}"));
                    parent.map(Self::Subdomains).ok_or_else(error)
                }
                None => Origin::parse(origin).map(Self::Exact).ok_or_else(error),
            },
        }
    }
}

fn list_or_commas<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AllowedOrigin>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a list of origins, or one text with commas between")]
    enum ListOrCommas {
        Commas(String),
        List(Vec<String>),
    }
    let texts = match ListOrCommas::deserialize(deserializer)? {
        ListOrCommas::Commas(text) => text.split(',').map(str::to_owned).collect(),
        ListOrCommas::List(list) => list,
    };
    let entries = texts.iter().filter(|text| !text.trim().is_empty());
    entries
        .map(|text| text.parse().map_err(serde::de::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests;
