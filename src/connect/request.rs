//! The opening request: the URL and what the flags add to it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::config::{RequestOptions, TokenPlace};
use crate::net::Target;
use crate::wire::handshake::{ClientRequest, RequestError};

/// The name under which browsers pass a token as a subprotocol; the server answers with it.
const TOKEN_SUBPROTOCOL: &str = "access_token";

/// Builds and checks the request.
pub(super) fn build(
    target: &Target,
    options: &RequestOptions,
    key: [u8; 16],
) -> Result<ClientRequest, RequestError> {
    let mut request = target.request(key);
    if let Some(host) = &options.host {
        request.authority.clone_from(host);
    }
    if let Some(origin) = &options.origin {
        request.headers.push(("Origin".to_owned(), origin.clone()));
    }
    if let Some(user) = &options.basic_auth {
        let value = format!("Basic {}", STANDARD.encode(user));
        set_header(&mut request.headers, "Authorization", value);
    }
    request.subprotocols.clone_from(&options.subprotocols);
    match &options.token {
        None => {}
        Some((token, TokenPlace::Query)) => {
            let separator = if request.path.contains('?') { '&' } else { '?' };
            request.path.push(separator);
            request.path.push_str("token=");
            push_query_value(&mut request.path, token);
        }
        Some((token, TokenPlace::Bearer)) => {
            set_header(&mut request.headers, "Authorization", format!("Bearer {token}"));
        }
        Some((token, TokenPlace::Subprotocol)) => {
            request
                .subprotocols
                .extend([TOKEN_SUBPROTOCOL.to_owned(), token.clone()]);
        }
    }
    let is_given = |name: &str| {
        options
            .headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    request.headers.retain(|(name, _)| !is_given(name));
    request.headers.extend(options.headers.iter().cloned());
    request.check()?;
    Ok(request)
}

fn set_header(headers: &mut Vec<(String, String)>, name: &str, value: String) {
    headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value));
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 2.3.
fn push_query_value(path: &mut String, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, options: &RequestOptions) -> ClientRequest {
        build(&Target::parse(url).unwrap(), options, [0; 16]).unwrap()
    }

    fn with_token(place: TokenPlace) -> RequestOptions {
        RequestOptions {
            token: Some(("a b/+&".to_owned(), place)),
            ..RequestOptions::default()
        }
    }

    #[test]
    fn a_token_in_the_query_is_escaped_and_appended() {
        let options = with_token(TokenPlace::Query);
        assert_eq!(request("ws://h/p", &options).path, "/p?token=a%20b%2F%2B%26");
        assert_eq!(
            request("ws://h/p?x=1", &options).path,
            "/p?x=1&token=a%20b%2F%2B%26"
        );
    }

    #[test]
    fn a_token_as_a_subprotocol_follows_its_name() {
        let options = RequestOptions {
            subprotocols: vec!["chat".to_owned()],
            token: Some(("jwt".to_owned(), TokenPlace::Subprotocol)),
            ..RequestOptions::default()
        };
        assert_eq!(
            request("ws://h/", &options).subprotocols,
            ["chat", "access_token", "jwt"]
        );
    }

    #[test]
    fn the_last_authorization_wins_and_a_header_by_hand_wins_over_all() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut options = RequestOptions {
            basic_auth: Some("me:secret".to_owned()),
            ..RequestOptions::default()
        };
        assert_eq!(
            request("ws://other:one@h/", &options).headers,
            [header("Authorization", "Basic bWU6c2VjcmV0")]
        );
        options.token = Some(("t".to_owned(), TokenPlace::Bearer));
        assert_eq!(
            request("ws://h/", &options).headers,
            [header("Authorization", "Bearer t")]
        );
        options.headers = vec![
            header("authorization", "Custom 1"),
            header("X-A", "1"),
            header("X-A", "2"),
        ];
        assert_eq!(request("ws://h/", &options).headers, options.headers);
    }

    #[test]
    fn host_and_origin_are_replaced_and_line_breaks_refused() {
        let options = RequestOptions {
            host: Some("virtual.example".to_owned()),
            origin: Some("https://app.example".to_owned()),
            ..RequestOptions::default()
        };
        let built = request("ws://127.0.0.1:9001/", &options);
        assert_eq!(built.authority, "virtual.example");
        assert_eq!(
            built.headers,
            [("Origin".to_owned(), "https://app.example".to_owned())]
        );
        let smuggled = RequestOptions {
            origin: Some("a\r\nX-Evil: 1".to_owned()),
            ..RequestOptions::default()
        };
        assert!(build(&Target::parse("ws://h/").unwrap(), &smuggled, [0; 16]).is_err());
    }
}
