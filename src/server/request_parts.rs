//! [`RequestParts`]: what the guards of an upgrade look at.

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, HeaderName, Uri};

/// The parts of a request that decide whether it may become a connection.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// All headers.
    pub headers: &'a HeaderMap,
    /// What follows the `?`, still encoded.
    pub query: Option<&'a str>,
    /// Host and, unless it is the scheme's default, port, as the client wrote them.
    pub authority: Option<&'a str>,
    /// Whether the request came over TLS to this server. Behind a gateway that ends TLS it did not.
    pub secure: bool,
    /// The client's address; behind trusted proxies the one that they name
    /// (see [`TrustedProxies`](super::ratelimit::TrustedProxies)).
    pub client: IpAddr,
}

impl<'a> RequestParts<'a> {
    /// The parts of a request. The authority is that of `Host` or, in HTTP/2, of `:authority`.
    #[must_use]
    pub fn new(uri: &'a Uri, headers: &'a HeaderMap, client: IpAddr, secure: bool) -> Self {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        Self {
            headers,
            query: uri.query(),
            authority: host.or_else(|| uri.authority().map(http::uri::Authority::as_str)),
            secure,
            client,
        }
    }

    /// The value of a header that may appear once.
    ///
    /// # Errors
    /// It appears more than once, or has bytes beyond ASCII: a gateway and this server could read it differently.
    pub(crate) fn single(&self, name: &HeaderName) -> Result<Option<&'a str>, Ambiguous> {
        let mut values = self.headers.get_all(name).into_iter();
        let (first, second) = (values.next(), values.next());
        match (first, second) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| Ambiguous),
            (Some(_), Some(_)) => Err(Ambiguous),
        }
    }
}

/// A header that cannot be read in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;
