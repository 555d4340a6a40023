//! [`KeySet`]: the keys that may verify a token, and which of them are meant for a given one.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use crate::server::auth::{AuthConfigError, JwtConfig};

const HMAC: &[Algorithm] = &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];
const P256: &[Algorithm] = &[Algorithm::ES256];
const P384: &[Algorithm] = &[Algorithm::ES384];
const ED25519: &[Algorithm] = &[Algorithm::EdDSA];

/// More keys than any issuer publishes; without a limit, a token without a key id could cost one check for each.
const MOST_KEYS: usize = 64;

/// A key and the algorithms that it may verify. The key's type decides them, never the token.
pub(super) struct VerificationKey {
    pub(super) id: Option<String>,
    pub(super) key: DecodingKey,
    pub(super) algorithms: Vec<Algorithm>,
}

/// The keys that may verify a token.
#[derive(Default)]
pub(super) struct KeySet {
    keys: Vec<VerificationKey>,
}

/// Why a published key set cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("the answer is not a JSON Web Key Set: {0}")]
    Syntax(#[from] serde_json::Error),
    #[error("the key set has {0} keys; {MOST_KEYS} are the most that are used")]
    TooMany(usize),
    #[error("the key set has no RSA, EC or Ed25519 key for signatures")]
    Empty,
}

impl KeySet {
    /// The one key of `secret` or `public_key`, or `None` if the keys are published elsewhere.
    ///
    /// # Errors
    /// The key cannot be read or used, or the configured algorithms do not suit it.
    pub(super) fn configured(config: &JwtConfig) -> Result<Option<Self>, AuthConfigError> {
        let (key, suitable) = if let Some(source) = &config.secret {
            let secret = source.read()?;
            if secret.reveal().trim_start().starts_with("-----BEGIN") {
                return Err(AuthConfigError::PemAsSecret);
            }
            (DecodingKey::from_secret(secret.reveal().as_bytes()), HMAC)
        } else if let Some(source) = &config.public_key {
            let pem = source.read()?;
            key_from_pem(pem.reveal()).ok_or(AuthConfigError::PublicKey)?
        } else {
            return Ok(None);
        };
        let algorithms = narrowed(suitable, &config.algorithms);
        if algorithms.is_empty() {
            let suitable = suitable.iter().map(|algorithm| format!("{algorithm:?}"));
            return Err(AuthConfigError::Algorithms {
                suitable: suitable.collect::<Vec<_>>().join(", "),
            });
        }
        let key = VerificationKey {
            id: None,
            key,
            algorithms,
        };
        Ok(Some(Self { keys: vec![key] }))
    }

    /// Reads a JSON Web Key Set (RFC 7517 5), and keeps those keys in it that can verify signatures by one of
    /// `algorithms` (if empty: by any).
    ///
    /// # Errors
    /// It is no key set, or no key of it can be used.
    pub(super) fn parse(json: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Published {
            keys: Vec<serde_json::Value>,
        }
        let published: Published = serde_json::from_slice(json)?;
        if published.keys.len() > MOST_KEYS {
            return Err(KeySetError::TooMany(published.keys.len()));
        }
        // A key that this server does not understand is no reason to do without the others.
        let usable = published
            .keys
            .into_iter()
            .filter_map(|key| published_key(key, algorithms));
        let keys: Vec<_> = usable.collect();
        if keys.is_empty() {
            return Err(KeySetError::Empty);
        }
        Ok(Self { keys })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that a token with this key id could be signed by: those with the same id and those without one; for a
    /// token without an id all of them.
    pub(super) fn candidates(&self, id: Option<&str>) -> impl Iterator<Item = &VerificationKey> {
        self.keys.iter().filter(move |key| match (&key.id, id) {
            (Some(known), Some(wanted)) => known == wanted,
            _ => true,
        })
    }
}

fn narrowed(suitable: &[Algorithm], configured: &[Algorithm]) -> Vec<Algorithm> {
    let kept = suitable
        .iter()
        .filter(|algorithm| configured.is_empty() || configured.contains(algorithm));
    kept.copied().collect()
}

fn key_from_pem(pem: &str) -> Option<(DecodingKey, &'static [Algorithm])> {
    let pem = pem.as_bytes();
    if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
        return Some((key, RSA));
    }
    if let Ok(key) = DecodingKey::from_ed_pem(pem) {
        return Some((key, ED25519));
    }
    let key = DecodingKey::from_ec_pem(pem).ok()?;
    // An uncompressed point: 4, then both coordinates (SEC 1 2.3.3).
    match key.try_get_as_bytes().ok()?.len() {
        65 => Some((key, P256)),
        97 => Some((key, P384)),
        _ => None,
    }
}

fn published_key(json: serde_json::Value, configured: &[Algorithm]) -> Option<VerificationKey> {
    let jwk: Jwk = serde_json::from_value(json).ok()?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let suitable = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => RSA,
        AlgorithmParameters::EllipticCurve(point) => match point.curve {
            EllipticCurve::P256 => P256,
            EllipticCurve::P384 => P384,
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => ED25519,
        // A symmetric key that is published is a secret no more.
        _ => return None,
    };
    let mut algorithms = narrowed(suitable, configured);
    if let Some(declared) = jwk.common.key_algorithm {
        let declared = Algorithm::try_from(declared).ok()?;
        algorithms.retain(|algorithm| *algorithm == declared);
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let id = jwk.common.key_id;
    (!algorithms.is_empty()).then_some(VerificationKey { id, key, algorithms })
}
