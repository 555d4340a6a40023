//! [`FirstFrame`]: the server speaks first, then every message comes back.

use crate::server::mode::{Message, Mode};
use crate::server::session::Peer;
use crate::wire::MessageKind;

#[derive(Debug)]
pub(super) struct FirstFrame {
    /// Sent when the connection opens.
    greeting: Box<str>,
}

impl FirstFrame {
    pub(super) fn new(greeting: String) -> Self {
        Self {
            greeting: greeting.into(),
        }
    }
}

impl Mode for FirstFrame {
    fn opened(&mut self, peer: &mut Peer<'_>) {
        peer.send(MessageKind::Text, std::mem::take(&mut self.greeting).as_bytes());
    }

    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        peer.send(message.kind, message.payload);
    }
}
