//! Status codes and the payload of a Close frame (RFC 6455 5.5.1, 7.4).

use std::fmt;

use super::frame::MAX_CONTROL_PAYLOAD;

/// The longest reason that fits into a Close frame beside its code, in bytes.
pub const MAX_CLOSE_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// A close status code; any 16-bit value, legal on the wire or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// Purpose fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// Server goes down, or a page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// Protocol error.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// A kind of data that the endpoint does not accept.
    pub const UNSUPPORTED: Self = Self(1003);
    /// Never on the wire: the Close frame had no code.
    pub const NO_STATUS: Self = Self(1005);
    /// Never on the wire: the connection ended without a Close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// Data that does not fit its type, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// A policy was violated.
    pub const POLICY: Self = Self(1008);
    /// Message too big.
    pub const TOO_BIG: Self = Self(1009);
    /// The client needs an extension that the server did not negotiate.
    pub const EXTENSION_REQUIRED: Self = Self(1010);
    /// Unexpected condition in the server.
    pub const INTERNAL: Self = Self(1011);
    /// Service restart (IANA registry).
    pub const RESTART: Self = Self(1012);
    /// Try again later (IANA registry).
    pub const TRY_AGAIN: Self = Self(1013);

    /// Whether an endpoint may send this code: RFC 6455 7.4.1, 7.4.2 and the IANA registry (1012 to 1014).
    #[must_use]
    pub const fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// The registered meaning in a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            1000 => "normal",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1005 => "no status",
            1006 => "abnormal",
            1007 => "invalid payload",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "extension required",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            1015 => "tls failure",
            3000..=3999 => "registered",
            4000..=4999 => "private",
            _ => "undefined",
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What a Close frame said, as far as it is well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosePayload<'a> {
    /// The status code.
    pub code: CloseCode,
    /// The reason; not necessarily UTF-8 if the receiver is lenient.
    pub reason: &'a [u8],
}

impl ClosePayload<'_> {
    /// Splits a Close frame's payload; `None` if it is empty or a single byte.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<ClosePayload<'_>> {
        let (code, reason) = payload.split_first_chunk::<2>()?;
        Some(ClosePayload {
            code: CloseCode(u16::from_be_bytes(*code)),
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_7_4_codes_that_may_be_sent() {
        for code in [
            1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999,
        ] {
            assert!(CloseCode(code).is_sendable(), "{code}");
        }
        for code in [
            0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
        ] {
            assert!(!CloseCode(code).is_sendable(), "{code}");
        }
    }

    #[test]
    fn payloads() {
        assert_eq!(ClosePayload::parse(b""), None);
        assert_eq!(ClosePayload::parse(b"\x03"), None);
        assert_eq!(
            ClosePayload::parse(b"\x03\xe8bye"),
            Some(ClosePayload {
                code: CloseCode::NORMAL,
                reason: b"bye"
            })
        );
    }
}
