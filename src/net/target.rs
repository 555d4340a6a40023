//! [`Target`]: a WebSocket URL (RFC 6455 3), read strictly and with errors that name what is wrong.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::wire::handshake::ClientRequest;

/// Where to connect to: the parts of a `ws://` or `wss://` URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Whether TLS is used.
    pub secure: bool,
    /// A host name or an address, an IPv6 one without its brackets.
    pub host: String,
    /// The port, the scheme's default if the URL names none.
    pub port: u16,
    /// Path and query, percent-encoded, beginning with `/`.
    pub path: String,
    /// The value of `Authorization` that the URL's user information stands for.
    pub authorization: Option<String>,
}

/// Why a URL cannot be connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No `://`.
    #[error("`{0}` has no scheme: write ws://{0} or wss://{0}")]
    MissingScheme(String),
    /// A scheme that is neither.
    #[error("unknown scheme `{found}`: did you mean {meant}://?")]
    UnknownScheme {
        /// What stands before `://`.
        found: String,
        /// The nearest scheme.
        meant: &'static str,
    },
    /// Nothing between `://` and the path.
    #[error("`{0}` has no host")]
    MissingHost(String),
    /// Characters that no host name has.
    #[error(
        "`{0}` is not a host name: letters, digits, dots and hyphens; international names in their xn-- form"
    )]
    InvalidHost(String),
    /// Brackets around something else than an IPv6 address.
    #[error("`[{0}]` is not an IPv6 address")]
    InvalidIpv6(String),
    /// An IPv6 address without brackets.
    #[error("an IPv6 address stands in brackets: write [{0}]")]
    BareIpv6(String),
    /// Not a number from 1 to 65535.
    #[error("`{0}` is not a port: a number from 1 to 65535")]
    InvalidPort(String),
    /// RFC 6455 3 forbids fragments.
    #[error("a WebSocket URL has no fragment: remove `#{0}`, or write # as %23")]
    Fragment(String),
    /// A `%` that begins no escape.
    #[error("`%` is followed by two hexadecimal digits, not as in `{0}`: write % itself as %25")]
    InvalidEscape(String),
    /// A path that does not begin with `/`.
    #[error("`{0}` is not a path: it begins with /")]
    InvalidPath(String),
}

const SCHEMES: [(&str, bool); 4] = [("ws", false), ("wss", true), ("http", false), ("https", true)];

impl Target {
    /// Reads a URL. `http` and `https` are taken for `ws` and `wss`, as browsers do.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let url = url.trim();
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| TargetError::MissingScheme(url.to_owned()))?;
        let secure = SCHEMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(scheme))
            .map(|&(_, secure)| secure)
            .ok_or_else(|| unknown_scheme(scheme))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let (host, port) = split_port(place)?;
        // RFC 3986 3.2.3: an empty port is the default one.
        let port = port.filter(|port| !port.is_empty());
        if host.is_empty() {
            return Err(TargetError::MissingHost(url.to_owned()));
        }
        Ok(Self {
            secure,
            host: parse_host(host)?,
            port: port.map_or(Ok(default_port(secure)), parse_port)?,
            path: encode_path(path)?,
            authorization: user.map(basic_authorization).transpose()?,
        })
    }

    /// The same server with another path and query.
    ///
    /// # Errors
    /// A path that does not begin with `/`, or with a fragment or a broken escape in it.
    pub fn with_path(&self, path: &str) -> Result<Self, TargetError> {
        if !path.starts_with('/') {
            return Err(TargetError::InvalidPath(path.to_owned()));
        }
        Ok(Self {
            path: encode_path(path)?,
            ..self.clone()
        })
    }

    /// The value of `Host`: brackets around IPv6, no default port (RFC 6455 4.1).
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == default_port(self.secure) {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// A handshake request to this target, with what the URL says of authorization.
    #[must_use]
    pub fn request(&self, key: [u8; 16]) -> ClientRequest {
        ClientRequest {
            authority: self.authority(),
            path: self.path.clone(),
            headers: self
                .authorization
                .iter()
                .map(|value| ("Authorization".to_owned(), value.clone()))
                .collect(),
            key,
            ..ClientRequest::default()
        }
    }

    /// The host as an address, if it is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Self, TargetError> {
        Self::parse(url)
    }
}

/// The URL without user information.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            if self.secure { "wss" } else { "ws" },
            self.authority(),
            self.path
        )
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

fn unknown_scheme(found: &str) -> TargetError {
    let meant = if found.to_ascii_lowercase().contains('s') && found.len() > 2 {
        "wss"
    } else {
        "ws"
    };
    TargetError::UnknownScheme {
        found: found.to_owned(),
        meant,
    }
}

/// Splits `host:port`, `[v6]:port`; an IPv6 address keeps its brackets.
fn split_port(place: &str) -> Result<(&str, Option<&str>), TargetError> {
    if place.starts_with('[') {
        let end = place
            .find(']')
            .ok_or_else(|| TargetError::InvalidIpv6(place[1..].to_owned()))?;
        let (host, rest) = place.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(TargetError::InvalidPort(rest.to_owned())),
        };
    }
    if place.parse::<Ipv6Addr>().is_ok() {
        return Err(TargetError::BareIpv6(place.to_owned()));
    }
    Ok(match place.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (place, None),
    })
}

fn parse_host(host: &str) -> Result<String, TargetError> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = inner
            .parse()
            .map_err(|_| TargetError::InvalidIpv6(inner.to_owned()))?;
        return Ok(address.to_string());
    }
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.bytes().all(valid) {
        Ok(host.to_ascii_lowercase())
    } else {
        Err(TargetError::InvalidHost(host.to_owned()))
    }
}

fn parse_port(port: &str) -> Result<u16, TargetError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number != 0 => Ok(number),
        _ => Err(TargetError::InvalidPort(port.to_owned())),
    }
}

/// Percent-encodes what may not stand in a request target, and leaves what is encoded already.
fn encode_path(path: &str) -> Result<String, TargetError> {
    if let Some((_, fragment)) = path.split_once('#') {
        return Err(TargetError::Fragment(fragment.to_owned()));
    }
    let mut encoded = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        encoded.push('/');
    }
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'%' if escape(&path.as_bytes()[at..]).is_none() => {
                return Err(TargetError::InvalidEscape(path.to_owned()));
            }
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => push_escaped(&mut encoded, byte),
            _ if byte.is_ascii_graphic() => encoded.push(char::from(byte)),
            _ => push_escaped(&mut encoded, byte),
        }
    }
    Ok(encoded)
}

fn push_escaped(text: &mut String, byte: u8) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    text.push('%');
    text.push(char::from(DIGITS[usize::from(byte >> 4)]));
    text.push(char::from(DIGITS[usize::from(byte & 15)]));
}

/// The byte that the escape at the front of `bytes` stands for.
fn escape(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    u8::try_from(digit(1)? << 4 | digit(2)?).ok()
}

fn basic_authorization(user: &str) -> Result<String, TargetError> {
    let mut decoded = Vec::with_capacity(user.len() + 1);
    let mut rest = user.as_bytes();
    while let Some(&byte) = rest.first() {
        let (byte, length) = match byte {
            b'%' => (
                escape(rest).ok_or_else(|| TargetError::InvalidEscape(user.to_owned()))?,
                3,
            ),
            _ => (byte, 1),
        };
        decoded.push(byte);
        rest = &rest[length..];
    }
    if !user.contains(':') {
        decoded.push(b':');
    }
    Ok(format!("Basic {}", STANDARD.encode(decoded)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(url: &str) -> (bool, String, u16, String) {
        let target = Target::parse(url).unwrap();
        (target.secure, target.host, target.port, target.path)
    }

    fn error(url: &str) -> String {
        Target::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn rfc6455_3_parts_and_defaults() {
        assert_eq!(
            parts("ws://localhost"),
            (false, "localhost".into(), 80, "/".into())
        );
        assert_eq!(
            parts("wss://Example.COM/chat?x=1&y"),
            (true, "example.com".into(), 443, "/chat?x=1&y".into())
        );
        assert_eq!(parts("WS://a:9001?q"), (false, "a".into(), 9001, "/?q".into()));
        assert_eq!(parts("https://a:/b"), (true, "a".into(), 443, "/b".into()));
        assert_eq!(parts("ws://[::1]:9001/"), (false, "::1".into(), 9001, "/".into()));
        assert_eq!(
            parts("ws://[2001:DB8::1]"),
            (false, "2001:db8::1".into(), 80, "/".into())
        );
    }

    #[test]
    fn rfc6455_4_1_the_host_header_omits_default_ports() {
        for (url, authority) in [
            ("ws://a:80", "a"),
            ("ws://a:443", "a:443"),
            ("wss://a:443", "a"),
            ("wss://a:80", "a:80"),
            ("ws://[::1]", "[::1]"),
            ("ws://[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(Target::parse(url).unwrap().authority(), authority, "{url}");
        }
    }

    #[test]
    fn what_needs_escaping_is_escaped_once() {
        assert_eq!(
            parts("ws://a/caf\u{e9} x?{y}=%41|").3,
            "/caf%C3%A9%20x?%7By%7D=%41%7C"
        );
        assert_eq!(Target::parse("ws://a/%C3%A9").unwrap().path, "/%C3%A9");
    }

    #[test]
    fn user_information_becomes_basic_authorization_and_is_not_shown() {
        let target = Target::parse("ws://us%40er:p:ss@host/x").unwrap();
        assert_eq!(target.authorization.as_deref(), Some("Basic dXNAZXI6cDpzcw=="));
        assert_eq!(target.to_string(), "ws://host/x");
        let request = target.request([0; 16]);
        assert_eq!(
            request.headers,
            [("Authorization".into(), "Basic dXNAZXI6cDpzcw==".into())]
        );
        assert_eq!(request.check(), Ok(()));
        assert_eq!(
            Target::parse("ws://user@h").unwrap().authorization.as_deref(),
            Some("Basic dXNlcjo=")
        );
    }

    #[test]
    fn errors_say_what_to_write_instead() {
        for (url, text) in [
            (
                "localhost:9001",
                "`localhost:9001` has no scheme: write ws://localhost:9001 or wss://localhost:9001",
            ),
            ("wws://a", "unknown scheme `wws`: did you mean wss://?"),
            ("tcp://a", "unknown scheme `tcp`: did you mean ws://?"),
            ("ws://", "`ws://` has no host"),
            ("ws:///x", "`ws:///x` has no host"),
            ("ws://:80", "`ws://:80` has no host"),
            ("ws://::1", "an IPv6 address stands in brackets: write [::1]"),
            ("ws://[::g]", "`[::g]` is not an IPv6 address"),
            ("ws://[::1", "`[::1]` is not an IPv6 address"),
            ("ws://a:0", "`0` is not a port: a number from 1 to 65535"),
            ("ws://a:65536", "`65536` is not a port: a number from 1 to 65535"),
            ("ws://a:+80", "`+80` is not a port: a number from 1 to 65535"),
            ("ws://[::1]80", "`80` is not a port: a number from 1 to 65535"),
            (
                "ws://a/x#y",
                "a WebSocket URL has no fragment: remove `#y`, or write # as %23",
            ),
            (
                "ws://a/%4",
                "`%` is followed by two hexadecimal digits, not as in `/%4`: write % itself as %25",
            ),
        ] {
            assert_eq!(error(url), text, "{url}");
        }
        assert!(
            error("ws://b\u{fc}cher.de").contains("xn--"),
            "international names"
        );
        assert!(error("ws://a b/").contains("not a host name"), "blanks");
    }

    #[test]
    fn another_path_on_the_same_server() {
        let target = Target::parse("wss://u:p@h:8443/a").unwrap();
        let other = target.with_path("/b?c=d e").unwrap();
        assert_eq!(other.to_string(), "wss://h:8443/b?c=d%20e");
        assert_eq!(other.authorization, target.authorization);
        assert_eq!(target.with_path("b"), Err(TargetError::InvalidPath("b".into())));
    }

    proptest! {
        #[test]
        fn what_parses_prints_and_parses_again(url in "(wss?://)?[a-z0-9.:@%\\[\\]/?# \u{e9}-]{0,30}") {
            if let Ok(target) = Target::parse(&url) {
                let shown = target.to_string();
                let again = Target::parse(&shown).unwrap();
                prop_assert_eq!(Target { authorization: None, ..target }, again);
                prop_assert_eq!(Target::parse(&shown).unwrap().request([0; 16]).check(), Ok(()));
            }
        }
    }
}
