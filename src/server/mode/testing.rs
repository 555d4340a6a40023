//! A bench on which a mode is tested without a network.

use std::rc::Rc;

use super::{Message, Mode};
use crate::server::handle::Address;
use crate::server::ids::{ConnectionId, RouteId};
use crate::server::record::Traffic;
use crate::server::session::{Output, Peer};
use crate::server::worker::Worker;
use crate::wire::{MessageKind, Role, Sender};

/// A mode and all that it needs to speak.
pub(crate) struct Bench<M> {
    mode: M,
    pub(crate) worker: Rc<Worker>,
}

impl<M: Mode> Bench<M> {
    pub(crate) fn new(mode: M) -> Self {
        Self {
            mode,
            worker: crate::server::testing::worker(),
        }
    }

    /// What the mode sends to a client that sent this text.
    pub(crate) fn text(&mut self, text: &str) -> Vec<u8> {
        self.message(MessageKind::Text, text.as_bytes())
    }

    /// What the mode sends to a client that sent these bytes.
    pub(crate) fn binary(&mut self, payload: &[u8]) -> Vec<u8> {
        self.message(MessageKind::Binary, payload)
    }

    /// What the mode sends to a client that connected.
    pub(crate) fn open(&mut self) -> Vec<u8> {
        self.act(M::opened)
    }

    fn message(&mut self, kind: MessageKind, payload: &[u8]) -> Vec<u8> {
        self.act(|mode, peer| mode.message(Message { kind, payload }, peer))
    }

    fn act(&mut self, act: impl FnOnce(&mut M, &mut Peer<'_>)) -> Vec<u8> {
        let (mut sender, mut traffic) = (Sender::new(Role::Server, None), Traffic::default());
        let (mut sent, mut scratch) = (Vec::new(), Vec::new());
        let output = Output::new(&mut sender, &mut sent, &mut scratch, &mut traffic, None);
        let address = Address {
            slot: 0,
            id: ConnectionId(1),
        };
        let mut peer = Peer::new(output, &self.worker, address, RouteId(0));
        act(&mut self.mode, &mut peer);
        sent
    }
}

/// The text messages among these frames, none of which is long.
pub(crate) fn texts(mut frames: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    while let [0x81, length, rest @ ..] = frames {
        let (length, rest) = match (length, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            (length, rest) => (usize::from(*length), rest),
        };
        texts.push(String::from_utf8(rest[..length].to_vec()).unwrap());
        frames = &rest[length..];
    }
    texts
}
