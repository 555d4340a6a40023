//! The command line of the generators.

use std::net::SocketAddr;
use std::time::Duration;

use lexopt::prelude::*;

/// What a generator does with its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One message in flight on each connection, for a while.
    Throughput,
    /// Memory of both ends: before any connection, with all of them idle, and after some messages on each.
    Memory,
    /// Connections opened and upgraded, one after the other on each of the places, then dropped.
    Handshakes,
}

/// Options shared by the generators.
#[derive(Clone)]
pub struct Options {
    pub mode: Mode,
    pub target: SocketAddr,
    pub path: String,
    pub connections: usize,
    pub size: usize,
    pub duration: Duration,
    /// Messages start counting after this much time with all connections busy.
    pub warmup: Duration,
    /// Process whose CPU time and memory are reported next to our own.
    pub server_pid: u32,
    /// No HTTP upgrade and no frames: the same number of bytes, back and forth.
    pub raw: bool,
}

impl Options {
    /// Reads the process's arguments.
    pub fn parse() -> Result<Self, lexopt::Error> {
        let mut options = Self {
            mode: Mode::Throughput,
            target: SocketAddr::from(([127, 0, 0, 1], 0)),
            path: "/".to_owned(),
            connections: 100,
            size: 20,
            duration: Duration::from_secs(3),
            warmup: Duration::from_millis(500),
            server_pid: 0,
            raw: false,
        };
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Long("mode") => options.mode = args.value()?.parse_with(parse_mode)?,
                Long("target") => options.target = args.value()?.parse()?,
                Long("path") => options.path = args.value()?.string()?,
                Long("connections") => options.connections = args.value()?.parse()?,
                Long("size") => options.size = args.value()?.parse()?,
                Long("seconds") => options.duration = Duration::from_secs_f64(args.value()?.parse()?),
                Long("server-pid") => options.server_pid = args.value()?.parse()?,
                Long("raw") => options.raw = true,
                _ => return Err(arg.unexpected()),
            }
        }
        if options.target.port() == 0 || options.server_pid == 0 {
            return Err("--target HOST:PORT and --server-pid PID are needed".into());
        }
        Ok(options)
    }
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    match text {
        "throughput" => Ok(Mode::Throughput),
        "memory" => Ok(Mode::Memory),
        "handshakes" => Ok(Mode::Handshakes),
        other => Err(format!(
            "unknown mode '{other}': expected throughput, memory or handshakes"
        )),
    }
}
