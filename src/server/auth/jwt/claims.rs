//! [`ClaimRules`]: what the claims of a well-signed token must say (RFC 7519 4.1).
//!
//! `jsonwebtoken` could judge them too, but by the system's clock and so that an `iss` of the wrong type passes. Here
//! the time comes in, and whatever does not say what it must is refused.

use serde_json::{Map, Value};

use crate::server::auth::JwtConfig;
use crate::server::refusal::{Refusal, RefusalCode};

/// The claims of a token.
pub type Claims = Map<String, Value>;

pub(super) struct ClaimRules {
    issuer: Option<String>,
    audience: Vec<String>,
    required: Vec<String>,
    values: Vec<(String, String)>,
    /// Seconds.
    leeway: f64,
}

impl ClaimRules {
    pub(super) fn new(config: &JwtConfig) -> Self {
        Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            required: config.required_claims.clone(),
            values: config.claims.clone().into_iter().collect(),
            leeway: config.leeway.0.as_secs_f64(),
        }
    }

    /// Judges the claims at `unix`, in seconds since 1970.
    ///
    /// # Errors
    /// The first that does not say what it must.
    pub(super) fn judge(&self, claims: &Claims, unix: u64) -> Result<(), Refusal> {
        self.times(claims, unix as f64)?;
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return refuse(RefusalCode::WrongIssuer, "the token comes from another issuer");
        }
        if !self.audience.is_empty() && !self.audience.iter().any(|name| says(claims, "aud", name)) {
            return refuse(
                RefusalCode::WrongAudience,
                "the token is meant for another audience",
            );
        }
        if let Some(missing) = self
            .required
            .iter()
            .find(|name| claims.get(*name).is_none_or(Value::is_null))
        {
            let message = format!("the token has no claim `{missing}`");
            return Err(Refusal::new(RefusalCode::MissingClaim, message));
        }
        if let Some((name, _)) = self
            .values
            .iter()
            .find(|(name, value)| !says(claims, name, value))
        {
            let message = format!("the claim `{name}` does not permit this connection");
            return Err(Refusal::new(RefusalCode::ClaimRefused, message));
        }
        Ok(())
    }

    fn times(&self, claims: &Claims, unix: f64) -> Result<(), Refusal> {
        // RFC 7519 4.1.4: at the moment itself the token is no longer valid.
        if let Some(expiry) = time(claims, "exp")?
            && unix >= expiry + self.leeway
        {
            return refuse(RefusalCode::TokenExpired, "the token has expired");
        }
        if let Some(beginning) = time(claims, "nbf")?
            && unix + self.leeway < beginning
        {
            return refuse(RefusalCode::TokenNotYetValid, "the token is not valid yet");
        }
        Ok(())
    }
}

fn refuse(code: RefusalCode, message: &'static str) -> Result<(), Refusal> {
    Err(Refusal::new(code, message))
}

/// A NumericDate (RFC 7519 2): seconds, with or without a fraction.
fn time(claims: &Claims, name: &str) -> Result<Option<f64>, Refusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or_else(|| {
            Refusal::new(
                RefusalCode::MissingClaim,
                format!("the claim `{name}` is not a number of seconds"),
            )
        }),
    }
}

/// Whether a claim is `wanted`, or a list that contains it.
fn says(claims: &Claims, name: &str, wanted: &str) -> bool {
    match claims.get(name) {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Array(list)) => list.iter().any(|item| item.as_str() == Some(wanted)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::units::Span;

    fn verdict(config: &JwtConfig, claims: &Value, unix: u64) -> Option<RefusalCode> {
        let rules = ClaimRules::new(config);
        rules
            .judge(claims.as_object().unwrap(), unix)
            .err()
            .map(|refusal| refusal.code)
    }

    #[test]
    fn a30_times_are_judged_to_the_second_with_leeway() {
        let config = JwtConfig {
            leeway: Span::from_secs(5),
            ..JwtConfig::default()
        };
        let claims = json!({"exp": 1_000, "nbf": 500});
        for (unix, expected) in [
            (494, Some(RefusalCode::TokenNotYetValid)),
            (495, None),
            (1_004, None),
            (1_005, Some(RefusalCode::TokenExpired)),
        ] {
            assert_eq!(verdict(&config, &claims, unix), expected, "{unix}");
        }
        assert_eq!(verdict(&config, &json!({"exp": 1_000.5}), 1_005), None);
    }

    #[test]
    fn times_of_the_wrong_type_are_refused_even_if_not_required() {
        let config = JwtConfig {
            required_claims: Vec::new(),
            ..JwtConfig::default()
        };
        assert_eq!(verdict(&config, &json!({}), 1), None);
        for claims in [
            json!({"exp": "2999-01-01"}),
            json!({"exp": null}),
            json!({"nbf": [1]}),
        ] {
            assert_eq!(
                verdict(&config, &claims, 1),
                Some(RefusalCode::MissingClaim),
                "{claims}"
            );
        }
        let negative = json!({"exp": -5, "nbf": -10});
        assert_eq!(
            verdict(&config, &negative, 1_000),
            Some(RefusalCode::TokenExpired)
        );
    }

    #[test]
    fn a22_issuer_and_audience_must_match_exactly() {
        let config = JwtConfig {
            issuer: Some("https://auth.example.com".to_owned()),
            audience: vec!["wss://chat.example.com".to_owned(), "b".to_owned()],
            ..JwtConfig::default()
        };
        let with = |issuer: Value, audience: Value| json!({"exp": 10, "iss": issuer, "aud": audience});
        let issuer = json!("https://auth.example.com");
        assert_eq!(verdict(&config, &with(issuer.clone(), json!("b")), 1), None);
        assert_eq!(
            verdict(&config, &with(issuer.clone(), json!(["a", "b"])), 1),
            None
        );
        for wrong in [
            json!("https://auth.example.com/"),
            json!(["https://auth.example.com"]),
            json!(7),
            Value::Null,
        ] {
            let found = verdict(&config, &with(wrong.clone(), json!("b")), 1);
            assert_eq!(found, Some(RefusalCode::WrongIssuer), "{wrong}");
        }
        for wrong in [json!("c"), json!([]), json!({"b": 1}), Value::Null] {
            let found = verdict(&config, &with(issuer.clone(), wrong.clone()), 1);
            assert_eq!(found, Some(RefusalCode::WrongAudience), "{wrong}");
        }
    }

    #[test]
    fn claims_can_be_required_and_can_forbid() {
        let config = JwtConfig {
            required_claims: vec!["exp".to_owned(), "sub".to_owned()],
            claims: [("role".to_owned(), "device".to_owned())].into(),
            ..JwtConfig::default()
        };
        assert_eq!(
            verdict(&config, &json!({"sub": "a", "role": "device"}), 1),
            Some(RefusalCode::MissingClaim)
        );
        assert_eq!(
            verdict(&config, &json!({"exp": 9, "role": "device"}), 1),
            Some(RefusalCode::MissingClaim)
        );
        assert_eq!(
            verdict(&config, &json!({"exp": 9, "sub": "a"}), 1),
            Some(RefusalCode::ClaimRefused)
        );
        assert_eq!(
            verdict(
                &config,
                &json!({"exp": 9, "sub": "a", "role": ["x", "device"]}),
                1
            ),
            None
        );
    }
}
