//! [`Refusal`]: why a request is not served, and what the answer says.

use std::borrow::Cow;
use std::time::Duration;

use http::{HeaderName, StatusCode, header};

macro_rules! refusal_codes {
    ($($(#[$doc:meta])* $variant:ident = $status:literal $name:literal,)+) => {
        /// Every reason to refuse a request, each with its status and its name. `docs/limits.md` has a row for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RefusalCode {
            $($(#[$doc])* $variant,)+
        }

        impl RefusalCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The HTTP status of the answer.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)+
                }
            }

            /// The name in the answer's body, the journal, the metrics and the log.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

refusal_codes! {
    /// The request carries nothing that a configured method looks at.
    NoCredentials = 401 "no_credentials",
    /// Two `Authorization` headers, base64 that is none, a token that is no JWT.
    MalformedCredentials = 401 "malformed_credentials",
    /// Not one of the static tokens (seed B6).
    InvalidToken = 401 "invalid_token",
    /// Not one of the API keys (seed A24).
    InvalidApiKey = 401 "invalid_api_key",
    /// User name or password is wrong (seed A47); which of them is not said.
    InvalidPassword = 401 "invalid_password",
    /// The JWT's key is known, and its signature is wrong.
    BadSignature = 401 "bad_signature",
    /// The JWT's algorithm is none, is unknown, or is not one for its key.
    AlgorithmRefused = 401 "algorithm_refused",
    /// No key that the server trusts verifies the JWT.
    UnknownKey = 401 "unknown_key",
    /// The JWT's `exp` is past.
    TokenExpired = 401 "token_expired",
    /// The JWT's `nbf` is still to come.
    TokenNotYetValid = 401 "token_not_yet_valid",
    /// The JWT's `iss` is another.
    WrongIssuer = 401 "wrong_issuer",
    /// The JWT's `aud` names others.
    WrongAudience = 401 "wrong_audience",
    /// A claim that must be there is missing or has the wrong type.
    MissingClaim = 401 "missing_claim",
    /// The JWT is good, and a claim of it does not permit the upgrade.
    ClaimRefused = 403 "claim_refused",
    /// The origin is not allowed (seeds A41, E6, E7).
    OriginRefused = 403 "origin_refused",
    /// There is no `Origin` where one must be.
    OriginMissing = 403 "origin_missing",
    /// More upgrades than the rate allows (seeds A23, A26, A31).
    RateLimited = 429 "rate_limited",
    /// As many connections from this address as may be.
    TooManyFromAddress = 429 "too_many_from_address",
    /// As many connections as may be.
    TooManyConnections = 503 "too_many_connections",
    /// The issuer's keys could not be fetched yet, so no JWT can be judged.
    KeysUnavailable = 503 "keys_unavailable",
    /// The server stops and takes no further connections.
    ServerStopping = 503 "server_stopping",
    /// The server is drained and takes no further connections.
    ServerDraining = 503 "server_draining",
    /// The server was told to say that it is unhealthy (seeds C7, C8).
    ToldUnhealthy = 503 "told_unhealthy",
    /// Nothing is configured at the path.
    NoSuchRoute = 404 "no_such_route",
    /// The request to upgrade breaks RFC 6455 4.2.1.
    BadHandshake = 400 "bad_handshake",
    /// The route speaks WebSocket only, or another version of it.
    UpgradeRequired = 426 "upgrade_required",
    /// WebSocket needs HTTP/1.1 (RFC 6455 4.1).
    HttpVersion = 505 "http_version",
    /// Another method than those of the route.
    MethodNotAllowed = 405 "method_not_allowed",
    /// The request was not complete in time.
    RequestTimeout = 408 "request_timeout",
    /// The body is longer than may be.
    BodyTooLarge = 413 "body_too_large",
    /// The body is of another type than the route takes.
    UnsupportedMediaType = 415 "unsupported_media_type",
    /// The route cannot make sense of the request.
    BadRequest = 400 "bad_request",
    /// The route wants credentials of its own.
    Unauthorized = 401 "unauthorized",
    /// The route does not serve this client.
    Forbidden = 403 "forbidden",
    /// What the request names is not there.
    NotFound = 404 "not_found",
    /// Somebody whom the server asked gave an answer that it cannot use.
    BadGateway = 502 "bad_gateway",
    /// Something that the route needs is not there for now.
    Unavailable = 503 "unavailable",
    /// Somebody whom the server asked did not answer in time.
    GatewayTimeout = 504 "gateway_timeout",
}

impl RefusalCode {
    /// Its place in [`RefusalCode::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// The general reason for a status. A status without one is answered by that of its class, as a client that does not
/// know it would take it (RFC 9110 15).
impl From<StatusCode> for RefusalCode {
    fn from(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::UPGRADE_REQUIRED => Self::UpgradeRequired,
            StatusCode::BAD_GATEWAY => Self::BadGateway,
            StatusCode::GATEWAY_TIMEOUT => Self::GatewayTimeout,
            StatusCode::HTTP_VERSION_NOT_SUPPORTED => Self::HttpVersion,
            status if status.is_server_error() => Self::Unavailable,
            _ => Self::BadRequest,
        }
    }
}

/// Why a request is not served. Nothing in it repeats a secret of the request or of the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What a program may go by.
    pub code: RefusalCode,
    /// What a person may go by: a lowercase sentence without a full stop.
    pub message: Cow<'static, str>,
    /// The values of `WWW-Authenticate`, a line each.
    pub challenges: Vec<String>,
    /// When another attempt may succeed.
    pub retry_after: Option<Duration>,
    /// Further headers that the status calls for.
    pub further: Vec<(HeaderName, &'static str)>,
}

impl Refusal {
    /// A refusal without further headers, for a reason or, in general, for a status.
    pub(crate) fn new(code: impl Into<RefusalCode>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            challenges: Vec::new(),
            retry_after: None,
            further: Vec::new(),
        }
    }

    /// The same refusal, with a header that the status calls for.
    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.further.push((name, value));
        self
    }

    /// The same refusal, with the time after which another attempt may succeed.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.code.status()
    }

    /// The headers that belong to the answer beyond those of its body.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, String)> {
        let challenges = self.challenges.iter();
        let challenges = challenges.map(|challenge| (header::WWW_AUTHENTICATE, challenge.clone()));
        let retry_after = self.retry_after.map(whole_seconds);
        let retry_after = retry_after.map(|seconds| (header::RETRY_AFTER, seconds.to_string()));
        let further = self.further.iter();
        let further = further.map(|(name, value)| (name.clone(), (*value).to_owned()));
        challenges.chain(retry_after).chain(further)
    }

    /// The answer's body: `{"error": CODE, "message": MESSAGE, "status": STATUS}`, as `application/json`.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::json!({"error": self.code.name(), "message": self.message, "status": self.status()})
            .to_string()
    }
}

/// `Retry-After` counts whole seconds (RFC 9110 10.2.3): rounded up, so that a client that obeys is not refused
/// again.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn retry_after_is_rounded_up_and_never_zero() {
        for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_900, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[test]
    fn the_answer_says_why() {
        let mut refusal =
            Refusal::new(RefusalCode::RateLimited, "slow down").retry_after(Duration::from_millis(1_500));
        refusal.challenges.push("Bearer".to_owned());
        assert_eq!(refusal.status(), 429);
        let headers: Vec<_> = refusal.headers().collect();
        assert_eq!(
            headers,
            [
                (header::WWW_AUTHENTICATE, "Bearer".to_owned()),
                (header::RETRY_AFTER, "2".to_owned())
            ]
        );
        assert_eq!(
            refusal.body(),
            r#"{"error":"rate_limited","message":"slow down","status":429}"#
        );
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::HashSet<_> = RefusalCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), RefusalCode::ALL.len());
    }

    #[test]
    fn the_documentation_lists_every_refusal_and_no_other() {
        let page = include_str!("../../docs/limits.md");
        let rows = page.lines().filter_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let status: u16 = cells.next()?.parse().ok()?;
            Some((status, cells.next()?.strip_prefix('`')?.trim_matches('`')))
        });
        // The other table has codes of Close frames in their place.
        let documented: BTreeSet<_> = rows.filter(|(status, _)| *status < 1_000).collect();
        let all = RefusalCode::ALL.iter().map(|code| (code.status(), code.name()));
        assert_eq!(documented, all.collect::<BTreeSet<_>>());
    }

    const DOCUMENTATION: &str = include_str!("../../docs/auth.md");

    #[test]
    fn the_documentation_s_examples_are_configurations() {
        let blocks: Vec<_> = DOCUMENTATION.split("```yaml\n").skip(1).collect();
        assert_eq!(blocks.len(), 5);
        for block in blocks {
            let yaml = block.split("```").next().unwrap_or_default();
            let example: crate::server::ServerConfig =
                serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
            assert!(!example.routes.is_empty());
        }
    }
}
