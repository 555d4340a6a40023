//! [`Reply`]: what is answered. [`Refusal`]: why a request is not served.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::wire::handshake::UpgradeRefusal;

/// An answer to an HTTP request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// The header that names the instance in every reply.
pub(crate) const INSTANCE_HEADER: HeaderName = HeaderName::from_static("x-instance-id");

impl Reply {
    /// A status and nothing else.
    pub(crate) fn new(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Vec::new(),
        }
    }

    /// `200` with a body.
    pub(crate) fn ok(content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            body,
            ..Self::new(StatusCode::OK)
        }
        .with(header::CONTENT_TYPE, content_type)
    }

    /// With a header. A value that HTTP does not allow is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// The response in hyper's terms.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// Why a request is not served. The reason goes into the reply's body and into the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(HeaderName, &'static str)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            headers: Vec::new(),
        }
    }

    /// With a header that the status calls for.
    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A JSON body that says why.
    pub(crate) fn into_reply(self) -> Reply {
        let body = serde_json::json!({ "error": self.reason, "status": self.status.as_u16() });
        let reply = Reply {
            body: body.to_string().into_bytes(),
            ..Reply::new(self.status)
        };
        let reply = reply.with(header::CONTENT_TYPE, "application/json");
        self.headers
            .into_iter()
            .fold(reply, |reply, (name, value)| reply.with(name, value))
    }
}

impl From<UpgradeRefusal> for Refusal {
    fn from(refusal: UpgradeRefusal) -> Self {
        let status = StatusCode::from_u16(refusal.status().0).unwrap_or(StatusCode::BAD_REQUEST);
        let mut answer = Self::new(status, refusal.to_string());
        for (name, value) in refusal.headers() {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                answer.headers.push((name, value));
            }
        }
        // A sender of Upgrade lists it in Connection (RFC 9110 7.8).
        if status == StatusCode::UPGRADE_REQUIRED {
            answer.with(header::CONNECTION, "Upgrade")
        } else {
            answer
        }
    }
}
