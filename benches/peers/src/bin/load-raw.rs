//! A generator on epoll without a codec: it writes one prepared message per connection and counts the bytes that
//! come back. Against a WebSocket server the message is a frame and the connection starts with the HTTP upgrade;
//! with `--raw` it is the same number of bytes and nothing before. So the raw echo and a WebSocket server can be
//! driven in exactly the same way.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use wsbench_peers::generator::{self, MEMORY_MESSAGES, Memory, Meter};
use wsbench_peers::options::{Mode, Options};

/// Handshakes under way at once.
const CONNECTING: usize = 64;

#[derive(PartialEq, Eq)]
enum State {
    /// The upgrade's request is written once the socket can be.
    Connecting,
    /// The upgrade's response is being read; the last four bytes seen are kept.
    Upgrading([u8; 4]),
    Ready,
}

struct Connection {
    stream: TcpStream,
    state: State,
    started: Instant,
    unsent: usize,
    expected: usize,
}

struct Generator {
    options: Options,
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
    upgrade: Vec<u8>,
    message: Vec<u8>,
    reply_size: usize,
    ready: usize,
    replies: u64,
    /// Whether a reply is answered with the next message.
    repeat: bool,
    latencies: Histogram<u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse()?;
    let mode = options.mode;
    let mut generator = Generator::new(options)?;
    match mode {
        Mode::Throughput => generator.throughput()?,
        Mode::Memory => generator.memory()?,
        Mode::Handshakes => generator.handshakes()?,
    }
    Ok(())
}

impl Generator {
    fn new(options: Options) -> io::Result<Self> {
        let message = if options.raw {
            vec![b'x'; frame_size(options.size)]
        } else {
            masked_frame(options.size)
        };
        let reply_size = if options.raw {
            message.len()
        } else {
            frame_size(options.size)
        };
        let upgrade = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            options.path, options.target
        );
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            connections: Vec::with_capacity(options.connections),
            buffer: vec![0; 128 * 1024],
            upgrade: upgrade.into_bytes(),
            message,
            reply_size,
            ready: 0,
            replies: 0,
            repeat: true,
            latencies: generator::latency_histogram(),
            options,
        })
    }

    fn throughput(&mut self) -> Result<(), Box<dyn Error>> {
        self.open_all()?;
        self.send_all()?;
        self.run_for(self.options.warmup)?;
        self.latencies.reset();
        let before = self.replies;
        let meter = Meter::start(self.options.server_pid);
        self.run_for(self.options.duration)?;
        Ok(generator::print(
            &meter.finish(self.replies - before, &self.latencies),
        )?)
    }

    fn memory(&mut self) -> Result<(), Box<dyn Error>> {
        let pid = self.options.server_pid;
        let mut memory = Memory {
            connections: self.options.connections,
            ..Memory::default()
        };
        self.repeat = false;
        memory.read(pid);
        self.open_all()?;
        self.run_for(self.options.warmup)?;
        memory.read(pid);
        for round in 1..=MEMORY_MESSAGES {
            self.send_all()?;
            while self.replies < round * self.options.connections as u64 {
                self.turn(Duration::from_secs(1))?;
            }
        }
        self.run_for(self.options.warmup)?;
        memory.read(pid);
        Ok(generator::print(&memory)?)
    }

    fn handshakes(&mut self) -> Result<(), Box<dyn Error>> {
        let mut done = 0;
        let meter = Meter::start(self.options.server_pid);
        let end = Instant::now() + self.options.duration;
        while Instant::now() < end {
            while self.connections.len() < CONNECTING {
                self.connect()?;
            }
            while self.ready < CONNECTING {
                self.turn(Duration::from_secs(1))?;
            }
            done += CONNECTING as u64;
            for connection in self.connections.drain(..) {
                // A reset leaves no port of ours in TIME_WAIT.
                socket2::SockRef::from(&connection.stream).set_linger(Some(Duration::ZERO))?;
            }
            self.ready = 0;
        }
        Ok(generator::print(&meter.finish(done, &self.latencies))?)
    }

    fn open_all(&mut self) -> io::Result<()> {
        while self.ready < self.options.connections {
            while self.connections.len() < self.options.connections
                && self.connections.len() - self.ready < CONNECTING
            {
                self.connect()?;
            }
            self.turn(Duration::from_secs(1))?;
        }
        Ok(())
    }

    fn connect(&mut self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.options.target)?;
        let token = Token(self.connections.len());
        self.poll
            .registry()
            .register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let state = State::Connecting;
        self.connections.push(Connection {
            stream,
            state,
            started: Instant::now(),
            unsent: 0,
            expected: 0,
        });
        Ok(())
    }

    fn send_all(&mut self) -> io::Result<()> {
        for connection in &mut self.connections {
            connection.begin(&self.message, self.reply_size)?;
        }
        Ok(())
    }

    fn run_for(&mut self, wait: Duration) -> io::Result<()> {
        let end = Instant::now() + wait;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.turn(left)?;
        }
        Ok(())
    }

    fn turn(&mut self, wait: Duration) -> io::Result<()> {
        self.poll.poll(&mut self.events, Some(wait))?;
        for event in &self.events {
            let connection = &mut self.connections[event.token().0];
            if event.is_writable() && connection.state == State::Connecting {
                connection.stream.set_nodelay(true)?;
                if self.options.raw {
                    connection.state = State::Ready;
                    self.ready += 1;
                } else {
                    connection.stream.write_all(&self.upgrade)?;
                    connection.state = State::Upgrading([0; 4]);
                }
            } else if event.is_writable() && connection.unsent > 0 {
                connection.flush(&self.message)?;
            }
            if !event.is_readable() {
                continue;
            }
            let mut read = connection.read(&mut self.buffer)?;
            if let State::Upgrading(tail) = &mut connection.state {
                if ends_head(tail, &self.buffer[..read]) {
                    connection.state = State::Ready;
                    self.ready += 1;
                    let nanos = connection.started.elapsed().as_nanos() as u64;
                    self.latencies.saturating_record(nanos);
                }
                continue;
            }
            while read > 0 {
                connection.expected = connection.expected.saturating_sub(read);
                if connection.expected == 0 {
                    self.latencies
                        .saturating_record(connection.started.elapsed().as_nanos() as u64);
                    self.replies += 1;
                    if self.repeat {
                        connection.begin(&self.message, self.reply_size)?;
                    }
                    break;
                }
                read = connection.read(&mut self.buffer)?;
            }
        }
        Ok(())
    }
}

impl Connection {
    fn begin(&mut self, message: &[u8], reply_size: usize) -> io::Result<()> {
        self.started = Instant::now();
        self.unsent = message.len();
        self.expected = reply_size;
        self.flush(message)
    }

    fn flush(&mut self, message: &[u8]) -> io::Result<()> {
        while self.unsent > 0 {
            match self.stream.write(&message[message.len() - self.unsent..]) {
                Ok(written) => self.unsent -= written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Bytes read, 0 when there are none yet; the end of the stream is an error.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(buffer) {
            Ok(0) => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the server closed a connection",
            )),
            Ok(read) => Ok(read),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// Feeds bytes of the response; true when its blank line was among them.
fn ends_head(tail: &mut [u8; 4], bytes: &[u8]) -> bool {
    bytes.iter().any(|&byte| {
        tail.rotate_left(1);
        tail[3] = byte;
        tail == b"\r\n\r\n"
    })
}

/// Size of an unmasked frame around a payload.
fn frame_size(payload: usize) -> usize {
    payload
        + match payload {
            0..=125 => 2,
            126..=65535 => 4,
            _ => 10,
        }
}

/// A final binary frame, masked with a fixed key.
fn masked_frame(payload: usize) -> Vec<u8> {
    let mut frame = vec![0x82];
    match payload {
        0..=125 => frame.push(0x80 | payload as u8),
        126..=65535 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(payload as u16).to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(payload as u64).to_be_bytes());
        }
    }
    let key = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend_from_slice(&key);
    frame.extend((0..payload).map(|index| b'x' ^ key[index % 4]));
    frame
}
