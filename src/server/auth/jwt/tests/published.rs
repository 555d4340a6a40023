use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::net::tls::{Identity, server_config};
use crate::server::auth::testing::{KeyServer, SigningKey, TestRequest, claims};
use crate::server::auth::{AuthConfig, Authenticator, Decision};

const SECOND: Duration = Duration::from_secs(1);
const MIN_REFETCH: Duration = Duration::from_secs(10);
const FRESH: Duration = Duration::from_secs(3_600);

fn at(seconds: u64) -> Moment {
    Moment::ZERO + SECOND * u32::try_from(seconds).unwrap()
}

fn config(server: &KeyServer) -> JwtConfig {
    JwtConfig {
        jwks_uri: Some(server.url("/keys").parse().unwrap()),
        ..JwtConfig::default()
    }
}

fn authenticator(jwt: JwtConfig) -> Authenticator {
    let config = AuthConfig {
        jwt: Some(jwt),
        ..AuthConfig::default()
    };
    Authenticator::new(&config).unwrap_or_else(|error| panic!("{error}"))
}

async fn verdict(authenticator: &Authenticator, token: &str, now: Moment) -> Option<RefusalCode> {
    let request = TestRequest::bearer(token);
    let result = authenticator.authenticate(&request.parts(), now, 1_000).await;
    result.err().map(|refusal| refusal.code)
}

fn token(key: &SigningKey, id: Option<&str>) -> String {
    key.token("ES256", id, &claims())
}

#[tokio::test]
async fn a22_keys_are_fetched_once_and_serve_without_waiting() {
    let server = KeyServer::start().await;
    let key = SigningKey::p256();
    server.publish(&[key.jwk(Some("k1"))]);
    let authenticator = authenticator(config(&server));
    let token = token(&key, Some("k1"));
    let request = TestRequest::bearer(&token);
    assert!(matches!(
        authenticator.decide(&request.parts(), at(0), 1_000),
        Decision::KeysNeeded(_)
    ));
    assert_eq!(verdict(&authenticator, &token, at(0)).await, None);
    assert!(matches!(
        authenticator.decide(&request.parts(), at(1), 1_000),
        Decision::Granted(_)
    ));
    assert_eq!(verdict(&authenticator, &token, at(3_000)).await, None);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn d21_a_rotated_key_is_found_and_the_old_one_forgotten() {
    let server = KeyServer::start().await;
    let (old, new) = (SigningKey::p256(), SigningKey::p256());
    server.publish(&[old.jwk(Some("old"))]);
    let authenticator = authenticator(config(&server));
    assert_eq!(
        verdict(&authenticator, &token(&old, Some("old")), at(0)).await,
        None
    );
    server.publish(&[new.jwk(Some("new"))]);
    assert_eq!(
        verdict(&authenticator, &token(&new, Some("new")), at(60)).await,
        None
    );
    assert_eq!(
        verdict(&authenticator, &token(&old, Some("old")), at(61)).await,
        Some(RefusalCode::UnknownKey)
    );
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn unknown_keys_cause_no_more_than_one_fetch_per_interval() {
    let server = KeyServer::start().await;
    let (ours, theirs) = (SigningKey::p256(), SigningKey::p256());
    server.publish(&[ours.jwk(Some("ours"))]);
    let authenticator = authenticator(config(&server));
    for second in 0..25 {
        let forged = token(&theirs, Some(&format!("forged {second}")));
        assert_eq!(
            verdict(&authenticator, &forged, at(second)).await,
            Some(RefusalCode::UnknownKey)
        );
    }
    assert_eq!(server.requests(), 3);
    let forged = token(&theirs, Some("ours"));
    assert_eq!(
        verdict(&authenticator, &forged, at(100)).await,
        Some(RefusalCode::BadSignature)
    );
    let hmac = SigningKey::secret(b"x").token("HS256", None, &claims());
    assert_eq!(
        verdict(&authenticator, &hmac, at(100)).await,
        Some(RefusalCode::AlgorithmRefused)
    );
    assert_eq!(
        server.requests(),
        3,
        "a bad signature and a wrong algorithm are no reasons to fetch"
    );
}

#[tokio::test]
async fn tokens_without_an_id_are_tried_with_every_key() {
    let server = KeyServer::start().await;
    let (first, second, third) = (SigningKey::p256(), SigningKey::p256(), SigningKey::p256());
    server.publish(&[
        first.jwk(Some("1")),
        second.jwk(Some("2")),
        SigningKey::rsa().jwk(None),
    ]);
    let authenticator = authenticator(config(&server));
    assert_eq!(verdict(&authenticator, &token(&second, None), at(0)).await, None);
    assert_eq!(
        verdict(&authenticator, &token(&third, None), at(1)).await,
        Some(RefusalCode::UnknownKey)
    );
    // A set without ids rotates too.
    server.publish(&[third.jwk(None)]);
    assert_eq!(
        verdict(&authenticator, &token(&third, Some("whatever")), at(20)).await,
        None
    );
    assert_eq!(
        verdict(&authenticator, &token(&first, None), at(21)).await,
        Some(RefusalCode::UnknownKey)
    );
}

#[tokio::test]
async fn every_kind_of_published_key_verifies_its_algorithms() {
    let server = KeyServer::start().await;
    let (rsa, p384, ed25519) = (SigningKey::rsa(), SigningKey::p384(), SigningKey::ed25519());
    let mut rs256 = rsa.jwk(Some("rs256"));
    rs256["alg"] = "RS256".into();
    rs256["use"] = "sig".into();
    server.publish(&[
        rs256,
        rsa.jwk(Some("rsa")),
        p384.jwk(Some("ec")),
        ed25519.jwk(Some("ed")),
    ]);
    let authenticator = authenticator(config(&server));
    for (key, algorithm, id, expected) in [
        (&rsa, "RS256", "rs256", None),
        (&rsa, "PS512", "rs256", Some(RefusalCode::AlgorithmRefused)),
        (&rsa, "PS512", "rsa", None),
        (&p384, "ES384", "ec", None),
        (&ed25519, "EdDSA", "ed", None),
        (&ed25519, "EdDSA", "ec", Some(RefusalCode::AlgorithmRefused)),
    ] {
        let token = key.token(algorithm, Some(id), &claims());
        assert_eq!(
            verdict(&authenticator, &token, at(0)).await,
            expected,
            "{algorithm} {id}"
        );
    }
}

#[tokio::test]
async fn published_keys_that_are_not_for_signatures_are_left_out() {
    let server = KeyServer::start().await;
    let (good, encryption) = (SigningKey::p256(), SigningKey::p256());
    let secret = SigningKey::secret(b"not so secret");
    let mut for_encryption = encryption.jwk(Some("enc"));
    for_encryption["use"] = "enc".into();
    let unheard_of = json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"});
    server.publish(&[
        unheard_of,
        json!({"kty": "new"}),
        secret.jwk(Some("oct")),
        for_encryption,
        good.jwk(Some("good")),
    ]);
    let authenticator = authenticator(config(&server));
    assert_eq!(
        verdict(&authenticator, &token(&good, Some("good")), at(0)).await,
        None
    );
    let refused = verdict(&authenticator, &token(&encryption, Some("enc")), at(0)).await;
    assert_eq!(refused, Some(RefusalCode::UnknownKey));
    let hmac = secret.token("HS256", Some("oct"), &claims());
    assert_eq!(
        verdict(&authenticator, &hmac, at(0)).await,
        Some(RefusalCode::AlgorithmRefused)
    );
}

#[tokio::test]
async fn stale_keys_serve_on_while_they_are_renewed_in_the_background() {
    let server = KeyServer::start().await;
    let (old, new) = (SigningKey::p256(), SigningKey::p256());
    server.publish(&[old.jwk(Some("old"))]);
    let authenticator = authenticator(config(&server));
    let old_token = token(&old, Some("old"));
    assert_eq!(verdict(&authenticator, &old_token, at(0)).await, None);
    server.publish(&[new.jwk(Some("new"))]);
    server.hold();
    let stale = at(0) + FRESH;
    let request = TestRequest::bearer(&old_token);
    assert!(matches!(
        authenticator.decide(&request.parts(), stale, 1_000),
        Decision::Granted(_)
    ));
    server.release();
    // A token of the new key waits for the fetch that is under way.
    assert_eq!(
        verdict(&authenticator, &token(&new, Some("new")), stale).await,
        None
    );
    assert_eq!(
        verdict(&authenticator, &old_token, stale).await,
        Some(RefusalCode::UnknownKey)
    );
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn an_issuer_that_fails_is_asked_again_and_its_keys_are_given_up_after_a_day() {
    let server = KeyServer::start().await;
    let key = SigningKey::p256();
    let authenticator = authenticator(config(&server));
    let token = token(&key, Some("k"));
    let request = TestRequest::bearer(&token);
    let refusal = authenticator
        .authenticate(&request.parts(), at(0), 1_000)
        .await
        .unwrap_err();
    assert_eq!(
        (refusal.status(), refusal.code),
        (503, RefusalCode::KeysUnavailable)
    );
    assert!(refusal.retry_after.is_some() && refusal.challenges.is_empty());
    server.publish(&[key.jwk(Some("k"))]);
    let soon = Moment::ZERO + (MIN_REFETCH - SECOND);
    assert_eq!(
        verdict(&authenticator, &token, soon).await,
        Some(RefusalCode::KeysUnavailable)
    );
    assert_eq!(verdict(&authenticator, &token, at(10)).await, None);
    for broken in [
        "no json",
        r#"{"keys": []}"#,
        r#"{"keys": [{"kty": "oct", "k": "AA"}]}"#,
    ] {
        server.serve("/keys", 200, broken.to_owned());
        authenticator.refresh_keys(at(100)).await;
        assert_eq!(verdict(&authenticator, &token, at(101)).await, None, "{broken}");
    }
    server.serve("/keys", 500, String::new());
    assert_eq!(verdict(&authenticator, &token, at(23 * 3_600)).await, None);
    assert_eq!(
        verdict(&authenticator, &token, at(25 * 3_600)).await,
        Some(RefusalCode::KeysUnavailable)
    );
}

#[tokio::test]
async fn clients_that_come_at_once_share_one_fetch_and_cannot_cancel_it() {
    let server = KeyServer::start().await;
    let key = SigningKey::p256();
    server.publish(&[key.jwk(Some("k"))]);
    server.hold();
    let authenticator = Arc::new(authenticator(config(&server)));
    let token: Arc<str> = token(&key, Some("k")).into();
    let clients: Vec<_> = (0..10)
        .map(|_| {
            let (authenticator, token) = (Arc::clone(&authenticator), Arc::clone(&token));
            tokio::spawn(async move { verdict(&authenticator, &token, at(0)).await })
        })
        .collect();
    while server.requests() == 0 {
        tokio::task::yield_now().await;
    }
    // The first one began the fetch.
    clients[0].abort();
    server.release();
    let mut verdicts = Vec::new();
    for client in clients {
        verdicts.push(client.await.ok());
    }
    assert_eq!(verdicts.remove(0), None);
    assert_eq!(verdicts, [Some(None); 9]);
    assert_eq!(server.requests(), 1);
}

fn discovered(server: &KeyServer, path: &str) -> JwtConfig {
    JwtConfig {
        issuer: Some(server.url(path)),
        ..JwtConfig::default()
    }
}

fn claims_of(issuer: &str) -> Value {
    let mut claims = claims();
    claims["iss"] = issuer.into();
    claims
}

#[tokio::test]
async fn d21_keys_are_discovered_from_the_issuer() {
    let server = KeyServer::start().await;
    let key = SigningKey::rsa();
    server.publish(&[key.jwk(Some("k"))]);
    let issuer = server.url("/realms/demo");
    let metadata =
        json!({"issuer": issuer, "jwks_uri": server.url("/keys"), "response_types_supported": ["code"]});
    server.serve(
        "/realms/demo/.well-known/openid-configuration",
        200,
        metadata.to_string(),
    );
    let authenticator = authenticator(discovered(&server, "/realms/demo"));
    authenticator.refresh_keys(at(0)).await;
    let token = key.token("RS256", Some("k"), &claims_of(&issuer));
    assert_eq!(verdict(&authenticator, &token, at(0)).await, None);
    let foreign = key.token("RS256", Some("k"), &claims_of("https://evil.test"));
    assert_eq!(
        verdict(&authenticator, &foreign, at(0)).await,
        Some(RefusalCode::WrongIssuer)
    );
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn metadata_of_another_issuer_are_not_believed() {
    let server = KeyServer::start().await;
    let key = SigningKey::p256();
    server.publish(&[key.jwk(Some("k"))]);
    for metadata in [
        json!({"issuer": "https://evil.test", "jwks_uri": server.url("/keys")}),
        json!({"issuer": server.url(""), "jwks_uri": "not a url"}),
        json!({"issuer": server.url("")}),
    ] {
        server.serve("/.well-known/openid-configuration", 200, metadata.to_string());
        let authenticator = authenticator(discovered(&server, ""));
        let found = verdict(&authenticator, &token(&key, Some("k")), at(0)).await;
        assert_eq!(found, Some(RefusalCode::KeysUnavailable), "{metadata}");
    }
}

#[tokio::test]
async fn redirects_and_floods_are_no_keys() {
    let server = KeyServer::start().await;
    let key = SigningKey::p256();
    server.publish(&[key.jwk(Some("k"))]);
    server.serve("/moved", 302, String::new());
    server.serve(
        "/flood",
        200,
        format!(r#"{{"keys": [], "x": "{}"}}"#, "x".repeat(300 * 1024)),
    );
    for path in ["/moved", "/flood", "/missing"] {
        let config = JwtConfig {
            jwks_uri: Some(server.url(path).parse().unwrap()),
            ..JwtConfig::default()
        };
        let found = verdict(&authenticator(config), &token(&key, Some("k")), at(0)).await;
        assert_eq!(found, Some(RefusalCode::KeysUnavailable), "{path}");
    }
}

#[tokio::test]
async fn a40_keys_come_over_tls_from_an_issuer_that_is_trusted() {
    let identity = Identity::self_signed(&[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, identity.certificate_pem()).unwrap();
    let tls = TlsAcceptor::from(server_config(identity, &[]).unwrap());
    let server = KeyServer::start_with(Some(tls)).await;
    let key = SigningKey::p256();
    server.publish(&[key.jwk(Some("k"))]);
    let trusting = JwtConfig {
        ca_file: Some(ca_file),
        ..config(&server)
    };
    assert_eq!(
        verdict(&authenticator(trusting), &token(&key, Some("k")), at(0)).await,
        None
    );
    let other = Identity::self_signed(&[]).unwrap();
    let other_file = folder.path().join("other.pem");
    std::fs::write(&other_file, other.certificate_pem()).unwrap();
    let wary = JwtConfig {
        ca_file: Some(other_file),
        ..config(&server)
    };
    let found = verdict(&authenticator(wary), &token(&key, Some("k")), at(0)).await;
    assert_eq!(found, Some(RefusalCode::KeysUnavailable));
}
