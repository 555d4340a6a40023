//! Tokens that scenarios mint, judged by the reference server, which leaves that to `jsonwebtoken`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use wsbench::clock::Moment;
use wsbench::scenario::{Overrides, RenderContext, client_rng, from_str};
use wsbench::server::auth::{Authenticator, Decision};
use wsbench::server::request_parts::RequestParts;

const RSA: &[u8] = include_bytes!("../src/server/auth/testing/rsa2048.pk8");
const SECRET: &str = "a secret of both sides";
/// Seconds since 1970.
const NOW: u64 = 1_700_000_000;

/// Algorithms, with the name of the key that they need.
const ALGORITHMS: [(&str, &str); 12] = [
    ("HS256", "secret"),
    ("HS384", "secret"),
    ("HS512", "secret"),
    ("RS256", "rsa"),
    ("RS384", "rsa"),
    ("RS512", "rsa"),
    ("PS256", "rsa"),
    ("PS384", "rsa"),
    ("PS512", "rsa"),
    ("ES256", "p256"),
    ("ES384", "p384"),
    ("EdDSA", "ed25519"),
];

/// Writes keys as they lie about in files: PEM, and a secret with a line end.
fn write_keys(folder: &Path) {
    fs::write(folder.join("secret.key"), format!("{SECRET}\n")).unwrap();
    for (name, pair) in [
        ("rsa", KeyPair::try_from(RSA).unwrap()),
        ("p256", KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()),
        ("p384", KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()),
        ("ed25519", KeyPair::generate_for(&PKCS_ED25519).unwrap()),
    ] {
        fs::write(folder.join(format!("{name}.key")), pair.serialize_pem()).unwrap();
        fs::write(folder.join(format!("{name}.pub")), pair.public_key_pem()).unwrap();
    }
}

/// The token that a client's first connection gets.
fn token(folder: &Path, jwt: &str, client: u64) -> String {
    let text = format!(
        "stages: [{{duration: 1s, clients: 1}}]\nflow: [connect]\nconnection:\n  auth:\n    jwt: {{{jwt}, expires: 1m, claims: \
         {{sub: \"client-${{client}}\", jti: \"${{uuid}}\", roles: [tester]}}}}\n"
    );
    let file = folder.join("tokens.yaml").display().to_string();
    let plan = from_str(&file, &text, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}"));
    let credentials = plan.groups[0].connection.credentials.as_ref().unwrap();
    let (_, minter) = credentials.minter.as_ref().unwrap();
    let context = RenderContext {
        client,
        unix_nanos: NOW * 1_000_000_000,
        ..RenderContext::default()
    };
    minter.mint(&context, &mut client_rng(1, client)).unwrap()
}

/// The claim `sub` if the server takes the token at this time.
fn accepted(folder: &Path, key: &str, token: &str, unix: u64) -> Option<String> {
    let trusted = match key {
        "secret" => format!("secret: {SECRET}"),
        key => format!(
            "public_key: {{file: '{}'}}",
            folder.join(format!("{key}.pub")).display()
        ),
    };
    let config = serde_saphyr::from_str(&format!("jwt: {{{trusted}}}")).unwrap();
    let authenticator = Authenticator::new(&config).unwrap_or_else(|error| panic!("{key}: {error}"));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    let uri = Uri::from_static("/");
    let request = RequestParts::new(&uri, &headers, IpAddr::V4(Ipv4Addr::LOCALHOST), false);
    match authenticator.decide(&request, Moment::ZERO, unix) {
        Decision::Granted(identity) => identity.claim("sub"),
        Decision::Refused(_) | Decision::KeysNeeded(_) => None,
    }
}

#[test]
fn the_server_accepts_the_tokens_of_every_algorithm_until_they_expire() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_keys(folder);
    for (algorithm, key) in ALGORITHMS {
        let token = token(folder, &format!("algorithm: {algorithm}, key_file: {key}.key"), 7);
        assert_eq!(
            accepted(folder, key, &token, NOW).as_deref(),
            Some("client-7"),
            "{algorithm}"
        );
        assert_eq!(
            accepted(folder, key, &token, NOW + 3600),
            None,
            "{algorithm}: expired"
        );
        let other = if key == "secret" { "rsa" } else { "secret" };
        assert_eq!(
            accepted(folder, other, &token, NOW),
            None,
            "{algorithm}: a key of another kind"
        );
    }
}

#[test]
fn a_token_of_another_secret_is_refused_and_no_two_clients_have_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let stranger = token(folder, "algorithm: HS256, key: another secret", 1);
    assert_eq!(accepted(folder, "secret", &stranger, NOW), None);
    let ours = format!("algorithm: HS256, key: {SECRET}");
    assert_ne!(token(folder, &ours, 1), token(folder, &ours, 2));
    assert_eq!(token(folder, &ours, 1), token(folder, &ours, 1), "the same seed");
}
