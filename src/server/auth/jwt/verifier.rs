//! [`JwtVerifier`]: from a token to its claims, or a refusal.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, AlgorithmFamily, Validation};
use serde::Deserialize;

use super::claims::{ClaimRules, Claims};
use super::crypto;
use super::fetch::{Fetcher, Place};
use super::keys::KeySet;
use super::published::{KeySource, PublishedKeys, RefetchPolicy};
use crate::clock::Moment;
use crate::server::auth::{AuthConfigError, JwtConfig};
use crate::server::refusal::{Refusal, RefusalCode};

/// Judges tokens by a configuration.
pub(in crate::server::auth) struct JwtVerifier {
    keys: Keys,
    rules: ClaimRules,
}

enum Keys {
    Configured(Arc<KeySet>),
    Published(Arc<PublishedKeys>),
}

/// What of a token's header decides how it is verified.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

impl JwtVerifier {
    /// Reads the keys that the configuration holds; published ones are fetched with the first token or by
    /// [`JwtVerifier::refresh_keys`].
    ///
    /// # Errors
    /// See [`AuthConfigError`].
    pub(in crate::server::auth) fn new(config: &JwtConfig) -> Result<Self, AuthConfigError> {
        crypto::install();
        let places = [
            config.secret.is_some(),
            config.public_key.is_some(),
            config.jwks_uri.is_some(),
        ];
        if places.into_iter().filter(|&given| given).count() > 1 {
            return Err(AuthConfigError::KeySource);
        }
        let keys = match KeySet::configured(config)? {
            Some(keys) => Keys::Configured(Arc::new(keys)),
            None => Keys::Published(published_keys(config)?),
        };
        Ok(Self {
            keys,
            rules: ClaimRules::new(config),
        })
    }

    /// Whether a refusal by `code` could be otherwise after [`JwtVerifier::refresh_keys`].
    pub(in crate::server::auth) fn may_refresh(&self, code: RefusalCode, now: Moment) -> bool {
        match &self.keys {
            Keys::Published(keys)
                if matches!(code, RefusalCode::UnknownKey | RefusalCode::KeysUnavailable) =>
            {
                keys.may_refresh(now)
            }
            _ => false,
        }
    }

    /// Fetches published keys, unless that was done too short a time ago.
    pub(in crate::server::auth) async fn refresh_keys(&self, now: Moment) {
        if let Keys::Published(keys) = &self.keys {
            keys.refresh(now).await;
        }
    }

    /// The claims of a token that is good at `unix`, in seconds since 1970. `now` decides on the age of cached keys.
    ///
    /// # Errors
    /// The token is not good, or there is no key to judge it by.
    pub(in crate::server::auth) fn verify(
        &self,
        token: &str,
        now: Moment,
        unix: u64,
    ) -> Result<Claims, Refusal> {
        let header = read_header(token)?;
        let algorithm = header.alg.parse::<Algorithm>().ok();
        // Published keys are public, and the algorithms of shared secrets have no business with them.
        let suits = |algorithm: &Algorithm| {
            matches!(self.keys, Keys::Configured(_)) || algorithm.family() != AlgorithmFamily::Hmac
        };
        let algorithm = algorithm.filter(suits).ok_or_else(algorithm_refused)?;
        let claims = match &self.keys {
            Keys::Configured(keys) => verify_by(keys, token, &header, algorithm, true)?,
            Keys::Published(keys) => {
                let keys = keys.current(now);
                if keys.is_empty() {
                    return Err(keys_unavailable());
                }
                verify_by(&keys, token, &header, algorithm, false)?
            }
        };
        self.rules.judge(&claims, unix)?;
        Ok(claims)
    }
}

/// Tries the keys that the token could be signed by. `complete` says that there are no others anywhere.
fn verify_by(
    keys: &KeySet,
    token: &str,
    header: &Header,
    algorithm: Algorithm,
    complete: bool,
) -> Result<Claims, Refusal> {
    let validation = signature_only(algorithm);
    let mut refusal = None;
    for candidate in keys.candidates(header.kid.as_deref()) {
        // A key of the very id that the token names is its key; a failure with another one says little.
        let is_the_one = complete || (candidate.id.is_some() && header.kid.is_some());
        if !candidate.algorithms.contains(&algorithm) {
            refusal = refusal.or_else(|| is_the_one.then(algorithm_refused));
            continue;
        }
        match jsonwebtoken::decode::<Claims>(token, &candidate.key, &validation) {
            Ok(decoded) => return Ok(decoded.claims),
            Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {
                let bad = is_the_one
                    .then(|| Refusal::new(RefusalCode::BadSignature, "the token's signature is wrong"));
                refusal = bad.or(refusal);
            }
            Err(_) => return Err(malformed("the token is not a JWT")),
        }
    }
    Err(refusal.unwrap_or_else(|| {
        Refusal::new(
            RefusalCode::UnknownKey,
            "no key that this server trusts verifies the token",
        )
    }))
}

/// `jsonwebtoken` checks the signature alone; the claims are for [`ClaimRules`].
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn read_header(token: &str) -> Result<Header, Refusal> {
    let json = token
        .split_once('.')
        .and_then(|(header, _)| URL_SAFE_NO_PAD.decode(header).ok());
    let header = json.and_then(|json| serde_json::from_slice::<Header>(&json).ok());
    let header = header.ok_or_else(|| malformed("the token is not a JWT"))?;
    // RFC 7515 4.1.11: what is critical and not understood makes the token invalid.
    if header.crit.is_some() {
        return Err(malformed(
            "the token's header demands extensions that this server does not have",
        ));
    }
    Ok(header)
}

fn malformed(message: &'static str) -> Refusal {
    Refusal::new(RefusalCode::MalformedCredentials, message)
}

fn algorithm_refused() -> Refusal {
    Refusal::new(
        RefusalCode::AlgorithmRefused,
        "the token's algorithm is not one for this server's keys",
    )
}

fn keys_unavailable() -> Refusal {
    let refusal = Refusal::new(
        RefusalCode::KeysUnavailable,
        "the issuer's keys cannot be fetched at present",
    );
    refusal.retry_after(std::time::Duration::from_secs(5))
}

fn published_keys(config: &JwtConfig) -> Result<Arc<PublishedKeys>, AuthConfigError> {
    let source = match (&config.jwks_uri, &config.issuer) {
        (Some(uri), _) => KeySource::KeySet(uri.clone()),
        (None, Some(issuer)) => {
            let metadata = format!(
                "{}/.well-known/openid-configuration",
                issuer.trim_end_matches('/')
            );
            let metadata = metadata
                .parse()
                .map_err(|_| AuthConfigError::Url(issuer.clone()))?;
            KeySource::Discovery {
                metadata,
                issuer: issuer.clone(),
            }
        }
        (None, None) => return Err(AuthConfigError::KeySource),
    };
    let (KeySource::KeySet(uri) | KeySource::Discovery { metadata: uri, .. }) = &source;
    Place::of(uri).ok_or_else(|| AuthConfigError::Url(uri.to_string()))?;
    let policy = RefetchPolicy {
        fresh: config.keys_fresh.0,
        min_interval: config.keys_min_refetch.0,
        algorithms: config.algorithms.clone(),
    };
    let fetcher = Fetcher::new(uri, config.ca_file.as_deref())?;
    Ok(PublishedKeys::new(source, fetcher, policy))
}
