//! [`Stage`]: what is at hand when a session speaks.

use super::super::life::Life;
use super::super::peer::{Peer, Wishes};
use crate::clock::Moment;
use crate::server::mode::Mode;
use crate::server::ratelimit::MessageAllowance;
use crate::server::record::{Cause, Traffic};
use crate::wire::{CloseCode, Receiver};

/// The parts of a session that are needed at the same time.
pub(super) struct Stage<'s, 'a> {
    pub(super) receiver: &'s mut Receiver,
    pub(super) mode: &'s mut dyn Mode,
    pub(super) life: &'s mut Life,
    pub(super) allowance: Option<&'s MessageAllowance>,
    pub(super) peer: &'s mut Peer<'a>,
    /// The read buffer.
    pub(super) input: &'s mut [u8],
    /// What came in.
    pub(super) seen: &'s mut Traffic,
    pub(super) now: Moment,
    pub(super) new_deadline: &'s mut bool,
}

impl Stage<'_, '_> {
    /// Begins to close for a cause of the server's own.
    pub(super) fn dismiss(&mut self, cause: Cause) {
        let (cause, code, reason) = farewell(cause);
        self.life.close(cause, code, &reason, &mut self.peer.output);
    }

    /// Does what the mode asked for.
    #[inline]
    pub(super) fn grant_wishes(&mut self) {
        let Wishes { close, wake_after } = &mut self.peer.wishes;
        if let Some(delay) = wake_after.take() {
            self.life.deadlines.wake_mode(self.now + delay);
            *self.new_deadline = true;
        }
        if let Some((code, reason)) = close.take() {
            self.life
                .close(Cause::ModeClosed, code, &reason, &mut self.peer.output);
        }
    }
}

/// How a client is told of a cause of the server's own.
pub(super) fn farewell(cause: Cause) -> (Cause, CloseCode, String) {
    let (code, reason) = cause.farewell();
    (cause, code, reason.to_owned())
}
