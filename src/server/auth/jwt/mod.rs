//! JSON Web Tokens (RFC 7519), by `jsonwebtoken` with ring underneath.
//!
//! | file | purpose |
//! |---|---|
//! | `verifier` | [`JwtVerifier`]: from a token to its claims, or a refusal |
//! | `claims` | what the claims must say |
//! | `keys` | [`KeySet`](keys::KeySet): keys and the algorithms that each may verify |
//! | `published` | keys that an issuer publishes: fetched, cached, rotated |
//! | `fetch` | one GET over HTTP or HTTPS |
//! | `crypto` | the signature algorithms, by ring |

mod claims;
mod crypto;
mod fetch;
mod keys;
mod published;
mod verifier;

pub use claims::Claims;

pub(super) use verifier::JwtVerifier;

#[cfg(test)]
mod tests;
