//! [`Recent`]: a map of bounded size that forgets what was not used for long.

use std::collections::HashMap;
use std::hash::Hash;

/// Two generations of half the capacity each. A full young generation becomes the old one, and what was old is
/// forgotten, so an entry lives through at least half a capacity of others; every operation takes constant time on
/// average.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Of one generation.
    capacity: usize,
}

impl<K: Eq + Hash, V: Copy> Recent<K, V> {
    /// Remembers `capacity` entries at the most.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            capacity: (capacity / 2).max(1),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    /// Sets an entry, which counts as used now.
    pub(super) fn set(&mut self, key: K, value: V) {
        if self.young.len() >= self.capacity && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_size_is_bounded_and_the_last_used_are_remembered(
            capacity in 2_usize..20,
            keys in prop::collection::vec(0_u8..40, 1..300),
        ) {
            let mut recent = Recent::new(capacity);
            let mut order: Vec<u8> = Vec::new();
            for (index, key) in keys.into_iter().enumerate() {
                recent.set(key, index);
                order.retain(|known| *known != key);
                order.push(key);
                prop_assert!(recent.len() <= capacity / 2 * 2);
                prop_assert_eq!(recent.get(&key), Some(index));
                for kept in order.iter().rev().take(capacity / 2) {
                    prop_assert!(recent.get(kept).is_some());
                }
            }
        }
    }
}
