//! [`PublishedKeys`]: the keys that an issuer publishes, cached and rotated (seeds A22, D21).
//!
//! A fetch runs in a task of its own: a client that gives up cannot cancel it, and none waits for it whose key is
//! known.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Uri;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use tokio::sync::watch;
use tracing::{info, warn};

use super::fetch::{FetchError, Fetcher};
use super::keys::{KeySet, KeySetError};
use crate::clock::Moment;

/// Keys that could not be renewed for this long are given up: the issuer may have revoked them.
const GIVE_UP_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// Where an issuer says what its keys are.
#[derive(Clone, Debug)]
pub(super) enum KeySource {
    /// A JSON Web Key Set.
    KeySet(Uri),
    /// An OpenID provider's metadata, which name the key set (OpenID Connect Discovery 1.0, section 4).
    Discovery { metadata: Uri, issuer: String },
}

/// When keys are fetched again, and which of them are kept.
#[derive(Clone, Debug)]
pub(super) struct RefetchPolicy {
    /// Younger keys are fetched again only for a token whose key is not among them.
    pub(super) fresh: Duration,
    /// The least time between two fetches.
    pub(super) min_interval: Duration,
    /// Keys are kept that can verify one of these; empty: all.
    pub(super) algorithms: Vec<Algorithm>,
}

/// The keys that an issuer publishes.
pub(super) struct PublishedKeys {
    source: KeySource,
    fetcher: Fetcher,
    policy: RefetchPolicy,
    state: Mutex<State>,
    /// Counts the fetches that ended.
    ended: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    keys: Arc<KeySet>,
    /// When the fetch that brought `keys` began.
    fetched: Option<Moment>,
    /// When the last fetch began.
    attempted: Option<Moment>,
    running: bool,
}

/// Why the keys could not be fetched.
#[derive(Debug, thiserror::Error)]
enum RefreshError {
    #[error("{uri}: {error}")]
    Fetch { uri: Uri, error: FetchError },
    #[error("{uri}: {error}")]
    KeySet { uri: Uri, error: KeySetError },
    #[error("{uri}: the metadata cannot be read: {error}")]
    Metadata { uri: Uri, error: serde_json::Error },
    #[error("{uri}: the metadata are those of issuer `{found}`, not `{expected}`")]
    Issuer {
        uri: Uri,
        found: String,
        expected: String,
    },
    #[error("{uri}: `{jwks_uri}` is not a URL")]
    JwksUri { uri: Uri, jwks_uri: String },
}

impl PublishedKeys {
    pub(super) fn new(source: KeySource, fetcher: Fetcher, policy: RefetchPolicy) -> Arc<Self> {
        Arc::new(Self {
            source,
            fetcher,
            policy,
            state: Mutex::default(),
            ended: watch::Sender::new(0),
        })
    }

    /// The keys as known; none before the first fetch. Stale ones are returned and renewed meanwhile.
    pub(super) fn current(self: &Arc<Self>, now: Moment) -> Arc<KeySet> {
        let (keys, age) = {
            let state = self.state();
            (
                Arc::clone(&state.keys),
                state.fetched.map(|fetched| now - fetched),
            )
        };
        match age {
            Some(age) if age >= self.policy.fresh => {
                self.begin(now);
                if age < GIVE_UP_AFTER { keys } else { Arc::default() }
            }
            _ => keys,
        }
    }

    /// Whether it makes sense to wait for [`PublishedKeys::refresh`].
    pub(super) fn may_refresh(&self, now: Moment) -> bool {
        let state = self.state();
        state.running || self.is_due(&state, now)
    }

    /// Fetches the keys, unless that was done too short a time ago; waits for the fetch that another began.
    pub(super) async fn refresh(self: &Arc<Self>, now: Moment) {
        // Subscribed before the look at the state, so that an end right after it is not missed.
        let mut ended = self.ended.subscribe();
        if self.begin(now) {
            // The sender lives as long as `self`.
            let _ = ended.changed().await;
        }
    }

    /// Whether a fetch runs, begun here or before.
    fn begin(self: &Arc<Self>, now: Moment) -> bool {
        let mut state = self.state();
        if state.running || !self.is_due(&state, now) {
            return state.running;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return false;
        };
        state.running = true;
        state.attempted = Some(now);
        drop(state);
        let end = EndOfFetch(Arc::clone(self));
        runtime.spawn(async move { end.0.fetch(now).await });
        true
    }

    fn is_due(&self, state: &State, now: Moment) -> bool {
        state
            .attempted
            .is_none_or(|attempted| now - attempted >= self.policy.min_interval)
    }

    async fn fetch(&self, now: Moment) {
        match self.fetch_keys().await {
            Ok(keys) => {
                info!(source = %self.source, "fetched the issuer's keys");
                let mut state = self.state();
                state.keys = Arc::new(keys);
                state.fetched = Some(now);
            }
            Err(error) => warn!(source = %self.source, %error, "cannot fetch the issuer's keys"),
        }
    }

    async fn fetch_keys(&self) -> Result<KeySet, RefreshError> {
        let uri = match &self.source {
            KeySource::KeySet(uri) => uri.clone(),
            KeySource::Discovery { metadata, issuer } => self.discover(metadata, issuer).await?,
        };
        let json = self.get(&uri).await?;
        KeySet::parse(&json, &self.policy.algorithms).map_err(|error| RefreshError::KeySet { uri, error })
    }

    async fn discover(&self, uri: &Uri, issuer: &str) -> Result<Uri, RefreshError> {
        #[derive(Deserialize)]
        struct Metadata {
            issuer: String,
            jwks_uri: String,
        }
        let json = self.get(uri).await?;
        let metadata: Metadata = serde_json::from_slice(&json).map_err(|error| RefreshError::Metadata {
            uri: uri.clone(),
            error,
        })?;
        // Section 4.3: otherwise one issuer could pass for another.
        if metadata.issuer != issuer {
            return Err(RefreshError::Issuer {
                uri: uri.clone(),
                found: metadata.issuer,
                expected: issuer.to_owned(),
            });
        }
        let jwks_uri = metadata.jwks_uri;
        jwks_uri.parse().map_err(|_| RefreshError::JwksUri {
            uri: uri.clone(),
            jwks_uri,
        })
    }

    async fn get(&self, uri: &Uri) -> Result<bytes::Bytes, RefreshError> {
        let fetched = self.fetcher.get(uri).await;
        fetched.map_err(|error| RefreshError::Fetch {
            uri: uri.clone(),
            error,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells those who wait that a fetch is over, even if its worker was stopped in the middle of it.
struct EndOfFetch(Arc<PublishedKeys>);

impl Drop for EndOfFetch {
    fn drop(&mut self) {
        self.0.state().running = false;
        self.0.ended.send_modify(|count| *count += 1);
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KeySet(uri) | Self::Discovery { metadata: uri, .. } => uri.fmt(f),
        }
    }
}
