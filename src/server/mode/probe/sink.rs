//! `sink`: takes everything, says nothing. The journal counts.

use crate::server::mode::{Message, Mode};
use crate::server::session::Peer;

#[derive(Debug)]
pub(super) struct Sink;

impl Mode for Sink {
    fn message(&mut self, _: Message<'_>, _: &mut Peer<'_>) {}
}
