//! What sockets bring: connects that finish, bytes, room to write, ends.

use std::io;
use std::mem;

use mio::Token;
use mio::event::Event;

use crate::clock::now;
use crate::load::vclient::{Command, TransportEnd, VClient};
use crate::metrics::ErrorClass;
use crate::net::{ConnectError, tls};

use super::dialer::{DialFailure, describe};
use super::engine::Reactor;
use super::socket::{Phase, Socket};
use super::tls::Tls;

/// Reads of one socket before the others get their turn.
const READS_IN_A_ROW: usize = 16;

impl Reactor {
    /// Begins connects as far as the limit allows.
    pub(super) fn dial(&mut self) {
        while let Some(key) = self.dialer.next() {
            let Some(entry) = self.clients.get_mut(key as usize) else {
                continue;
            };
            entry.queued = false;
            if entry.client.command() == Command::Connect {
                self.dialer.begun();
                self.call(key, now(), VClient::dialing);
                self.connect(key, 0, None);
            }
        }
    }

    /// Tries the target's addresses, from the `attempt`-th on, until a connect is under way; `failure` is what became of
    /// the address before.
    fn connect(&mut self, key: u32, mut attempt: u8, mut failure: Option<DialFailure>) {
        let Some(client) = self.clients.get(key as usize).map(|entry| &entry.client) else {
            return;
        };
        let options = self.script.socket_options(client.group());
        let client = client.id();
        if self.is_full() {
            let text = "this process may not open more files, raise its limit (ulimit -n)".to_owned();
            return self.connect_failed(key, ErrorClass::Exhausted, text);
        }
        while let Some(result) = self.dialer.connect(client, &self.endpoint, attempt, &options) {
            match result.and_then(|stream| self.install(key, Socket::new(stream, attempt))) {
                Ok(()) => return,
                Err(error) => failure = Some(error),
            }
            attempt += 1;
        }
        let (class, text) =
            failure.unwrap_or_else(|| (ErrorClass::Resolve, "the target has no address".to_owned()));
        self.connect_failed(key, class, text);
    }

    fn install(&mut self, key: u32, mut socket: Socket) -> Result<(), DialFailure> {
        let registered = self.poller.register(socket.stream(), Token(key as usize));
        registered.map_err(|error| (ErrorClass::Network, format!("cannot watch a socket: {error}")))?;
        if let Some(entry) = self.clients.get_mut(key as usize) {
            entry.socket = Some(socket);
        }
        Ok(())
    }

    /// An attempt failed before its upgrade began.
    fn connect_failed(&mut self, key: u32, class: ErrorClass, text: String) {
        if let Some(entry) = self.clients.get_mut(key as usize) {
            entry.socket = None;
        }
        self.opening_failed();
        self.call(key, now(), |client, turn| {
            client.connect_failed(turn, class, || text);
        });
    }

    pub(super) fn socket_event(&mut self, event: &Event) {
        let key = event.token().0 as u32;
        let Some(socket) = self.socket(key) else {
            return;
        };
        if socket.phase == Phase::Connecting {
            return self.connect_event(key);
        }
        if event.is_writable() && socket.is_blocked() {
            self.write_rest(key);
        }
        if event.is_error() || event.is_write_closed() {
            self.read_freely(key);
        }
        let ending = event.is_read_closed() || event.is_error();
        if event.is_readable() || ending {
            self.read(key, ending);
        }
    }

    fn connect_event(&mut self, key: u32) {
        let Some(socket) = self.socket(key) else {
            return;
        };
        let attempt = socket.attempt;
        match socket.finish_connect() {
            Ok(false) => {}
            Ok(true) => {
                socket.phase = Phase::Opening;
                self.endpoint.accepted(attempt);
                self.connected(key);
            }
            Err(source) => {
                if let Some(entry) = self.clients.get_mut(key as usize) {
                    entry.socket = None;
                }
                let remote = self.endpoint.address(attempt);
                let failure = remote.map(|remote| {
                    describe(&ConnectError {
                        remote,
                        local: None,
                        source,
                    })
                });
                self.connect(key, attempt + 1, failure);
            }
        }
    }

    fn connected(&mut self, key: u32) {
        let tls = match &self.endpoint.tls {
            None => return self.call(key, now(), |client, turn| client.tcp_connected(turn, false)),
            Some(tls) => Tls::new(&tls.config, &tls.server_name),
        };
        match tls {
            Ok(tls) => {
                self.call(key, now(), |client, turn| client.tcp_connected(turn, true));
                if let Some(socket) = self.socket(key) {
                    socket.tls = Some(Box::new(tls));
                }
                self.flush_tls(key);
            }
            Err(error) => self.connect_failed(key, ErrorClass::Tls, tls::explain(&error)),
        }
    }

    /// Sends a client's bytes.
    pub(super) fn send(&mut self, key: u32, bytes: &[u8]) {
        if let Some(socket) = self.socket(key)
            && !socket.broken
            && socket.send(bytes).is_err()
        {
            self.broken(key);
        }
    }

    fn flush_tls(&mut self, key: u32) {
        if let Some(socket) = self.socket(key)
            && socket.flush_tls().is_err()
        {
            self.broken(key);
        }
    }

    /// The peer takes bytes again.
    fn write_rest(&mut self, key: u32) {
        match self.socket(key).map(Socket::flush) {
            Some(Ok(true)) => self.call(key, now(), VClient::writable),
            Some(Err(_)) => self.broken(key),
            Some(Ok(false)) | None => {}
        }
    }

    /// Writing failed. What the peer sent before, perhaps a Close frame, is read first; that reading ends with an error
    /// or the end of the stream as well.
    fn broken(&mut self, key: u32) {
        if let Some(socket) = self.socket(key) {
            socket.broken = true;
            self.read_freely(key);
            self.unread.push(key);
        }
    }

    /// Nothing more will come than what is there: a client that reads slowly need not be waited for.
    fn read_freely(&mut self, key: u32) {
        if let Some(entry) = self.clients.get_mut(key as usize) {
            entry.client.read_freely();
        }
    }

    /// How much may be read for a client now.
    fn ration(&mut self, key: u32) -> usize {
        let Some(entry) = self.clients.get_mut(key as usize) else {
            return 0;
        };
        if !entry.client.reads_by_rations() {
            return usize::MAX;
        }
        let at = now();
        let ration = entry.client.ration(at);
        if ration == 0 {
            self.settle(key, at);
        }
        ration
    }

    /// Reads until the socket is empty, which a read shorter than the buffer shows, or, if the peer is known to have
    /// `ended`, until the end; in any case no more than the client takes at present.
    pub(super) fn read(&mut self, key: u32, ended: bool) {
        for _ in 0..READS_IN_A_ROW {
            let ration = self.ration(key);
            if ration == 0 {
                return;
            }
            let mut input = mem::take(&mut self.input);
            let capacity = ration.min(input.len());
            let result = self.socket(key).map(|socket| socket.read(&mut input[..capacity]));
            if let Some(Ok(length @ 1..)) = result {
                if ration != usize::MAX
                    && let Some(entry) = self.clients.get_mut(key as usize)
                {
                    entry.client.has_read(length);
                }
                self.received(key, &mut input[..length]);
            }
            self.input = input;
            match result {
                Some(Ok(0)) => return self.ended(key, TransportEnd::Eof),
                Some(Ok(length)) if length < capacity && !ended => return,
                Some(Ok(_)) => {}
                Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => return self.read_all(key),
                Some(Err(error)) => return self.ended(key, TransportEnd::Error(error)),
                None => return,
            }
        }
        self.unread.push(key);
    }

    /// Nothing is left to read: a socket that cannot be written to either is at its end.
    fn read_all(&mut self, key: u32) {
        if self.socket(key).is_some_and(|socket| socket.broken) {
            self.ended(key, TransportEnd::Error(io::ErrorKind::BrokenPipe.into()));
        }
    }

    fn received(&mut self, key: u32, input: &mut [u8]) {
        let at = now();
        if self.socket(key).is_some_and(|socket| socket.tls.is_some()) {
            self.received_tls(key, input);
        } else {
            self.call(key, at, |client, turn| client.receive(turn, input));
        }
    }

    fn received_tls(&mut self, key: u32, input: &[u8]) {
        let mut plain = mem::take(&mut self.plain);
        plain.clear();
        let tls = self.socket(key).and_then(|socket| socket.tls.as_deref_mut());
        let decrypted = tls.map(|tls| tls.decrypt(input, &mut plain).map(|()| tls.take_established()));
        let at = now();
        // Also after an error: rustls tells the peer why.
        self.flush_tls(key);
        if let Some(Ok(true)) = decrypted {
            self.call(key, at, VClient::tls_established);
        }
        if !plain.is_empty() {
            self.call(key, at, |client, turn| client.receive(turn, &mut plain));
        }
        self.plain = plain;
        if let Some(Err(error)) = decrypted {
            self.tls_failed(key, error);
        }
    }

    fn tls_failed(&mut self, key: u32, error: rustls::Error) {
        let established = self
            .socket(key)
            .and_then(|socket| socket.tls.as_ref())
            .is_some_and(|tls| tls.is_established());
        if established {
            self.ended(key, TransportEnd::Error(io::Error::other(error)));
        } else {
            self.connect_failed(key, ErrorClass::Tls, tls::explain(&error));
        }
    }

    /// The transport ended, and not by us.
    fn ended(&mut self, key: u32, end: TransportEnd) {
        let tls_under_way = self
            .socket(key)
            .and_then(|socket| socket.tls.as_ref())
            .is_some_and(|tls| !tls.is_established());
        if tls_under_way {
            let text = match end {
                TransportEnd::Eof => "the peer ended the connection during the TLS handshake".to_owned(),
                TransportEnd::Error(error) => {
                    format!("the connection failed during the TLS handshake: {error}")
                }
            };
            return self.connect_failed(key, ErrorClass::Tls, text);
        }
        self.hang_up(key);
        self.call(key, now(), |client, turn| client.transport_ended(turn, end));
    }

    /// Ends the transport.
    pub(super) fn hang_up(&mut self, key: u32) {
        let Some(mut socket) = self
            .clients
            .get_mut(key as usize)
            .and_then(|entry| entry.socket.take())
        else {
            return;
        };
        if matches!(socket.phase, Phase::Connecting | Phase::Opening) {
            self.opening_failed();
        }
        socket.say_goodbye();
    }
}
