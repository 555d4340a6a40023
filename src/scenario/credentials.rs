//! [`Credentials`]: who a client says it is when it connects.

use std::fmt;

use super::template::Template;
use super::token::Minter;

/// The credentials of a group's connections.
pub struct Credentials {
    /// Where they stand.
    pub place: CredentialPlace,
    /// Makes a token for each connection, kept in this place of the client's memory before `place` is rendered.
    pub minter: Option<(u16, Minter)>,
}

/// Where credentials stand in an upgrade request.
pub enum CredentialPlace {
    /// `Authorization: Bearer`.
    Bearer(Template),
    /// `Authorization: Basic` of this `user:password`.
    Basic(Template),
    /// Parameters of the query.
    Query(Vec<(String, Template)>),
    /// Headers.
    Headers(Vec<(String, Template)>),
    /// Further subprotocols to offer.
    Subprotocols(Vec<Template>),
}

impl CredentialPlace {
    /// The names of the headers that are written for it, but for the subprotocols'.
    pub(super) fn headers(&self) -> Vec<&str> {
        match self {
            Self::Bearer(_) | Self::Basic(_) => vec!["Authorization"],
            Self::Headers(entries) => entries.iter().map(|(name, _)| name.as_str()).collect(),
            Self::Query(_) | Self::Subprotocols(_) => Vec::new(),
        }
    }
}

impl fmt::Display for Credentials {
    /// What they are, but not the secrets: `a bearer token, minted with HS256`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |entries: &[(String, Template)]| {
            let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
            names.join(", ")
        };
        match &self.place {
            CredentialPlace::Bearer(_) => f.write_str("a bearer token")?,
            CredentialPlace::Basic(_) => f.write_str("a user and password")?,
            CredentialPlace::Query(entries) => write!(f, "the query's {}", names(entries))?,
            CredentialPlace::Headers(entries) => write!(f, "the headers {}", names(entries))?,
            CredentialPlace::Subprotocols(_) => f.write_str("a token among the subprotocols")?,
        }
        match &self.minter {
            Some((_, minter)) => write!(f, ", minted with {}", minter.algorithm().name()),
            None => Ok(()),
        }
    }
}

/// The same: secrets are not for logs.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({self})")
    }
}
