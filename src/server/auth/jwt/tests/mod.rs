//! Tokens good and bad against keys of every kind and origin.

mod published;
mod signatures;

use super::verifier::JwtVerifier;
use crate::clock::Moment;
use crate::server::auth::{JwtConfig, SecretSource};
use crate::server::refusal::RefusalCode;

fn verifier(config: &JwtConfig) -> JwtVerifier {
    JwtVerifier::new(config).unwrap_or_else(|error| panic!("{error}"))
}

fn with_secret(secret: &str) -> JwtConfig {
    JwtConfig {
        secret: Some(secret.into()),
        ..JwtConfig::default()
    }
}

fn with_public_key(pem: &str) -> JwtConfig {
    JwtConfig {
        public_key: Some(SecretSource::from(pem)),
        ..JwtConfig::default()
    }
}

/// Why a token is refused at second 1000, or `None` if it is not.
fn verdict(verifier: &JwtVerifier, token: &str) -> Option<RefusalCode> {
    verifier
        .verify(token, Moment::ZERO, 1_000)
        .err()
        .map(|refusal| refusal.code)
}
