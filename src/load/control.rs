//! [`Control`]: how a run is told to end, from any thread.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mio::Waker;

/// A handle on a run. Clones steer the same run; what was asked for before it began holds from its begin.
///
/// Each request outranks the ones before it in the list, and none can be taken back.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    request: AtomicU8,
    /// One for each worker, to end its wait.
    wakers: Mutex<Vec<Waker>>,
}

/// What a run was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Request {
    /// To go on.
    #[default]
    Continue,
    /// To end as if the last stage were over.
    Stop,
    /// To interrupt all flows.
    Interrupt,
    /// To end at once.
    Abort,
}

impl Control {
    /// A handle for one run.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the run as if its last stage were over: flows may finish within the plan's graceful stop.
    pub fn stop(&self) {
        self.raise(Request::Stop);
    }

    /// Interrupts all flows, closes their connections with 1001 and waits for the close handshakes.
    pub fn interrupt(&self) {
        self.raise(Request::Interrupt);
    }

    /// Cuts all connections off.
    pub fn abort(&self) {
        self.raise(Request::Abort);
    }

    pub(super) fn request(&self) -> Request {
        match self.0.request.load(Ordering::Acquire) {
            0 => Request::Continue,
            1 => Request::Stop,
            2 => Request::Interrupt,
            _ => Request::Abort,
        }
    }

    pub(super) fn add_waker(&self, waker: Waker) {
        self.0
            .wakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(waker);
    }

    fn raise(&self, request: Request) {
        self.0.request.fetch_max(request as u8, Ordering::AcqRel);
        for waker in self
            .0
            .wakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            // A worker that cannot be woken wakes by itself within its tick.
            let _ = waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_only_become_more_urgent() {
        let control = Control::new();
        assert_eq!(control.request(), Request::Continue);
        control.clone().interrupt();
        control.stop();
        assert_eq!(control.request(), Request::Interrupt);
        control.abort();
        assert_eq!(control.request(), Request::Abort);
    }
}
