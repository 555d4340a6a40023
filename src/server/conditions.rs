//! [`Conditions`]: the state of the server as an administrator may set it, seen by all workers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// How a health check is made (seeds C7, C8). Each can be told to fail by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// By an HTTP request.
    Http,
    /// By a WebSocket upgrade.
    WebSocket,
}

impl Check {
    /// All of them, with their names.
    pub(crate) const ALL: [(Self, &'static str); 2] = [(Self::Http, "http"), (Self::WebSocket, "ws")];
}

/// The state of the server as an administrator may set it.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    down: [AtomicBool; 2],
    draining: AtomicBool,
    reloads: Reloads,
}

/// What became of the reloads.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    succeeded: AtomicU64,
    failed: AtomicU64,
    last_failed: AtomicBool,
}

impl Conditions {
    /// Makes a check fail or not.
    pub(crate) fn set_down(&self, check: Check, down: bool) {
        self.down[check as usize].store(down, Relaxed);
    }

    /// Whether a check was told to fail.
    pub(crate) fn is_down(&self, check: Check) -> bool {
        self.down[check as usize].load(Relaxed)
    }

    /// From now on no upgrade is accepted, or they are again.
    pub(crate) fn set_draining(&self, draining: bool) {
        self.draining.store(draining, Relaxed);
    }

    /// Whether upgrades are refused until open connections have gone.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// What became of the reloads.
    pub(crate) const fn reloads(&self) -> &Reloads {
        &self.reloads
    }
}

impl Reloads {
    /// One more.
    pub(crate) fn add(&self, success: bool) {
        let counter = if success { &self.succeeded } else { &self.failed };
        counter.fetch_add(1, Relaxed);
        self.last_failed.store(!success, Relaxed);
    }

    /// How many succeeded and failed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.succeeded.load(Relaxed), self.failed.load(Relaxed))
    }

    /// Whether the last one succeeded, or there was none.
    pub(crate) fn last_succeeded(&self) -> bool {
        !self.last_failed.load(Relaxed)
    }
}
