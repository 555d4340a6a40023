//! [`AuthConfig`]: who may connect, as the configuration says it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use http::Uri;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Deserializer};

use super::SecretSource;
use crate::net::tls::TlsError;
use crate::units::Span;

/// Who may connect: an upgrade is granted if any of the configured methods accepts it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Fixed tokens (seed B6).
    pub token: Option<TokenConfig>,
    /// Signed tokens (seeds A22, A26, A30, A39, D21).
    pub jwt: Option<JwtConfig>,
    /// Keys in a header of their own (seed A24).
    pub api_key: Option<ApiKeyConfig>,
    /// User names and passwords (seed A47).
    pub basic: Option<BasicConfig>,
}

/// Fixed tokens, presented like a JWT: `Authorization: Bearer`, `?token=`, or the subprotocol after `access_token`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// Each of them opens the door; at least one.
    pub tokens: Vec<SecretSource>,
}

/// Keys in a header of their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyConfig {
    /// The header's name.
    #[serde(default = "device_key_header")]
    pub header: String,
    /// Each of them opens the door; at least one.
    pub keys: Vec<SecretSource>,
}

impl ApiKeyConfig {
    /// These keys in the header of seed A24.
    pub(crate) fn device_keys(keys: Vec<SecretSource>) -> Self {
        Self {
            header: device_key_header(),
            keys,
        }
    }
}

fn device_key_header() -> String {
    "X-Device-Key".to_owned()
}

/// User names and passwords (RFC 7617).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicConfig {
    /// Password by user name; at least one.
    pub users: BTreeMap<String, SecretSource>,
}

/// Signed tokens (RFC 7519).
///
/// The keys come from exactly one of `secret`, `public_key`, `jwks_uri`, or, if there is none of these, from the
/// `issuer` by OpenID Connect discovery. The kind of key decides which algorithms a token may use: HS256, HS384 and
/// HS512 for a secret; RS256 to RS512 and PS256 to PS512 for RSA; ES256 and ES384 for EC; EdDSA for Ed25519.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JwtConfig {
    /// A shared secret.
    pub secret: Option<SecretSource>,
    /// A public key as PEM (`BEGIN PUBLIC KEY` or `BEGIN RSA PUBLIC KEY`): the text itself, or `{file: PATH}`.
    pub public_key: Option<SecretSource>,
    /// Where a JSON Web Key Set is published.
    #[serde(deserialize_with = "uri")]
    pub jwks_uri: Option<Uri>,
    /// What `iss` must be; unset: anything.
    pub issuer: Option<String>,
    /// What `aud` must contain one of; empty: anything. One or a list.
    #[serde(deserialize_with = "one_or_many")]
    pub audience: Vec<String>,
    /// Narrows the algorithms further; empty: all that suit the key.
    pub algorithms: Vec<Algorithm>,
    /// How far the clocks of issuer and server may be apart when `exp` and `nbf` are judged (30 s).
    pub leeway: Span,
    /// Claims that must be there (`exp`). Times that are there are judged in any case.
    pub required_claims: Vec<String>,
    /// Claims that must have, or as a list contain, this value; otherwise 403 instead of 401.
    pub claims: BTreeMap<String, String>,
    /// How long fetched keys count as fresh; older ones serve on while they are fetched again (1 h).
    pub keys_fresh: Span,
    /// The least time between two fetches, whatever clients send (10 s).
    pub keys_min_refetch: Span,
    /// Authorities to trust for `jwks_uri` and `issuer` besides the system's, as PEM.
    pub ca_file: Option<PathBuf>,
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            secret: None,
            public_key: None,
            jwks_uri: None,
            issuer: None,
            audience: Vec::new(),
            algorithms: Vec::new(),
            leeway: Span::from_secs(30),
            required_claims: vec!["exp".to_owned()],
            claims: BTreeMap::new(),
            keys_fresh: Span::from_secs(3_600),
            keys_min_refetch: Span::from_secs(10),
            ca_file: None,
        }
    }
}

fn uri<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uri>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom))
        .transpose()
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// Why an [`AuthConfig`] cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthConfigError {
    /// No method at all: nobody could connect.
    #[error("`auth` needs one of `token`, `jwt`, `api_key`, `basic`; leave it out to let everyone in")]
    NoMethod,
    /// A method without a single secret: nobody could connect.
    #[error("`auth.{0}` lists nothing: nobody could connect")]
    Empty(&'static str),
    /// An empty secret.
    #[error("an empty secret would let everyone in")]
    EmptySecret,
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An environment variable is not set or is no text.
    #[error("the environment variable `{name}` is not set, or is not UTF-8")]
    Env {
        /// Its name.
        name: String,
    },
    /// Not a header name.
    #[error("`{0}` is not a header name")]
    Header(String),
    /// A user name with a colon, which ends it in the request (RFC 7617 2).
    #[error("the user name `{0}` contains a colon")]
    UserName(String),
    /// None or several sources of keys.
    #[error(
        "`auth.jwt` needs exactly one of `secret`, `public_key`, `jwks_uri`, or an `issuer` to discover them from"
    )]
    KeySource,
    /// A PEM as shared secret: anyone who knows the public key could sign.
    #[error("`auth.jwt.secret` holds a PEM; a public key belongs under `public_key`")]
    PemAsSecret,
    /// The public key is not what the server reads.
    #[error("`auth.jwt.public_key` must be PEM of an RSA, EC (P-256, P-384) or Ed25519 public key")]
    PublicKey,
    /// `algorithms` leaves none for the key.
    #[error("`auth.jwt.algorithms` has none that suits the key: {suitable}")]
    Algorithms {
        /// Those that would.
        suitable: String,
    },
    /// Keys cannot be fetched from there.
    #[error("`{0}` must be an http or https URL with a host")]
    Url(String),
    /// TLS with the issuer cannot be set up.
    #[error("cannot set up TLS with the issuer of `auth.jwt`: {0}")]
    Tls(#[from] TlsError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a22_a24_b6_a47_every_method_is_read() {
        let yaml = "
            token: {tokens: [one, {env: TOKEN}]}
            jwt:
              issuer: https://auth.example.com
              audience: wss://chat.example.com
              jwks_uri: https://auth.example.com/.well-known/jwks.json
              algorithms: [RS256]
              claims: {role: device}
            api_key: {keys: [device_key_123, device_key_456]}
            basic: {users: {alice: secret}}
        ";
        let config: AuthConfig = serde_saphyr::from_str(yaml).unwrap();
        let jwt = config.jwt.unwrap();
        assert_eq!(jwt.audience, ["wss://chat.example.com"]);
        assert_eq!(jwt.jwks_uri.unwrap().host(), Some("auth.example.com"));
        assert_eq!(
            (jwt.leeway, jwt.required_claims),
            (Span::from_secs(30), vec!["exp".to_owned()])
        );
        assert_eq!(config.api_key.unwrap().header, "X-Device-Key");
        assert_eq!(config.token.unwrap().tokens.len(), 2);
    }

    #[test]
    fn unknown_fields_and_values_are_refused() {
        for yaml in [
            "tokens: [a]",
            "token: {values: [a]}",
            "jwt: {algorithms: [none]}",
            "jwt: {jwks_uri: 'not a url'}",
            "jwt: {audience: {a: b}}",
            "api_key: {}",
        ] {
            assert!(serde_saphyr::from_str::<AuthConfig>(yaml).is_err(), "{yaml}");
        }
    }
}
