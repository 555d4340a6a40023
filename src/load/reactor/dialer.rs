//! [`Dialer`]: which clients connect next, how many at once, from and to which address.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mio::net::TcpStream;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::metrics::ErrorClass;

/// Where all clients of a run connect to, resolved.
#[derive(Debug)]
pub struct Endpoint {
    addresses: Vec<SocketAddr>,
    /// Index of the address that worked last: a name such as `localhost` may have one nobody listens on.
    preferred: AtomicUsize,
    /// Present for wss.
    pub(super) tls: Option<TlsEndpoint>,
}

/// How to speak TLS with the target.
#[derive(Clone, Debug)]
pub struct TlsEndpoint {
    /// Roots, client certificate, ALPN.
    pub config: Arc<ClientConfig>,
    /// The name that is presented (SNI) and verified.
    pub server_name: ServerName<'static>,
}

impl Endpoint {
    /// `addresses` are tried in order until one accepts.
    #[must_use]
    pub fn new(addresses: Vec<SocketAddr>, tls: Option<TlsEndpoint>) -> Self {
        Self { addresses, preferred: AtomicUsize::new(0), tls }
    }

    /// The address of the `attempt`-th try of a connect, or `None` after the last.
    fn address(&self, attempt: u8) -> Option<SocketAddr> {
        let tried = usize::from(attempt);
        let first = self.preferred.load(Ordering::Relaxed);
        (tried < self.addresses.len()).then(|| self.addresses[(first + tried) % self.addresses.len()])
    }

    /// The `attempt`-th address accepted.
    pub(super) fn accepted(&self, attempt: u8) {
        if attempt > 0 {
            let first = self.preferred.load(Ordering::Relaxed);
            let worked = (first + usize::from(attempt)) % self.addresses.len();
            // If another worker found one at the same time, either will do.
            let _ = self.preferred.compare_exchange(first, worked, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

/// The queue before the target's door.
#[derive(Debug)]
pub(super) struct Dialer {
    queue: VecDeque<u32>,
    /// Connects that have not come to an open connection or failed yet.
    under_way: usize,
    limit: usize,
    sources: Vec<IpAddr>,
    next_source: usize,
}

impl Dialer {
    /// At most `limit` connects, but at least one, are under way at once; they come from `sources` in turn.
    pub(super) fn new(limit: usize, sources: Vec<IpAddr>) -> Self {
        Self { queue: VecDeque::new(), under_way: 0, limit: limit.max(1), sources, next_source: 0 }
    }

    pub(super) fn enqueue(&mut self, key: u32) {
        self.queue.push_back(key);
    }

    /// The next client whose turn it is. The caller reports the end of what it begins with [`ended`](Self::ended).
    pub(super) fn next(&mut self) -> Option<u32> {
        if self.under_way >= self.limit {
            return None;
        }
        self.queue.pop_front()
    }

    pub(super) const fn begun(&mut self) {
        self.under_way += 1;
    }

    pub(super) const fn ended(&mut self) {
        self.under_way -= 1;
    }

    /// Begins a connect to the `attempt`-th address, or `None` after the last.
    pub(super) fn connect(&mut self, endpoint: &Endpoint, attempt: u8) -> Option<io::Result<TcpStream>> {
        let address = endpoint.address(attempt)?;
        let source = self.source_for(address);
        Some(crate::net::connect_nonblocking(address, source).map(TcpStream::from_std))
    }

    /// The next local address of the same family.
    fn source_for(&mut self, address: SocketAddr) -> Option<IpAddr> {
        for _ in 0..self.sources.len() {
            let source = self.sources[self.next_source % self.sources.len()];
            self.next_source = self.next_source.wrapping_add(1);
            if source.is_ipv4() == address.is_ipv4() {
                return Some(source);
            }
        }
        None
    }
}

/// The class of a failed connect, and what to tell about it.
pub(super) fn describe(error: &io::Error) -> (ErrorClass, String) {
    let class = match error.kind() {
        io::ErrorKind::ConnectionRefused => ErrorClass::Refused,
        io::ErrorKind::TimedOut => ErrorClass::ConnectTimeout,
        _ => ErrorClass::Network,
    };
    let text = match error.raw_os_error() {
        Some(libc::EADDRNOTAVAIL) => format!(
            "no local port or address is free ({error}): spread the connections over several source addresses or targets"
        ),
        Some(libc::EMFILE | libc::ENFILE) => format!("the limit of open files is reached ({error}): raise it or use fewer clients"),
        _ => error.to_string(),
    };
    (class, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(addresses: &[&str]) -> Endpoint {
        Endpoint::new(addresses.iter().map(|address| address.parse().unwrap()).collect(), None)
    }

    #[test]
    fn every_address_is_tried_once_beginning_with_the_one_that_worked() {
        let endpoint = endpoint(&["[::1]:80", "127.0.0.1:80", "127.0.0.2:80"]);
        let order = |endpoint: &Endpoint| (0..4).map_while(|n| endpoint.address(n)).map(|a| a.to_string()).collect::<Vec<_>>();
        assert_eq!(order(&endpoint), ["[::1]:80", "127.0.0.1:80", "127.0.0.2:80"]);
        endpoint.accepted(1);
        assert_eq!(order(&endpoint), ["127.0.0.1:80", "127.0.0.2:80", "[::1]:80"]);
        endpoint.accepted(0);
        assert_eq!(order(&endpoint)[0], "127.0.0.1:80");
    }

    #[test]
    fn sources_take_turns_within_their_family() {
        let sources = ["127.0.0.1", "::1", "127.0.0.2"].map(|address| address.parse().unwrap()).to_vec();
        let mut dialer = Dialer::new(1, sources);
        let mut from = |target: &str| dialer.source_for(target.parse().unwrap()).map(|source| source.to_string());
        assert_eq!(from("127.0.0.1:80").as_deref(), Some("127.0.0.1"));
        assert_eq!(from("127.0.0.1:80").as_deref(), Some("127.0.0.2"));
        assert_eq!(from("[::1]:80").as_deref(), Some("::1"));
        assert_eq!(Dialer::new(1, Vec::new()).source_for("127.0.0.1:80".parse().unwrap()), None);
    }

    #[test]
    fn no_more_connects_than_the_limit() {
        let mut dialer = Dialer::new(1, Vec::new());
        dialer.enqueue(7);
        dialer.enqueue(8);
        assert_eq!(dialer.next(), Some(7));
        dialer.begun();
        assert_eq!(dialer.next(), None);
        dialer.ended();
        assert_eq!(dialer.next(), Some(8));
    }

    #[test]
    fn local_limits_are_named() {
        let (class, text) = describe(&io::Error::from_raw_os_error(libc::EADDRNOTAVAIL));
        assert!(class == ErrorClass::Network && text.contains("source addresses"), "{text}");
        assert!(describe(&io::Error::from_raw_os_error(libc::EMFILE)).1.contains("open files"));
        assert_eq!(describe(&io::Error::from_raw_os_error(libc::ECONNREFUSED)).0, ErrorClass::Refused);
    }
}
