//! The world's server: it speaks `wire`, and its script says the rest.

use rand::RngExt;
use wsbench::clock::Moment;
use wsbench::wire::handshake::{HandshakeRules, ServerProgress};
use wsbench::wire::{CloseCode, MaskKey, MessageKind, Received};

use super::event::Event;
use super::peer::{Act, Door, Seen};
use super::{DELAY, World};

impl World {
    pub(super) fn server_receives(&mut self, key: usize, mut bytes: Vec<u8>) {
        let Some(server) = self.clients.get_mut(&key).and_then(|sim| sim.server.as_mut()) else {
            return;
        };
        let mut start = 0;
        if let Some(handshake) = &mut server.handshake {
            let Ok(ServerProgress::Done { consumed, head }) = handshake.receive(&bytes) else {
                return;
            };
            server.handshake = None;
            self.requests
                .push((self.now, head.target.clone(), head.headers.clone()));
            start = consumed;
            let mut answer = Vec::new();
            match server.door {
                Door::Mute => return,
                Door::Forbidden => {
                    answer.extend_from_slice(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
                }
                Door::Busy(seconds) => answer.extend_from_slice(
                    format!("HTTP/1.1 503 Busy\r\nRetry-After: {seconds}\r\nContent-Length: 0\r\n\r\n")
                        .as_bytes(),
                ),
                _ => head
                    .upgrade(HandshakeRules::STRICT)
                    .unwrap()
                    .accept(None, None)
                    .write(&mut answer),
            }
            let opened = server.door == Door::Open;
            self.send_to_client(key, &answer);
            if opened {
                self.server_sees(key, &Seen::Opened);
            }
        }
        let mut seen = Vec::new();
        if let Some(server) = self.clients.get_mut(&key).and_then(|sim| sim.server.as_mut()) {
            loop {
                let (used, event) = server.receiver.receive(&mut bytes[start..]);
                start += used;
                seen.push(match event {
                    Received::NeedMore => break,
                    Received::Message {
                        kind: MessageKind::Text,
                        payload,
                    } => Seen::Text(String::from_utf8(payload.to_vec()).unwrap()),
                    Received::Message {
                        kind: MessageKind::Binary,
                        payload,
                    } => Seen::Binary(payload.to_vec()),
                    Received::Ping(payload) => Seen::Ping(payload.to_vec()),
                    Received::Pong(payload) => Seen::Pong(payload.to_vec()),
                    Received::Close(close) => Seen::Close(close.map(|close| close.code.0)),
                    Received::Violation(violation) => panic!("the client broke the protocol: {violation}"),
                });
            }
        }
        for seen in &seen {
            if let Seen::Text(text) = seen {
                let left = Moment::from_nanos(self.now.as_nanos() - DELAY.as_nanos() as u64);
                self.sent.push((left, text.clone()));
            }
            self.server_sees(key, seen);
        }
    }

    pub(super) fn server_sees(&mut self, key: usize, seen: &Seen) {
        let now = self.now;
        let Some(sim) = self.clients.get_mut(&key) else {
            return;
        };
        let connection = sim.connection;
        let Some(server) = sim.server.as_mut() else { return };
        for (after, act) in (server.behaviour)(now, seen) {
            self.push(now + after, key, connection, Event::ServerActs(act));
        }
        let acts = self.hub.as_mut().map(|hub| hub(now, key, seen));
        for (to, after, act) in acts.into_iter().flatten() {
            let connection = self.clients.get(&to).map(|sim| sim.connection);
            if let Some(connection) = connection {
                self.push(now + after, to, connection, Event::ServerActs(act));
            }
        }
    }

    pub(super) fn server_does(&mut self, key: usize, act: Act) {
        let now = self.now;
        let Some(sim) = self.clients.get_mut(&key) else {
            return;
        };
        let connection = sim.connection;
        let Some(server) = sim
            .server
            .as_mut()
            .filter(|server| !server.ended && server.handshake.is_none())
        else {
            return;
        };
        let mut out = Vec::new();
        let mask = MaskKey([0; 4]);
        match act {
            Act::Text(text) => server
                .sender
                .message(MessageKind::Text, text.as_bytes(), mask, &mut out),
            Act::Binary(bytes) => server.sender.message(MessageKind::Binary, &bytes, mask, &mut out),
            Act::Ping(payload) => server.sender.ping(&payload, mask, &mut out),
            Act::Pong(payload) => server.sender.pong(&payload, mask, &mut out),
            Act::Close(code) => server.sender.close(code.map(CloseCode), "", mask, &mut out),
            Act::Raw(bytes) => out = bytes,
            Act::Eof | Act::Reset => {
                server.ended = true;
                self.push(now + DELAY, key, connection, Event::ServerGone(act == Act::Reset));
                return;
            }
        }
        self.send_to_client(key, &out);
    }

    fn send_to_client(&mut self, key: usize, bytes: &[u8]) {
        let connection = self.clients[&key].connection;
        let at = self.now + DELAY;
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = match &mut self.splitter {
                Some(random) => random.random_range(1..=rest.len()),
                None => rest.len(),
            };
            self.push(at, key, connection, Event::ToClient(rest[..length].to_vec()));
            rest = &rest[length..];
        }
    }
}
