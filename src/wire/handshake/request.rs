//! [`ClientRequest`]: what a client asks for (RFC 6455 4.1), written as bytes.

use super::accept::key_text;
use crate::wire::deflate::DeflateOffer;
use crate::wire::extension::is_token;

/// Everything that makes up a client's opening request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientRequest {
    /// The value of `Host`: host and, unless it is the scheme's default, port.
    pub authority: String,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// Further headers in order. A `Host` among them replaces `authority`.
    pub headers: Vec<(String, String)>,
    /// Subprotocols in order of preference.
    pub subprotocols: Vec<String>,
    /// permessage-deflate, if it is to be offered.
    pub deflate_offer: Option<DeflateOffer>,
    /// Sixteen random bytes, new for each connection.
    pub key: [u8; 16],
}

/// A request that cannot be written without breaking HTTP or the handshake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Blanks, control characters or delimiters in the authority.
    #[error("`{0}` cannot stand in the Host header")]
    Authority(String),
    /// A path that does not begin with `/` or has characters that must be percent-encoded.
    #[error(
        "`{0}` is not a request path: it begins with / and has no blanks, fragments or characters beyond ASCII"
    )]
    Path(String),
    /// Not a token.
    #[error("`{0}` is not a header name")]
    HeaderName(String),
    /// A control character, such as a line break that would smuggle in another header.
    #[error("the value of header `{0}` contains a control character")]
    HeaderValue(String),
    /// A header that the handshake itself writes.
    #[error("header `{0}` belongs to the handshake and cannot be given by hand")]
    ReservedHeader(String),
    /// Not a token.
    #[error("`{0}` is not a subprotocol name: it must be a token (RFC 6455 4.1)")]
    Subprotocol(String),
    /// The same name twice.
    #[error("subprotocol `{0}` is offered twice (RFC 6455 4.1)")]
    RepeatedSubprotocol(String),
}

const RESERVED: [&str; 6] = [
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Protocol",
];

impl ClientRequest {
    /// Appends the request to `out`.
    ///
    /// # Errors
    /// The first part that cannot be written; `out` is then unchanged.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), RequestError> {
        self.check()?;
        out.extend_from_slice(b"GET ");
        out.extend_from_slice(self.path.as_bytes());
        out.extend_from_slice(b" HTTP/1.1\r\n");
        if !self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("Host"))
        {
            write_header(out, "Host", &self.authority);
        }
        write_header(out, "Upgrade", "websocket");
        write_header(out, "Connection", "Upgrade");
        write_header(out, "Sec-WebSocket-Key", &key_text(self.key));
        write_header(out, "Sec-WebSocket-Version", "13");
        if !self.subprotocols.is_empty() {
            write_header(out, "Sec-WebSocket-Protocol", &self.subprotocols.join(", "));
        }
        if let Some(offer) = &self.deflate_offer {
            write_header(out, "Sec-WebSocket-Extensions", &offer.to_string());
        }
        for (name, value) in &self.headers {
            write_header(out, name, value);
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Whether the request can be written, without writing it.
    ///
    /// # Errors
    /// The first part that cannot.
    pub fn check(&self) -> Result<(), RequestError> {
        let authority = self.authority.as_bytes();
        if authority.is_empty() || authority.iter().any(|&byte| !is_authority_byte(byte)) {
            return Err(RequestError::Authority(self.authority.clone()));
        }
        let path = self.path.as_bytes();
        if path.first() != Some(&b'/') || path.iter().any(|&byte| !byte.is_ascii_graphic() || byte == b'#') {
            return Err(RequestError::Path(self.path.clone()));
        }
        self.headers
            .iter()
            .try_for_each(|(name, value)| check_header(name, value))?;
        for (at, name) in self.subprotocols.iter().enumerate() {
            if !is_token(name.as_bytes()) {
                return Err(RequestError::Subprotocol(name.clone()));
            }
            if self.subprotocols[..at].contains(name) {
                return Err(RequestError::RepeatedSubprotocol(name.clone()));
            }
        }
        Ok(())
    }
}

fn check_header(name: &str, value: &str) -> Result<(), RequestError> {
    if !is_token(name.as_bytes()) {
        return Err(RequestError::HeaderName(name.to_owned()));
    }
    if RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(name))
    {
        return Err(RequestError::ReservedHeader(name.to_owned()));
    }
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(RequestError::HeaderValue(name.to_owned()));
    }
    Ok(())
}

const fn is_authority_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b'\\')
}

pub(super) fn write_header(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}
