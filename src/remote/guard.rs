//! [`Guard`]: who may ask.
//!
//! Whoever can reach the interface can stop the run. On the loopback interface that is everybody on this machine, and every
//! web page that a browser on it shows: so a request that a page made, or that names this machine by a name of the page's
//! own, is refused. Anywhere else a token is needed.

use std::net::{IpAddr, SocketAddr};

use http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use subtle::ConstantTimeEq;

/// Who may ask.
#[derive(Clone)]
pub struct Guard {
    token: Option<String>,
}

/// Why the interface cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Everybody could stop the run.
    #[error("{0} can be reached from other machines: give a --control-token, or listen on 127.0.0.1")]
    TokenNeeded(SocketAddr),
    /// A token that nobody could send.
    #[error("a control token needs at least one character, and printable ASCII only")]
    BadToken,
}

impl Guard {
    /// The guard of an interface at `address`.
    ///
    /// # Errors
    /// No token for an address that others can reach, or one that fits no header.
    pub fn new(address: SocketAddr, token: Option<String>) -> Result<Self, GuardError> {
        match &token {
            None if !address.ip().to_canonical().is_loopback() => Err(GuardError::TokenNeeded(address)),
            Some(token) if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err(GuardError::BadToken)
            }
            _ => Ok(Self { token }),
        }
    }

    /// Whether a request with these headers may be answered.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        match &self.token {
            Some(token) => {
                let given = headers
                    .get(AUTHORIZATION)
                    .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
                given.is_some_and(|given| given.ct_eq(token.as_bytes()).into())
            }
            None => !headers.contains_key(ORIGIN) && names_an_address(headers),
        }
    }
}

/// Whether the `Host` is an address or `localhost`: another name may be one that a web page made point to this machine.
fn names_an_address(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let without_port = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    without_port.eq_ignore_ascii_case("localhost")
        || without_port
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn others_need_a_token() {
        let open = |address: &str, token: Option<&str>| {
            Guard::new(address.parse().unwrap(), token.map(str::to_owned)).is_ok()
        };
        assert!(open("127.0.0.1:0", None) && open("[::1]:0", None) && open("[::ffff:127.0.0.1]:0", None));
        assert!(!open("0.0.0.0:9000", None) && !open("192.0.2.1:9000", None));
        assert!(open("0.0.0.0:9000", Some("secret")));
        assert!(!open("0.0.0.0:9000", Some("")) && !open("127.0.0.1:0", Some("with space")));
    }

    #[test]
    fn a_token_is_asked_for_in_full() {
        let guard = Guard::new("127.0.0.1:0".parse().unwrap(), Some("secret".to_owned())).unwrap();
        let admits =
            |value: &str| guard.admits(&headers(&[("authorization", value), ("host", "run.example")]));
        assert!(admits("Bearer secret"));
        assert!(!admits("Bearer secre") && !admits("Bearer secrets") && !admits("Basic secret"));
        assert!(!guard.admits(&HeaderMap::new()));
    }

    #[test]
    fn without_a_token_no_web_page_may_ask() {
        let guard = Guard::new("127.0.0.1:0".parse().unwrap(), None).unwrap();
        for host in ["127.0.0.1:9000", "localhost", "LOCALHOST:80", "[::1]:9000"] {
            assert!(guard.admits(&headers(&[("host", host)])), "{host}");
        }
        for host in ["rebound.example:9000", "localhost.example", ""] {
            assert!(!guard.admits(&headers(&[("host", host)])), "{host}");
        }
        let page = [("host", "127.0.0.1:9000"), ("origin", "https://page.example")];
        assert!(!guard.admits(&headers(&page)));
        assert!(!guard.admits(&HeaderMap::new()));
    }
}
