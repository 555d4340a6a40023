//! The floor: a TCP server on epoll that writes back the bytes it reads and knows nothing of WebSocket.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    /// Bytes that the socket did not take yet.
    pending: Vec<u8>,
}

fn main() -> io::Result<()> {
    let mut listener = TcpListener::from_std(wsbench_peers::server::listen()?);
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut buffer = vec![0u8; 128 * 1024];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut connections, &mut free)?;
                continue;
            }
            let index = event.token().0;
            let Some(connection) = connections[index].as_mut() else {
                continue;
            };
            if !serve(connection, &mut buffer) {
                connections[index] = None;
                free.push(index);
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    connections: &mut Vec<Option<Connection>>,
    free: &mut Vec<usize>,
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let index = free.pop().unwrap_or_else(|| {
            connections.push(None);
            connections.len() - 1
        });
        poll.registry()
            .register(&mut stream, Token(index), Interest::READABLE | Interest::WRITABLE)?;
        connections[index] = Some(Connection {
            stream,
            pending: Vec::new(),
        });
    }
}

/// Echoes until the socket has nothing more or takes nothing more; false when the connection is over.
fn serve(connection: &mut Connection, buffer: &mut [u8]) -> bool {
    loop {
        while !connection.pending.is_empty() {
            match connection.stream.write(&connection.pending) {
                Ok(written) => drop(connection.pending.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
        let read = match connection.stream.read(buffer) {
            Ok(0) => return false,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
            Err(_) => return false,
        };
        let written = match connection.stream.write(&buffer[..read]) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => return false,
        };
        if written < read {
            connection.pending.extend_from_slice(&buffer[written..read]);
        } else if read < buffer.len() {
            // A short read emptied the socket: asking again would only cost a system call.
            return true;
        }
    }
}
