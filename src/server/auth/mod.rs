//! Who may connect: judged once, at the upgrade; an open connection outlives its token (seed A30).
//!
//! | file | purpose |
//! |---|---|
//! | `config` | [`AuthConfig`]: the methods, as the configuration says them |
//! | `authenticator` | [`Authenticator`]: from a request to an [`Identity`] or a refusal |
//! | `credentials` | what a request presents, and where |
//! | `secret` | [`Secret`]: secrets that no formatting shows, compared in constant time |
//! | `jwt` | JSON Web Tokens and the keys that verify them |

mod authenticator;
mod config;
mod credentials;
mod jwt;
mod secret;
#[cfg(test)]
mod testing;

pub use authenticator::{Authenticator, Decision, Identity, Method};
pub use config::{ApiKeyConfig, AuthConfig, AuthConfigError, BasicConfig, JwtConfig, TokenConfig};
pub use credentials::ACCESS_TOKEN;
pub use jwt::Claims;
pub(crate) use secret::Fingerprint;
pub use secret::{Secret, SecretSource};
