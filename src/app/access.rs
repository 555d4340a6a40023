//! The flags that say who may connect, as settings of all routes.

use crate::cli::AccessArgs;
use crate::server::auth::{JwtConfig, SecretSource, TokenConfig};
use crate::server::origin::OriginPolicy;
use crate::server::{ConfigError, RouteConfig};

/// Writes the flags over `defaults`; a method of `auth` that no flag speaks of stays.
pub(super) fn apply(args: &AccessArgs, defaults: &mut RouteConfig) -> Result<(), ConfigError> {
    let secret = |text: &Option<String>, file: &Option<std::path::PathBuf>| {
        let text = text.as_deref().map(SecretSource::from);
        text.or_else(|| file.clone().map(SecretSource::File))
    };
    if let Some(token) = secret(&args.token, &args.token_file) {
        let tokens = vec![token];
        defaults.auth.get_or_insert_default().token = Some(TokenConfig { tokens });
    }
    let key = secret(&args.jwt_secret, &args.jwt_secret_file);
    if key.is_some() || args.jwt_issuer.is_some() || args.jwt_audience.is_some() {
        let auth = defaults.auth.get_or_insert_default();
        let jwt = auth.jwt.get_or_insert_with(JwtConfig::default);
        if key.is_some() {
            // A configuration has one source of keys, and the flag wins.
            (jwt.secret, jwt.public_key, jwt.jwks_uri) = (key, None, None);
        }
        jwt.issuer = args.jwt_issuer.clone().or(jwt.issuer.take());
        if let Some(audience) = &args.jwt_audience {
            jwt.audience = vec![audience.clone()];
        }
    }
    if !args.allow_origin.is_empty() {
        let allowed = args.allow_origin.iter().map(|origin| origin.parse());
        defaults.origin = Some(OriginPolicy {
            allowed: allowed.collect::<Result<_, _>>()?,
            ..defaults.origin.clone().unwrap_or_default()
        });
    }
    Ok(())
}
