//! [`Upstream`]: whether it is up, how many connections it has.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::balance::{Candidate, fingerprint};
use super::config::UpstreamConfig;
use crate::clock::Moment;
use crate::net::Target;

/// A server behind the proxy, as all workers know it.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) target: Target,
    /// What the log and the metrics call it.
    pub(crate) name: String,
    weight: u32,
    key: u64,
    health: Mutex<Health>,
    pub(super) connections: AtomicUsize,
    /// Connections that it accepted.
    pub(crate) accepted: AtomicU64,
    /// Upgrades that it refused.
    pub(crate) refused: AtomicU64,
    /// Connections that could not be made, answers that did not come.
    pub(crate) failures: AtomicU64,
    /// Health checks that it failed.
    pub(crate) checks_failed: AtomicU64,
}

/// When an upstream changes its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thresholds {
    /// Failures in a row that take it out.
    pub(super) fails: u32,
    /// Successes in a row that bring it back.
    pub(super) pass: u32,
    /// It comes back by itself after this time, if nobody checks its health.
    pub(super) pause: Option<Duration>,
}

#[derive(Debug)]
struct Health {
    up: bool,
    /// Results in a row that speak against its state.
    streak: u32,
    /// When it comes back by itself.
    back: Moment,
}

impl Upstream {
    pub(super) fn new(config: &UpstreamConfig) -> Self {
        let name = config.url.to_string();
        Self {
            target: config.url.target().clone(),
            weight: config.weight.get(),
            key: fingerprint(&name),
            name,
            health: Mutex::new(Health {
                up: true,
                streak: 0,
                back: Moment::NEVER,
            }),
            connections: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            checks_failed: AtomicU64::new(0),
        }
    }

    /// Whether it gets connections.
    pub(crate) fn is_up(&self, now: Moment) -> bool {
        let health = self.health();
        health.up || now >= health.back
    }

    /// Connections that are open or being opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// What a cookie calls it: the same in every process, and it does not tell the address.
    pub(super) fn cookie(&self) -> Cookie {
        Cookie(self.key)
    }

    pub(super) fn candidate(&self, index: usize) -> Candidate {
        Candidate {
            index,
            weight: self.weight,
            connections: self.connections(),
            key: self.key,
        }
    }

    /// A connection or a check succeeded, or failed for the reason given.
    pub(super) fn learn(&self, outcome: Result<(), &dyn fmt::Display>, thresholds: Thresholds, now: Moment) {
        let mut health = self.health();
        let against = health.up != outcome.is_ok();
        health.streak = if against { health.streak + 1 } else { 0 };
        // Nobody else will find out that it is well again, so that the first success counts.
        let needed = match (health.up, thresholds.pause) {
            (true, _) => thresholds.fails,
            (false, None) => thresholds.pass,
            (false, Some(_)) => 1,
        };
        if against && health.streak >= needed {
            health.up = !health.up;
            health.streak = 0;
            match outcome {
                Ok(()) => tracing::info!(upstream = %self.name, "upstream is up again"),
                Err(reason) => tracing::warn!(upstream = %self.name, %reason, "upstream is down"),
            }
        }
        health.back = match (outcome, thresholds.pause) {
            (Err(_), Some(pause)) => now + pause,
            _ => Moment::NEVER,
        };
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An upstream's name in a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cookie(u64);

impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream() -> Upstream {
        Upstream::new(&UpstreamConfig {
            url: "ws://h:1".parse().unwrap(),
            weight: std::num::NonZeroU32::MIN,
        })
    }

    const CHECKED: Thresholds = Thresholds {
        fails: 3,
        pass: 2,
        pause: None,
    };
    const LEFT_ALONE: Thresholds = Thresholds {
        fails: 1,
        pass: 1,
        pause: Some(Duration::from_secs(10)),
    };

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn c6_fails_and_passes_count_in_a_row() {
        let upstream = upstream();
        let states = "ffpfffpfpp".chars().map(|result| {
            let outcome = if result == 'p' {
                Ok(())
            } else {
                Err(&"sick" as &dyn fmt::Display)
            };
            upstream.learn(outcome, CHECKED, at(0));
            if upstream.is_up(at(1000)) { '+' } else { '-' }
        });
        assert_eq!(states.collect::<String>(), "+++++----+");
    }

    #[test]
    fn c9_without_a_health_check_it_comes_back_by_itself() {
        let upstream = upstream();
        upstream.learn(Err(&"refused"), LEFT_ALONE, at(5));
        assert!(!upstream.is_up(at(14)));
        assert!(upstream.is_up(at(15)), "it may be tried again");
        upstream.learn(Err(&"refused"), LEFT_ALONE, at(15));
        assert!(!upstream.is_up(at(24)));
        upstream.learn(Ok(()), LEFT_ALONE, at(20));
        assert!(upstream.is_up(at(20)));
    }
}
