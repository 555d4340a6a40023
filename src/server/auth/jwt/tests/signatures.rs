use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::server::auth::AuthConfigError;
use crate::server::auth::testing::{SigningKey, assemble, claims};

const ALGORITHMS: [&str; 12] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
    "EdDSA",
];

/// The kinds of key, each with the algorithms that it may verify.
fn keys() -> Vec<(SigningKey, &'static [&'static str])> {
    vec![
        (SigningKey::rsa(), &ALGORITHMS[3..9]),
        (SigningKey::p256(), &["ES256"]),
        (SigningKey::p384(), &["ES384"]),
        (SigningKey::ed25519(), &["EdDSA"]),
    ]
}

#[test]
fn a22_d21_every_algorithm_is_verified_by_its_own_kind_of_key_alone() {
    for (key, suitable) in keys() {
        let verifier = verifier(&with_public_key(&key.pem()));
        for algorithm in suitable {
            let token = key.token(algorithm, Some("any id"), &claims());
            assert_eq!(verdict(&verifier, &token), None, "{algorithm}");
        }
        for algorithm in ALGORITHMS
            .iter()
            .filter(|algorithm| !suitable.contains(algorithm))
        {
            let token = key.token(algorithm, None, &claims());
            assert_eq!(
                verdict(&verifier, &token),
                Some(RefusalCode::AlgorithmRefused),
                "{algorithm}"
            );
        }
    }
    let secret = verifier(&with_secret("shared"));
    for (index, algorithm) in ALGORITHMS.iter().enumerate() {
        let token = SigningKey::secret(b"shared").token(algorithm, None, &claims());
        let expected = (index >= 3).then_some(RefusalCode::AlgorithmRefused);
        assert_eq!(verdict(&secret, &token), expected, "{algorithm}");
    }
}

#[test]
fn a_token_of_another_key_of_the_same_kind_has_a_bad_signature() {
    for (ours, theirs, algorithm) in [
        (SigningKey::p256(), SigningKey::p256(), "ES256"),
        (SigningKey::p384(), SigningKey::p384(), "ES384"),
        (SigningKey::ed25519(), SigningKey::ed25519(), "EdDSA"),
    ] {
        let token = theirs.token(algorithm, None, &claims());
        let verifier = verifier(&with_public_key(&ours.pem()));
        assert_eq!(
            verdict(&verifier, &token),
            Some(RefusalCode::BadSignature),
            "{algorithm}"
        );
    }
    let token = SigningKey::secret(b"theirs").token("HS256", None, &claims());
    assert_eq!(
        verdict(&verifier(&with_secret("ours")), &token),
        Some(RefusalCode::BadSignature)
    );
}

#[test]
fn unsigned_tokens_are_refused_however_none_is_written() {
    let verifiers = [
        verifier(&with_secret("s")),
        verifier(&with_public_key(&SigningKey::rsa().pem())),
    ];
    for none in ["none", "None", "NONE", "nOnE", ""] {
        for signature in [&b""[..], b"x"] {
            let token = assemble(&json!({"alg": none}), &claims(), |_| signature.to_vec());
            for verifier in &verifiers {
                assert_eq!(
                    verdict(verifier, &token),
                    Some(RefusalCode::AlgorithmRefused),
                    "{none}"
                );
            }
        }
    }
}

/// The classic confusion: the public key is no secret, so anyone can make an HMAC with it.
#[test]
fn a_public_key_never_serves_as_the_secret_of_an_hmac() {
    for (key, _) in keys() {
        let pem = key.pem();
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let verifier = verifier(&with_public_key(&pem));
        for secret in [pem.as_str(), pem.trim_end(), &body] {
            for algorithm in ["HS256", "HS384", "HS512"] {
                let token = SigningKey::secret(secret.as_bytes()).token(algorithm, None, &claims());
                assert_eq!(verdict(&verifier, &token), Some(RefusalCode::AlgorithmRefused));
            }
        }
        let refused = JwtVerifier::new(&with_secret(&pem)).err();
        assert!(
            matches!(refused, Some(AuthConfigError::PemAsSecret)),
            "a PEM is no shared secret"
        );
    }
}

#[test]
fn keys_that_come_with_the_token_are_not_used() {
    let (ours, theirs) = (SigningKey::p256(), SigningKey::p256());
    let header = json!({"alg": "ES256", "jwk": theirs.jwk(None), "jku": "http://127.0.0.1:1/keys"});
    let token = theirs.sign("ES256", &header, &claims());
    let verifier = verifier(&with_public_key(&ours.pem()));
    assert_eq!(verdict(&verifier, &token), Some(RefusalCode::BadSignature));
}

#[test]
fn no_bit_of_a_token_can_be_changed() {
    let key = SigningKey::secret(b"shared");
    let verifier = verifier(&with_secret("shared"));
    let token = key.token("HS256", None, &claims());
    assert_eq!(verdict(&verifier, &token), None);
    for index in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(verdict(&verifier, &changed).is_some(), "{index}: {changed}");
    }
}

#[test]
fn headers_that_demand_the_unknown_are_refused() {
    let key = SigningKey::secret(b"shared");
    let verifier = verifier(&with_secret("shared"));
    for crit in [json!(["b64"]), json!([]), json!("exp")] {
        let token = key.sign(
            "HS256",
            &json!({"alg": "HS256", "b64": false, "crit": crit}),
            &claims(),
        );
        assert_eq!(
            verdict(&verifier, &token),
            Some(RefusalCode::MalformedCredentials)
        );
    }
}

#[test]
fn a_signed_text_that_is_no_claims_is_malformed() {
    let key = SigningKey::secret(b"shared");
    let verifier = verifier(&with_secret("shared"));
    for claims in [json!("text"), json!([1]), json!(null)] {
        let token = key.token("HS256", None, &claims);
        assert_eq!(
            verdict(&verifier, &token),
            Some(RefusalCode::MalformedCredentials),
            "{claims}"
        );
    }
}

#[test]
fn a30_claims_are_judged_behind_the_signature() {
    let key = SigningKey::p256();
    let config = JwtConfig {
        issuer: Some("https://auth.example.com".to_owned()),
        audience: vec!["wss://chat.example.com".to_owned()],
        ..with_public_key(&key.pem())
    };
    let verifier = verifier(&config);
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = claims();
        claims[name] = value;
        key.token("ES256", None, &claims)
    };
    for (token, expected) in [
        (with("x", json!(1)), None),
        (with("exp", json!(900)), Some(RefusalCode::TokenExpired)),
        (with("nbf", json!(1_500)), Some(RefusalCode::TokenNotYetValid)),
        (
            with("iss", json!("https://evil.test")),
            Some(RefusalCode::WrongIssuer),
        ),
        (
            with("aud", json!("wss://other.example.com")),
            Some(RefusalCode::WrongAudience),
        ),
        (with("exp", json!(null)), Some(RefusalCode::MissingClaim)),
    ] {
        assert_eq!(verdict(&verifier, &token), expected);
    }
}

#[test]
fn algorithms_can_be_narrowed() {
    let key = SigningKey::rsa();
    let config = JwtConfig {
        algorithms: vec![jsonwebtoken::Algorithm::PS256],
        ..with_public_key(&key.pem())
    };
    let verifier = verifier(&config);
    assert_eq!(verdict(&verifier, &key.token("PS256", None, &claims())), None);
    let other = key.token("RS256", None, &claims());
    assert_eq!(verdict(&verifier, &other), Some(RefusalCode::AlgorithmRefused));
    let unsuitable = JwtConfig {
        algorithms: vec![jsonwebtoken::Algorithm::ES256],
        ..with_public_key(&key.pem())
    };
    assert!(matches!(
        JwtVerifier::new(&unsuitable),
        Err(AuthConfigError::Algorithms { .. })
    ));
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let both = JwtConfig {
        jwks_uri: Some("https://a.test/keys".parse().unwrap()),
        ..with_secret("s")
    };
    for config in [&both, &JwtConfig::default()] {
        assert!(matches!(
            JwtVerifier::new(config),
            Err(AuthConfigError::KeySource)
        ));
    }
    for pem in [
        "no pem",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ] {
        let refused = JwtVerifier::new(&with_public_key(pem));
        assert!(matches!(refused, Err(AuthConfigError::PublicKey)), "{pem}");
    }
    for issuer in ["auth.example.com", "ftp://a.test", "not a url"] {
        let config = JwtConfig {
            issuer: Some(issuer.to_owned()),
            ..JwtConfig::default()
        };
        assert!(
            matches!(JwtVerifier::new(&config), Err(AuthConfigError::Url(_))),
            "{issuer}"
        );
    }
}

proptest! {
    #[test]
    fn no_token_makes_the_server_panic(token in "[A-Za-z0-9_.=-]{0,80}", noise in "\\PC{0,40}") {
        let verifier = verifier(&with_secret("s"));
        prop_assert!(verdict(&verifier, &token).is_some());
        prop_assert!(verdict(&verifier, &noise).is_some());
    }
}
