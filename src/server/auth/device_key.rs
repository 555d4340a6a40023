//! The check of seed A24 alone, for routes that are configured by `api_keys`.

use http::{HeaderMap, StatusCode};

use crate::server::http::Refusal;

/// The header that carries a device's key (seed A24).
const API_KEY_HEADER: &str = "x-device-key";

/// Refuses a request without one of `keys`; with no keys everyone may pass.
///
/// # Errors
/// 401 if the header is missing or holds none of the keys.
pub(crate) fn check_api_key(headers: &HeaderMap, keys: &[String]) -> Result<(), Refusal> {
    if keys.is_empty() {
        return Ok(());
    }
    let unauthorized = |reason| Err(Refusal::new(StatusCode::UNAUTHORIZED, reason));
    let Some(given) = headers.get(API_KEY_HEADER) else {
        return unauthorized("header X-Device-Key is missing");
    };
    // Every key is compared to its end, so that the time tells nothing of how near a guess was.
    let known = keys.iter().fold(false, |known, key| {
        known | equal(key.as_bytes(), given.as_bytes())
    });
    if known {
        Ok(())
    } else {
        unauthorized("header X-Device-Key holds no known key")
    }
}

fn equal(secret: &[u8], given: &[u8]) -> bool {
    let differing = secret
        .iter()
        .zip(given)
        .fold(0, |bits, (a, b)| std::hint::black_box(bits | (a ^ b)));
    secret.len() == given.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: Option<&str>) -> Result<(), StatusCode> {
        let keys = ["device_key_123".to_owned(), "device_key_456".to_owned()];
        let headers = key.map(|key| {
            (
                http::HeaderName::from_static(API_KEY_HEADER),
                key.parse().unwrap(),
            )
        });
        check_api_key(&HeaderMap::from_iter(headers), &keys).map_err(|refusal| refusal.status)
    }

    #[test]
    fn a24_one_of_the_device_keys_is_needed() {
        assert_eq!(check(Some("device_key_123")), Ok(()));
        assert_eq!(check(Some("device_key_456")), Ok(()));
        for wrong in [
            None,
            Some(""),
            Some("device_key_12"),
            Some("device_key_1234"),
            Some("device_key_124"),
        ] {
            assert_eq!(check(wrong), Err(StatusCode::UNAUTHORIZED), "{wrong:?}");
        }
    }

    #[test]
    fn without_configured_keys_none_is_needed() {
        assert_eq!(check_api_key(&HeaderMap::new(), &[]), Ok(()));
    }
}
