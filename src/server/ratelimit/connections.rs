//! [`ConnectionLimiter`]: how many connections there may be at a time, in all and for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::address::AddressKey;
use crate::server::refusal::{Refusal, RefusalCode};
use crate::units::Count;

/// How many connections there may be at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionQuota {
    /// In all; a further upgrade is refused by 503.
    pub max_connections: Count,
    /// For each address (see [`AddressKey`]), 0 for any number; a further upgrade is refused by 429.
    pub max_per_address: Count,
}

/// Counts connections. One serves all workers.
#[derive(Debug)]
pub struct ConnectionLimiter {
    max_connections: AtomicU64,
    max_per_address: AtomicU64,
    whose: &'static str,
    total: AtomicU64,
    /// Only addresses with connections are in it, so it is no larger than the quota. Without a limit per address
    /// nothing is counted.
    shards: [Mutex<HashMap<AddressKey, u64>>; SHARDS],
}

/// When a place will be free nobody knows; this keeps those who wait from asking all the time.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Connections begin and end rarely compared to messages; this many locks keep workers out of each other's way.
const SHARDS: usize = 16;

/// A connection that counts until this is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    /// If it is counted for its address, which it is not by default: a thin pointer is all that it takes then.
    address: Option<Box<AddressKey>>,
}

impl ConnectionLimiter {
    /// Counts from zero. `whose` connections they are is told to those who are refused.
    #[must_use]
    pub fn new(quota: ConnectionQuota, whose: &'static str) -> Arc<Self> {
        Arc::new(Self {
            max_connections: AtomicU64::new(quota.max_connections.0),
            max_per_address: AtomicU64::new(quota.max_per_address.0),
            whose,
            total: AtomicU64::new(0),
            shards: Default::default(),
        })
    }

    /// How many connections there may be.
    pub(crate) fn quota(&self) -> ConnectionQuota {
        ConnectionQuota {
            max_connections: Count(self.max_connections.load(Relaxed)),
            max_per_address: Count(self.max_per_address.load(Relaxed)),
        }
    }

    /// Changes how many connections there may be. Those that are open stay; where there was no limit for each address
    /// before, they are not counted.
    pub(crate) fn set_quota(&self, quota: ConnectionQuota) {
        self.max_connections.store(quota.max_connections.0, Relaxed);
        self.max_per_address.store(quota.max_per_address.0, Relaxed);
    }

    /// How many connections there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }

    /// Counts a connection.
    ///
    /// # Errors
    /// One too many.
    pub fn admit(self: &Arc<Self>, client: IpAddr) -> Result<ConnectionPermit, Refusal> {
        let quota = self.quota();
        if self.total.fetch_add(1, Relaxed) >= quota.max_connections.0 {
            self.total.fetch_sub(1, Relaxed);
            let message = format!("{} has as many connections as it may", self.whose);
            return Err(Refusal::new(RefusalCode::TooManyConnections, message).retry_after(RETRY_AFTER));
        }
        let address = (quota.max_per_address.0 > 0).then(|| AddressKey::from(client));
        if address.is_some_and(|address| !self.count(address, quota.max_per_address.0)) {
            self.total.fetch_sub(1, Relaxed);
            let message = format!("{} has as many connections of this address as it may", self.whose);
            return Err(Refusal::new(RefusalCode::TooManyFromAddress, message).retry_after(RETRY_AFTER));
        }
        Ok(ConnectionPermit {
            limiter: Arc::clone(self),
            address: address.map(Box::new),
        })
    }

    fn count(&self, address: AddressKey, most: u64) -> bool {
        let mut counts = self.shard(address).lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        let admitted = *count < most;
        *count += u64::from(admitted);
        admitted
    }

    fn release(&self, address: Option<AddressKey>) {
        self.total.fetch_sub(1, Relaxed);
        let Some(address) = address else { return };
        let mut counts = self.shard(address).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }

    fn shard(&self, address: AddressKey) -> &Mutex<HashMap<AddressKey, u64>> {
        &self.shards[address.shard(SHARDS)]
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.release(self.address.as_deref().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn limiter(total: u64, per_address: u64) -> Arc<ConnectionLimiter> {
        let quota = ConnectionQuota {
            max_connections: Count(total),
            max_per_address: Count(per_address),
        };
        ConnectionLimiter::new(quota, "the server")
    }

    fn code(result: Result<ConnectionPermit, Refusal>) -> Option<RefusalCode> {
        result.err().map(|refusal| refusal.code)
    }

    #[test]
    fn the_total_is_kept_and_given_back() {
        let limiter = limiter(2, 0);
        let first = limiter.admit(ip(1)).unwrap();
        let _second = limiter.admit(ip(1)).unwrap();
        assert_eq!(code(limiter.admit(ip(2))), Some(RefusalCode::TooManyConnections));
        drop(first);
        assert_eq!(code(limiter.admit(ip(2))), None);
        assert_eq!(limiter.total(), 1);
    }

    #[test]
    fn each_address_has_its_own_share() {
        let limiter = limiter(10, 2);
        let mut permits: Vec<_> = (0..2).map(|_| limiter.admit(ip(1)).unwrap()).collect();
        assert_eq!(code(limiter.admit(ip(1))), Some(RefusalCode::TooManyFromAddress));
        assert_eq!(limiter.total(), 2);
        permits.push(limiter.admit(ip(2)).unwrap());
        permits.remove(0);
        permits.push(limiter.admit(ip(1)).unwrap());
        drop(permits);
        assert_eq!(limiter.total(), 0);
        let remembered: usize = limiter
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap().len())
            .sum();
        assert_eq!(remembered, 0, "addresses without connections take no memory");
    }

    #[test]
    fn threads_never_exceed_the_limit_together() {
        let limiter = limiter(50, 0);
        let held: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..40)
                            .filter_map(|_| limiter.admit(ip(1)).ok())
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            let permits: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
            permits.iter().map(Vec::len).sum()
        });
        assert_eq!((held, limiter.total()), (50, 0));
    }
}
