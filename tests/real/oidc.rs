//! Tokens of a real OpenID provider, npm `oidc-provider` (seed D21).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use crate::http::{PATIENCE, exchange};
use crate::process::{Running, assert_success, wsbench};
use crate::tools::{Counterpart, node};

const AUDIENCE: &str = "wss://chat.example.com";

/// The provider with these keys, on this port.
struct Issuer {
    _process: Running,
    address: String,
}

impl Issuer {
    fn start(port: &str, algorithm: &str, folder: &Path, keys: &[&str]) -> Self {
        let mut command = node("issuer");
        command.args([port, algorithm]).arg(folder).args(keys);
        let mut process = Running::start(&mut command);
        let address = process.address();
        Self {
            _process: process,
            address,
        }
    }

    /// The same provider, its keys rotated.
    fn rotated(self, algorithm: &str, folder: &Path, keys: &[&str]) -> Self {
        let port = self
            .address
            .rsplit(':')
            .next()
            .expect("an address has a port")
            .to_owned();
        drop(self);
        Self::start(&port, algorithm, folder, keys)
    }

    /// An access token for the client's own credentials.
    fn token(&self) -> String {
        let body = format!("grant_type=client_credentials&scope=chat&resource={AUDIENCE}");
        let length = body.len();
        // device:secret
        let head = "POST /token HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nAuthorization: Basic ZGV2aWNlOnNlY3JldA==\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n";
        let head = head.replace("HOST", &self.address);
        let answer = exchange(
            &self.address,
            &format!("{head}Content-Length: {length}\r\n\r\n{body}"),
        );
        let (_, body) = answer.split_once("\r\n\r\n").expect("a whole head");
        let answer: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        answer["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no token: {answer}"))
            .to_owned()
    }
}

/// The code of the refusal of an upgrade with this token.
fn refusal(server: &str, token: &str) -> Option<String> {
    let mut tcp = TcpStream::connect(server).expect("the server listens");
    let request = format!(
        "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    tcp.write_all(request.as_bytes()).expect("the server reads");
    let mut start = [0; 12];
    tcp.read_exact(&mut start).expect("the server answers");
    if start.ends_with(b"101") {
        return None;
    }
    let mut rest = String::new();
    tcp.read_to_string(&mut rest).expect("the server ends");
    let (_, body) = rest.split_once("\r\n\r\n").expect("a whole head");
    let body: Value = serde_json::from_str(body).expect("the body is JSON");
    Some(body["error"].as_str().expect("a refusal has a code").to_owned())
}

fn keys_are_discovered_and_rotated(algorithm: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let issuer = Issuer::start("0", algorithm, folder.path(), &["first"]);
    let config = folder.path().join("server.yaml");
    let yaml = format!(
        "routes: {{/echo: {{max_message_size: 16MiB, auth: {{jwt: {{issuer: 'http://{}', audience: '{AUDIENCE}', \
         keys_fresh: 1s, keys_min_refetch: 0s}}}}}}}}",
        issuer.address
    );
    std::fs::write(&config, yaml).expect("the folder can be written to");
    let mut command = wsbench();
    command.args(["serve", "--listen", "127.0.0.1:0", "--workers", "1", "--config"]);
    let mut process = Running::start(command.arg(&config));
    let server = process.address();

    let first = issuer.token();
    let url = format!("ws://{server}/echo?token={first}");
    let output = Counterpart::Node.client(&url, "talk").output();
    assert_success(&output.expect("the client starts"));
    let middle = first.len() - 20;
    let forged = format!("{}AAAA{}", &first[..middle], &first[middle + 4..]);
    assert_eq!(refusal(&server, &forged).as_deref(), Some("bad_signature"));

    // Both keys are published: tokens of both are good, and the server was not told of the second.
    let issuer = issuer.rotated(algorithm, folder.path(), &["second", "first"]);
    let second = issuer.token();
    assert_eq!(refusal(&server, &second), None);
    assert_eq!(refusal(&server, &first), None);

    // The first is withdrawn; once the keys are no longer fresh, the server knows it.
    let _issuer = issuer.rotated(algorithm, folder.path(), &["second"]);
    let begin = wsbench::clock::now();
    while refusal(&server, &first).as_deref() != Some("unknown_key") {
        assert!(
            wsbench::clock::now() - begin < PATIENCE,
            "a withdrawn key is still trusted"
        );
    }
    assert_eq!(refusal(&server, &second), None);
}

#[test]
fn d21_keys_of_a_real_provider_rotate_rs256() {
    keys_are_discovered_and_rotated("RS256");
}

#[test]
fn d21_keys_of_a_real_provider_rotate_es256() {
    keys_are_discovered_and_rotated("ES256");
}
