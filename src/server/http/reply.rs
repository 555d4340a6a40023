//! [`Reply`]: what is answered, a [`Refusal`] too.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::server::refusal::{Refusal, RefusalCode};
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

    /// A JSON value as the body.
    pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Self {
        let reply = Self {
            body: value.to_string().into_bytes(),
            ..Self::new(status)
        };
        reply.with(header::CONTENT_TYPE, "application/json")
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

impl Refusal {
    /// A JSON body that says why.
    pub(crate) fn into_reply(self) -> Reply {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reply = Reply {
            body: self.body().into_bytes(),
            ..Reply::new(status)
        };
        let reply = reply.with(header::CONTENT_TYPE, "application/json");
        self.headers()
            .fold(reply, |reply, (name, value)| reply.with(name, &value))
    }
}

impl From<UpgradeRefusal> for Refusal {
    fn from(refusal: UpgradeRefusal) -> Self {
        let code = match refusal.status().0 {
            405 => RefusalCode::MethodNotAllowed,
            426 => RefusalCode::UpgradeRequired,
            505 => RefusalCode::HttpVersion,
            _ => RefusalCode::BadHandshake,
        };
        let mut answer = Self::new(code, refusal.to_string());
        for (name, value) in refusal.headers() {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                answer = answer.with(name, value);
            }
        }
        // A sender of Upgrade lists it in Connection (RFC 9110 7.8).
        if code == RefusalCode::UpgradeRequired {
            answer.with(header::CONNECTION, "Upgrade")
        } else {
            answer
        }
    }
}
