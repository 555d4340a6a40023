//! [`Access`]: who may steer the server over HTTP.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use super::auth::{AuthConfigError, Fingerprint, SecretSource};
use super::http::EndpointRequest;
use super::refusal::Refusal;

/// Those who know a token or, without one, whoever is on this machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    token: Option<Fingerprint>,
}

impl Access {
    /// Reads the token.
    ///
    /// # Errors
    /// It cannot be read, or is empty.
    pub(crate) fn new(token: Option<&SecretSource>) -> Result<Self, AuthConfigError> {
        let token = token.map(SecretSource::read).transpose()?;
        Ok(Self {
            token: token.map(|token| Fingerprint::of_secret(&token)),
        })
    }

    /// With a token that stands in the configuration.
    pub(crate) fn of_text(token: Option<&str>) -> Self {
        Self {
            token: token.map(Fingerprint::of),
        }
    }

    /// Whether a token is needed; then the network in between does not matter.
    pub(crate) const fn needs_token(&self) -> bool {
        self.token.is_some()
    }

    /// Judges a request.
    ///
    /// # Errors
    /// 401 for a wrong or missing token, 403 for another machine where no token is configured.
    pub(crate) fn admit(&self, headers: &HeaderMap, client: IpAddr) -> Result<(), Refusal> {
        match &self.token {
            None if client.to_canonical().is_loopback() => Ok(()),
            None => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "without a configured token only this machine is served",
            )),
            Some(token) => {
                let given = Fingerprint::of(bearer(headers).unwrap_or_default());
                if token.matches(&given).into() {
                    return Ok(());
                }
                let refusal = Refusal::new(
                    StatusCode::UNAUTHORIZED,
                    "Authorization carries no valid Bearer token",
                );
                Err(refusal.with(WWW_AUTHENTICATE, "Bearer"))
            }
        }
    }
}

/// The body of a request that changes something, from JSON.
///
/// # Errors
/// 415 for another type: a web page cannot send this one to another origin without asking first, which nobody answers.
/// 400 for anything but the JSON that is expected.
pub(crate) fn json_body<T: DeserializeOwned>(request: &EndpointRequest) -> Result<T, Refusal> {
    let content_type = request
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body's Content-Type is application/json",
        ));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, format!("the body: {error}")))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    // RFC 9110 11.1: the scheme is case-insensitive.
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(access: &Access, authorization: Option<&str>, client: &str) -> Result<(), u16> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        let admitted = access.admit(&headers, client.parse().unwrap());
        admitted.map_err(|refusal| refusal.status())
    }

    #[test]
    fn a_token_is_needed_from_everywhere() {
        let access = Access::new(Some(&"s3cret".into())).unwrap();
        let near = "127.0.0.1";
        for (authorization, expected) in [
            (None, Err(401)),
            (Some("Bearer"), Err(401)),
            (Some("Bearer s3cre"), Err(401)),
            (Some("Basic s3cret"), Err(401)),
            (Some("Bearer s3cret"), Ok(())),
            (Some("bearer s3cret"), Ok(())),
        ] {
            assert_eq!(
                admitted(&access, authorization, near),
                expected,
                "{authorization:?}"
            );
        }
        assert_eq!(admitted(&access, Some("Bearer s3cret"), "192.0.2.1"), Ok(()));
    }

    #[test]
    fn without_a_token_only_this_machine_is_served() {
        let access = Access::default();
        assert_eq!(admitted(&access, None, "::ffff:127.0.0.1"), Ok(()));
        assert_eq!(admitted(&access, None, "::1"), Ok(()));
        assert_eq!(admitted(&access, None, "192.0.2.1"), Err(403));
    }

    #[test]
    fn an_empty_token_is_no_token() {
        assert!(Access::new(Some(&"".into())).is_err());
    }
}
