//! [`Authenticator`]: from a request to an [`Identity`] or a refusal.

use std::fmt;

use http::HeaderName;
use serde_json::Value;

use super::credentials::{ACCESS_TOKEN, Credentials, api_key, user_and_password};
use super::jwt::{Claims, JwtVerifier};
use super::secret::{Fingerprint, position};
use super::{ApiKeyConfig, AuthConfig, AuthConfigError, BasicConfig, SecretSource, TokenConfig};
use crate::clock::Moment;
use crate::server::refusal::{Refusal, RefusalCode};
use crate::server::request_parts::RequestParts;

const BEARER_CHALLENGE: &str = r#"Bearer realm="wsbench""#;
const BASIC_CHALLENGE: &str = r#"Basic realm="wsbench", charset="UTF-8""#;

/// Judges requests by an [`AuthConfig`]. One serves all workers.
pub struct Authenticator {
    tokens: Option<Vec<Fingerprint>>,
    jwt: Option<JwtVerifier>,
    api_keys: Option<ApiKeys>,
    users: Option<Vec<User>>,
}

struct ApiKeys {
    header: HeaderName,
    /// The header as it is written in the configuration.
    shown: String,
    keys: Vec<Fingerprint>,
}

struct User {
    name: String,
    name_fingerprint: Fingerprint,
    password: Fingerprint,
}

/// Who a client is, by the method that accepted it.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The method that accepted the client.
    pub method: Method,
    /// The JWT's `sub`, the user's name, or `token-N` and `key-N` by the order in the configuration, from one.
    pub subject: String,
    /// The JWT's claims; empty for other methods.
    pub claims: Claims,
    /// The subprotocol that the client waits for, because its token came behind it. The token itself is never
    /// answered.
    pub subprotocol: Option<&'static str>,
}

/// How a client was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A fixed token.
    Token,
    /// A JSON Web Token.
    Jwt,
    /// A key in a header of its own.
    ApiKey,
    /// User name and password.
    Basic,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Decision {
    /// It may go on.
    Granted(Identity),
    /// It may not.
    Refused(Refusal),
    /// The issuer's keys have to be fetched before it can be judged; the refusal stands if that brings nothing.
    KeysNeeded(Refusal),
}

impl Authenticator {
    /// Reads the secrets of a configuration.
    ///
    /// # Errors
    /// See [`AuthConfigError`].
    pub fn new(config: &AuthConfig) -> Result<Self, AuthConfigError> {
        let authenticator = Self {
            tokens: config.token.as_ref().map(read_tokens).transpose()?,
            jwt: config.jwt.as_ref().map(JwtVerifier::new).transpose()?,
            api_keys: config.api_key.as_ref().map(ApiKeys::read).transpose()?,
            users: config.basic.as_ref().map(read_users).transpose()?,
        };
        if authenticator
            .challenges(Presented::Other, RefusalCode::NoCredentials)
            .is_empty()
        {
            return Err(AuthConfigError::NoMethod);
        }
        Ok(authenticator)
    }

    /// Judges a request by what is known, without waiting. `now` decides on the age of cached keys, `unix`, in
    /// seconds since 1970, on that of tokens.
    pub fn decide(&self, request: &RequestParts<'_>, now: Moment, unix: u64) -> Decision {
        match self.judge(request, now, unix) {
            Ok(identity) => Decision::Granted(identity),
            Err((presented, mut refusal)) => {
                refusal.challenges = self.challenges(presented, refusal.code);
                let jwt = self.jwt.as_ref();
                if jwt.is_some_and(|jwt| jwt.may_refresh(refusal.code, now)) {
                    Decision::KeysNeeded(refusal)
                } else {
                    Decision::Refused(refusal)
                }
            }
        }
    }

    /// Judges a request, and fetches the issuer's keys first if it takes that.
    ///
    /// # Errors
    /// The request is refused.
    pub async fn authenticate(
        &self,
        request: &RequestParts<'_>,
        now: Moment,
        unix: u64,
    ) -> Result<Identity, Refusal> {
        match self.decide(request, now, unix) {
            Decision::Granted(identity) => return Ok(identity),
            Decision::Refused(refusal) => return Err(refusal),
            Decision::KeysNeeded(_) => self.refresh_keys(now).await,
        }
        match self.decide(request, now, unix) {
            Decision::Granted(identity) => Ok(identity),
            Decision::Refused(refusal) | Decision::KeysNeeded(refusal) => Err(refusal),
        }
    }

    /// Fetches the issuer's keys, unless that was done too short a time ago. Called at start, it spares the first
    /// client the wait.
    pub async fn refresh_keys(&self, now: Moment) {
        if let Some(jwt) = &self.jwt {
            jwt.refresh_keys(now).await;
        }
    }

    /// Tries each configured method for which the request has something. The refusal is that of the first of them.
    fn judge(&self, request: &RequestParts<'_>, now: Moment, unix: u64) -> Result<Identity, Refused> {
        let credentials = Credentials::find(request).map_err(|refusal| (Presented::Other, refusal))?;
        let mut attempts = Attempts::default();
        if let Some(token) = credentials.token.as_deref() {
            attempts.note(Presented::Token, || self.by_token(token, now, unix));
        }
        if let Some(api_keys) = &self.api_keys {
            attempts.note(Presented::Other, || api_keys.judge(request));
        }
        if let (Some(users), Some(encoded)) = (&self.users, credentials.basic) {
            attempts.note(Presented::Other, || judge_password(users, encoded).map(Some));
        }
        let mut identity = attempts.result()?;
        identity.subprotocol = credentials.offers_access_token.then_some(ACCESS_TOKEN);
        Ok(identity)
    }

    fn by_token(&self, token: &str, now: Moment, unix: u64) -> Result<Option<Identity>, Refusal> {
        if let Some(tokens) = &self.tokens {
            match (position(tokens, &Fingerprint::of(token)), &self.jwt) {
                (Some(index), _) => {
                    return Ok(Some(Identity::new(Method::Token, format!("token-{}", index + 1))));
                }
                (None, None) => {
                    return Err(Refusal::new(RefusalCode::InvalidToken, "the token is not valid"));
                }
                (None, Some(_)) => {}
            }
        }
        let Some(jwt) = &self.jwt else { return Ok(None) };
        let claims = jwt.verify(token, now, unix)?;
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        let identity = Identity::new(Method::Jwt, subject.to_owned());
        Ok(Some(Identity { claims, ..identity }))
    }

    /// How a client could do better (RFC 9110 11.6.1: at least one challenge with each 401).
    fn challenges(&self, presented: Presented, code: RefusalCode) -> Vec<String> {
        let bearer = self.tokens.is_some() || self.jwt.is_some();
        // RFC 6750 3.1: without a token no error is named.
        let error = match (code.status(), presented) {
            (401, Presented::Other) => "",
            (401, Presented::Token) => r#", error="invalid_token""#,
            (403, _) => r#", error="insufficient_scope""#,
            _ => return Vec::new(),
        };
        let bearer = bearer.then(|| format!("{BEARER_CHALLENGE}{error}"));
        let basic = self.users.as_ref().map(|_| BASIC_CHALLENGE.to_owned());
        let api_key = self.api_keys.as_ref();
        let api_key = api_key.map(|keys| format!(r#"ApiKey realm="wsbench", header="{}""#, keys.shown));
        bearer.into_iter().chain(basic).chain(api_key).collect()
    }
}

/// What a client presented.
#[derive(Clone, Copy)]
enum Presented {
    /// A token, fixed or JWT.
    Token,
    /// Anything else, or nothing.
    Other,
}

/// Why a request is refused, and what it was refused for.
type Refused = (Presented, Refusal);

/// The first success, or else the first refusal.
#[derive(Default)]
struct Attempts {
    granted: Option<Identity>,
    refused: Option<Refused>,
}

impl Attempts {
    /// Makes an attempt unless an earlier one succeeded. `None` says that the request has nothing for it.
    fn note(&mut self, presented: Presented, attempt: impl FnOnce() -> Result<Option<Identity>, Refusal>) {
        if self.granted.is_some() {
            return;
        }
        match attempt() {
            Ok(granted) => self.granted = granted,
            Err(refusal) => {
                self.refused.get_or_insert((presented, refusal));
            }
        }
    }

    fn result(self) -> Result<Identity, Refused> {
        let Self { granted, refused } = self;
        granted.ok_or_else(|| {
            refused.unwrap_or_else(|| {
                let refusal = Refusal::new(RefusalCode::NoCredentials, "this route needs credentials");
                (Presented::Other, refusal)
            })
        })
    }
}

impl Identity {
    fn new(method: Method, subject: String) -> Self {
        Self {
            method,
            subject,
            claims: Claims::new(),
            subprotocol: None,
        }
    }

    /// A claim as text: a string as it is, anything else as JSON.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<String> {
        self.claims.get(name).map(|claim| match claim {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

impl Method {
    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Jwt => "jwt",
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
        }
    }
}

impl ApiKeys {
    fn read(config: &ApiKeyConfig) -> Result<Self, AuthConfigError> {
        let header = config.header.parse();
        let header = header.map_err(|_| AuthConfigError::Header(config.header.clone()))?;
        let keys = read_all(&config.keys, "api_key.keys")?;
        Ok(Self {
            header,
            shown: config.header.clone(),
            keys,
        })
    }

    fn judge(&self, request: &RequestParts<'_>) -> Result<Option<Identity>, Refusal> {
        let Some(key) = api_key(request, &self.header, &self.shown)? else {
            return Ok(None);
        };
        match position(&self.keys, &Fingerprint::of(key)) {
            Some(index) => Ok(Some(Identity::new(Method::ApiKey, format!("key-{}", index + 1)))),
            None => {
                let message = format!("the key in {} is not valid", self.shown);
                Err(Refusal::new(RefusalCode::InvalidApiKey, message))
            }
        }
    }
}

fn read_tokens(config: &TokenConfig) -> Result<Vec<Fingerprint>, AuthConfigError> {
    read_all(&config.tokens, "token.tokens")
}

fn read_all(sources: &[SecretSource], place: &'static str) -> Result<Vec<Fingerprint>, AuthConfigError> {
    if sources.is_empty() {
        return Err(AuthConfigError::Empty(place));
    }
    sources
        .iter()
        .map(|source| Ok(Fingerprint::of(source.read()?.reveal())))
        .collect()
}

fn read_users(config: &BasicConfig) -> Result<Vec<User>, AuthConfigError> {
    if config.users.is_empty() {
        return Err(AuthConfigError::Empty("basic.users"));
    }
    let read = config.users.iter().map(|(name, password)| {
        if name.contains(':') {
            return Err(AuthConfigError::UserName(name.clone()));
        }
        Ok(User {
            name: name.clone(),
            name_fingerprint: Fingerprint::of(name),
            password: Fingerprint::of(password.read()?.reveal()),
        })
    });
    read.collect()
}

/// Compares with every user, so that the time does not tell which names exist.
fn judge_password(users: &[User], encoded: &str) -> Result<Identity, Refusal> {
    let (name, password) = user_and_password(encoded)?;
    let (name, password) = (Fingerprint::of(&name), Fingerprint::of(&password));
    let mut found = None;
    for user in users {
        let matches = user.name_fingerprint.matches(&name) & user.password.matches(&password);
        if bool::from(matches) {
            found = Some(user);
        }
    }
    found
        .map(|user| Identity::new(Method::Basic, user.name.clone()))
        .ok_or_else(|| {
            Refusal::new(
                RefusalCode::InvalidPassword,
                "the user name or the password is wrong",
            )
        })
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("token", &self.tokens.is_some())
            .field("jwt", &self.jwt.is_some())
            .field("api_key", &self.api_keys.is_some())
            .field("basic", &self.users.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests;
