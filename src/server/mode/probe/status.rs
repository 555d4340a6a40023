//! `/status/CODE`: any answer of HTTP, to an upgrade as well (seed A39).

use std::rc::Rc;

use http::{HeaderName, StatusCode, header};

use crate::clock;
use crate::server::endpoint::{Answer, Endpoint};
use crate::server::http::{EndpointRequest, Refusal, Reply};
use crate::server::journal::{Entry, RefusalEntry};
use crate::server::worker::Worker;

/// `?body=`, `?location=`, `?retry-after=`, `?www-authenticate=` and `?type=` become the body and the headers.
pub(crate) struct Status;

/// Parameters that become headers.
const HEADERS: [(&str, HeaderName); 4] = [
    ("location", header::LOCATION),
    ("retry-after", header::RETRY_AFTER),
    ("www-authenticate", header::WWW_AUTHENTICATE),
    ("type", header::CONTENT_TYPE),
];

impl Endpoint for Status {
    fn takes_posts(&self) -> bool {
        true
    }

    fn answer(&self, request: EndpointRequest, worker: Rc<Worker>) -> Answer {
        let reply = reply(&request).unwrap_or_else(Refusal::into_reply);
        if request.headers.contains_key(header::UPGRADE) {
            worker.shared.journal.push(Entry::Refusal(RefusalEntry {
                path: request.path.as_str().into(),
                peer: request.peer,
                tag: request.query().value("tag").map(Into::into),
                at: clock::now(),
                status: reply.status.as_u16(),
                error: None,
                reason: "asked for".into(),
            }));
        }
        Box::pin(std::future::ready(reply))
    }
}

fn reply(request: &EndpointRequest) -> Result<Reply, Refusal> {
    let code = request.path.rsplit('/').next().unwrap_or_default();
    let status = code.parse().ok().filter(|code| (200..=999).contains(code));
    let status = status
        .and_then(|code: u16| StatusCode::from_u16(code).ok())
        .ok_or_else(|| {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                format!("`/status/{code}`: expected a status from 200 to 999"),
            )
        })?;
    let query = request.query();
    let mut reply = Reply::new(status);
    for (parameter, name) in HEADERS {
        if let Some(value) = query.value(parameter) {
            reply = reply.with(name, &value);
        }
    }
    // These have none (RFC 9110 15.3.5, 15.4.5).
    if !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        reply.body = query.value("body").unwrap_or_default().into_owned().into_bytes();
    }
    Ok(reply)
}
