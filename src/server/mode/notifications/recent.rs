//! [`Recent`]: which events were pushed lately.

use std::collections::{HashSet, VecDeque};

/// The numbers of the events that were pushed lately, so that one whose acknowledgement got lost is not pushed again.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// When the stream was created: in another one, numbers begin anew.
    stream: Option<i128>,
    order: VecDeque<u64>,
    seqs: HashSet<u64>,
}

/// How many are remembered; far more than may be unacknowledged at a time.
const CAPACITY: usize = 10_000;

impl Recent {
    /// Forgets what was pushed, unless it came from the stream that was created at this time.
    pub(super) fn of_stream(&mut self, created: i128) {
        if self.stream != Some(created) {
            *self = Self {
                stream: Some(created),
                ..Self::default()
            };
        }
    }

    pub(super) fn contains(&self, seq: u64) -> bool {
        self.seqs.contains(&seq)
    }

    pub(super) fn insert(&mut self, seq: u64) {
        if !self.seqs.insert(seq) {
            return;
        }
        if self.order.len() == CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.seqs.remove(&oldest);
        }
        self.order.push_back(seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_stream_begins_anew() {
        let mut recent = Recent::default();
        recent.of_stream(1);
        recent.insert(7);
        recent.of_stream(1);
        assert!(recent.contains(7));
        recent.of_stream(2);
        assert!(!recent.contains(7));
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut recent = Recent::default();
        for seq in (1..=10_001).chain([10_001]) {
            recent.insert(seq);
        }
        assert!(!recent.contains(1) && recent.contains(2) && recent.contains(10_001));
        assert_eq!((recent.order.len(), recent.seqs.len()), (CAPACITY, CAPACITY));
    }
}
