//! [`UpgradeRefusal`]: why a server does not upgrade, and the answer that says so.

use super::head::HeadError;
use super::request::write_header;
use crate::wire::extension::ExtensionSyntaxError;

/// Why a request cannot become a WebSocket connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeRefusal {
    /// The request's head cannot be read.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A method other than GET.
    #[error("the method is {0}, an upgrade needs GET")]
    Method(String),
    /// HTTP/1.0 or earlier.
    #[error("the request is not HTTP/1.1")]
    HttpVersion,
    /// `Host` is missing.
    #[error("header Host is missing")]
    Host,
    /// `Upgrade` is missing or does not contain `websocket`: an ordinary request.
    #[error("this is a WebSocket endpoint: header Upgrade must contain `websocket`")]
    NotAnUpgrade,
    /// `Connection` is missing or does not contain `Upgrade`.
    #[error("header Connection must contain `Upgrade`")]
    Connection,
    /// `Sec-WebSocket-Key` is missing.
    #[error("header Sec-WebSocket-Key is missing")]
    MissingKey,
    /// `Sec-WebSocket-Key` is not base64 of sixteen bytes.
    #[error("header Sec-WebSocket-Key must be base64 of 16 bytes")]
    InvalidKey,
    /// `Sec-WebSocket-Version` is missing or not 13.
    #[error("header Sec-WebSocket-Version must be 13")]
    Version,
    /// A header that must stand alone came twice.
    #[error("header {0} appears more than once")]
    RepeatedHeader(&'static str),
    /// `Sec-WebSocket-Protocol` is not a list of different tokens.
    #[error("header Sec-WebSocket-Protocol must be a list of different tokens")]
    Subprotocols,
    /// `Sec-WebSocket-Extensions` does not parse.
    #[error("header Sec-WebSocket-Extensions is malformed: {0}")]
    Extensions(#[from] ExtensionSyntaxError),
}

impl UpgradeRefusal {
    /// The status to answer with, and its reason phrase.
    #[must_use]
    pub const fn status(&self) -> (u16, &'static str) {
        match self {
            Self::Method(_) => (405, "Method Not Allowed"),
            Self::HttpVersion => (505, "HTTP Version Not Supported"),
            Self::NotAnUpgrade | Self::Version => (426, "Upgrade Required"),
            Self::Head(HeadError::TooLarge { .. } | HeadError::TooManyHeaders { .. }) => {
                (431, "Request Header Fields Too Large")
            }
            _ => (400, "Bad Request"),
        }
    }

    /// The headers that the status calls for.
    #[must_use]
    pub const fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Method(_) => &[("Allow", "GET")],
            Self::Version => &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
            Self::NotAnUpgrade => &[("Upgrade", "websocket")],
            _ => &[],
        }
    }

    /// The clause that the client broke.
    #[must_use]
    pub const fn section(&self) -> &'static str {
        match self {
            Self::Head(_) => "RFC 9112 2",
            Self::Method(_) | Self::HttpVersion => "RFC 6455 4.2.1 item 1",
            Self::Host => "RFC 6455 4.2.1 item 2",
            Self::NotAnUpgrade => "RFC 6455 4.2.1 item 3",
            Self::Connection => "RFC 6455 4.2.1 item 4",
            Self::MissingKey | Self::InvalidKey => "RFC 6455 4.2.1 item 5",
            Self::Version => "RFC 6455 4.4",
            Self::RepeatedHeader(_) => "RFC 6455 11.3",
            Self::Subprotocols => "RFC 6455 11.3.4",
            Self::Extensions(_) => "RFC 6455 9.1",
        }
    }

    /// Appends a whole HTTP/1.1 answer with the reason as its body, after which the connection ends.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (status, reason) = self.status();
        let body = format!("{self}\n");
        out.extend_from_slice(format!("HTTP/1.1 {status} {reason}\r\n").as_bytes());
        // A 426 names the protocol in Upgrade, and a sender of Upgrade lists it in Connection (RFC 9110 7.8).
        let connection = if status == 426 { "Upgrade, close" } else { "close" };
        write_header(out, "Connection", connection);
        for (name, value) in self.headers() {
            write_header(out, name, value);
        }
        write_header(out, "Content-Type", "text/plain; charset=utf-8");
        write_header(out, "Content-Length", &body.len().to_string());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body.as_bytes());
    }
}
