//! [`Minter`]: JSON Web Tokens (RFC 7519) of a client's own, signed by ring.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::template::{ClientRng, RenderContext, Template};

/// How a token is signed (RFC 7518 3.1, RFC 8037 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The name in the header of a token.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn key(self, key: &[u8]) -> Result<SigningKey, String> {
        Ok(match self {
            Self::Hs256 => SigningKey::Hmac(hmac::Key::new(hmac::HMAC_SHA256, key)),
            Self::Hs384 => SigningKey::Hmac(hmac::Key::new(hmac::HMAC_SHA384, key)),
            Self::Hs512 => SigningKey::Hmac(hmac::Key::new(hmac::HMAC_SHA512, key)),
            Self::Rs256 => rsa(key, &signature::RSA_PKCS1_SHA256)?,
            Self::Rs384 => rsa(key, &signature::RSA_PKCS1_SHA384)?,
            Self::Rs512 => rsa(key, &signature::RSA_PKCS1_SHA512)?,
            Self::Ps256 => rsa(key, &signature::RSA_PSS_SHA256)?,
            Self::Ps384 => rsa(key, &signature::RSA_PSS_SHA384)?,
            Self::Ps512 => rsa(key, &signature::RSA_PSS_SHA512)?,
            Self::Es256 => ecdsa(key, &signature::ECDSA_P256_SHA256_FIXED_SIGNING)?,
            Self::Es384 => ecdsa(key, &signature::ECDSA_P384_SHA384_FIXED_SIGNING)?,
            Self::EdDsa => ed25519(key)?,
        })
    }
}

enum SigningKey {
    Hmac(hmac::Key),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ecdsa(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| "the key is not a private key in PEM form".to_owned())
}

fn rsa(pem: &[u8], encoding: &'static dyn RsaEncoding) -> Result<SigningKey, String> {
    let pair = match private_key(pem)? {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        key => RsaKeyPair::from_pkcs8(key.secret_der()),
    };
    let pair = pair.map_err(|error| format!("not an RSA key that can sign: {error}"))?;
    Ok(SigningKey::Rsa(Box::new(pair), encoding))
}

fn ecdsa(pem: &[u8], algorithm: &'static EcdsaSigningAlgorithm) -> Result<SigningKey, String> {
    let key = private_key(pem)?;
    if matches!(key, PrivateKeyDer::Sec1(_)) {
        return Err("the key is in SEC1 form; PKCS#8 is needed (`openssl pkcs8 -topk8 -nocrypt`)".to_owned());
    }
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, key.secret_der(), &SystemRandom::new())
        .map_err(|error| format!("not a key of this algorithm's curve: {error}"))?;
    Ok(SigningKey::Ecdsa(Box::new(pair)))
}

fn ed25519(pem: &[u8]) -> Result<SigningKey, String> {
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(private_key(pem)?.secret_der())
        .map_err(|error| format!("not an Ed25519 key: {error}"))?;
    Ok(SigningKey::Ed25519(Box::new(pair)))
}

impl SigningKey {
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Hmac(key) => Some(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ecdsa(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// Makes tokens.
pub struct Minter {
    algorithm: Algorithm,
    /// The first part of every token.
    head: String,
    key: SigningKey,
    /// A JSON object.
    claims: Template,
    stamps: Stamps,
}

/// Claims that are added to those of the scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamps {
    /// `iat`: when it was made.
    pub(super) issued_at: bool,
    /// `exp`: so long after that.
    pub(super) expires: Option<Duration>,
}

/// The system gave no randomness to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct NotSigned;

impl Minter {
    /// `key` is the secret of an HMAC, or a private key as PEM; the error says what is wrong with it. `claims` is the
    /// template of a JSON object.
    pub(super) fn new(
        algorithm: Algorithm,
        key: &[u8],
        key_id: Option<&str>,
        claims: Template,
        stamps: Stamps,
    ) -> Result<Self, String> {
        let mut head = serde_json::json!({"alg": algorithm.name(), "typ": "JWT"});
        if let Some(key_id) = key_id {
            head["kid"] = key_id.into();
        }
        Ok(Self {
            algorithm,
            head: URL_SAFE_NO_PAD.encode(head.to_string()),
            key: algorithm.key(key)?,
            claims,
            stamps,
        })
    }

    /// How its tokens are signed.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A new token.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn mint(&self, ctx: &RenderContext<'_>, random: &mut ClientRng) -> Result<String, NotSigned> {
        let mut claims = Vec::new();
        self.claims.render(ctx, random, &mut claims);
        let now = ctx.unix_nanos / 1_000_000_000;
        if self.stamps.issued_at {
            push_claim(&mut claims, "iat", now);
        }
        if let Some(length) = self.stamps.expires {
            push_claim(&mut claims, "exp", now.saturating_add(length.as_secs()));
        }
        let mut token = format!("{}.{}", self.head, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(token.as_bytes()).ok_or(NotSigned)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// Adds a number to the end of a JSON object.
fn push_claim(object: &mut Vec<u8>, name: &str, value: u64) {
    object.pop();
    let comma = if object.ends_with(b"{") { "" } else { "," };
    object.extend_from_slice(format!("{comma}\"{name}\":{value}}}").as_bytes());
}

/// Neither the key nor the claims are for logs.
impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minter")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
    use ring::signature::{UnparsedPublicKey, VerificationAlgorithm};
    use serde_json::Value;

    use super::*;
    use crate::scenario::client_rng;

    fn mint(algorithm: Algorithm, key: &[u8], claims: &str, stamps: Stamps) -> [String; 3] {
        let claims = Template::from_literal(claims.as_bytes());
        let minter = Minter::new(algorithm, key, Some("k1"), claims, stamps).unwrap();
        let ctx = RenderContext {
            unix_nanos: 1_700_000_000_999_000_000,
            ..RenderContext::default()
        };
        let token = minter.mint(&ctx, &mut client_rng(1, 1)).unwrap();
        let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        parts.try_into().unwrap()
    }

    fn json(part: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn claims_are_stamped_and_the_header_names_the_key() {
        let stamps = Stamps {
            issued_at: true,
            expires: Some(Duration::from_secs(300)),
        };
        let [head, claims, _] = mint(Algorithm::Hs256, b"secret", r#"{"sub":"a"}"#, stamps);
        assert_eq!(
            json(&head),
            serde_json::json!({"alg": "HS256", "typ": "JWT", "kid": "k1"})
        );
        let expected = serde_json::json!({"sub": "a", "iat": 1_700_000_000, "exp": 1_700_000_300});
        assert_eq!(json(&claims), expected);
        let [_, claims, _] = mint(Algorithm::Hs256, b"secret", "{}", stamps);
        assert_eq!(json(&claims)["iat"], 1_700_000_000);
    }

    #[test]
    fn an_hmac_can_be_verified_with_the_secret() {
        for (algorithm, kind) in [
            (Algorithm::Hs256, hmac::HMAC_SHA256),
            (Algorithm::Hs384, hmac::HMAC_SHA384),
            (Algorithm::Hs512, hmac::HMAC_SHA512),
        ] {
            let [head, claims, signature] = mint(algorithm, b"secret", "{}", Stamps::default());
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            let key = hmac::Key::new(kind, b"secret");
            assert!(hmac::verify(&key, format!("{head}.{claims}").as_bytes(), &signature).is_ok());
        }
    }

    #[test]
    fn a_signature_can_be_verified_with_the_public_key() {
        let cases: [(Algorithm, _, &dyn VerificationAlgorithm); 3] = [
            (
                Algorithm::Es256,
                &PKCS_ECDSA_P256_SHA256,
                &signature::ECDSA_P256_SHA256_FIXED,
            ),
            (
                Algorithm::Es384,
                &PKCS_ECDSA_P384_SHA384,
                &signature::ECDSA_P384_SHA384_FIXED,
            ),
            (Algorithm::EdDsa, &PKCS_ED25519, &signature::ED25519),
        ];
        for (algorithm, kind, verification) in cases {
            let pair = KeyPair::generate_for(kind).unwrap();
            let pem = pair.serialize_pem();
            let [head, claims, signature] = mint(algorithm, pem.as_bytes(), "{}", Stamps::default());
            let public = UnparsedPublicKey::new(verification, pair.public_key_raw());
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            assert!(
                public
                    .verify(format!("{head}.{claims}").as_bytes(), &signature)
                    .is_ok(),
                "{algorithm:?}"
            );
        }
    }

    #[test]
    fn a_key_of_the_wrong_kind_is_refused_without_showing_it() {
        let pem = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .unwrap()
            .serialize_pem();
        for (algorithm, key) in [
            (Algorithm::Rs256, "no PEM at all"),
            (Algorithm::Rs256, &pem),
            (Algorithm::Es384, &pem),
            (Algorithm::EdDsa, &pem),
        ] {
            let claims = Template::from_literal(b"{}");
            let error = Minter::new(algorithm, key.as_bytes(), None, claims, Stamps::default()).unwrap_err();
            assert!(!error.contains(key), "{error}");
        }
    }
}
