//! [`Control`]: how a run is steered from any thread while it goes on: paused, scaled, ended.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mio::Waker;

use crate::clock::{Moment, now};

/// A handle on a run. Clones steer the same run; what was asked for before it began holds from its begin.
///
/// A run that is paused, scaled or sped up can be brought back. To end it there are three requests, each of which outranks
/// the ones before it and none of which can be taken back: [`stop`](Self::stop), [`interrupt`](Self::interrupt),
/// [`abort`](Self::abort). A run that is about to end, by one of them or because its last stage is over, is steered no more.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    request: AtomicU8,
    /// Changes whenever `steering` does, so that workers need not lock to see that nothing is new.
    version: AtomicU64,
    steering: Mutex<Steering>,
    /// One for each worker, to end its wait.
    wakers: Mutex<Vec<Waker>>,
}

/// The most clients that a run can be scaled to: beyond it a slip of the finger takes the machine's memory.
pub const MAX_SCALED_CLIENTS: u64 = 1_000_000;

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

/// How a run is steered, for whoever shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ControlState {
    /// Whether it is paused.
    pub paused: bool,
    /// How long it has been paused so far, all pauses together.
    pub paused_for: Duration,
    /// How many clients it was asked to have; `None` if the plan decides.
    pub clients: Option<u64>,
    /// By how much the plan's arrival rates are multiplied.
    pub rate_factor: f64,
    /// Whether it was asked to end, or its last stage is over.
    pub ending: bool,
}

/// What workers read of a [`Control`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Steering {
    /// Since when the run is paused.
    pub(super) pause: Option<Moment>,
    /// The length of all pauses that are over.
    pub(super) paused: Duration,
    /// How many clients there are to be, whatever the plan says.
    pub(super) clients: Option<u64>,
    /// The factor of arrival rates, and since when on the schedule's clock.
    pub(super) rate: (f64, Moment),
    /// The run is about to end; nothing of this changes any more.
    pub(super) ending: bool,
}

impl Default for Steering {
    fn default() -> Self {
        Self {
            pause: None,
            paused: Duration::ZERO,
            clients: None,
            rate: (1.0, Moment::ZERO),
            ending: false,
        }
    }
}

impl Steering {
    /// The schedule's clock: it stands still while the run is paused.
    pub(super) fn scheduled(&self, at: Moment) -> Moment {
        Moment::from_nanos((self.pause.unwrap_or(at) - (Moment::ZERO + self.paused)).as_nanos() as u64)
    }

    fn resume(&mut self, at: Moment) {
        if let Some(since) = self.pause.take() {
            self.paused += at - since;
        }
    }
}

impl Control {
    /// A handle for one run.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds the schedule: no client starts, stops or connects, none sends its next message, and no stage goes on, until
    /// [`resume`](Self::resume). Connections stay open, pings go on, and replies to what was sent are taken.
    pub fn pause(&self) {
        self.steer(|steering, at| {
            steering.pause.get_or_insert(at);
        });
    }

    /// Goes on where [`pause`](Self::pause) held the run; what was due then is due now, and none of it is late for that.
    pub fn resume(&self) {
        self.steer(Steering::resume);
    }

    /// Whether the run is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.steering().pause.is_some()
    }

    /// Holds a closed model at this many clients, at most [`MAX_SCALED_CLIENTS`], whatever its stages say; `None` gives it
    /// back to them. An open model has its rate instead.
    pub fn set_clients(&self, clients: Option<u64>) {
        let clients = clients.map(|clients| clients.min(MAX_SCALED_CLIENTS));
        self.steer(|steering, _| steering.clients = clients);
    }

    /// Multiplies the arrival rates of an open model; 1 is as planned, 0 lets nobody arrive. A closed model has its number
    /// of clients instead. A negative factor counts as 0, one that is no number changes nothing.
    pub fn set_rate_factor(&self, factor: f64) {
        self.steer(|steering, at| {
            if !factor.is_nan() {
                steering.rate = (factor.clamp(0.0, MAX_RATE_FACTOR), steering.scheduled(at));
            }
        });
    }

    /// How the run is steered at present.
    #[must_use]
    pub fn state(&self) -> ControlState {
        let steering = self.steering();
        ControlState {
            paused: steering.pause.is_some(),
            paused_for: steering.paused + steering.pause.map_or(Duration::ZERO, |since| now() - since),
            clients: steering.clients,
            rate_factor: steering.rate.0,
            ending: steering.ending || self.request() != Request::Continue,
        }
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

    /// Another number whenever the steering may have changed.
    pub(super) fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }

    pub(super) fn steering(&self) -> Steering {
        *self.lock()
    }

    /// The run begins; what was asked for before holds from here.
    pub(super) fn begin(&self, at: Moment) {
        self.steer(|steering, _| {
            steering.pause = steering.pause.map(|_| at);
            steering.paused = Duration::ZERO;
            steering.rate.1 = Moment::ZERO;
        });
    }

    /// The run is about to end: a pause is over, and nothing can be steered any more.
    pub(super) fn end_steering(&self) {
        self.steer(|steering, at| {
            steering.resume(at);
            steering.ending = true;
        });
    }

    pub(super) fn add_waker(&self, waker: Waker) {
        self.wakers().push(waker);
    }

    fn steer(&self, change: impl FnOnce(&mut Steering, Moment)) {
        {
            let mut steering = self.lock();
            if steering.ending {
                return;
            }
            change(&mut steering, now());
            self.0.version.fetch_add(1, Ordering::AcqRel);
        }
        self.wake();
    }

    fn raise(&self, request: Request) {
        self.0.request.fetch_max(request as u8, Ordering::AcqRel);
        self.end_steering();
        self.wake();
    }

    fn wake(&self) {
        for waker in self.wakers().iter() {
            // A worker that cannot be woken wakes by itself within its tick.
            let _ = waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Steering> {
        self.0.steering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wakers(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The largest factor of arrival rates: far beyond what any generator can do, and small enough to calculate with.
const MAX_RATE_FACTOR: f64 = 1e6;

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

    #[test]
    fn pauses_add_up_and_the_schedule_stands_still_in_them() {
        let at = |seconds| Moment::ZERO + Duration::from_secs(seconds);
        let mut steering = Steering::default();
        steering.resume(at(3));
        assert_eq!(
            steering.scheduled(at(10)),
            at(10),
            "a resume without a pause is nothing"
        );
        steering.pause = Some(at(10));
        assert_eq!(steering.scheduled(at(14)), at(10));
        steering.resume(at(15));
        assert_eq!(steering.scheduled(at(20)), at(15));
        steering.pause = Some(at(20));
        assert_eq!(steering.scheduled(at(29)), at(15));
        steering.resume(at(30));
        assert_eq!(steering.paused, Duration::from_secs(15));
    }

    #[test]
    fn what_was_asked_for_can_be_read_and_brought_back() {
        let control = Control::new();
        let seen = control.version();
        control.clone().pause();
        control.set_clients(Some(7));
        control.set_rate_factor(2.5);
        control.set_rate_factor(f64::NAN);
        let state = control.state();
        assert!(control.is_paused() && state.paused && !state.ending);
        assert_eq!((state.clients, state.rate_factor), (Some(7), 2.5));
        assert_ne!(control.version(), seen);
        control.resume();
        control.set_clients(None);
        control.set_rate_factor(-1.0);
        let state = control.state();
        assert!(!control.is_paused() && !state.paused);
        assert_eq!((state.clients, state.rate_factor), (None, 0.0));
    }

    #[test]
    fn a_request_to_end_ends_a_pause_and_all_steering() {
        let control = Control::new();
        control.pause();
        control.stop();
        assert!(!control.is_paused() && control.state().ending);
        let version = control.version();
        control.pause();
        control.set_clients(Some(3));
        assert!(!control.is_paused());
        assert_eq!((control.state().clients, control.version()), (None, version));
    }
}
