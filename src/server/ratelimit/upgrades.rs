//! [`UpgradeLimiter`]: how many upgrades per second an address, an API key or a JWT claim gets (seeds A23, A26, A31).

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::address::AddressKey;
use super::gcra::Gcra;
use super::recent::Recent;
use crate::clock::Moment;
use crate::server::auth::Identity;
use crate::server::refusal::{Refusal, RefusalCode};
use crate::units::{Count, Rate};

/// How many upgrades a subject gets.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpgradeLimitConfig {
    /// Whose upgrades are counted together.
    #[serde(default)]
    pub per: UpgradeSubject,
    /// How many come back per unit of time: `10/s`.
    pub rate: Rate,
    /// How many may come at once; default: what comes back in a second.
    pub burst: Option<u32>,
    /// How many subjects are remembered (100k); the one that was not seen for longest is forgotten first, and has its
    /// whole burst again.
    #[serde(default = "subjects")]
    pub subjects: Count,
}

fn subjects() -> Count {
    Count(100_000)
}

/// Whose upgrades are counted together. In YAML: `address`, `identity`, or `{claim: NAME}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UpgradeSubject {
    /// A client's address (see [`AddressKey`]).
    #[default]
    Address,
    /// Whoever the client proved to be: an API key, a token, a user, a JWT's `sub`. Clients who proved nothing count
    /// by their address.
    Identity,
    /// The value of a claim of the JWT. Clients without it count by their address.
    Claim(String),
}

/// Counts upgrades. One serves all workers.
pub struct UpgradeLimiter {
    subject: UpgradeSubject,
    gcra: Gcra,
    /// Subjects are remembered by their hash: it bounds the memory that a long claim takes, and since its key is
    /// random, nobody can make two subjects share one.
    hasher: RandomState,
    shards: Box<[Mutex<Recent<u64, Moment>>]>,
}

/// Upgrades are rare compared to messages; this many locks keep workers out of each other's way.
const SHARDS: usize = 16;

impl UpgradeLimiter {
    /// `None` if the rate is zero.
    #[must_use]
    pub fn new(config: &UpgradeLimitConfig) -> Option<Self> {
        let per_second = config.rate.get().ceil() as u32;
        let gcra = Gcra::new(config.rate, config.burst.unwrap_or(per_second))?;
        let per_shard = usize::try_from(config.subjects.0).unwrap_or(usize::MAX) / SHARDS;
        let shard = || Mutex::new(Recent::new(per_shard));
        Some(Self {
            subject: config.per.clone(),
            gcra,
            hasher: RandomState::new(),
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
        })
    }

    /// Whether the client must be known before its upgrades can be counted.
    #[must_use]
    pub fn needs_identity(&self) -> bool {
        self.subject != UpgradeSubject::Address
    }

    /// Counts an upgrade.
    ///
    /// # Errors
    /// One too many, which is not counted; the refusal says when the next is granted.
    pub fn admit(&self, client: IpAddr, identity: Option<&Identity>, now: Moment) -> Result<(), Refusal> {
        self.take(self.key(client, identity), now).map_err(|wait| {
            let message = format!("too many upgrades for {}", self.subject);
            Refusal::new(RefusalCode::RateLimited, message).retry_after(wait)
        })
    }

    fn key(&self, client: IpAddr, identity: Option<&Identity>) -> u64 {
        let known = match (&self.subject, identity) {
            // A JWT without `sub` says of nobody who it is.
            (UpgradeSubject::Identity, Some(identity)) if !identity.subject.is_empty() => {
                Some(self.hasher.hash_one((identity.method.name(), &identity.subject)))
            }
            (UpgradeSubject::Claim(name), Some(identity)) => identity
                .claim(name)
                .map(|claim| self.hasher.hash_one(("claim", claim))),
            _ => None,
        };
        known.unwrap_or_else(|| self.hasher.hash_one(AddressKey::from(client)))
    }

    fn take(&self, key: u64, now: Moment) -> Result<(), Duration> {
        let shard = &self.shards[key as usize % SHARDS];
        let mut states = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let state = states.get(&key);
        let (next, outcome) = match self.gcra.take(state, now) {
            Ok(next) => (Some(next), Ok(())),
            Err(wait) => (state, Err(wait)),
        };
        // A refused subject counts as seen too, or its insistence would make it forgotten and free again.
        if let Some(next) = next {
            states.set(key, next);
        }
        outcome
    }
}

impl fmt::Debug for UpgradeLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpgradeLimiter")
            .field("subject", &self.subject)
            .field("gcra", &self.gcra)
            .finish()
    }
}

/// All limits on the upgrades of a route.
#[derive(Debug, Default)]
pub struct UpgradeLimiters(Vec<UpgradeLimiter>);

impl UpgradeLimiters {
    /// Limits with a rate of zero are none.
    #[must_use]
    pub fn new(configs: &[UpgradeLimitConfig]) -> Self {
        Self(configs.iter().filter_map(UpgradeLimiter::new).collect())
    }

    /// Counts an upgrade by those limits that need nothing but the address. They come before authentication, so that
    /// a flood costs no signature checks.
    ///
    /// # Errors
    /// The first limit that is exceeded.
    pub fn admit_address(&self, client: IpAddr, now: Moment) -> Result<(), Refusal> {
        let mut limiters = self.0.iter().filter(|limiter| !limiter.needs_identity());
        limiters.try_for_each(|limiter| limiter.admit(client, None, now))
    }

    /// Counts an upgrade by the other limits, once the client is known.
    ///
    /// # Errors
    /// The first limit that is exceeded.
    pub fn admit_identity(
        &self,
        client: IpAddr,
        identity: Option<&Identity>,
        now: Moment,
    ) -> Result<(), Refusal> {
        let mut limiters = self.0.iter().filter(|limiter| limiter.needs_identity());
        limiters.try_for_each(|limiter| limiter.admit(client, identity, now))
    }
}

impl fmt::Display for UpgradeSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("this address"),
            Self::Identity => f.write_str("this client"),
            Self::Claim(name) => write!(f, "this value of the claim `{name}`"),
        }
    }
}

impl<'de> Deserialize<'de> for UpgradeSubject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SubjectVisitor)
    }
}

struct SubjectVisitor;

impl<'de> Visitor<'de> for SubjectVisitor {
    type Value = UpgradeSubject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`address`, `identity` or `{claim: NAME}`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<UpgradeSubject, E> {
        match text {
            "address" => Ok(UpgradeSubject::Address),
            "identity" => Ok(UpgradeSubject::Identity),
            other => Err(E::unknown_variant(other, &["address", "identity", "claim"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UpgradeSubject, A::Error> {
        match map.next_key::<String>()?.as_deref() {
            Some("claim") => {}
            _ => return Err(de::Error::custom("expected `{claim: NAME}`")),
        }
        let subject = UpgradeSubject::Claim(map.next_value()?);
        match map.next_key::<String>()? {
            None => Ok(subject),
            Some(_) => Err(de::Error::custom(
                "a limit counts by one subject; write two limits",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
