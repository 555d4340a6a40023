//! Listening and accepting.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::access::Access;
use super::error::ServerError;
use super::http;
use super::mode::ModeConfig;
use super::worker::Worker;
use crate::net;

/// The listeners of each worker, and the addresses that they listen on, in the configured order.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) by_worker: Vec<Vec<(Surface, std::net::TcpListener)>>,
    pub(crate) addresses: Vec<(Surface, SocketAddr)>,
}

/// What is served at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// All routes, inside TLS if that is configured; the administration only if it needs a token.
    Everything,
    /// Health and metrics, so that probes get through when everything else is full.
    Health,
    /// Health, metrics, journal and the administration.
    Admin,
}

impl Surface {
    /// The setting that lists its addresses.
    const fn setting(self) -> &'static str {
        match self {
            Self::Everything => "listen",
            Self::Health => "health_listen",
            Self::Admin => "admin.listen",
        }
    }

    /// Whether a route with this mode is there.
    pub(crate) fn shows(self, mode: &ModeConfig, admin: &Access) -> bool {
        match (self, mode) {
            (_, ModeConfig::Health | ModeConfig::HealthWebSocket | ModeConfig::Metrics) => true,
            (Self::Health, _) => false,
            (Self::Admin, mode) => matches!(
                mode,
                ModeConfig::Admin | ModeConfig::RelayAdmin(_) | ModeConfig::Journal
            ),
            (Self::Everything, ModeConfig::Admin) => admin.needs_token(),
            (Self::Everything, _) => true,
        }
    }
}

/// Only Linux spreads connections over sockets that share a port; elsewhere the workers share one socket.
const PORTS_SPREAD: bool = cfg!(target_os = "linux");

/// Opens every address for every worker.
///
/// # Errors
/// An address that is asked for twice, is taken, or is not ours.
pub(crate) fn listen(addresses: &[(Surface, SocketAddr)], workers: usize) -> Result<Listeners, ServerError> {
    refuse_repeated(addresses)?;
    let mut by_worker: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    let mut actual = Vec::new();
    for &(surface, address) in addresses {
        let sockets = listen_for_all(address, workers);
        let (sockets, address) = sockets.map_err(|source| ServerError::Bind { address, source })?;
        actual.push((surface, address));
        for (own, socket) in by_worker.iter_mut().zip(sockets) {
            own.push((surface, socket));
        }
    }
    Ok(Listeners {
        by_worker,
        addresses: actual,
    })
}

/// The system would say of an address that is asked for twice only that somebody listens there.
fn refuse_repeated(addresses: &[(Surface, SocketAddr)]) -> Result<(), ServerError> {
    let mut seen = HashSet::new();
    // Port 0 is another port each time.
    let mut fixed = addresses.iter().filter(|(_, address)| address.port() != 0);
    match fixed.find(|(_, address)| !seen.insert(address)) {
        Some(&(surface, address)) => Err(ServerError::ListenTwice {
            address,
            setting: surface.setting(),
        }),
        None => Ok(()),
    }
}

fn listen_for_all(
    address: SocketAddr,
    workers: usize,
) -> io::Result<(Vec<std::net::TcpListener>, SocketAddr)> {
    if !PORTS_SPREAD {
        let socket = net::listen(address, false)?;
        let local = socket.local_addr()?;
        let mut sockets = (1..workers)
            .map(|_| socket.try_clone())
            .collect::<io::Result<Vec<_>>>()?;
        sockets.push(socket);
        return Ok((sockets, local));
    }
    // A port that another server of this user shares could be shared without notice, and half of the connections
    // would go there; so a socket that does not share comes first.
    drop(net::listen(address, false)?);
    let first = net::listen(address, true)?;
    let local = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..workers {
        sockets.push(net::listen(local, true)?);
    }
    Ok((sockets, local))
}

/// Accepts connections, for ever. When the system has no more to give, it waits instead of asking again at once.
pub(crate) async fn accept(worker: Rc<Worker>, surface: Surface, listener: TcpListener) {
    let mut patience = Patience::default();
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => {
                patience = Patience::default();
                worker.metrics().accepted.add(1);
                tokio::task::spawn_local(http::serve(worker.clone(), surface, tcp, peer));
            }
            Err(error) => {
                worker.metrics().accept_errors.add(1);
                let pause = patience.next_pause();
                tracing::warn!(%error, ?pause, "cannot accept a connection; existing ones go on");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// How long to wait after one failure more.
#[derive(Debug, Default)]
struct Patience {
    failures: u32,
}

impl Patience {
    /// 5 ms, doubled with each failure, a second at most.
    fn next_pause(&mut self) -> Duration {
        let pause = Duration::from_millis(5 << self.failures.min(8));
        self.failures += 1;
        pause.min(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> (Surface, SocketAddr) {
        (Surface::Everything, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    #[test]
    fn every_worker_gets_a_socket_for_every_address() {
        let listeners = listen(&[any(), any()], 3).unwrap();
        assert_eq!(listeners.addresses.len(), 2);
        assert_ne!(listeners.addresses[0].1.port(), 0);
        for own in &listeners.by_worker {
            let ports: Vec<_> = own
                .iter()
                .map(|(surface, socket)| (*surface, socket.local_addr().unwrap()))
                .collect();
            assert_eq!(ports, listeners.addresses);
        }
    }

    #[test]
    fn an_address_that_is_asked_for_twice_is_told_before_any_is_opened() {
        let taken = listen(&[any()], 1).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        for (again, setting) in [
            (Surface::Everything, "listen"),
            (Surface::Health, "health_listen"),
            (Surface::Admin, "admin.listen"),
        ] {
            let twice = [
                taken.addresses[0],
                (Surface::Everything, address),
                (again, address),
            ];
            let error = listen(&twice, 2).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "cannot listen on 127.0.0.1:9 twice: `{setting}` asks for it again; give each address once, \
                     or port 0 for any free one"
                )
            );
        }
    }

    #[test]
    fn a_second_server_on_the_same_port_is_refused_although_workers_share_it() {
        let first = listen(&[any()], 2).unwrap();
        let error = listen(&first.addresses, 2).unwrap_err().to_string();
        let address = first.addresses[0].1;
        assert!(
            error.starts_with(&format!(
                "cannot listen on {address}: another process listens there"
            )),
            "{error}"
        );
    }

    #[test]
    fn pauses_grow_to_a_second() {
        let mut patience = Patience::default();
        let pauses: Vec<_> = (0..10).map(|_| patience.next_pause().as_millis()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
    }
}
