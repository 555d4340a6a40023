//! `Sec-WebSocket-Key` and the `Sec-WebSocket-Accept` that proves that a server understood it (RFC 6455 4.2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// Appended to the key before hashing (RFC 6455 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Key` for sixteen random bytes: 24 characters.
#[must_use]
pub fn key_text(key: [u8; 16]) -> String {
    STANDARD.encode(key)
}

/// The value of `Sec-WebSocket-Accept` that answers `key`, the text of `Sec-WebSocket-Key`: 28 characters.
#[must_use]
pub fn accept_key(key: &str) -> String {
    let digest = Sha1::new()
        .chain_update(key.as_bytes())
        .chain_update(GUID)
        .finalize();
    STANDARD.encode(digest)
}

/// Whether `key` is base64 of sixteen bytes (RFC 6455 4.2.1).
#[must_use]
pub fn is_valid_key(key: &str) -> bool {
    // Checked first, so that a long header is not decoded only to be refused.
    key.len() == 24 && STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}
