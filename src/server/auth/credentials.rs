//! [`Credentials`]: what a request presents, and where.
//!
//! Browsers cannot set headers on a WebSocket, so a token may also come in the query or as a subprotocol (seed A39).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use http::HeaderName;
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};

use crate::server::query::Query;
use crate::server::refusal::{Refusal, RefusalCode};
use crate::server::request_parts::RequestParts;

/// The subprotocol that announces a token as the next one: `['access_token', JWT]` (seed A39).
pub const ACCESS_TOKEN: &str = "access_token";

/// What a request presents.
#[derive(Default)]
pub(super) struct Credentials<'a> {
    /// The first token out of `Authorization: Bearer`, the subprotocol after `access_token`, `?token=`,
    /// `?access_token=`.
    pub(super) token: Option<Cow<'a, str>>,
    /// User name and password, not yet decoded.
    pub(super) basic: Option<&'a str>,
    /// Whether the client waits for the subprotocol `access_token` to be chosen.
    pub(super) offers_access_token: bool,
}

impl<'a> Credentials<'a> {
    /// Finds them.
    ///
    /// # Errors
    /// More than one `Authorization`: which one counts would be a guess.
    pub(super) fn find(request: &RequestParts<'a>) -> Result<Self, Refusal> {
        let authorization = request.single(&AUTHORIZATION).map_err(|_| {
            Refusal::new(
                RefusalCode::MalformedCredentials,
                "the Authorization header must be one line of ASCII",
            )
        })?;
        let (mut token, mut basic) = (None, None);
        if let Some((scheme, value)) = authorization.and_then(|value| value.trim().split_once(' ')) {
            if scheme.eq_ignore_ascii_case("Bearer") {
                token = Some(Cow::Borrowed(value.trim()));
            } else if scheme.eq_ignore_ascii_case("Basic") {
                basic = Some(value.trim());
            }
        }
        let announced = announced_token(request);
        let token = token
            .or(announced.map(Cow::Borrowed))
            .or_else(|| query_token(request.query));
        Ok(Self {
            token,
            basic,
            offers_access_token: announced.is_some(),
        })
    }
}

/// The subprotocol that follows `access_token`.
fn announced_token<'a>(request: &RequestParts<'a>) -> Option<&'a str> {
    let lines = request.headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
    let mut offers = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(',').map(str::trim));
    offers.find(|offer| *offer == ACCESS_TOKEN)?;
    offers.next().filter(|token| !token.is_empty())
}

fn query_token(query: Option<&str>) -> Option<Cow<'_, str>> {
    let query = Query::new(query?);
    let mut values = query.values("token").chain(query.values(ACCESS_TOKEN));
    values.find(|value| !value.is_empty())
}

/// The key in the header `name`, which errors call `shown`.
///
/// # Errors
/// More than one such header.
pub(super) fn api_key<'a>(
    request: &RequestParts<'a>,
    name: &HeaderName,
    shown: &str,
) -> Result<Option<&'a str>, Refusal> {
    let key = request.single(name).map_err(|_| {
        let message = format!("the {shown} header must be one line of ASCII");
        Refusal::new(RefusalCode::MalformedCredentials, message)
    })?;
    Ok(key.filter(|key| !key.is_empty()))
}

/// Splits `base64(USER:PASSWORD)` (RFC 7617 2).
///
/// # Errors
/// It is not base64, not UTF-8, or has no colon.
pub(super) fn user_and_password(encoded: &str) -> Result<(String, String), Refusal> {
    let bytes = STANDARD
        .decode(encoded)
        .or_else(|_| STANDARD_NO_PAD.decode(encoded))
        .ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.as_deref()
        .and_then(|text| text.split_once(':'))
        .map(|(user, password)| (user.to_owned(), password.to_owned()))
        .ok_or_else(|| {
            Refusal::new(
                RefusalCode::MalformedCredentials,
                "Basic credentials must be base64 of a user name, a colon and a password",
            )
        })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Uri};

    use super::*;

    fn found(uri: &str, headers: &[(&'static str, &'static str)]) -> (Option<String>, bool) {
        let uri: Uri = uri.parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let request = RequestParts::new(&uri, &map, [127, 0, 0, 1].into(), false);
        let credentials = Credentials::find(&request).unwrap_or_else(|refusal| panic!("{refusal}"));
        (
            credentials.token.map(Cow::into_owned),
            credentials.offers_access_token,
        )
    }

    #[test]
    fn a39_b6_a_token_is_found_in_four_places() {
        let one = |token: &str, offered| (Some(token.to_owned()), offered);
        assert_eq!(
            found("/", &[("authorization", "bearer a.b.c")]),
            one("a.b.c", false)
        );
        assert_eq!(found("/?x=1&token=t%20t", &[]), one("t t", false));
        assert_eq!(found("/?access_token=t", &[]), one("t", false));
        assert_eq!(
            found("/", &[("sec-websocket-protocol", "access_token, a.b.c")]),
            one("a.b.c", true)
        );
        assert_eq!(
            found(
                "/",
                &[
                    ("sec-websocket-protocol", "access_token"),
                    ("sec-websocket-protocol", "t")
                ]
            ),
            one("t", true)
        );
        assert_eq!(found("/?token=&access_token=", &[]), (None, false));
        assert_eq!(
            found("/", &[("sec-websocket-protocol", "chat, access_token")]),
            (None, false)
        );
    }

    #[test]
    fn the_header_comes_before_the_subprotocol_and_that_before_the_query() {
        let bearer = ("authorization", "Bearer header");
        let offer = ("sec-websocket-protocol", "chat,access_token,offer");
        assert_eq!(
            found("/?token=query", &[offer, bearer]),
            (Some("header".to_owned()), true)
        );
        assert_eq!(found("/?token=query", &[offer]), (Some("offer".to_owned()), true));
        assert_eq!(
            found("/?access_token=b&token=a", &[]),
            (Some("a".to_owned()), false)
        );
    }

    #[test]
    fn two_authorizations_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        let uri = Uri::from_static("/");
        let request = RequestParts::new(&uri, &headers, [127, 0, 0, 1].into(), false);
        let refusal = Credentials::find(&request).err().unwrap();
        assert_eq!(refusal.code, RefusalCode::MalformedCredentials);
    }

    #[test]
    fn a47_basic_credentials_are_split_at_the_first_colon() {
        assert_eq!(
            user_and_password("YWxpY2U6YTpi").unwrap(),
            ("alice".to_owned(), "a:b".to_owned())
        );
        for encoded in ["", "!", "YWxpY2U=", "/w=="] {
            assert!(user_and_password(encoded).is_err(), "{encoded}");
        }
    }
}
