//! `wsbench serve` as a process: flags that say who may connect, and what is logged of those who may not.

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::issuer::{Issuer, SigningKey, claims};
use crate::support::PATIENCE;

/// The process, and where it listens.
async fn serve(flags: &[&str], environment: &[(&str, &str)]) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wsbench"));
    command
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--workers",
            "1",
            "--exit-with-stdin",
        ])
        .args(flags)
        .envs(environment.iter().copied())
        .env("NO_COLOR", "1")
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    timeout(PATIENCE, lines.read_line(&mut line))
        .await
        .unwrap()
        .unwrap();
    let (_, address) = line
        .trim_end()
        .rsplit_once('/')
        .unwrap_or_else(|| panic!("it said {line:?}"));
    (child, address.to_owned())
}

/// The status of an upgrade.
async fn upgrade(address: &str, path: &str, headers: &str) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    tcp.read_exact(&mut status).await.unwrap();
    String::from_utf8(status[9..].to_vec()).unwrap()
}

/// What it wrote to standard error until its end.
async fn log(mut child: Child) -> String {
    drop(child.stdin.take());
    let mut log = String::new();
    let reading = async { child.stderr.take().unwrap().read_to_string(&mut log).await };
    timeout(PATIENCE, reading).await.unwrap().unwrap();
    log
}

#[tokio::test]
async fn b6_a_token_may_be_a_flag_a_file_or_a_variable() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "geheim\n").unwrap();
    for (flags, environment) in [
        (vec!["--token", "geheim"], vec![]),
        (vec!["--token-file", file.to_str().unwrap()], vec![]),
        (vec![], vec![("WSBENCH_TOKEN", "geheim")]),
    ] {
        let (_child, address) = serve(&flags, &environment).await;
        assert_eq!(upgrade(&address, "/ws?token=geheim", "").await, "101");
        assert_eq!(upgrade(&address, "/ws?token=falsch", "").await, "401");
        assert_eq!(upgrade(&address, "/health", "").await, "200");
    }
}

#[tokio::test]
async fn d21_a41_issuer_audience_and_origins_are_flags() {
    let key = SigningKey::new("one");
    let issuer = Issuer::start(&[&key]).await;
    let (_child, address) = serve(
        &[
            "--jwt-issuer",
            &issuer.url(),
            "--jwt-audience",
            "chat",
            "--allow-origin",
            "https://app.example.com,https://*.example.org",
        ],
        &[],
    )
    .await;
    let header = |audience: &str| {
        let token = key.token(&claims(&json!({"iss": issuer.url(), "aud": audience})));
        format!("Authorization: Bearer {token}\r\n")
    };
    let page = |origin: &str| format!("{}Origin: {origin}\r\n", header("chat"));
    assert_eq!(upgrade(&address, "/ws", &header("chat")).await, "101");
    assert_eq!(upgrade(&address, "/ws", &header("mail")).await, "401");
    assert_eq!(
        upgrade(&address, "/ws", &page("https://a.example.org")).await,
        "101"
    );
    assert_eq!(
        upgrade(&address, "/ws", &page("https://evil.example.com")).await,
        "403"
    );
}

#[tokio::test]
async fn a_refused_upgrade_is_one_line_in_the_log_without_a_secret() {
    let (child, address) = serve(&["--token", "geheim"], &[]).await;
    assert_eq!(upgrade(&address, "/ws?token=falsch", "").await, "401");
    let bearer = "Authorization: Bearer verkehrt\r\n";
    assert_eq!(upgrade(&address, "/echo", bearer).await, "401");
    assert_eq!(upgrade(&address, "/echo?token=geheim", "").await, "101");
    let log = log(child).await;
    let refusals: Vec<_> = log
        .lines()
        .filter(|line| line.contains("upgrade refused"))
        .collect();
    assert_eq!(refusals.len(), 2, "{log}");
    for (line, path) in refusals.into_iter().zip(["/ws", "/echo"]) {
        for part in [
            path,
            "127.0.0.1",
            "401",
            "invalid_token",
            "the token is not valid",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
    for secret in ["falsch", "verkehrt", "geheim"] {
        assert!(!log.contains(secret), "{log}");
    }
}
