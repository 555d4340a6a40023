//! Messages that the target numbers itself: the states of a game, the ticks of a dashboard.

use std::time::Duration;

use crate::clock::Moment;
use crate::metrics::{Counter, Trend};
use crate::scenario::PayloadKind;

use super::client::VClient;
use super::turn::Turn;

/// How many of the latest numbers are told apart.
const WINDOW: u64 = 64;

/// What a client has seen of its connection's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    highest: u64,
    /// Bit *n* says that `highest - n` came, or is older than the first that did.
    came: u64,
    /// When the highest came.
    at: Moment,
}

/// What a number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Higher than all before; so many older ones will not be waited for any longer.
    Next { lost: u64 },
    /// Lower than the highest, for the first time.
    Disordered,
    /// It came before.
    Again,
    /// So far below the highest that the numbers must have begun anew; so many are missing of the ones before.
    Anew { lost: u64 },
}

impl Numbers {
    const fn new(number: u64, at: Moment) -> Self {
        Self {
            highest: number,
            came: u64::MAX,
            at,
        }
    }

    fn missing(&self) -> u64 {
        u64::from(self.came.count_zeros())
    }

    fn place(&mut self, number: u64, at: Moment) -> Place {
        if let Some(ahead @ 1..) = number.checked_sub(self.highest) {
            let before = self.missing();
            let came = u32::try_from(ahead)
                .ok()
                .and_then(|ahead| self.came.checked_shl(ahead));
            self.came = came.unwrap_or(0) | 1;
            (self.highest, self.at) = (number, at);
            // All that were skipped are missing or have left the window.
            return Place::Next {
                lost: before.saturating_add(ahead - 1) - self.missing(),
            };
        }
        let back = self.highest - number;
        if back >= WINDOW {
            let lost = self.missing();
            *self = Self::new(number, at);
            return Place::Anew { lost };
        }
        let bit = 1 << back;
        if self.came & bit != 0 {
            return Place::Again;
        }
        self.came |= bit;
        Place::Disordered
    }
}

impl VClient {
    /// Looks for the number of a message that came.
    pub(super) fn follow_stream(&mut self, turn: &mut Turn<'_>, kind: PayloadKind, payload: &[u8]) {
        let Some(plan) = &self.plan(turn.script).stream else {
            return;
        };
        let context = self.who.context(turn, self.seq);
        let unix = Duration::from_nanos(context.unix_nanos);
        let Some(numbered) = plan.read(kind, payload, &context) else {
            return;
        };
        if let Some(age) = numbered.sent.and_then(|sent| unix.checked_sub(sent)) {
            turn.shard.record(self.group, Trend::StreamAge, age);
        }
        let Some(memory) = &mut self.who.memory else {
            return;
        };
        let Some(numbers) = &mut memory.stream else {
            memory.stream = Some(Numbers::new(numbered.number, turn.now));
            return turn.count(self.group, Counter::StreamReceived);
        };
        let before = numbers.at;
        match numbers.place(numbered.number, turn.now) {
            Place::Again => return turn.count(self.group, Counter::StreamDuplicated),
            Place::Next { lost } => {
                turn.shard
                    .record(self.group, Trend::StreamInterval, turn.now - before);
                turn.shard.add(self.group, Counter::StreamLost, lost);
            }
            Place::Disordered => turn.count(self.group, Counter::StreamDisordered),
            Place::Anew { lost } => {
                turn.count(self.group, Counter::StreamRestarted);
                turn.shard.add(self.group, Counter::StreamLost, lost);
            }
        }
        turn.count(self.group, Counter::StreamReceived);
    }

    /// The connection ended: what is missing will not come.
    pub(super) fn end_stream(&mut self, turn: &mut Turn<'_>) {
        let numbers = self.who.memory.as_mut().and_then(|memory| memory.stream.take());
        if let Some(numbers) = numbers {
            turn.shard.add(self.group, Counter::StreamLost, numbers.missing());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_that_go_far_back_begin_anew() {
        let mut numbers = Numbers::new(1000, Moment::ZERO);
        assert_eq!(numbers.place(1003, Moment::ZERO), Place::Next { lost: 0 });
        assert_eq!(numbers.place(1, Moment::ZERO), Place::Anew { lost: 2 });
        assert_eq!(numbers.place(2, Moment::ZERO), Place::Next { lost: 0 });
        assert_eq!(numbers.missing(), 0);
        assert_eq!(
            numbers.place(u64::MAX, Moment::ZERO),
            Place::Next {
                lost: u64::MAX - 2 - WINDOW
            }
        );
    }

    proptest! {
        /// Numbers that are left out, doubled and moved by less than the window.
        #[test]
        fn what_did_not_come_is_lost_and_nothing_else(fates in proptest::collection::vec((0_u64..40, 0_u8..5), 1..300)) {
            let mut order: Vec<_> = (100..)
                .zip(&fates)
                .flat_map(|(number, (late, fate))| {
                    let copies = usize::from(*fate > 0) + usize::from(*fate == 4);
                    std::iter::repeat_n((number + late, number), copies)
                })
                .collect();
            order.sort_unstable();
            let Some((_, first)) = order.first().copied() else { return Ok(()) };
            // The first that comes is the lowest that is known of.
            order.retain(|(_, number)| *number >= first);
            let mut numbers = Numbers::new(first, Moment::ZERO);
            let (mut lost, mut again, mut came) = (0, 0, 1);
            for (_, number) in &order[1..] {
                match numbers.place(*number, Moment::ZERO) {
                    Place::Next { lost: n } => { lost += n; came += 1; }
                    Place::Disordered => came += 1,
                    Place::Again => again += 1,
                    Place::Anew { .. } => prop_assert!(false, "no number goes that far back"),
                }
            }
            lost += numbers.missing();
            let distinct: BTreeSet<_> = order.iter().map(|(_, number)| *number).collect();
            let highest = *distinct.last().unwrap_or(&first);
            prop_assert_eq!(came, distinct.len() as u64);
            prop_assert_eq!(again, (order.len() - distinct.len()) as u64);
            prop_assert_eq!(lost, highest - first + 1 - distinct.len() as u64);
        }
    }
}
