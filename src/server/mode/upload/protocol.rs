//! What a client may say, and why it cannot be done.

use std::io;

use serde::Deserialize;
use serde_json::{Value, json};

/// A text message of the client.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Command {
    /// A new upload or, with an id, one that is to go on.
    Begin(Begin),
    /// All chunks were sent.
    End {},
    /// The upload is not wanted any more.
    Abort {},
}

/// What is said of an upload at its begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Begin {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) size: Option<u64>,
    /// In hexadecimal digits.
    pub(super) sha256: Option<String>,
}

/// Why something cannot be done. The connection stays open.
#[derive(Debug, thiserror::Error)]
pub(super) enum UploadError {
    #[error("cannot read the message: {0}")]
    Message(#[from] serde_json::Error),
    #[error("a new upload needs `{0}`")]
    Missing(&'static str),
    #[error("`name` has at most {0} bytes")]
    Name(usize),
    #[error("`sha256` has 64 hexadecimal digits")]
    Digest,
    #[error("a file has at most {0} bytes")]
    TooLarge(u64),
    #[error("no upload has begun on this connection")]
    NotBegun,
    #[error("an upload is open on this connection: end or abort it first")]
    AlreadyBegun,
    #[error("there is no such upload: it has ended, has expired or never began")]
    Unknown,
    #[error("`{0}` is not what it was when the upload began")]
    Mismatch(&'static str),
    #[error("there are as many uploads as may be; try again later")]
    TooMany,
    #[error("the upload goes on over another connection")]
    TakenOver,
    #[error("the chunk has {chunk} bytes, but only {left} are missing")]
    Overrun { chunk: usize, left: u64 },
    #[error("{missing} bytes are missing")]
    Incomplete { missing: u64 },
    #[error("cannot store the file: {0}")]
    Storage(#[from] io::Error),
}

impl UploadError {
    /// What a program tells them apart by.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Message(_) => "bad-message",
            Self::Missing(_) | Self::Name(_) | Self::Digest => "bad-begin",
            Self::TooLarge(_) => "too-large",
            Self::NotBegun => "not-begun",
            Self::AlreadyBegun => "already-begun",
            Self::Unknown => "unknown-upload",
            Self::Mismatch(_) => "mismatch",
            Self::TooMany => "too-many-uploads",
            Self::TakenOver => "taken-over",
            Self::Overrun { .. } => "overrun",
            Self::Incomplete { .. } => "incomplete",
            Self::Storage(_) => "storage",
        }
    }

    /// What the client is told.
    pub(super) fn to_json(&self) -> Value {
        json!({"type": "error", "code": self.code(), "message": self.to_string()})
    }
}

/// Reads a SHA-256 in hexadecimal digits.
pub(super) fn digest_from_hex(text: &str) -> Result<[u8; 32], UploadError> {
    if text.len() != 64 {
        return Err(UploadError::Digest);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(UploadError::Digest);
    let mut digest = [0; 32];
    for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        for &character in digits {
            *byte = *byte << 4 | digit(character)? as u8;
        }
    }
    Ok(digest)
}

/// Bytes in hexadecimal digits.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_commands() {
        let read = |text| serde_json::from_str::<Command>(text).map_err(|error| error.to_string());
        assert_eq!(
            read(r#"{"type":"begin","name":"a","size":3,"mime":"x/y"}"#),
            Ok(Command::Begin(Begin {
                name: Some("a".to_owned()),
                size: Some(3),
                ..Begin::default()
            }))
        );
        assert_eq!(read(r#"{"type":"end"}"#), Ok(Command::End {}));
        assert_eq!(read(r#"{"type":"abort"}"#), Ok(Command::Abort {}));
        assert!(read(r#"{"type":"begin","size":-1}"#).is_err());
        assert!(read("hello").is_err());
    }

    #[test]
    fn digests_in_hexadecimal_digits() {
        let text = "00ff".repeat(16);
        assert_eq!(to_hex(&digest_from_hex(&text).unwrap()), text);
        for wrong in ["", "00", &"0g".repeat(32), &"é".repeat(32), &"+1".repeat(32)] {
            assert!(digest_from_hex(wrong).is_err(), "{wrong}");
        }
    }
}
