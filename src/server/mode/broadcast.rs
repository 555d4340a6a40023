//! `broadcast`: every message goes to every open client of the room, the sender included (seed B3).

use super::{Message, Mode};
use crate::server::session::Peer;

#[derive(Debug)]
pub(super) struct Broadcast;

impl Mode for Broadcast {
    fn publishes(&self) -> bool {
        true
    }

    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        peer.room().publish(message.kind, message.payload);
    }
}
