//! [`Listener`]: a client that gets events.

use std::sync::Arc;

use http::StatusCode;

use super::feed::Feed;
use crate::server::http::Refusal;
use crate::server::mode::{Message, Mode};
use crate::server::session::{Peer, Room};

/// A client that gets events. What it sends comes back, as from the seed's server.
#[derive(Debug)]
pub(in crate::server::mode) struct Listener {
    feed: Arc<Feed>,
    open: bool,
}

impl Listener {
    /// # Errors
    /// There is no broker.
    pub(in crate::server::mode) fn new(feed: Arc<Feed>) -> Result<Self, Refusal> {
        if feed.is_configured() {
            return Ok(Self { feed, open: false });
        }
        Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "notifications need a broker: the route's setting `nats`",
        ))
    }
}

impl Mode for Listener {
    fn opened(&mut self, _: &mut Peer<'_>) {
        self.open = true;
        self.feed.enter();
    }

    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        peer.send(message.kind, message.payload);
    }

    fn closed(&mut self, _: &Room<'_>) {
        if std::mem::take(&mut self.open) {
            self.feed.leave();
        }
    }
}
