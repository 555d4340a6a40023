//! [`Inlet`] and [`Outlet`]: a client's messages on their way from its session to its process.
//!
//! The session's worker puts them in without waiting; while there are too many, the session does not read, and TCP tells the
//! client to wait. What one read has brought may exceed the bound once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

use super::letter::Data;

/// Messages that may wait before the session stops reading.
const MESSAGES: usize = 64;
/// Bytes that may wait before the session stops reading.
const BYTES: usize = 1 << 20;

/// The session's side. Dropping it without [`Inlet::end`] tells that the session failed.
#[derive(Debug)]
pub(crate) struct Inlet(Arc<Shared>);

/// The process's side.
#[derive(Debug)]
pub(crate) struct Outlet(Arc<Shared>);

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    Message(Data),
    /// The client is gone; nothing comes after this.
    Gone(Parting),
}

/// How a client went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parting {
    /// In a few words: the reason of `ws.leave`.
    pub(crate) reason: String,
    /// The close handshake was complete and its code means no failure.
    pub(crate) orderly: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
    /// The client is gone, whatever still waits.
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Data>,
    bytes: usize,
    parting: Option<Parting>,
    /// The session that waits for room.
    reader: Option<Waker>,
    /// The process is gone: nobody takes anything out any more.
    abandoned: bool,
}

/// A new pair.
pub(crate) fn inlet() -> (Inlet, Outlet) {
    let shared = Arc::new(Shared::default());
    (Inlet(shared.clone()), Outlet(shared))
}

impl Inlet {
    /// Puts a message in.
    pub(crate) fn push(&self, data: Data) {
        let mut state = self.0.state();
        if !state.abandoned {
            state.bytes += data.bytes.len();
            state.messages.push_back(data);
            drop(state);
            self.0.arrived.notify_one();
        }
    }

    /// Whether the session may read on. If not, `waker` is woken when it may.
    pub(crate) fn has_room(&self, waker: &Waker) -> bool {
        let mut state = self.0.state();
        let room = state.has_room();
        if !room {
            state.reader = Some(waker.clone());
        }
        room
    }

    /// The client is gone.
    pub(crate) fn end(&self, parting: Parting) {
        self.0.state().parting.get_or_insert(parting);
        self.0.arrived.notify_one();
        self.0.left.notify_one();
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.end(Parting {
            reason: "failed".to_owned(),
            orderly: false,
        });
    }
}

impl Outlet {
    /// The next message, or the client's end. Cancelling loses nothing.
    pub(crate) async fn next(&self) -> Incoming {
        loop {
            if let Some(incoming) = self.0.state().take() {
                return incoming;
            }
            self.0.arrived.notified().await;
        }
    }

    /// Waits until the client is gone, although its messages may still wait. To be asked once.
    pub(crate) async fn left(&self) {
        self.0.left.notified().await;
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.abandoned = true;
        state.messages.clear();
        state.bytes = 0;
        state.wake_reader();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.messages.len() < MESSAGES && self.bytes < BYTES
    }

    fn take(&mut self) -> Option<Incoming> {
        let Some(data) = self.messages.pop_front() else {
            return self.parting.take().map(Incoming::Gone);
        };
        self.bytes -= data.bytes.len();
        // Not at the first free place: waking costs more than a message.
        if self.messages.len() <= MESSAGES / 2 && self.has_room() {
            self.wake_reader();
        }
        Some(Incoming::Message(data))
    }

    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn message(text: &str) -> Incoming {
        Incoming::Message(Data::text(text))
    }

    #[tokio::test]
    async fn e5_messages_come_out_in_order_and_the_end_comes_last() {
        let (inlet, outlet) = inlet();
        let parting = Parting {
            reason: "client closed: 1000".to_owned(),
            orderly: true,
        };
        inlet.push(Data::text("a"));
        inlet.push(Data::text("b"));
        inlet.end(parting.clone());
        drop(inlet);
        assert_eq!(outlet.next().await, message("a"));
        assert_eq!(outlet.next().await, message("b"));
        assert_eq!(outlet.next().await, Incoming::Gone(parting));
    }

    #[tokio::test]
    async fn e5_a_full_inlet_stops_the_session_until_half_is_taken() {
        let (inlet, outlet) = inlet();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        for _ in 0..MESSAGES {
            assert!(inlet.has_room(&waker));
            inlet.push(Data::text("x"));
        }
        assert!(!inlet.has_room(&waker));
        for _ in 0..MESSAGES / 2 {
            assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
            outlet.next().await;
        }
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(inlet.has_room(&waker));
    }

    #[test]
    fn e5_an_inlet_whose_process_is_gone_lets_the_session_go_on() {
        let (inlet, outlet) = inlet();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        inlet.push(Data::text(&"x".repeat(BYTES)));
        assert!(!inlet.has_room(&waker));
        drop(outlet);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(inlet.has_room(&waker));
    }

    #[tokio::test]
    async fn a_session_that_fails_is_told_of() {
        let (inlet, outlet) = inlet();
        drop(inlet);
        let Incoming::Gone(parting) = outlet.next().await else {
            panic!("the client is gone")
        };
        assert!(!parting.orderly);
    }
}
