//! [`Room`]: numbers the messages of a room over all workers, and knows which of them are old enough to be lost.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Moment;

/// What is remembered of when messages were sent: so many moments, a sixteenth of `settle` apart or more.
const CHECKPOINTS: usize = 48;
/// Messages that are remembered as possibly never sent.
const VOIDED: usize = 65_536;

/// The rooms of a run, by name. Entered when a client joins, not for each message.
#[derive(Debug)]
pub(in crate::load) struct Rooms {
    /// Tells this run's marks from those of others.
    run: u32,
    by_name: Mutex<HashMap<Box<[u8]>, Arc<Room>>>,
}

/// A room.
#[derive(Debug)]
pub(in crate::load) struct Room {
    id: u16,
    settle: Duration,
    /// The number of its next message.
    next: AtomicU64,
    /// When its last message was sent; never behind `next`.
    last: AtomicU64,
    /// When there is to be a further checkpoint.
    due: AtomicU64,
    past: Mutex<Past>,
}

/// What is looked at when something is missing.
#[derive(Debug, Default)]
struct Past {
    /// Each says that at this moment all messages below this number had been sent.
    checkpoints: VecDeque<(Moment, u64)>,
    /// Messages of which nobody knows whether the server read them.
    voided: VecDeque<u64>,
}

impl Rooms {
    pub(in crate::load) fn new(run: u32) -> Self {
        Self {
            run,
            by_name: Mutex::default(),
        }
    }

    pub(in crate::load) const fn run(&self) -> u32 {
        self.run
    }

    /// The room of this name, a new one if there is none: then a message not received for `settle` is lost in it. `None` if
    /// there are already as many rooms as a mark can tell apart.
    pub(in crate::load) fn room(&self, name: &[u8], settle: Duration) -> Option<Arc<Room>> {
        let mut rooms = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = rooms.get(name) {
            return Some(Arc::clone(room));
        }
        let room = Arc::new(Room::new(u16::try_from(rooms.len()).ok()?, settle));
        rooms.insert(name.into(), Arc::clone(&room));
        Some(room)
    }
}

impl Room {
    pub(super) fn new(id: u16, settle: Duration) -> Self {
        Self {
            id,
            settle,
            next: AtomicU64::new(0),
            last: AtomicU64::new(0),
            due: AtomicU64::new(0),
            past: Mutex::default(),
        }
    }

    pub(in crate::load) const fn id(&self) -> u16 {
        self.id
    }

    pub(in crate::load) const fn settle(&self) -> Duration {
        self.settle
    }

    /// The number of the next message: all messages sent from now on have this one or a higher one.
    pub(super) fn next(&self) -> u64 {
        self.next.load(Ordering::SeqCst)
    }

    /// The number of a message that is sent now.
    pub(in crate::load) fn take(&self, now: Moment) -> u64 {
        let below = self.next.load(Ordering::SeqCst);
        // Before the number is taken: so whoever sees a number also sees how late it may have been sent.
        let last = self.last.fetch_max(now.as_nanos(), Ordering::SeqCst);
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let due = self.due.load(Ordering::Relaxed);
        if now.as_nanos() >= due {
            let next_due = (now + self.settle / 16).as_nanos();
            let mine = self
                .due
                .compare_exchange(due, next_due, Ordering::Relaxed, Ordering::Relaxed);
            if mine.is_ok() {
                let mut past = self.past();
                past.checkpoint(Moment::from_nanos(last), below);
                past.checkpoint(now, number + 1);
            }
        }
        number
    }

    /// The number below which every message was sent at least `settle` before `now`; a message may be that old and not
    /// below it, by up to a sixteenth of `settle`.
    pub(super) fn settled(&self, now: Moment) -> u64 {
        let next = self.next();
        let last = Moment::from_nanos(self.last.load(Ordering::SeqCst));
        if last + self.settle <= now {
            return next;
        }
        let past = self.past();
        let old = past
            .checkpoints
            .iter()
            .rev()
            .find(|(at, _)| *at + self.settle <= now);
        old.map_or(0, |(_, number)| *number)
    }

    /// Nobody will know whether the server read these messages.
    pub(in crate::load) fn void(&self, numbers: impl Iterator<Item = u64>) {
        let mut past = self.past();
        for number in numbers {
            if past.voided.len() == VOIDED {
                past.voided.pop_front();
            }
            past.voided.push_back(number);
        }
    }

    /// How many void messages are `missing`.
    pub(super) fn voided(&self, missing: impl Fn(u64) -> bool) -> u64 {
        self.past()
            .voided
            .iter()
            .filter(|number| missing(**number))
            .count() as u64
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Past {
    fn checkpoint(&mut self, at: Moment, number: u64) {
        let adds = |&(before, below): &(Moment, u64)| at >= before && number > below;
        if self.checkpoints.back().is_none_or(adds) {
            if self.checkpoints.len() == CHECKPOINTS {
                self.checkpoints.pop_front();
            }
            self.checkpoints.push_back((at, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(16);

    fn at(seconds: u64) -> Moment {
        Moment::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn messages_settle_once_they_are_old_enough() {
        let room = Room::new(0, SETTLE);
        for second in 100..200_u64 {
            let settled = (second + 1).saturating_sub(116) * 10;
            assert_eq!(room.settled(at(second)), settled, "at {second}");
            for _ in 0..10 {
                room.take(at(second));
            }
        }
        for (now, settled) in [(199 + 15, 990), (199 + 16, 1000)] {
            assert_eq!(room.settled(at(now)), settled, "at {now}");
        }
    }

    #[test]
    fn a_pause_ends_the_wait_of_those_before_it() {
        let room = Room::new(0, SETTLE);
        for _ in 0..5 {
            room.take(at(100));
        }
        room.take(at(130));
        assert_eq!(room.settled(at(131)), 5, "the five are old, the sixth is new");
    }

    #[test]
    fn one_name_is_one_room_and_there_is_an_end_of_them() {
        let rooms = Rooms::new(7);
        let lobby = rooms.room(b"lobby", SETTLE).unwrap();
        assert_eq!(rooms.room(b"lobby", SETTLE).unwrap().id(), lobby.id());
        assert_ne!(rooms.room(b"other", SETTLE).unwrap().id(), lobby.id());
        let found = (2..70_000_u32).filter(|n| rooms.room(&n.to_le_bytes(), SETTLE).is_some());
        assert_eq!(found.count(), 65_536 - 2);
        assert!(rooms.room(b"lobby", SETTLE).is_some(), "what is there stays");
    }

    #[test]
    fn numbers_are_unique_over_threads() {
        let room = Arc::new(Room::new(0, Duration::from_millis(1)));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let room = Arc::clone(&room);
                std::thread::spawn(move || {
                    (0..10_000)
                        .map(|n| room.take(Moment::from_nanos(n * 100)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let mut numbers: Vec<_> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..40_000).collect::<Vec<_>>());
    }
}
