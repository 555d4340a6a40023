//! [`Pending`]: what a client sent and is owed an answer for.

use std::collections::VecDeque;

use crate::clock::Moment;

/// Something sent that is owed an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owed {
    /// Names it among the pending ones: a message's sequence number, a ping's fingerprint.
    pub(super) id: u64,
    /// When it should have been sent.
    pub(super) intended: Moment,
    /// When it was.
    pub(super) sent: Moment,
    /// When it is given up.
    pub(super) until: Moment,
    /// The operation that sent it.
    pub(super) op: u32,
    /// Given up; it stays a while so that a late answer is recognised.
    pub(super) lost: bool,
}

/// How many that were given up are remembered. The oldest is forgotten first: an answer to it counts as unmatched.
const REMEMBERED: usize = 16;

/// Everything of one kind that is owed an answer, in the order in which it was sent.
///
/// The usual case, one at a time, lives inline. The first client that has more under way allocates, and keeps that
/// memory until its connection ends.
#[derive(Debug)]
pub(super) struct Pending {
    /// The oldest. Vacant if and only if all is empty.
    first: Option<Owed>,
    #[expect(
        clippy::box_collection,
        reason = "8 bytes instead of 32 in each of the many clients that never need it"
    )]
    rest: Option<Box<VecDeque<Owed>>>,
    /// No one is given up before this moment; a lower bound.
    earliest: Moment,
    live: u32,
    lost: u32,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            first: None,
            rest: None,
            earliest: Moment::NEVER,
            live: 0,
            lost: 0,
        }
    }
}

impl Pending {
    /// Whether nothing is pending, the given up ones included.
    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many are owed an answer and not given up.
    pub(super) const fn live(&self) -> u32 {
        self.live
    }

    /// A moment before which none is given up.
    pub(super) const fn earliest(&self) -> Moment {
        self.earliest
    }

    pub(super) fn push(&mut self, owed: Owed) {
        self.earliest = self.earliest.min(owed.until);
        self.live += 1;
        if self.first.is_none() {
            self.first = Some(owed);
        } else {
            self.rest.get_or_insert_default().push_back(owed);
        }
    }

    /// All, the given up ones included, in order, each with its index.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Owed)> {
        self.first
            .iter()
            .chain(self.rest.iter().flat_map(|rest| rest.iter()))
            .enumerate()
    }

    /// The index of the one with this `id`; ids must have been pushed in ascending order.
    pub(super) fn find_ascending(&self, id: u64) -> Option<(usize, &Owed)> {
        let first = self.first.as_ref()?;
        if first.id == id {
            return Some((0, first));
        }
        let rest = self.rest.as_deref()?;
        let index = rest.binary_search_by_key(&id, |owed| owed.id).ok()?;
        Some((index + 1, &rest[index]))
    }

    /// Takes out the one at `index`.
    pub(super) fn remove(&mut self, index: usize) -> Option<Owed> {
        let removed = match index {
            0 => {
                let next = self.rest.as_mut().and_then(|rest| rest.pop_front());
                std::mem::replace(&mut self.first, next)
            }
            _ => self.rest.as_mut().and_then(|rest| rest.remove(index - 1)),
        }?;
        if removed.lost {
            self.lost -= 1;
        } else {
            self.live -= 1;
        }
        if self.live == 0 {
            self.earliest = Moment::NEVER;
        }
        Some(removed)
    }

    /// Gives up the next one whose time is over.
    pub(super) fn give_up(&mut self, now: Moment) -> Option<Owed> {
        if self.earliest > now {
            return None;
        }
        let overdue = self
            .iter_mut()
            .find(|owed| !owed.lost && owed.until <= now)
            .map(|owed| {
                owed.lost = true;
                *owed
            });
        match overdue {
            Some(_) => {
                self.live -= 1;
                self.lost += 1;
                self.forget_oldest_lost();
            }
            // Only now, with every overdue one gone, is the bound worth computing.
            None => {
                let live = self.iter().filter(|(_, owed)| !owed.lost);
                self.earliest = live.map(|(_, owed)| owed.until).min().unwrap_or(Moment::NEVER);
            }
        }
        overdue
    }

    /// Forgets everything and returns how many were still owed an answer.
    pub(super) fn clear(&mut self) -> u32 {
        std::mem::take(self).live
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Owed> {
        self.first
            .iter_mut()
            .chain(self.rest.iter_mut().flat_map(|rest| rest.iter_mut()))
    }

    fn forget_oldest_lost(&mut self) {
        if self.lost as usize > REMEMBERED {
            let oldest = self.iter().position(|(_, owed)| owed.lost);
            oldest.and_then(|index| self.remove(index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Moment {
        Moment::from_nanos(nanos)
    }

    fn owed(id: u64, until: u64) -> Owed {
        Owed {
            id,
            intended: at(0),
            sent: at(0),
            until: at(until),
            op: 0,
            lost: false,
        }
    }

    #[test]
    fn keeps_order_and_finds_by_id() {
        let mut pending = Pending::default();
        for id in 1..=5 {
            pending.push(owed(id, 100 + id));
        }
        assert_eq!(pending.live(), 5);
        assert_eq!(
            pending.find_ascending(4).map(|(index, owed)| (index, owed.id)),
            Some((3, 4))
        );
        assert_eq!(pending.find_ascending(9), None);
        assert_eq!(pending.remove(0).map(|owed| owed.id), Some(1));
        assert_eq!(pending.remove(2).map(|owed| owed.id), Some(4));
        assert_eq!(pending.remove(7), None);
        let ids: Vec<_> = pending.iter().map(|(_, owed)| owed.id).collect();
        assert_eq!(ids, [2, 3, 5]);
        assert_eq!(pending.clear(), 3);
        assert_eq!((pending.live(), pending.earliest()), (0, Moment::NEVER));
    }

    #[test]
    fn gives_up_what_is_due_and_remembers_it() {
        let mut pending = Pending::default();
        for (id, until) in [(1, 30), (2, 10), (3, 20)] {
            pending.push(owed(id, until));
        }
        assert_eq!(pending.earliest(), at(10));
        assert_eq!(pending.give_up(at(9)), None);
        assert_eq!(pending.give_up(at(20)).map(|owed| owed.id), Some(2));
        assert_eq!(pending.give_up(at(20)).map(|owed| owed.id), Some(3));
        assert_eq!(pending.give_up(at(20)), None);
        assert_eq!((pending.earliest(), pending.live()), (at(30), 1));
        assert!(pending.find_ascending(3).is_some_and(|(_, owed)| owed.lost));
        assert_eq!(
            pending.remove(1).map(|owed| (owed.id, owed.lost)),
            Some((2, true))
        );
        assert_eq!(pending.live(), 1);
    }

    #[test]
    fn forgets_the_oldest_of_many_lost() {
        let mut pending = Pending::default();
        for id in 0..REMEMBERED as u64 + 3 {
            pending.push(owed(id, 1));
        }
        while pending.give_up(at(1)).is_some() {}
        assert_eq!(pending.iter().count(), REMEMBERED);
        assert_eq!(pending.iter().next().map(|(_, owed)| owed.id), Some(3));
        assert_eq!(pending.clear(), 0);
    }
}
