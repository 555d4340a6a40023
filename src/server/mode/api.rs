//! [`Mode`]: what a connection does with its messages.

use std::fmt;
use std::task::Waker;

use crate::server::record::{Cause, Ending};
use crate::server::session::{Peer, Room};
use crate::wire::{ClosePayload, MessageKind};

/// A message from the client, whole; text is UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: MessageKind,
    pub(crate) payload: &'a [u8],
}

/// What a connection does with its messages. Each connection has its own; one without state costs no memory.
///
/// The methods run on the worker's thread, between reads: they must not wait. What takes time goes to a task of its own, which
/// answers through [`Peer::handle`].
pub(crate) trait Mode: fmt::Debug {
    /// Whether it sends to others, so that reading has to wait while too much is on its way to them.
    fn publishes(&self) -> bool {
        false
    }

    /// Whether the client may be read from now. If not, `waker` is woken when it may, and TCP tells the client to wait.
    fn may_read(&self, _waker: &Waker) -> bool {
        true
    }

    /// Whether it waits for something else than the client, so that [`Mode::attend`] is called in each turn.
    fn attends(&self) -> bool {
        false
    }

    /// The client has taken all that was sent to it, and what the mode waits for may be looked at: it wakes `waker`.
    ///
    /// While the client takes nothing, this is not called, so that what the mode waits for has to wait as well.
    fn attend(&mut self, _waker: &Waker, _peer: &mut Peer<'_>) {}

    /// The connection is open; nothing was received yet.
    fn opened(&mut self, _peer: &mut Peer<'_>) {}

    /// A message came.
    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>);

    /// The time has come that was asked for by [`Peer::wake_after`].
    fn woken(&mut self, _peer: &mut Peer<'_>) {}

    /// The client closed, perhaps with a code and a reason, or broke the protocol (`cause`); nothing more comes from it.
    ///
    /// If the mode has more for the client, as only one that [`Mode::attends`] can, the session's own Close frame waits
    /// until the mode calls [`Peer::close`], for the close timeout at most.
    fn last_words(&mut self, _cause: Cause, _close: Option<ClosePayload<'_>>) -> bool {
        false
    }

    /// The connection has ended; the others of the route can be told.
    fn closed(&mut self, _room: &Room<'_>) {}

    /// How the connection ended; comes after [`Mode::closed`].
    fn ended(&mut self, _ending: &Ending) {}
}
