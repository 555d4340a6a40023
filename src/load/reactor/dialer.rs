//! [`Dialer`]: which clients connect next, how many at once, from and to which address.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mio::net::TcpStream;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::metrics::ErrorClass;
use crate::net::{ConnectError, SocketOptions, SourceAddresses, start_connect};

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
        Self {
            addresses,
            preferred: AtomicUsize::new(0),
            tls,
        }
    }

    /// The address of the `attempt`-th try of a connect, or `None` after the last.
    pub(super) fn address(&self, attempt: u8) -> Option<SocketAddr> {
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
            let _ = self
                .preferred
                .compare_exchange(first, worked, Ordering::Relaxed, Ordering::Relaxed);
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
    sources: SourceAddresses,
}

impl Dialer {
    /// At most `limit` connects, but at least one, are under way at once; each client has one of `sources`.
    pub(super) fn new(limit: usize, sources: SourceAddresses) -> Self {
        Self {
            queue: VecDeque::new(),
            under_way: 0,
            limit: limit.max(1),
            sources,
        }
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

    pub(super) const fn under_way(&self) -> u64 {
        self.under_way as u64
    }

    pub(super) const fn begun(&mut self) {
        self.under_way += 1;
    }

    pub(super) const fn ended(&mut self) {
        self.under_way -= 1;
    }

    /// Begins a connect of the client with this number to the `attempt`-th address, or `None` after the last.
    pub(super) fn connect(
        &self,
        client: u64,
        endpoint: &Endpoint,
        attempt: u8,
        options: &SocketOptions,
    ) -> Option<Result<TcpStream, DialFailure>> {
        let remote = endpoint.address(attempt)?;
        let source = self
            .sources
            .of_client(client, remote)
            .map_err(|error| (ErrorClass::Network, error.to_string()));
        let connect = |local| start_connect(remote, local, options).map_err(|error| describe(&error));
        Some(source.and_then(connect).map(TcpStream::from_std))
    }
}

/// The class of a failed connect, and what to tell about it.
pub(super) type DialFailure = (ErrorClass, String);

/// What the system says when it has no file or memory for another socket.
const NOTHING_LEFT: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];

/// Classifies a failed connect.
pub(super) fn describe(error: &ConnectError) -> DialFailure {
    let class = match error.source.kind() {
        io::ErrorKind::ConnectionRefused => ErrorClass::Refused,
        io::ErrorKind::TimedOut => ErrorClass::ConnectTimeout,
        // No port was free. With a source address of its own a socket learns that when it is bound.
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse => ErrorClass::Exhausted,
        _ if error
            .source
            .raw_os_error()
            .is_some_and(|code| NOTHING_LEFT.contains(&code)) =>
        {
            ErrorClass::Exhausted
        }
        _ => ErrorClass::Network,
    };
    (class, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(addresses: &[&str]) -> Endpoint {
        Endpoint::new(
            addresses.iter().map(|address| address.parse().unwrap()).collect(),
            None,
        )
    }

    #[test]
    fn every_address_is_tried_once_beginning_with_the_one_that_worked() {
        let endpoint = endpoint(&["[::1]:80", "127.0.0.1:80", "127.0.0.2:80"]);
        let order = |endpoint: &Endpoint| {
            (0..4)
                .map_while(|n| endpoint.address(n))
                .map(|a| a.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(order(&endpoint), ["[::1]:80", "127.0.0.1:80", "127.0.0.2:80"]);
        endpoint.accepted(1);
        assert_eq!(order(&endpoint), ["127.0.0.1:80", "127.0.0.2:80", "[::1]:80"]);
        endpoint.accepted(0);
        assert_eq!(order(&endpoint)[0], "127.0.0.1:80");
    }

    #[test]
    fn no_more_connects_than_the_limit() {
        let mut dialer = Dialer::new(1, SourceAddresses::default());
        dialer.enqueue(7);
        dialer.enqueue(8);
        assert_eq!(dialer.next(), Some(7));
        dialer.begun();
        assert_eq!(dialer.next(), None);
        dialer.ended();
        assert_eq!(dialer.next(), Some(8));
    }

    #[test]
    fn failures_are_classified() {
        let class = |code| {
            let source = io::Error::from_raw_os_error(code);
            describe(&ConnectError {
                remote: "127.0.0.1:80".parse().unwrap(),
                local: None,
                source,
            })
            .0
        };
        assert_eq!(class(libc::ECONNREFUSED), ErrorClass::Refused);
        assert_eq!(class(libc::ETIMEDOUT), ErrorClass::ConnectTimeout);
        assert_eq!(class(libc::ENETUNREACH), ErrorClass::Network);
        for code in [
            libc::EADDRNOTAVAIL,
            libc::EADDRINUSE,
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOBUFS,
        ] {
            assert_eq!(class(code), ErrorClass::Exhausted, "{code}");
        }
    }
}
