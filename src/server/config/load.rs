//! Reading the configuration from YAML.

use std::io;
use std::path::{Path, PathBuf};

use super::ServerConfig;
use crate::server::auth::AuthConfigError;
use crate::server::backplane::NoBackplane;
use crate::server::origin::OriginError;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The text is not YAML, or not a server's configuration. The message says where and what is expected.
    #[error("{origin}:{line}:{column}: {message}")]
    Syntax {
        /// The file's name.
        origin: String,
        /// From one.
        line: u64,
        /// From one.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// What a file says makes no server.
    #[error("{origin}: {source}")]
    In {
        /// The file's name.
        origin: String,
        /// What is wrong.
        source: Box<Self>,
    },
    /// Well-formed, but it contradicts itself.
    #[error("{place}: {problem}")]
    Invalid {
        /// The route or setting.
        place: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Who may connect to a route cannot be judged.
    #[error("{route}: {source}")]
    Auth {
        /// The route's path.
        route: String,
        /// What is wrong with its `auth`.
        source: AuthConfigError,
    },
    /// An origin that may connect is none.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// An upstream of the proxy is none.
    #[error("{0}")]
    Upstream(String),
    /// A backplane is none.
    #[error(transparent)]
    Backplane(#[from] NoBackplane),
}

impl ConfigError {
    pub(super) fn invalid(place: &str, problem: &'static str) -> Self {
        Self::Invalid {
            place: place.to_owned(),
            problem,
        }
    }

    /// The same, with the name of what it is in.
    #[must_use]
    pub fn found_in(self, origin: &str) -> Self {
        Self::In {
            origin: origin.to_owned(),
            source: Box::new(self),
        }
    }
}

impl ServerConfig {
    /// Reads a YAML file. Whether it contradicts itself is left to [`ServerConfig::check`]: flags may change it first.
    ///
    /// # Errors
    /// The file cannot be read, or [`ConfigError::Syntax`] as of [`ServerConfig::from_yaml`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads YAML; `origin` names it in errors. An empty text is the default configuration.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] with line and column for anything that is not a server's configuration, unknown fields
    /// included; [`ConfigError::In`] if it contradicts itself.
    pub fn from_yaml(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let config = Self::parse(text, origin)?;
        config.check().map_err(|error| error.found_in(origin))?;
        Ok(config)
    }

    /// Whether everything in it goes together.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        super::plan_routes(self).map(drop)
    }

    fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let config =
            serde_saphyr::from_str::<Option<Self>>(text).map_err(|error| syntax_error(&error, origin))?;
        Ok(config.unwrap_or_default())
    }
}

fn syntax_error(error: &serde_saphyr::Error, origin: &str) -> ConfigError {
    let bare = error.without_snippet();
    let (line, column) = bare.location().map_or((1, 1), |at| (at.line(), at.column()));
    // The rendered form begins with the position, which is told apart already.
    let text = bare.to_string();
    let message = text
        .split_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message);
    // What follows is advice for whoever calls the library.
    let message = [", set DuplicateKeyPolicy", "; use from_str_multiple"]
        .iter()
        .fold(message, |message, advice| {
            message.split(advice).next().unwrap_or(message)
        });
    ConfigError::Syntax {
        origin: origin.to_owned(),
        line,
        column,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
