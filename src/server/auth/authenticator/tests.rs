use super::*;
use crate::server::auth::testing::{SigningKey, TestRequest, claims};

const CONFIG: &str = "
    token: {tokens: [first-token, second-token]}
    jwt: {secret: shared, audience: 'wss://chat.example.com'}
    api_key: {header: X-Device-Key, keys: [device_key_123, device_key_456]}
    basic: {users: {alice: 'a:b', bob: secret}}
";

fn authenticator(yaml: &str) -> Authenticator {
    Authenticator::new(&serde_saphyr::from_str(yaml).unwrap()).unwrap_or_else(|error| panic!("{error}"))
}

fn decide(
    authenticator: &Authenticator,
    uri: &str,
    headers: &[(&'static str, &str)],
) -> Result<Identity, Refusal> {
    let request = TestRequest::new(uri, headers);
    match authenticator.decide(&request.parts(), Moment::ZERO, 1_000) {
        Decision::Granted(identity) => Ok(identity),
        Decision::Refused(refusal) => Err(refusal),
        Decision::KeysNeeded(_) => panic!("no keys are published here"),
    }
}

fn refused(yaml: &str, uri: &str, headers: &[(&'static str, &str)]) -> Refusal {
    decide(&authenticator(yaml), uri, headers).unwrap_err()
}

fn subject(uri: &str, headers: &[(&'static str, &str)]) -> (Method, String) {
    let identity = decide(&authenticator(CONFIG), uri, headers).unwrap();
    (identity.method, identity.subject)
}

fn jwt() -> String {
    SigningKey::secret(b"shared").token("HS256", None, &claims())
}

#[test]
fn b6_a_token_in_the_query_opens_the_door() {
    assert_eq!(
        subject("/?token=second-token", &[]),
        (Method::Token, "token-2".to_owned())
    );
    let only_tokens = "token: {tokens: [a]}";
    let refusal = refused(only_tokens, "/?token=b", &[]);
    assert_eq!((refusal.status(), refusal.code), (401, RefusalCode::InvalidToken));
    assert_eq!(
        refusal.challenges,
        [r#"Bearer realm="wsbench", error="invalid_token""#]
    );
    let refusal = refused(only_tokens, "/", &[]);
    assert_eq!(
        (refusal.status(), refusal.code),
        (401, RefusalCode::NoCredentials)
    );
    assert_eq!(refusal.challenges, [r#"Bearer realm="wsbench""#]);
}

#[test]
fn a24_a_device_key_opens_the_door() {
    let key = |value: &'static str| [("x-device-key", value)];
    assert_eq!(
        subject("/", &key("device_key_456")),
        (Method::ApiKey, "key-2".to_owned())
    );
    let refusal = refused(CONFIG, "/", &key("device_key_789"));
    assert_eq!(
        (refusal.status(), refusal.code),
        (401, RefusalCode::InvalidApiKey)
    );
    let twice = [("x-device-key", "device_key_123"), ("x-device-key", "x")];
    let mut headers = http::HeaderMap::new();
    for (name, value) in twice {
        headers.append(name, http::HeaderValue::from_static(value));
    }
    let uri = http::Uri::from_static("/");
    let request = RequestParts::new(&uri, &headers, [127, 0, 0, 1].into(), false);
    assert!(matches!(
        authenticator(CONFIG).decide(&request, Moment::ZERO, 0),
        Decision::Refused(_)
    ));
}

#[test]
fn a39_a_jwt_as_subprotocol_is_taken_and_not_echoed() {
    let jwt = jwt();
    let offer = format!("access_token, {jwt}");
    let identity = decide(&authenticator(CONFIG), "/", &[("sec-websocket-protocol", &offer)]).unwrap();
    assert_eq!(
        (identity.method, identity.subject.as_str()),
        (Method::Jwt, "alice")
    );
    assert_eq!(identity.subprotocol, Some("access_token"));
    assert_eq!(identity.claim("exp").as_deref(), Some("2000"));
    let bearer = decide(
        &authenticator(CONFIG),
        "/",
        &[("authorization", &format!("Bearer {jwt}"))],
    )
    .unwrap();
    assert_eq!((bearer.subprotocol, bearer.subject.as_str()), (None, "alice"));
    let query = decide(&authenticator(CONFIG), &format!("/?access_token={jwt}"), &[]).unwrap();
    assert_eq!(query.subject, "alice");
}

#[test]
fn a47_a_password_opens_the_door() {
    let basic = |text: &'static str| [("authorization", text)];
    assert_eq!(
        subject("/", &basic("Basic YWxpY2U6YTpi")),
        (Method::Basic, "alice".to_owned())
    );
    // bob with alice's password, a user that does not exist, an empty password.
    for encoded in ["Basic Ym9iOmE6Yg==", "Basic Y2Fyb2w6c2VjcmV0", "Basic Ym9iOg=="] {
        let refusal = refused(CONFIG, "/", &basic(encoded));
        assert_eq!(refusal.code, RefusalCode::InvalidPassword, "{encoded}");
    }
    assert_eq!(
        refused(CONFIG, "/", &basic("Basic ?")).code,
        RefusalCode::MalformedCredentials
    );
}

#[test]
fn any_method_that_accepts_is_enough() {
    let headers = [
        ("authorization", "Bearer no.jwt.atall"),
        ("x-device-key", "device_key_123"),
    ];
    assert_eq!(subject("/", &headers).0, Method::ApiKey);
    let both_wrong = [("authorization", "Bearer nojwt"), ("x-device-key", "no")];
    assert_eq!(
        refused(CONFIG, "/", &both_wrong).code,
        RefusalCode::MalformedCredentials
    );
}

#[test]
fn every_challenge_is_named_to_a_client_without_credentials() {
    let refusal = refused(CONFIG, "/", &[]);
    assert_eq!(refusal.code, RefusalCode::NoCredentials);
    assert_eq!(
        refusal.challenges,
        [
            r#"Bearer realm="wsbench""#,
            r#"Basic realm="wsbench", charset="UTF-8""#,
            r#"ApiKey realm="wsbench", header="X-Device-Key""#,
        ]
    );
}

#[test]
fn only_a_refused_token_is_called_an_invalid_one() {
    let bearer = |refusal: Refusal| {
        assert_eq!(refusal.code, RefusalCode::MalformedCredentials);
        refusal.challenges[0].clone()
    };
    let named = r#"Bearer realm="wsbench", error="invalid_token""#;
    assert_eq!(bearer(refused(CONFIG, "/?token=nojwt", &[])), named);
    let malformed = [("authorization", "Basic ?")];
    assert_eq!(bearer(refused(CONFIG, "/?token=nojwt", &malformed)), named);

    let two_keys = [("x-device-key", "device_key_123"), ("x-device-key", "x")];
    let two_authorizations = [("authorization", "Bearer a"), ("authorization", "Bearer b")];
    for headers in [&malformed[..], &two_keys, &two_authorizations] {
        let refusal = refused(CONFIG, "/", headers);
        assert_eq!(refusal.challenges.len(), 3, "every method is named");
        assert_eq!(bearer(refusal), r#"Bearer realm="wsbench""#, "{headers:?}");
    }
}

#[test]
fn methods_that_are_not_configured_are_not_looked_at() {
    let keys = "api_key: {keys: [k]}";
    for headers in [[("authorization", "Bearer k")], [("authorization", "Basic azpr")]] {
        assert_eq!(
            refused(keys, "/?token=k", &headers).code,
            RefusalCode::NoCredentials
        );
    }
}

#[test]
fn a_claim_can_forbid_what_the_token_permits() {
    let yaml = "jwt: {secret: shared, claims: {role: device}}";
    let refusal = refused(yaml, &format!("/?token={}", jwt()), &[]);
    assert_eq!((refusal.status(), refusal.code), (403, RefusalCode::ClaimRefused));
    assert_eq!(
        refusal.challenges,
        [r#"Bearer realm="wsbench", error="insufficient_scope""#]
    );
}

#[test]
fn no_refusal_repeats_what_was_presented() {
    let jwt = SigningKey::secret(b"other").token("HS256", None, &claims());
    for (uri, headers) in [
        (format!("/?token={jwt}"), vec![]),
        ("/?token=hunter2".to_owned(), vec![]),
        ("/".to_owned(), vec![("x-device-key", "hunter2")]),
        (
            "/".to_owned(),
            vec![("authorization", "Basic aHVudGVyMjpodW50ZXIy")],
        ),
    ] {
        let refusal = refused(CONFIG, &uri, &headers);
        let shown = format!(
            "{refusal} {refusal:?} {} {:?}",
            refusal.body(),
            refusal.headers().collect::<Vec<_>>()
        );
        assert!(!shown.contains("hunter2") && !shown.contains(&jwt), "{shown}");
    }
    let shown = format!("{:?}", authenticator(CONFIG));
    assert!(
        !shown.contains("secret") && !shown.contains("device_key"),
        "{shown}"
    );
    let config: AuthConfig = serde_saphyr::from_str(CONFIG).unwrap();
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("shared") && !shown.contains("device_key_123"),
        "{shown}"
    );
}

#[test]
fn configurations_that_let_nobody_in_are_refused() {
    for yaml in [
        "{}",
        "token: {tokens: []}",
        "api_key: {keys: []}",
        "basic: {users: {}}",
        "basic: {users: {'a:b': c}}",
        "api_key: {header: 'no header', keys: [k]}",
        "token: {tokens: ['']}",
    ] {
        let config: AuthConfig = serde_saphyr::from_str(yaml).unwrap();
        assert!(Authenticator::new(&config).is_err(), "{yaml}");
    }
}
