//! What the tests of this folder share: an issuer of tokens, its keys, and the server that publishes them.

mod issuer;
mod key_server;

pub(super) use issuer::{SigningKey, assemble, claims};
pub(super) use key_server::KeyServer;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::server::request_parts::RequestParts;

/// A request with these headers.
pub(super) struct TestRequest {
    uri: Uri,
    headers: HeaderMap,
}

impl TestRequest {
    pub(super) fn new(uri: &str, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        });
        Self {
            uri: uri.parse().unwrap(),
            headers: headers.collect(),
        }
    }

    pub(super) fn bearer(token: &str) -> Self {
        Self::new("/", &[("authorization", &format!("Bearer {token}"))])
    }

    pub(super) fn parts(&self) -> RequestParts<'_> {
        RequestParts::new(&self.uri, &self.headers, [127, 0, 0, 1].into(), false)
    }
}
