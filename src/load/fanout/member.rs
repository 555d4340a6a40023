//! [`Member`]: what one client was owed as a member of a room, and what it got.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::clock::Moment;
use crate::scenario::Mark;

use super::room::Room;

/// The most messages of its room that a member tells apart at once.
pub(super) const WINDOW: u64 = 65_536;
const BITS: u64 = 64;

/// A client's membership of a room.
#[derive(Debug)]
pub(in crate::load) struct Member {
    room: Arc<Room>,
    /// When it began.
    joined: Moment,
    /// The first message that it is owed.
    first: u64,
    /// What is below is settled.
    base: u64,
    /// Which word of messages `words` begins with.
    start: u64,
    words: VecDeque<Word>,
    /// Set when the client begins to leave.
    leaving: Option<Leaving>,
    /// When to look what has become old.
    settle_at: Moment,
    /// Its own messages, where those do not come back to it.
    exempt: u64,
    /// Settled and not told yet.
    settled: Settled,
}

/// What a member that leaves was owed.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    /// The first message that it is not owed any more.
    end: u64,
    /// What is below was old when it began to leave.
    old: u64,
}

/// What is known of 64 neighbouring messages.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    received: u64,
    /// Missing when their sender's next one came.
    overtaken: u64,
}

/// What will not come any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::load) struct Settled {
    /// Not received for longer than `settle`: lost, or replaced.
    pub(in crate::load) missing: u64,
    pub(in crate::load) unsettled: u64,
}

/// What a message with a mark is to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::load) enum Heard {
    /// It was owed and comes for the first time.
    Owed {
        /// It comes after its sender's next one.
        out_of_order: bool,
    },
    /// It was received before.
    Again,
    /// It was sent before the client knew that it is a member, or after it began to leave.
    Outside,
    /// It was settled before.
    Late,
    /// It belongs to another room.
    Stray,
    /// No such message was ever sent.
    Foreign,
}

/// The result of a membership; owed = received + missing + unsettled, where the client counts what it received and what
/// it was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::load) struct Parting {
    pub(in crate::load) owed: u64,
    /// What was not told before.
    pub(in crate::load) settled: Settled,
    /// Of the unsettled: overtaken by their senders' next ones.
    pub(in crate::load) overtaken: u64,
}

impl Member {
    /// The client knows at `now` that it is a member.
    pub(in crate::load) fn new(room: Arc<Room>, now: Moment) -> Self {
        let first = room.next();
        Self {
            joined: now,
            first,
            base: first,
            start: first / BITS,
            words: VecDeque::new(),
            leaving: None,
            settle_at: now + room.settle(),
            exempt: 0,
            settled: Settled::default(),
            room,
        }
    }

    pub(in crate::load) const fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// The client sent this message of the room itself and is not owed it.
    pub(in crate::load) fn exempt(&mut self, number: u64) {
        if number >= self.base && self.leaving.is_none() {
            self.make_room_for(number);
            self.word(number).received |= bit(number);
            self.exempt += 1;
        }
    }

    /// A message with a mark of this run came.
    pub(in crate::load) fn hear(&mut self, mark: &Mark, now: Moment) -> Heard {
        let number = mark.number;
        if mark.room != self.room.id() {
            // What comes of a room that was left is on its way from there.
            let before = mark.sent < self.joined.as_nanos();
            return if before { Heard::Outside } else { Heard::Stray };
        }
        let end = self.leaving.map_or(u64::MAX, |leaving| leaving.end);
        if number < self.first || number >= end {
            return Heard::Outside;
        }
        if now >= self.settle_at && self.leaving.is_none() {
            self.settle_at = now + self.room.settle() / 4;
            self.settle(self.room.settled(now));
        }
        if number < self.base {
            return Heard::Late;
        }
        if number >= self.room.next() {
            return Heard::Foreign;
        }
        self.make_room_for(number);
        if number < self.base {
            return Heard::Late;
        }
        let mask = bit(number);
        let word = self.word(number);
        if word.received & mask != 0 {
            return Heard::Again;
        }
        word.received |= mask;
        let out_of_order = word.overtaken & mask != 0;
        self.overtake(mark);
        Heard::Owed { out_of_order }
    }

    /// The client begins to leave, unless it has: it is owed nothing that is sent from now on.
    pub(in crate::load) fn leave(&mut self, now: Moment) {
        let end = self.room.next();
        let old = self.room.settled(now).clamp(self.base, end);
        self.leaving.get_or_insert(Leaving { end, old });
    }

    /// Nothing more will come.
    pub(in crate::load) fn finish(mut self, now: Moment) -> Parting {
        self.leave(now);
        let Leaving { end, old } = self.leaving.unwrap_or(Leaving {
            end: self.base,
            old: self.base,
        });
        self.settle(old);
        let mut settled = self.settled();
        settled.unsettled += self.missing(self.base, end);
        Parting {
            owed: end - self.first - self.exempt,
            settled,
            overtaken: self.count(self.base, end, |word| word.overtaken & !word.received),
        }
    }

    /// What was settled since this was asked before.
    pub(in crate::load) const fn settled(&mut self) -> Settled {
        std::mem::replace(
            &mut self.settled,
            Settled {
                missing: 0,
                unsettled: 0,
            },
        )
    }

    /// The sender's message before this one, if it is missing, was overtaken.
    fn overtake(&mut self, mark: &Mark) {
        let before = mark.number.checked_sub(u64::from(mark.back));
        if let Some(before) = before.filter(|before| mark.back > 0 && *before >= self.base) {
            let mask = bit(before);
            let word = self.word(before);
            word.overtaken |= mask & !word.received;
        }
    }

    /// What is missing below `to` will not come.
    fn settle(&mut self, to: u64) {
        if to <= self.base {
            return;
        }
        let missing = self.missing(self.base, to);
        if missing > 0 {
            let range = self.base..to;
            let voided = self
                .room
                .voided(|number| range.contains(&number) && !self.received(number));
            let voided = voided.min(missing);
            self.settled.unsettled += voided;
            self.settled.missing += missing - voided;
        }
        self.forget(to);
    }

    fn forget(&mut self, to: u64) {
        self.base = to;
        while self.start < to / BITS {
            if self.words.pop_front().is_none() {
                self.start = to / BITS;
                return;
            }
            self.start += 1;
        }
    }

    /// How many of the messages from `from` to below `to` are missing; none of them is settled.
    fn missing(&self, from: u64, to: u64) -> u64 {
        to - from - self.count(from, to, |word| word.received)
    }

    /// How many `bits` there are of the messages from `from` to below `to`.
    fn count(&self, from: u64, to: u64, bits: impl Fn(&Word) -> u64) -> u64 {
        let words = (self.start..).zip(&self.words);
        words
            .map(|(index, word)| {
                let low = from.saturating_sub(index * BITS).min(BITS);
                let high = to.saturating_sub(index * BITS).min(BITS);
                let within = below(high) & !below(low);
                u64::from((bits(word) & within).count_ones())
            })
            .sum()
    }

    fn received(&self, number: u64) -> bool {
        let word = (number / BITS).checked_sub(self.start);
        let word = word.and_then(|index| self.words.get(index as usize));
        word.is_some_and(|word| word.received & bit(number) != 0)
    }

    /// The first message that `words` has no place for.
    fn end(&self) -> u64 {
        (self.start + self.words.len() as u64) * BITS
    }

    /// Extends `words` so that they reach `number`, which is not settled; the oldest may have to be settled for that.
    fn make_room_for(&mut self, number: u64) {
        if number >= self.base + WINDOW {
            let to = number - WINDOW / 2;
            self.settled.unsettled += self.missing(self.base, to);
            self.forget(to);
        }
        while number >= self.end() {
            self.words.push_back(Word::default());
        }
    }

    /// The word of a message that is not settled and not beyond the end.
    fn word(&mut self, number: u64) -> &mut Word {
        &mut self.words[(number / BITS - self.start) as usize]
    }
}

/// The place of a message in its word.
const fn bit(number: u64) -> u64 {
    1 << (number % BITS)
}

/// The lowest `count` bits, at most all 64.
const fn below(count: u64) -> u64 {
    if count >= BITS { u64::MAX } else { (1 << count) - 1 }
}

#[cfg(test)]
mod tests;
