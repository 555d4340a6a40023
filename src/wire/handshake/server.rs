//! [`ServerHandshake`]: a server's opening handshake over raw bytes.

use http::Version;

use super::head::{HeadBuffer, HeadLimits, Parsed, head_length, header_slots, owned_headers};
use super::refusal::UpgradeRefusal;
use super::rules::HandshakeRules;
use super::upgrade::{UpgradeRequest, parse_upgrade};

/// Reads one request's head. What it asks for is judged afterwards, by [`RequestHead::upgrade`], so that a server
/// can route it first.
#[derive(Debug, Default)]
pub struct ServerHandshake {
    head: HeadBuffer,
}

/// How far the request has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerProgress {
    /// The head is incomplete; every byte so far is kept here.
    NeedMore,
    /// The head is complete.
    Done {
        /// How many bytes of the last input belong to it.
        consumed: usize,
        /// The request.
        head: RequestHead,
    },
}

/// An HTTP/1.x request without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method.
    pub method: String,
    /// The request target as it stands: usually path and query.
    pub target: String,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// All headers in order.
    pub headers: Vec<(String, String)>,
}

impl ServerHandshake {
    /// A handshake that reads a request up to `limits`.
    #[must_use]
    pub const fn new(limits: HeadLimits) -> Self {
        Self {
            head: HeadBuffer::new(limits),
        }
    }

    /// Takes the next bytes from the client.
    ///
    /// # Errors
    /// A head that cannot be read or exceeds the limits; [`UpgradeRefusal::write`] answers it.
    pub fn receive(&mut self, input: &[u8]) -> Result<ServerProgress, UpgradeRefusal> {
        Ok(match self.head.receive(input, parse)? {
            None => ServerProgress::NeedMore,
            Some((consumed, head)) => ServerProgress::Done { consumed, head },
        })
    }
}

fn parse(bytes: &[u8], limits: &HeadLimits) -> Result<Parsed<RequestHead>, UpgradeRefusal> {
    let mut slots = header_slots();
    let mut request = httparse::Request::new(&mut []);
    let status = request.parse_with_uninit_headers(bytes, &mut slots[..limits.header_slots()]);
    let Some(length) = head_length(status, limits)? else {
        return Ok(None);
    };
    let head = RequestHead {
        method: request.method.unwrap_or_default().to_owned(),
        target: request.path.unwrap_or_default().to_owned(),
        version: if request.version == Some(0) {
            Version::HTTP_10
        } else {
            Version::HTTP_11
        },
        headers: owned_headers(request.headers),
    };
    Ok(Some((length, head)))
}

impl RequestHead {
    /// Judges the request as one to upgrade (RFC 6455 4.2.1).
    ///
    /// # Errors
    /// The first requirement that it misses.
    pub fn upgrade(&self, rules: HandshakeRules) -> Result<UpgradeRequest<'_>, UpgradeRefusal> {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()));
        parse_upgrade(&self.method, self.version, headers, rules)
    }
}
