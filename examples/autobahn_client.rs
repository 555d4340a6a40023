//! The client side of wsbench as the Autobahn test suite wants to meet it: `autobahn_client ws://127.0.0.1:PORT`.
//!
//! It asks the suite's server how many cases there are, echoes its way through each, and has the reports written.
//! `scripts/autobahn client` starts it. It is `wire` on a blocking socket and nothing else, so the suite judges the
//! protocol core that every load client uses.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use wsbench::wire::deflate::{ClientWindow, DEFAULT_LEVEL, DeflateOffer, DeflateParams, Deflater, Inflater};
use wsbench::wire::handshake::{ClientHandshake, ClientRequest, HandshakeProgress};
use wsbench::wire::{
    CloseCode, Closing, ClosingState, Connection, MaskKey, Received, Receiver, ReceiverConfig, Role, Rules,
    Sender,
};

type AnyError = Box<dyn Error>;

const AGENT: &str = "wsbench";
/// Section 9 sends messages of 16 MiB.
const MAX_MESSAGE_SIZE: u64 = 32 << 20;
/// The suite's own waits are shorter.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

fn main() -> Result<(), AnyError> {
    let url = std::env::args()
        .nth(1)
        .ok_or("usage: autobahn_client ws://HOST:PORT")?;
    let authority = url
        .strip_prefix("ws://")
        .ok_or("the URL must begin with ws://")?
        .trim_end_matches('/');
    let mut count = None;
    Session::open(authority, "/getCaseCount")?.run(|message| {
        count = std::str::from_utf8(message)
            .ok()
            .and_then(|text| text.parse().ok());
        false
    })?;
    let count: u32 = count.ok_or("the suite did not say how many cases there are")?;
    for case in 1..=count {
        let session = Session::open(authority, &format!("/runCase?case={case}&agent={AGENT}"))?;
        session.run(|_| true)?;
    }
    Session::open(authority, &format!("/updateReports?agent={AGENT}"))?.run(|_| true)
}

/// One connection, open.
struct Session {
    stream: TcpStream,
    connection: Connection,
    /// Bytes that came with the handshake's answer.
    first: Vec<u8>,
    out: Vec<u8>,
}

impl Session {
    fn open(authority: &str, path: &str) -> Result<Self, AnyError> {
        let mut stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        let offer = DeflateOffer {
            client_max_window_bits: ClientWindow::Limitable,
            ..DeflateOffer::default()
        };
        let request = ClientRequest {
            authority: authority.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            deflate_offer: Some(offer),
            key: rand::random(),
        };
        let mut out = Vec::new();
        let mut handshake = ClientHandshake::new(&request, &mut out)?;
        stream.write_all(&out)?;
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Err(handshake.ended().into());
            }
            if let HandshakeProgress::Done { consumed, response } = handshake.receive(&buffer[..read])? {
                let connection = connection(response.deflate.as_ref());
                return Ok(Self {
                    stream,
                    connection,
                    first: buffer[consumed..read].to_vec(),
                    out: Vec::new(),
                });
            }
        }
    }

    /// Reads until the server ends the connection; a message is echoed if `wants_echo` says so.
    fn run(mut self, mut wants_echo: impl FnMut(&[u8]) -> bool) -> Result<(), AnyError> {
        let mut first = std::mem::take(&mut self.first);
        self.take(&mut first, &mut wants_echo)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.take(&mut buffer[..read], &mut wants_echo)?,
                // The suite resets connections that it fails.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, input: &mut [u8], wants_echo: &mut impl FnMut(&[u8]) -> bool) -> Result<(), AnyError> {
        let Connection {
            receiver,
            sender,
            closing,
        } = &mut self.connection;
        let mut at = 0;
        loop {
            let mask = MaskKey::from(rand::random::<u32>());
            let (used, event) = receiver.receive(&mut input[at..]);
            at += used;
            match event {
                Received::NeedMore => break,
                // After a Close frame of ours nothing more is sent (RFC 6455 5.5.1).
                _ if closing.state() != ClosingState::Open => {}
                Received::Message { kind, payload } => {
                    if wants_echo(payload) {
                        sender.message(kind, payload, mask, &mut self.out);
                    }
                }
                Received::Ping(payload) => sender.pong(payload, mask, &mut self.out),
                Received::Pong(_) => {}
                Received::Close(payload) => {
                    let code = payload.map(|payload| payload.code);
                    closing.received(code);
                    closing.sent(code);
                    sender.close(code, "", mask, &mut self.out);
                }
                Received::Violation(violation) => {
                    let code: CloseCode = violation.close_code();
                    closing.sent(Some(code));
                    sender.close(Some(code), "", mask, &mut self.out);
                }
            }
        }
        match self.stream.write_all(&self.out) {
            // A server that is gone already shows at the next read.
            Err(error) if ![ErrorKind::BrokenPipe, ErrorKind::ConnectionReset].contains(&error.kind()) => {
                return Err(error.into());
            }
            _ => self.out.clear(),
        }
        Ok(())
    }
}

fn connection(deflate: Option<&DeflateParams>) -> Connection {
    let config = ReceiverConfig {
        max_message_size: MAX_MESSAGE_SIZE,
        rules: Rules::STRICT,
    };
    let inflater = deflate.map(|params| Box::new(Inflater::new(params, Role::Client)));
    let deflater = deflate.map(|params| Box::new(Deflater::new(params, Role::Client, DEFAULT_LEVEL)));
    Connection {
        receiver: Receiver::new(Role::Client, config, inflater),
        sender: Sender::new(Role::Client, deflater),
        closing: Closing::default(),
    }
}
