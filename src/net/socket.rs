//! Sockets and their options: connecting without waiting, listening side by side, aborting.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::system;

/// How many connections may wait to be accepted. Linux caps it at `net.core.somaxconn` (4096 by default).
const BACKLOG: i32 = 8192;

/// Options of a socket that carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// Send small messages at once (`TCP_NODELAY`). On unless switched off: otherwise Nagle's algorithm is measured.
    pub nodelay: bool,
    /// Size of the kernel's send buffer in bytes; `None` leaves the system's.
    pub send_buffer: Option<usize>,
    /// Size of the kernel's receive buffer in bytes; `None` leaves the system's.
    pub recv_buffer: Option<usize>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            send_buffer: None,
            recv_buffer: None,
        }
    }
}

impl SocketOptions {
    /// Applies the options to a socket.
    ///
    /// # Errors
    /// An option that the system refuses.
    pub fn apply<S: AsFd>(&self, socket: &S) -> io::Result<()> {
        let socket = SockRef::from(socket);
        socket.set_tcp_nodelay(self.nodelay)?;
        if let Some(size) = self.send_buffer {
            socket.set_send_buffer_size(size)?;
        }
        if let Some(size) = self.recv_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        Ok(())
    }
}

/// A TCP connection that could not be opened, with the reason and what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {remote}{}: {}", from(.local.as_ref()), advice(.source))]
pub struct ConnectError {
    /// Where the connection was to go.
    pub remote: SocketAddr,
    /// The local address that was asked for.
    pub local: Option<IpAddr>,
    /// What the system said.
    pub source: io::Error,
}

fn from(local: Option<&IpAddr>) -> String {
    local
        .map(|address| format!(" from {address}"))
        .unwrap_or_default()
}

fn advice(error: &io::Error) -> String {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::ConnectionRefused, _) => "connection refused, nothing listens there".to_owned(),
        (io::ErrorKind::TimedOut, _) => "no answer, the packets may be filtered".to_owned(),
        (io::ErrorKind::AddrNotAvailable, _) => {
            "no free source port or no such local address, give more source addresses".to_owned()
        }
        (_, Some(libc::EMFILE)) => {
            "this process may not open more files, raise its limit (ulimit -n)".to_owned()
        }
        (_, Some(libc::ENFILE)) => {
            "the system may not open more files, raise its limit (fs.file-max)".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Starts to connect and does not wait: the stream becomes writable once it is connected or has failed, and
/// [`finish_connect`] tells which.
///
/// # Errors
/// A connection that fails at once.
pub fn start_connect(
    remote: SocketAddr,
    local: Option<IpAddr>,
    options: &SocketOptions,
) -> Result<TcpStream, ConnectError> {
    let attempt = || {
        let socket = Socket::new(Domain::for_address(remote), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        options.apply(&socket)?;
        if let Some(address) = local {
            // The port is then chosen when the remote end is known, so that one port can serve several remotes.
            system::defer_port_choice(&socket)?;
            socket.bind(&SocketAddr::new(address, 0).into())?;
        }
        match socket.connect(&remote.into()) {
            Err(error) if !is_in_progress(&error) => Err(error),
            _ => Ok(TcpStream::from(socket)),
        }
    };
    attempt().map_err(|source| ConnectError {
        remote,
        local,
        source,
    })
}

fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS) || error.kind() == io::ErrorKind::WouldBlock
}

/// How a connection started by [`start_connect`] turned out, once its stream is writable.
///
/// # Errors
/// Why it failed.
pub fn finish_connect<S: AsFd>(
    stream: &S,
    remote: SocketAddr,
    local: Option<IpAddr>,
) -> Result<(), ConnectError> {
    match SockRef::from(stream).take_error() {
        Ok(None) => Ok(()),
        Ok(Some(source)) | Err(source) => Err(ConnectError {
            remote,
            local,
            source,
        }),
    }
}

/// Listens without blocking. With `share_port`, other sockets may listen on the same port if they share it too, and
/// Linux spreads the connections evenly over them.
///
/// # Errors
/// An address that is not ours or is taken.
pub fn listen(address: SocketAddr, share_port: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // A restarted server takes its port back although old connections linger in TIME-WAIT.
    socket.set_reuse_address(true)?;
    if share_port {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Ends a connection with a reset instead of an orderly end. What was not sent yet is discarded, and no TIME-WAIT
/// remains.
pub fn abort<S: AsFd>(stream: S) {
    // Without the option the connection merely ends in order; there is nobody left to tell.
    let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    drop(stream);
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = listen(SocketAddr::new(LOOPBACK, 0), false).unwrap();
        listener.set_nonblocking(false).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Waits for the connection in the kernel: a blocking write of nothing would not.
    fn wait_writable(stream: &TcpStream) {
        let mut poll = mio::Poll::new().unwrap();
        let mut stream = mio::net::TcpStream::from_std(stream.try_clone().unwrap());
        poll.registry()
            .register(&mut stream, mio::Token(0), mio::Interest::WRITABLE)
            .unwrap();
        let mut events = mio::Events::with_capacity(1);
        poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert!(!events.is_empty());
    }

    #[test]
    fn connects_from_the_chosen_address_without_delay() {
        let (listener, address) = listener();
        let local: IpAddr = if cfg!(target_os = "linux") {
            "127.0.0.9".parse().unwrap()
        } else {
            LOOPBACK
        };
        let stream = start_connect(address, Some(local), &SocketOptions::default()).unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        assert_eq!(peer.ip(), local);
        wait_writable(&stream);
        finish_connect(&stream, address, Some(local)).unwrap();
        assert!(stream.nodelay().unwrap());
    }

    #[test]
    fn a_closed_port_is_one_clear_line() {
        let (listener, address) = listener();
        drop(listener);
        let error = match start_connect(address, None, &SocketOptions::default()) {
            Err(error) => error,
            Ok(stream) => {
                wait_writable(&stream);
                finish_connect(&stream, address, None).unwrap_err()
            }
        };
        let text = format!("cannot connect to {address}: connection refused, nothing listens there");
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn a_foreign_source_address_is_one_clear_line() {
        let (_listener, address) = listener();
        let foreign = "192.0.2.1".parse().unwrap();
        let error = start_connect(address, Some(foreign), &SocketOptions::default())
            .unwrap_err()
            .to_string();
        let text = format!(
            "cannot connect to {address} from 192.0.2.1: no free source port or no such local address"
        );
        assert!(error.starts_with(&text), "{error}");
    }

    #[test]
    fn several_listeners_share_a_port_on_demand() {
        let first = listen(SocketAddr::new(LOOPBACK, 0), true).unwrap();
        let address = first.local_addr().unwrap();
        listen(address, true).unwrap();
        assert_eq!(
            listen(address, false).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
    }

    #[test]
    fn an_abort_resets_the_connection() {
        let (listener, address) = listener();
        let stream = start_connect(address, None, &SocketOptions::default()).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        abort(stream);
        let error = accepted.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn buffer_sizes_are_applied() {
        let (_listener, address) = listener();
        let options = SocketOptions {
            send_buffer: Some(100_000),
            recv_buffer: Some(50_000),
            ..SocketOptions::default()
        };
        let stream = start_connect(address, None, &options).unwrap();
        let socket = SockRef::from(&stream);
        // Linux reports twice what was asked for.
        assert!((100_000..=200_000).contains(&socket.send_buffer_size().unwrap()));
        assert!((50_000..=100_000).contains(&socket.recv_buffer_size().unwrap()));
    }
}
