//! [`Secret`]: a text that is never shown. [`SecretSource`]: where the configuration takes one from.
//! [`Fingerprint`]: what is kept of a secret in order to recognise it.

use std::fmt;
use std::path::PathBuf;

use ring::digest;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::AuthConfigError;

/// A secret: its memory is overwritten when it is dropped, and no formatting shows it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes possession of a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where the configuration takes a secret from. In YAML: the secret itself, `{file: PATH}` or `{env: NAME}`.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// It stands in the configuration.
    Inline(Secret),
    /// It is a file's content, without the line break at its end.
    File(PathBuf),
    /// It is the value of an environment variable.
    Env(String),
}

impl SecretSource {
    /// Reads the secret.
    ///
    /// # Errors
    /// The file or the variable cannot be read, or the secret is empty: an empty secret would let everyone in.
    pub fn read(&self) -> Result<Secret, AuthConfigError> {
        let secret = match self {
            Self::Inline(secret) => secret.clone(),
            Self::File(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|source| AuthConfigError::File {
                    path: path.clone(),
                    source,
                })?;
                let text = Zeroizing::new(text);
                Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            Self::Env(name) => {
                let value = std::env::var(name).map_err(|_| AuthConfigError::Env { name: name.clone() })?;
                Secret::new(value)
            }
        };
        if secret.reveal().is_empty() {
            return Err(AuthConfigError::EmptySecret);
        }
        Ok(secret)
    }
}

impl From<&str> for SecretSource {
    fn from(text: &str) -> Self {
        Self::Inline(Secret::new(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrPlace)
    }
}

struct TextOrPlace;

const PLACES: &[&str] = &["file", "env"];

impl<'de> Visitor<'de> for TextOrPlace {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret as a text, or `{file: PATH}`, or `{env: NAME}`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretSource, E> {
        Ok(text.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        let source = match map.next_key::<String>()?.as_deref() {
            Some("file") => SecretSource::File(map.next_value()?),
            Some("env") => SecretSource::Env(map.next_value()?),
            Some(other) => return Err(de::Error::unknown_field(other, PLACES)),
            None => return Err(de::Error::missing_field("file")),
        };
        match map.next_key::<String>()? {
            None => Ok(source),
            Some(_) => Err(de::Error::custom("a secret comes from one place")),
        }
    }
}

/// The SHA-256 of a secret.
///
/// Comparing digests takes the same time whatever was presented, its length included, and the secret itself need not
/// be kept.
#[derive(Clone)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    pub(crate) fn of_secret(secret: &Secret) -> Self {
        Self::of(secret.reveal())
    }

    pub(crate) fn matches(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[fingerprint]")
    }
}

/// The index of the fingerprint that equals `presented`. Looks at all of them in any case.
pub(super) fn position(known: &[Fingerprint], presented: &Fingerprint) -> Option<usize> {
    let mut found = None;
    for (index, fingerprint) in known.iter().enumerate() {
        if bool::from(fingerprint.matches(presented)) {
            found = Some(index);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_formatting_shows_a_secret() {
        let source = SecretSource::from("hunter2");
        let shown = format!(
            "{source:?} {:?} {:?}",
            source.read().unwrap(),
            Fingerprint::of("hunter2")
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn secrets_come_from_text_files_and_variables() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "from a file\n").unwrap();
        let yaml = format!("[plain, {{file: '{}'}}, {{env: PATH}}]", path.display());
        let sources: Vec<SecretSource> = serde_saphyr::from_str(&yaml).unwrap();
        let read: Vec<_> = sources.iter().map(|source| source.read().unwrap()).collect();
        assert_eq!((read[0].reveal(), read[1].reveal()), ("plain", "from a file"));
        assert_eq!(read[2].reveal(), std::env::var("PATH").unwrap());
    }

    #[test]
    fn an_empty_or_missing_secret_is_refused() {
        assert!(matches!(
            SecretSource::from("").read(),
            Err(AuthConfigError::EmptySecret)
        ));
        let missing = SecretSource::Env("WSBENCH_TEST_NO_SUCH_VARIABLE".to_owned());
        assert!(matches!(missing.read(), Err(AuthConfigError::Env { .. })));
        for yaml in ["{}", "{file: a, env: b}", "{url: a}", "[a]"] {
            assert!(serde_saphyr::from_str::<SecretSource>(yaml).is_err(), "{yaml}");
        }
    }

    #[test]
    fn fingerprints_recognise_secrets_by_position() {
        let known = [Fingerprint::of("a"), Fingerprint::of("b")];
        assert_eq!(position(&known, &Fingerprint::of("b")), Some(1));
        assert_eq!(position(&known, &Fingerprint::of("bb")), None);
    }
}
