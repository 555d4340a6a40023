//! What the scalars of a scenario file can be, and how each is read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use super::feeder::RowOrder;
use super::plan::{Arrivals, ReadRate, TargetSpec};
use super::token::Algorithm;
use super::yaml::Quantity;
pub(super) use crate::units::Count;
use crate::units::{ByteSize, Rate, Span};

fn not<T: Quantity>(text: &str) -> String {
    format!("`{text}` is not {}", T::EXPECTED)
}

impl Quantity for String {
    const EXPECTED: &'static str = "a text";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err("expected a text that is not empty".to_owned())
        } else {
            Ok(text.to_owned())
        }
    }
}

impl Quantity for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| not::<Self>(text))
    }
}

impl Quantity for u64 {
    const EXPECTED: &'static str = "a whole number from 0 to 18446744073709551615";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| not::<Self>(text))
    }
}

/// A duration, or the product of one with numbers: `120s * 0.05`.
impl Quantity for Duration {
    const EXPECTED: &'static str = "a duration such as 250ms, 30s, 1h30m or 120s * 0.05";

    fn read(text: &str) -> Result<Self, String> {
        let mut factors = text.split('*');
        let span: Span = factors
            .next()
            .unwrap_or_default()
            .parse()
            .map_err(|_| not::<Self>(text))?;
        factors.try_fold(span.0, |duration, factor| {
            let factor: f64 = factor.trim().parse().map_err(|_| not::<Self>(text))?;
            Self::try_from_secs_f64(duration.as_secs_f64() * factor)
                .ok()
                .filter(|product| *product <= Span::MAX.0)
                .ok_or_else(|| not::<Self>(text))
        })
    }
}

impl Quantity for Count {
    const EXPECTED: &'static str = "a count such as 2000 or 10k";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| not::<Self>(text))
    }
}

impl Quantity for ByteSize {
    const EXPECTED: &'static str = "a size in bytes such as 10240, 64KiB or 1MiB";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| not::<Self>(text))
    }
}

impl Quantity for Rate {
    const EXPECTED: &'static str = "a rate such as 250/s or 6000/m";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| not::<Self>(text))
    }
}

impl Quantity for PathBuf {
    const EXPECTED: &'static str = "the path of a file";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err(not::<Self>(text))
        } else {
            Ok(Self::from(text))
        }
    }
}

impl Quantity for TargetSpec {
    const EXPECTED: &'static str = "`embedded` or a URL such as ws://127.0.0.1:9001 or wss://example.com";

    fn read(text: &str) -> Result<Self, String> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        // Messages are copied and logged, and what comes after the question mark may be a secret.
        let shown = text.split('?').next().unwrap_or_default();
        let uri: http::Uri = text.parse().map_err(|_| match shown.contains('@') {
            true => USER_INFORMATION.to_owned(),
            false => not::<Self>(shown),
        })?;
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err(USER_INFORMATION.to_owned());
        }
        let is_websocket = matches!(uri.scheme_str(), Some("ws" | "wss"));
        // Whatever follows the host in the authority must be a port.
        let rest = uri
            .authority()
            .zip(uri.host())
            .and_then(|(authority, host)| authority.as_str().strip_prefix(host));
        let has_place = rest.is_some_and(|rest| rest.is_empty() || uri.port_u16().is_some());
        let good = is_websocket && has_place && !text.contains('#');
        if good {
            Ok(Self::Url(text.to_owned()))
        } else {
            Err(not::<Self>(shown))
        }
    }
}

const USER_INFORMATION: &str = "a target's URL has no user name or password; the header `Authorization` or the section `auth` of a connection says who \
     its clients are";

impl Quantity for Arrivals {
    const EXPECTED: &'static str = "`constant` or `poisson`";

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "constant" => Ok(Self::Constant),
            "poisson" => Ok(Self::Poisson),
            _ => Err(not::<Self>(text)),
        }
    }
}

/// A share relative to others.
#[derive(Debug)]
pub(super) struct Weight(pub(super) u32);

impl Quantity for Weight {
    const EXPECTED: &'static str = "a whole number from 1 to 1000000";

    fn read(text: &str) -> Result<Self, String> {
        let weight = text
            .parse()
            .ok()
            .filter(|weight| (1..=1_000_000).contains(weight));
        weight.map(Self).ok_or_else(|| not::<Self>(text))
    }
}

/// How many rounds a loop has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    Forever,
    AtMost(u64),
}

impl Quantity for Times {
    const EXPECTED: &'static str = "a count of at least 1, such as 10, or `forever`";

    fn read(text: &str) -> Result<Self, String> {
        match (text, text.parse::<Count>()) {
            ("forever", _) => Ok(Self::Forever),
            (_, Ok(Count(times))) if times > 0 => Ok(Self::AtMost(times)),
            _ => Err(not::<Self>(text)),
        }
    }
}

/// A standard deviation of logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Deviation(pub(super) f64);

impl Quantity for Deviation {
    const EXPECTED: &'static str = "a number from 0 to 10, such as 0.5";

    fn read(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| (0.0..=10.0).contains(number));
        number.map(Self).ok_or_else(|| not::<Self>(text))
    }
}

impl Quantity for char {
    const EXPECTED: &'static str = "one ASCII character, such as `;` or `tab`";

    fn read(text: &str) -> Result<Self, String> {
        match (text, text.as_bytes()) {
            ("tab", _) => Ok('\t'),
            (_, [byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(char::from(*byte)),
            _ => Err(not::<Self>(text)),
        }
    }
}

impl Quantity for ReadRate {
    const EXPECTED: &'static str = "`unlimited`, `0` or a size per second such as 16KiB/s";

    fn read(text: &str) -> Result<Self, String> {
        match (text, text.strip_suffix("/s")) {
            ("unlimited", _) => Ok(Self::Unlimited),
            ("0", _) => Ok(Self::PerSecond(0)),
            (_, Some(size)) => match size.parse() {
                Ok(ByteSize(bytes)) => Ok(Self::PerSecond(bytes)),
                Err(_) => Err(not::<Self>(text)),
            },
            _ => Err(not::<Self>(text)),
        }
    }
}

/// What happens when there is no further row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exhausted {
    /// The client leaves.
    Stop,
    /// It goes on with the first row.
    Wrap,
}

impl Quantity for Exhausted {
    const EXPECTED: &'static str = "`wrap` or `stop`";

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "wrap" => Ok(Self::Wrap),
            "stop" => Ok(Self::Stop),
            _ => Err(not::<Self>(text)),
        }
    }
}

/// What shows that a message was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeAnswer {
    /// The pong to a ping after it.
    Pong,
    /// Its echo.
    Echo,
}

impl Quantity for ProbeAnswer {
    const EXPECTED: &'static str = "`pong` or `echo`";

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "pong" => Ok(Self::Pong),
            "echo" => Ok(Self::Echo),
            _ => Err(not::<Self>(text)),
        }
    }
}

/// Who keeps a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Flow,
    Client,
}

impl Quantity for Holder {
    const EXPECTED: &'static str = "`flow` or `client`";

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "flow" => Ok(Self::Flow),
            "client" => Ok(Self::Client),
            _ => Err(not::<Self>(text)),
        }
    }
}

impl Quantity for RowOrder {
    const EXPECTED: &'static str = "`sequential`, `shared` or `random`";

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "sequential" => Ok(Self::Sequential),
            "shared" => Ok(Self::Shared),
            "random" => Ok(Self::Random),
            _ => Err(not::<Self>(text)),
        }
    }
}

impl Quantity for Algorithm {
    const EXPECTED: &'static str =
        "one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 and EdDSA";

    fn read(text: &str) -> Result<Self, String> {
        Self::named(text).ok_or_else(|| not::<Self>(text))
    }
}

/// A token of HTTP (RFC 9110 5.6.2), such as a subprotocol.
#[derive(Debug)]
pub(super) struct Token(pub(super) String);

impl Quantity for Token {
    const EXPECTED: &'static str = "a token: letters, digits and !#$%&'*+-.^_`|~";

    fn read(text: &str) -> Result<Self, String> {
        if is_token(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(not::<Self>(text))
        }
    }
}

/// Whether HTTP takes it as a name (RFC 9110 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_part)
}

/// A host name as TLS knows it.
#[derive(Debug)]
pub(super) struct ServerName(pub(super) String);

impl Quantity for ServerName {
    const EXPECTED: &'static str = "a host name such as example.com";

    fn read(text: &str) -> Result<Self, String> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        let clean = !text.is_empty() && text.len() <= 253 && text.bytes().all(is_part);
        if clean {
            Ok(Self(text.to_owned()))
        } else {
            Err(not::<Self>(text))
        }
    }
}

/// The status of a Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseStatus {
    /// An empty Close frame.
    None,
    Code(u16),
}

/// RFC 6455 7.4 and the codes registered since: 1004 to 1006 and 1015 must not be sent, 1016 to 2999 are reserved.
impl Quantity for CloseStatus {
    const EXPECTED: &'static str =
        "a close code that may be sent: 1000-1003, 1007-1014, 3000-4999, or `none` for an empty Close frame";

    fn read(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "none" => Ok(Self::None),
            Ok(code @ (1000..=1003 | 1007..=1014 | 3000..=4999)) => Ok(Self::Code(code)),
            _ => Err(not::<Self>(text)),
        }
    }
}

/// The largest number of source addresses that one entry may stand for.
pub(super) const MAX_SOURCE_ADDRESSES: usize = 65_536;

/// An address, or all host addresses of a CIDR range.
#[derive(Debug)]
pub(super) struct AddressRange(pub(super) Vec<IpAddr>);

impl Quantity for AddressRange {
    const EXPECTED: &'static str = "an IP address such as 127.0.0.2 or a range such as 127.0.0.0/28";

    fn read(text: &str) -> Result<Self, String> {
        let Some((base, prefix)) = text.split_once('/') else {
            return text
                .parse()
                .map(|address| Self(vec![address]))
                .map_err(|_| not::<Self>(text));
        };
        let base: IpAddr = base.parse().map_err(|_| not::<Self>(text))?;
        let prefix: u32 = prefix.parse().map_err(|_| not::<Self>(text))?;
        let bits: u32 = if base.is_ipv4() { 32 } else { 128 };
        let host_bits = bits.checked_sub(prefix).ok_or_else(|| not::<Self>(text))?;
        if host_bits > MAX_SOURCE_ADDRESSES.ilog2() {
            return Err(format!(
                "`{text}` is more than {MAX_SOURCE_ADDRESSES} addresses; write a longer prefix"
            ));
        }
        Ok(Self(hosts(base, host_bits)))
    }
}

/// In IPv4 the first address of a range names the network and the last is its broadcast (but RFC 3021: not in /31).
fn hosts(base: IpAddr, host_bits: u32) -> Vec<IpAddr> {
    let count = 1_u32 << host_bits;
    match base {
        IpAddr::V4(base) => {
            let first = u32::from(base) & !(count - 1);
            let inner = if host_bits >= 2 { 1..count - 1 } else { 0..count };
            inner.map(|host| Ipv4Addr::from(first | host).into()).collect()
        }
        IpAddr::V6(base) => {
            let first = u128::from(base) & !u128::from(count - 1);
            (0..count)
                .map(|host| Ipv6Addr::from(first | u128::from(host)).into())
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_can_be_scaled() {
        assert_eq!(Duration::read("120s * 0.05"), Ok(Duration::from_secs(6)));
        assert_eq!(Duration::read("1h*0.5 * 0.5"), Ok(Duration::from_secs(900)));
        for text in ["120s *", "* 2", "120s * -1", "120s * x", "120 * 2", "1d * inf"] {
            assert!(Duration::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_expand_to_their_hosts() {
        let count = |text| AddressRange::read(text).unwrap().0.len();
        assert_eq!(
            AddressRange::read("127.0.0.5/30").unwrap().0,
            ["127.0.0.5", "127.0.0.6"].map(|a| a.parse::<IpAddr>().unwrap())
        );
        assert_eq!(count("10.0.0.0/31"), 2);
        assert_eq!(count("10.0.0.1/32"), 1);
        assert_eq!(count("::1"), 1);
        assert_eq!(count("fd00::/120"), 256);
        assert_eq!(count("10.0.0.0/16"), 65_534);
        for text in [
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0/8",
            "fd00::/64",
            "10.0.0.0/8",
            "localhost",
        ] {
            assert!(AddressRange::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn close_codes_are_those_that_may_be_sent() {
        for text in ["1000", "1001", "1014", "3000", "4999"] {
            assert!(
                matches!(CloseStatus::read(text), Ok(CloseStatus::Code(_))),
                "{text}"
            );
        }
        for text in [
            "999", "1004", "1005", "1006", "1015", "2999", "5000", "-1", "x", "99999",
        ] {
            assert!(CloseStatus::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn targets_are_websocket_urls() {
        for text in [
            "embedded",
            "ws://localhost",
            "wss://[::1]:9443/chat?x=1",
            "ws://127.0.0.1:9001",
        ] {
            assert!(TargetSpec::read(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "http://localhost",
            "ws://",
            "localhost:80",
            "ws://host:port",
            "ws://host:99999",
            "ws://host:",
            "ws://user@host",
            "ws://h/#x",
            "ws://a b",
        ] {
            assert!(TargetSpec::read(text).is_err(), "{text}");
        }
    }
}
