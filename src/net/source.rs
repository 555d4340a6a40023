//! [`SourceAddresses`]: the local addresses to connect from, one for each client.
//!
//! Between one local address and one server port there are some 28,000 connections at most, because each needs a
//! source port of its own. More need more local addresses; on loopback all of 127.0.0.0/8 will do.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;

/// The most addresses that a list may expand to.
const MAX_ADDRESSES: u32 = 65_536;

/// Local addresses, IPv4 and IPv6 apart. Empty means that the system chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceAddresses {
    v4: Arc<[Ipv4Addr]>,
    v6: Arc<[Ipv6Addr]>,
}

/// What is wrong with a list of source addresses.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Neither an address nor a network.
    #[error("`{0}` is neither a local address nor a network such as 127.0.0.0/28")]
    Syntax(String),
    /// A list or network that expands to too many addresses.
    #[error("`{0}` has more than 65536 addresses")]
    TooMany(String),
    /// An address that is not this machine's.
    #[error("cannot connect from {address}: it is no address of this machine ({source})")]
    NotLocal {
        /// The address.
        address: IpAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Only addresses of the other family were given.
    #[error("cannot connect to {remote}: all source addresses are {}", if .remote.is_ipv4() { "IPv6" } else { "IPv4" })]
    Family {
        /// Where the connection was to go.
        remote: SocketAddr,
    },
}

impl SourceAddresses {
    /// These addresses in this order.
    #[must_use]
    pub fn new(addresses: &[IpAddr]) -> Self {
        let v4 = addresses.iter().filter_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        });
        let v6 = addresses.iter().filter_map(|address| match address {
            IpAddr::V6(address) => Some(*address),
            IpAddr::V4(_) => None,
        });
        Self {
            v4: v4.collect(),
            v6: v6.collect(),
        }
    }

    /// Reads addresses and networks separated by commas: `127.0.0.1,127.0.1.0/24,::1`. An IPv4 network of four or more
    /// addresses is taken without its first and last one, which are no hosts' addresses.
    ///
    /// # Errors
    /// The first element that is neither, or a list beyond 65536 addresses.
    pub fn parse(list: &str) -> Result<Self, SourceError> {
        let mut addresses = Vec::new();
        for element in list
            .split(',')
            .map(str::trim)
            .filter(|element| !element.is_empty())
        {
            expand(element, &mut addresses)?;
            if addresses.len() > MAX_ADDRESSES as usize {
                return Err(SourceError::TooMany(list.to_owned()));
            }
        }
        Ok(Self::new(&addresses))
    }

    /// How many addresses there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Whether the system chooses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All addresses, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.iter().copied().map(IpAddr::V4);
        v4.chain(self.v6.iter().copied().map(IpAddr::V6))
    }

    /// Binds each address once, to tell before a run that one of them is not ours.
    ///
    /// # Errors
    /// The first address that cannot be bound.
    pub fn check(&self) -> Result<(), SourceError> {
        self.iter()
            .try_for_each(|address| match TcpListener::bind((address, 0)) {
                Ok(_) => Ok(()),
                Err(source) => Err(SourceError::NotLocal { address, source }),
            })
    }

    /// The address from which the client of this number reaches `remote`, the same each time; `None` leaves the choice to
    /// the system.
    ///
    /// # Errors
    /// Addresses were given, but none of `remote`'s family.
    pub fn of_client(&self, client: u64, remote: SocketAddr) -> Result<Option<IpAddr>, SourceError> {
        if self.is_empty() {
            return Ok(None);
        }
        let own = match remote {
            SocketAddr::V4(_) => pick(&self.v4, client).map(IpAddr::V4),
            SocketAddr::V6(_) => pick(&self.v6, client).map(IpAddr::V6),
        };
        own.map(Some).ok_or(SourceError::Family { remote })
    }
}

/// The client's address. Clients are numbered one by one, so each address has as many as the others.
fn pick<A: Copy>(addresses: &[A], client: u64) -> Option<A> {
    let at = client.checked_rem(addresses.len() as u64)?;
    addresses.get(at as usize).copied()
}

fn expand(element: &str, addresses: &mut Vec<IpAddr>) -> Result<(), SourceError> {
    let syntax = || SourceError::Syntax(element.to_owned());
    let Some((network, prefix)) = element.split_once('/') else {
        addresses.push(element.parse().map_err(|_| syntax())?);
        return Ok(());
    };
    let network: IpAddr = network.parse().map_err(|_| syntax())?;
    let width = if network.is_ipv4() { 32 } else { 128 };
    let prefix: u32 = prefix
        .parse()
        .ok()
        .filter(|prefix| *prefix <= width)
        .ok_or_else(syntax)?;
    let host_bits = width - prefix;
    if host_bits > MAX_ADDRESSES.ilog2() {
        return Err(SourceError::TooMany(element.to_owned()));
    }
    let count = 1_u32 << host_bits;
    let hosts = if network.is_ipv4() && count >= 4 {
        1..count - 1
    } else {
        0..count
    };
    addresses.extend(hosts.map(|host| match network {
        IpAddr::V4(network) => IpAddr::V4(Ipv4Addr::from(u32::from(network) & !(count - 1) | host)),
        IpAddr::V6(network) => IpAddr::V6(Ipv6Addr::from(
            u128::from(network) & !u128::from(count - 1) | u128::from(host),
        )),
    }));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn list(text: &str) -> Vec<String> {
        SourceAddresses::parse(text)
            .unwrap()
            .iter()
            .map(|address| address.to_string())
            .collect()
    }

    #[test]
    fn addresses_and_networks_expand() {
        assert_eq!(list("127.0.0.1, 127.0.0.7"), ["127.0.0.1", "127.0.0.7"]);
        assert_eq!(list("127.0.0.9/30"), ["127.0.0.9", "127.0.0.10"]);
        assert_eq!(list("10.0.0.0/31"), ["10.0.0.0", "10.0.0.1"]);
        assert_eq!(
            list("fd00::4/127,10.0.0.1/32"),
            ["10.0.0.1", "fd00::4", "fd00::5"]
        );
        assert_eq!(SourceAddresses::parse("127.0.0.0/16").unwrap().len(), 65_534);
        assert!(SourceAddresses::parse("").unwrap().is_empty());
    }

    #[test]
    fn errors_name_the_element() {
        for text in ["localhost", "127.0.0.1/33", "127.0.0.1/x", "127.0.0/8", "::/129"] {
            let error = SourceAddresses::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("`{text}` is neither a local address")),
                "{error}"
            );
        }
        for text in ["10.0.0.0/8", "::/0", "10.0.0.0/16,10.1.0.0/16"] {
            assert!(
                matches!(SourceAddresses::parse(text), Err(SourceError::TooMany(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn only_local_addresses_pass_the_check() {
        assert!(SourceAddresses::parse("127.0.0.1").unwrap().check().is_ok());
        // RFC 5737: 192.0.2.0/24 is nobody's.
        let error = SourceAddresses::parse("127.0.0.1,192.0.2.1")
            .unwrap()
            .check()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("cannot connect from 192.0.2.1: it is no address of this machine"),
            "{error}"
        );
    }

    #[test]
    fn each_client_has_its_own_address_of_the_remote_family() {
        let sources = SourceAddresses::parse("127.0.0.1,127.0.0.2,127.0.0.3,127.0.0.4,::1").unwrap();
        let remote = "127.0.0.1:80".parse().unwrap();
        let of = |client| sources.of_client(client, remote).unwrap();
        let seen: HashSet<_> = (0..4).map(of).collect();
        assert_eq!(seen.len(), 4);
        assert_eq!((of(1), of(5)), (of(1), of(1)));
        assert_eq!(
            sources.of_client(3, "[::1]:80".parse().unwrap()).unwrap(),
            Some(IpAddr::V6(Ipv6Addr::LOCALHOST))
        );
    }

    #[test]
    fn without_addresses_the_system_chooses_and_the_wrong_family_is_an_error() {
        let remote = "127.0.0.1:80".parse().unwrap();
        assert_eq!(SourceAddresses::default().of_client(7, remote).unwrap(), None);
        let error = SourceAddresses::parse("::1")
            .unwrap()
            .of_client(0, remote)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot connect to 127.0.0.1:80: all source addresses are IPv6"
        );
    }
}
