//! Names to addresses, by the system's resolver.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// A host name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve host `{host}`: {}", plain(.source))]
pub struct ResolveError {
    host: String,
    source: io::Error,
}

/// All addresses of `host`, in the system's order of preference. Blocks while the system asks around; an address
/// in place of a name costs nothing.
///
/// # Errors
/// A name that the system cannot resolve, or that has no address.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failed = |source| ResolveError {
        host: host.to_owned(),
        source,
    };
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(failed)?.collect();
    if addresses.is_empty() {
        return Err(failed(io::Error::new(
            io::ErrorKind::NotFound,
            "it has no address",
        )));
    }
    Ok(addresses)
}

/// The resolver's message without the prefix that std puts before it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_resolve_to_themselves() {
        assert_eq!(
            resolve("127.0.0.1", 80).unwrap(),
            ["127.0.0.1:80".parse().unwrap()]
        );
        assert_eq!(resolve("::1", 81).unwrap(), ["[::1]:81".parse().unwrap()]);
    }

    #[test]
    fn localhost_is_a_loopback_address() {
        let addresses = resolve("localhost", 9001).unwrap();
        assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()));
    }

    #[test]
    fn an_unknown_name_is_one_clear_line() {
        // RFC 6761 6.4: names under `.invalid` never resolve.
        let text = resolve("nobody.invalid", 80).unwrap_err().to_string();
        assert!(
            text.starts_with("cannot resolve host `nobody.invalid`: "),
            "{text}"
        );
        assert!(!text.contains('\n') && !text.contains("lookup address"), "{text}");
    }
}
