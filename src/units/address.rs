//! [`PortRange`] and [`AddressRange`]: ports to listen on, written as `8000` or `8000-8099`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::{UnitError, deserialize_from_notation};

const EXPECTED_PORTS: &str = "a port or a range of ports (examples: 9001, 8000-8099)";
const EXPECTED_ADDRESSES: &str =
    "an address with a port or a range of ports (examples: 127.0.0.1:9001, [::1]:8000-8099)";

/// Neighbouring TCP ports, both ends included. Port 0 takes a free one, so no range begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// The ports, in order.
    pub fn ports(self) -> impl Iterator<Item = u16> {
        self.first..=self.last
    }
}

impl FromStr for PortRange {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let parse = || {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first == last || (first != 0 && first < last)).then_some(Self { first, last })
        };
        parse().ok_or_else(|| UnitError::new(text, EXPECTED_PORTS))
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last > self.first {
            write!(f, "-{}", self.last)?;
        }
        Ok(())
    }
}

/// An IP address and neighbouring ports of it: `127.0.0.1:9001`, `[::1]:8000-8099`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    /// The address.
    pub ip: IpAddr,
    /// Its ports.
    pub ports: PortRange,
}

impl AddressRange {
    /// Each port's address, in order.
    pub fn addresses(self) -> impl Iterator<Item = SocketAddr> {
        self.ports.ports().map(move |port| SocketAddr::new(self.ip, port))
    }
}

impl FromStr for AddressRange {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let parse = || {
            let (host, ports) = text.rsplit_once(':')?;
            // As in a URL, an IPv6 address stands in brackets, and only that.
            let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let ip = match inner {
                Some(inner) => IpAddr::V6(inner.parse().ok()?),
                None => IpAddr::V4(host.parse().ok()?),
            };
            Some(Self {
                ip,
                ports: ports.parse().ok()?,
            })
        };
        parse().ok_or_else(|| UnitError::new(text, EXPECTED_ADDRESSES))
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            IpAddr::V4(ip) => write!(f, "{ip}:{}", self.ports),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.ports),
        }
    }
}

deserialize_from_notation!(AddressRange, "an address and its ports", from_integer: |_| None);

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        let range: AddressRange = text.parse().unwrap();
        assert_eq!(range.to_string(), text);
        range.addresses().map(|address| address.to_string()).collect()
    }

    #[test]
    fn ranges_name_each_port() {
        assert_eq!(
            addresses("127.0.0.1:8000-8002"),
            ["127.0.0.1:8000", "127.0.0.1:8001", "127.0.0.1:8002"]
        );
        assert_eq!(addresses("[::1]:9001"), ["[::1]:9001"]);
        assert_eq!(addresses("0.0.0.0:0"), ["0.0.0.0:0"]);
        let all: PortRange = "1-65535".parse().unwrap();
        assert_eq!(all.ports().count(), 65_535);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "127.0.0.1",
            "127.0.0.1:",
            "::1:80",
            "localhost:80",
            "127.0.0.1:9-8",
            "127.0.0.1:0-5",
            "127.0.0.1:1-65536",
            "[127.0.0.1]:80",
        ] {
            let error = text.parse::<AddressRange>().unwrap_err().to_string();
            assert!(error.contains("8000-8099"), "{text}: {error}");
        }
    }
}
