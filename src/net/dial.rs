//! [`dial`]: all phases of opening a connection in order, for ordinary asynchronous use: health checks, probes, the
//! interactive client. The load engine's reactor drives the same parts without tokio.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::resolve::{ResolveError, resolve};
use super::socket::{ConnectError, SocketOptions, finish_connect, start_connect};
use super::stream::Stream;
use super::target::Target;
use super::timings::{Phase, PhaseTimings};
use super::tls::{self, TlsError};
use crate::clock::{self, Moment};
use crate::wire::handshake::{
    ClientHandshake, ClientRequest, HandshakeError, HandshakeProgress, HandshakeRules, HeadLimits,
    RequestError, ServerResponse,
};

/// Bytes read at a time while the handshake's answer is awaited.
const READ_SIZE: usize = 4096;

/// How to open a connection.
#[derive(Clone, Debug)]
pub struct DialOptions {
    /// The local address to connect from; `None` leaves the choice to the system.
    pub source: Option<IpAddr>,
    /// Options of the TCP socket.
    pub socket: SocketOptions,
    /// How to do TLS; needed for `wss` only.
    pub tls: Option<Arc<ClientConfig>>,
    /// The name to present and to check instead of the URL's host.
    pub server_name: Option<String>,
    /// For all phases together.
    pub timeout: Duration,
    /// What the answer is held to.
    pub rules: HandshakeRules,
    /// How much of a head is read.
    pub limits: HeadLimits,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self {
            source: None,
            socket: SocketOptions::default(),
            tls: None,
            server_name: None,
            timeout: Duration::from_secs(10),
            rules: HandshakeRules::STRICT,
            limits: HeadLimits::default(),
        }
    }
}

/// An open WebSocket connection.
#[derive(Debug)]
pub struct Dialed {
    /// Where frames go and come from.
    pub stream: Stream,
    /// The server's address.
    pub remote: SocketAddr,
    /// The server's answer: headers, subprotocol, permessage-deflate.
    pub response: ServerResponse,
    /// Bytes that came right behind the answer: the first frames.
    pub leftover: Vec<u8>,
    /// How long each phase took.
    pub timings: PhaseTimings,
}

/// Why a connection could not be opened. Its text is one line for people.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The host has no address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No TCP connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// TLS is not set up for this target.
    #[error(transparent)]
    TlsSetup(#[from] TlsError),
    /// `wss` without a TLS configuration.
    #[error("{0} needs TLS, which is not configured")]
    TlsMissing(String),
    /// The TLS handshake failed.
    #[error("no TLS with {url}: {}", tls::explain_io(.source))]
    Tls {
        /// The target's URL.
        url: String,
        /// What failed.
        source: io::Error,
    },
    /// The request cannot be written.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The connection broke during the opening handshake.
    #[error("lost {url} during the WebSocket handshake: {}", tls::explain_io(.source))]
    Lost {
        /// The target's URL.
        url: String,
        /// What failed.
        source: io::Error,
    },
    /// The server's answer opens no connection.
    #[error("no WebSocket at {url}: {source} ({})", .source.section())]
    Handshake {
        /// The target's URL.
        url: String,
        /// What is wrong with the answer.
        source: HandshakeError,
    },
    /// The time is up.
    #[error("no connection to {url} within {after:?}: {phase} did not end")]
    Timeout {
        /// The target's URL.
        url: String,
        /// The phase that was under way.
        phase: Phase,
        /// The time that there was.
        after: Duration,
    },
    /// The task that resolves names could not run.
    #[error("cannot resolve names: {0}")]
    Blocking(#[from] tokio::task::JoinError),
}

/// Opens a WebSocket connection to `target` with `request`, which [`Target::request`] begins.
///
/// # Errors
/// The phase that failed, and why.
pub async fn dial(
    target: &Target,
    request: &ClientRequest,
    options: &DialOptions,
) -> Result<Dialed, DialError> {
    let dialer = Dialer {
        target,
        options,
        deadline: clock::now() + options.timeout,
    };
    let started = clock::now();
    let addresses = dialer.resolve().await?;
    let resolved = clock::now();
    let (tcp, remote) = dialer.connect(&addresses).await?;
    let connected = clock::now();
    let mut stream = dialer.secure(tcp).await?;
    let secured = clock::now();
    let (response, leftover) = dialer.upgrade(&mut stream, request).await?;
    let timings = PhaseTimings {
        resolve: resolved - started,
        tcp: connected - resolved,
        tls: target.secure.then(|| secured - connected),
        upgrade: clock::now() - secured,
    };
    Ok(Dialed {
        stream,
        remote,
        response,
        leftover,
        timings,
    })
}

struct Dialer<'a> {
    target: &'a Target,
    options: &'a DialOptions,
    deadline: Moment,
}

impl Dialer<'_> {
    fn url(&self) -> String {
        self.target.to_string()
    }

    /// Runs one phase within what is left of the time.
    async fn within<T>(
        &self,
        phase: Phase,
        work: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        let left = self.deadline - clock::now();
        tokio::time::timeout(left, work).await.unwrap_or_else(|_| {
            Err(DialError::Timeout {
                url: self.url(),
                phase,
                after: self.options.timeout,
            })
        })
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, DialError> {
        if let Some(address) = self.target.address() {
            return Ok(vec![SocketAddr::new(address, self.target.port)]);
        }
        let (host, port) = (self.target.host.clone(), self.target.port);
        let work = async { Ok(tokio::task::spawn_blocking(move || resolve(&host, port)).await??) };
        self.within(Phase::Resolve, work).await
    }

    /// Tries the addresses in turn; with a source address, only those of its family if there are any.
    async fn connect(&self, addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), DialError> {
        let source = self.options.source;
        let reachable =
            |address: &SocketAddr| source.is_none_or(|source| source.is_ipv4() == address.is_ipv4());
        let any = addresses.iter().any(reachable);
        let work = async {
            let mut failure = None;
            for &remote in addresses.iter().filter(|address| !any || reachable(address)) {
                match self.connect_to(remote).await {
                    Ok(stream) => return Ok((stream, remote)),
                    Err(error) => failure = Some(error),
                }
            }
            let unresolved = || {
                let remote = SocketAddr::from(([0; 4], self.target.port));
                ConnectError {
                    remote,
                    local: source,
                    source: io::ErrorKind::NotFound.into(),
                }
            };
            Err(failure.unwrap_or_else(unresolved).into())
        };
        self.within(Phase::Tcp, work).await
    }

    async fn connect_to(&self, remote: SocketAddr) -> Result<TcpStream, ConnectError> {
        let local = self.options.source;
        let failed = |source| ConnectError {
            remote,
            local,
            source,
        };
        let stream = start_connect(remote, local, &self.options.socket)?;
        let stream = TcpStream::from_std(stream).map_err(failed)?;
        stream.writable().await.map_err(failed)?;
        finish_connect(&stream, remote, local)?;
        Ok(stream)
    }

    async fn secure(&self, tcp: TcpStream) -> Result<Stream, DialError> {
        if !self.target.secure {
            return Ok(Stream::Plain(tcp));
        }
        let config = self
            .options
            .tls
            .as_ref()
            .ok_or_else(|| DialError::TlsMissing(self.url()))?;
        let name = tls::server_name(self.options.server_name.as_deref().unwrap_or(&self.target.host))?;
        let work = async {
            match TlsConnector::from(Arc::clone(config)).connect(name, tcp).await {
                Ok(stream) => Ok(Stream::Tls(Box::new(stream))),
                Err(source) => Err(DialError::Tls {
                    url: self.url(),
                    source,
                }),
            }
        };
        self.within(Phase::Tls, work).await
    }

    async fn upgrade(
        &self,
        stream: &mut Stream,
        request: &ClientRequest,
    ) -> Result<(ServerResponse, Vec<u8>), DialError> {
        let mut bytes = Vec::new();
        let mut handshake =
            ClientHandshake::with(request, self.options.rules, self.options.limits, &mut bytes)?;
        let lost = |source| DialError::Lost {
            url: self.url(),
            source,
        };
        let refused = |source| DialError::Handshake {
            url: self.url(),
            source,
        };
        let work = async {
            stream.write_all(&bytes).await.map_err(lost)?;
            stream.flush().await.map_err(lost)?;
            let mut buffer = vec![0; READ_SIZE];
            loop {
                let length = stream.read(&mut buffer).await.map_err(lost)?;
                if length == 0 {
                    return Err(refused(handshake.ended()));
                }
                match handshake.receive(&buffer[..length]).map_err(refused)? {
                    HandshakeProgress::NeedMore => {}
                    HandshakeProgress::Done { consumed, response } => {
                        return Ok((response, buffer[consumed..length].to_vec()));
                    }
                }
            }
        };
        self.within(Phase::Upgrade, work).await
    }
}

#[cfg(test)]
mod tests;
