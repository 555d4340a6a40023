//! A bench on which a mode is tested without a network.

use std::rc::Rc;

use super::{Message, Mode};
use crate::server::handle::Address;
use crate::server::ids::{ConnectionId, RouteId};
use crate::server::record::Traffic;
use crate::server::session::testing::{peer, PeerParts};
use crate::server::worker::Worker;
use crate::wire::{MessageKind, Role, Sender};

/// A mode and all that it needs to speak.
pub(crate) struct Bench<M> {
    mode: M,
    worker: Rc<Worker>,
}
