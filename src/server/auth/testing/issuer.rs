//! An issuer's keys, and the tokens that it signs. Signing goes through ring alone, so that a mistake in how the
//! server verifies is not made twice.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RsaEncoding, RsaKeyPair,
};
use ring::{hmac, rsa};
use serde_json::{Value, json};

/// ring makes no RSA keys. This one was made for the tests and serves nothing else.
const RSA_KEY: &[u8] = include_bytes!("rsa2048.pk8");

/// A key that signs.
pub(in crate::server::auth) enum SigningKey {
    Secret(Vec<u8>),
    Rsa(Box<RsaKeyPair>),
    P256(KeyPair),
    P384(KeyPair),
    Ed25519(KeyPair),
}

impl SigningKey {
    pub(in crate::server::auth) fn secret(secret: &[u8]) -> Self {
        Self::Secret(secret.to_vec())
    }

    pub(in crate::server::auth) fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(RSA_KEY).unwrap()))
    }

    pub(in crate::server::auth) fn p256() -> Self {
        Self::P256(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
    }

    pub(in crate::server::auth) fn p384() -> Self {
        Self::P384(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap())
    }

    pub(in crate::server::auth) fn ed25519() -> Self {
        Self::Ed25519(KeyPair::generate_for(&PKCS_ED25519).unwrap())
    }

    /// A token with this algorithm in its header, and a key id if there is one.
    pub(in crate::server::auth) fn token(&self, algorithm: &str, id: Option<&str>, claims: &Value) -> String {
        let mut header = json!({"alg": algorithm, "typ": "JWT"});
        if let Some(id) = id {
            header["kid"] = id.into();
        }
        self.sign(algorithm, &header, claims)
    }

    pub(in crate::server::auth) fn sign(&self, algorithm: &str, header: &Value, claims: &Value) -> String {
        assemble(header, claims, |message| self.signature(algorithm, message))
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Secret(secret) => {
                let algorithm = match algorithm {
                    "HS384" => hmac::HMAC_SHA384,
                    "HS512" => hmac::HMAC_SHA512,
                    _ => hmac::HMAC_SHA256,
                };
                hmac::sign(&hmac::Key::new(algorithm, secret), message)
                    .as_ref()
                    .to_vec()
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(rsa_encoding(algorithm), &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::P256(key) | Self::P384(key) => {
                let algorithm = match self {
                    Self::P256(_) => &ECDSA_P256_SHA256_FIXED_SIGNING,
                    _ => &ECDSA_P384_SHA384_FIXED_SIGNING,
                };
                let key = EcdsaKeyPair::from_pkcs8(algorithm, &key.serialize_der(), &random).unwrap();
                key.sign(&random, message).unwrap().as_ref().to_vec()
            }
            Self::Ed25519(key) => {
                let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key.serialize_der()).unwrap();
                key.sign(message).as_ref().to_vec()
            }
        }
    }

    /// The public key as PEM.
    pub(in crate::server::auth) fn pem(&self) -> String {
        match self {
            Self::Secret(_) => panic!("a secret has no public key"),
            Self::Rsa(_) => KeyPair::try_from(RSA_KEY).unwrap().public_key_pem(),
            Self::P256(key) | Self::P384(key) | Self::Ed25519(key) => key.public_key_pem(),
        }
    }

    /// The public key as JSON Web Key, without `alg` and `use`.
    pub(in crate::server::auth) fn jwk(&self, id: Option<&str>) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match self {
            Self::Secret(secret) => json!({"kty": "oct", "k": text(secret)}),
            Self::Rsa(key) => {
                let PublicKeyComponents { n, e }: rsa::PublicKeyComponents<Vec<u8>> = key.public().into();
                json!({"kty": "RSA", "n": text(&n), "e": text(&e)})
            }
            Self::P256(key) | Self::P384(key) => {
                let (x, y) = key.public_key_raw()[1..].split_at(key.public_key_raw().len() / 2);
                let curve = if matches!(self, Self::P256(_)) {
                    "P-256"
                } else {
                    "P-384"
                };
                json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
            }
            Self::Ed25519(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key_raw())}),
        };
        if let Some(id) = id {
            key["kid"] = id.into();
        }
        key
    }
}

fn rsa_encoding(algorithm: &str) -> &'static dyn RsaEncoding {
    match algorithm {
        "RS384" => &signature::RSA_PKCS1_SHA384,
        "RS512" => &signature::RSA_PKCS1_SHA512,
        "PS256" => &signature::RSA_PSS_SHA256,
        "PS384" => &signature::RSA_PSS_SHA384,
        "PS512" => &signature::RSA_PSS_SHA512,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}

/// Puts a token together, with whatever signature.
pub(in crate::server::auth) fn assemble(
    header: &Value,
    claims: &Value,
    signature: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(signature(message.as_bytes()));
    format!("{message}.{signature}")
}

/// Claims that are good until second 2000.
pub(in crate::server::auth) fn claims() -> Value {
    json!({
        "iss": "https://auth.example.com",
        "aud": "wss://chat.example.com",
        "sub": "alice",
        "exp": 2_000,
    })
}
