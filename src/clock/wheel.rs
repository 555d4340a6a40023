//! [`Wheel`]: one deadline for each of many keys, set, moved and cancelled in constant time.
//!
//! A hierarchical timer wheel. Time is cut into ticks; level 0 has a slot for each of the next 64 ticks, and a slot of
//! level `n` covers 64 slots of level `n - 1`. A deadline is filed on the level of the highest base-64 digit in which its
//! tick differs from the present one, so every slot lies wholly in the future, lower levels are always due before
//! higher ones, and eleven levels cover all of a 64-bit tick. When time reaches a slot of a higher level, its keys are
//! filed again, lower: a key moves at most ten times in its life.
//!
//! The keys are dense small integers (slab indices). A slot is a doubly linked list threaded through one flat array, so
//! a timer costs 24 bytes and no allocation of its own.

use std::time::Duration;

use super::Moment;

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;
const NIL: u32 = u32::MAX;
const UNSCHEDULED: u16 = u16::MAX;

/// Deadlines of keys that are small integers, to the accuracy of one tick.
///
/// A key never fires before its deadline. [`expire`](Self::expire) reports it at the first call that is at most one
/// tick later.
#[derive(Debug)]
pub struct Wheel {
    tick: u64,
    /// The last tick that was expired. Every scheduled tick is later.
    elapsed: u64,
    /// First key of each slot, level by level.
    heads: Box<[u32; LEVELS * SLOTS]>,
    /// Which slots of a level hold keys: bit `n` is slot `n`.
    occupied: [u64; LEVELS],
    timers: Vec<Timer>,
    scheduled: usize,
}

/// A key's deadline and its place in the list of its slot.
#[derive(Clone, Copy, Debug)]
struct Timer {
    tick: u64,
    next: u32,
    prev: u32,
    /// Index into `heads`, or [`UNSCHEDULED`].
    slot: u16,
}

const IDLE: Timer = Timer {
    tick: 0,
    next: NIL,
    prev: NIL,
    slot: UNSCHEDULED,
};

impl Wheel {
    /// A wheel that begins at `start` and rounds deadlines up to multiples of `tick` (at least 1 ns).
    #[must_use]
    pub fn new(tick: Duration, start: Moment) -> Self {
        let tick = u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self {
            tick,
            elapsed: start.as_nanos() / tick,
            heads: Box::new([NIL; LEVELS * SLOTS]),
            occupied: [0; LEVELS],
            timers: Vec::new(),
            scheduled: 0,
        }
    }

    /// Number of keys that have a deadline.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scheduled
    }

    /// Whether no key has a deadline.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scheduled == 0
    }

    /// Sets the deadline of `key`, in place of the one it had. [`Moment::NEVER`] cancels it.
    ///
    /// A deadline that has passed fires with the next tick.
    pub fn schedule(&mut self, key: u32, deadline: Moment) {
        if deadline == Moment::NEVER {
            self.cancel(key);
            return;
        }
        let index = key as usize;
        if index >= self.timers.len() {
            self.timers.resize(index + 1, IDLE);
        }
        let tick = self.tick_of(deadline);
        let timer = self.timers[index];
        if timer.slot != UNSCHEDULED {
            if timer.tick == tick {
                return;
            }
            self.unlink(key);
        }
        self.link(key, tick);
    }

    /// Makes sure that `key` fires no later than `deadline`; a sooner deadline that it has stays.
    ///
    /// For deadlines that mostly move away, such as a timeout that every message renews: the key fires at the old
    /// deadline, finds nothing due and is scheduled again, which is cheaper than moving it each time.
    pub fn schedule_by(&mut self, key: u32, deadline: Moment) {
        if deadline == Moment::NEVER {
            return;
        }
        if let Some(timer) = self.timers.get(key as usize)
            && timer.slot != UNSCHEDULED
            && timer.tick <= self.tick_of(deadline)
        {
            return;
        }
        self.schedule(key, deadline);
    }

    /// Takes away the deadline of `key`, if it has one.
    pub fn cancel(&mut self, key: u32) {
        if self
            .timers
            .get(key as usize)
            .is_some_and(|timer| timer.slot != UNSCHEDULED)
        {
            self.unlink(key);
        }
    }

    /// The next moment at which [`expire`](Self::expire) has work, or `None` if no key has a deadline.
    ///
    /// It is never later than the earliest deadline rounded up to its tick. It is earlier if that deadline is more than
    /// a slot of level 0 away and keys have to be filed again before: then `expire` reports nothing.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.first_slot()
            .map(|(_, start)| Moment::from_nanos(start.saturating_mul(self.tick)))
    }

    /// Takes away and reports every key whose deadline, rounded up to a tick, is at or before `now`, in the order of
    /// their ticks; within a tick the order is unspecified.
    pub fn expire(&mut self, now: Moment, fired: &mut impl FnMut(u32)) {
        let present = now.as_nanos() / self.tick;
        while let Some((slot, start)) = self.first_slot()
            && start <= present
        {
            self.elapsed = start;
            let due = slot < SLOTS;
            while self.heads[slot] != NIL {
                let key = self.heads[slot];
                let tick = self.timers[key as usize].tick;
                self.unlink(key);
                if due {
                    fired(key);
                } else {
                    self.link(key, tick);
                }
            }
        }
        self.elapsed = self.elapsed.max(present);
    }

    /// The tick at which `deadline` fires: rounded up, so never early, and not one that was expired already.
    fn tick_of(&self, deadline: Moment) -> u64 {
        deadline.as_nanos().div_ceil(self.tick).max(self.elapsed + 1)
    }

    /// The earliest slot that holds keys, and its first tick.
    fn first_slot(&self) -> Option<(usize, u64)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let digit = self.occupied[level].trailing_zeros();
        let shift = BITS * level as u32;
        // The digits above the slot's are those of the present; those below are zero at the slot's begin.
        let above = self
            .elapsed
            .checked_shr(shift + BITS)
            .map_or(0, |high| high << (shift + BITS));
        Some((level * SLOTS + digit as usize, above | u64::from(digit) << shift))
    }

    fn link(&mut self, key: u32, tick: u64) {
        // `| 1` files the present tick, which only `expire` links, on level 0 as well.
        let level = (self.elapsed ^ tick | 1).ilog2() / BITS;
        let digit = (tick >> (BITS * level)) as usize % SLOTS;
        let slot = level as usize * SLOTS + digit;
        let next = std::mem::replace(&mut self.heads[slot], key);
        if next != NIL {
            self.timers[next as usize].prev = key;
        }
        self.timers[key as usize] = Timer {
            tick,
            next,
            prev: NIL,
            slot: slot as u16,
        };
        self.occupied[level as usize] |= 1 << digit;
        self.scheduled += 1;
    }

    fn unlink(&mut self, key: u32) {
        let Timer { next, prev, slot, .. } = std::mem::replace(&mut self.timers[key as usize], IDLE);
        if next != NIL {
            self.timers[next as usize].prev = prev;
        }
        if prev != NIL {
            self.timers[prev as usize].next = next;
        } else {
            let slot = slot as usize;
            self.heads[slot] = next;
            if next == NIL {
                self.occupied[slot / SLOTS] &= !(1 << (slot % SLOTS));
            }
        }
        self.scheduled -= 1;
    }
}

#[cfg(test)]
mod tests;
