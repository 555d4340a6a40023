//! What each mode of `wsbench serve` is to clients that nobody here wrote: a browser, `wscat`, Python and Node (seed A46).

use std::io::{BufReader, Read, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Running, assert_success, wsbench};
use crate::tools::{Counterpart, browser, wscat};

/// A server with a configuration of its own.
struct Server {
    _running: Running,
    _folder: TempDir,
}

impl Server {
    /// Serves, and returns the URL of a route.
    fn start(config: &str, scheme: &str, path: &str) -> (Self, String) {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("serve.yaml");
        std::fs::write(&file, config).expect("the folder is writable");
        let mut command = wsbench();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&file);
        let mut running = Running::start(&mut command);
        let url = format!("{scheme}://{}{path}", running.address());
        let server = Self {
            _running: running,
            _folder: folder,
        };
        (server, url)
    }
}

/// What the process printed, which must be JSON.
fn seen(mut command: Command) -> Value {
    let output = command.output().expect("the client starts");
    assert_success(&output);
    serde_json::from_slice(&output.stdout).expect("the client prints JSON")
}

#[test]
fn a46_b4_b5_b8_b9_two_users_chat_in_a_browser() {
    let (_server, url) = Server::start("{}", "ws", "/chat?room=kitchen");
    let seen = seen(browser(&url, &["chat"]));
    assert_ne!(seen["ids"][0], seen["ids"][1]);
    assert_eq!(seen["early"]["type"], "error");
    assert_eq!(
        seen["joined"],
        json!(["Alice ist dem Chat beigetreten", "Bob ist dem Chat beigetreten"])
    );
    let message = json!({"type": "chat", "userId": "u2", "name": "Bob", "message": "Grüße, 世界 🌍"});
    assert_eq!(seen["heard"], json!([message, message]));
    assert_eq!(seen["left"], "Bob hat den Chat verlassen");
    assert_eq!(seen["ended"]["code"], 1000);
    assert_eq!(seen["ended"]["wasClean"], true);
}

#[test]
fn a39_a46_a_browser_gives_its_token_as_subprotocol_or_in_the_query() {
    let config = "routes: {/echo: {auth: {token: {tokens: [open-sesame]}}}}";
    let (_server, url) = Server::start(config, "ws", "/echo");
    let seen_by_guest = seen(browser(&url, &["refused"]));
    assert_eq!(seen_by_guest, json!({"code": 1006, "wasClean": false}));
    let seen = seen(browser(&url, &["token", "open-sesame"]));
    assert_eq!(
        seen,
        json!({"protocol": "access_token", "echoes": ["one", "two"]})
    );
}

#[test]
fn a26_a46_a_browser_uploads_and_resumes() {
    let (_server, url) = Server::start("{}", "ws", "/upload");
    let seen = seen(browser(&url, &["upload"]));
    assert_eq!(seen["resumed"], 5 << 20);
    assert_eq!(seen["done"]["size"], 12 << 20);
    assert_eq!(seen["done"]["ok"], true);
    assert_eq!(seen["done"]["sha256"], seen["sha256"]);
}

#[test]
fn a23_a46_a_browser_shows_a_dashboard() {
    let (_server, url) = Server::start("{}", "ws", "/dashboard");
    let seen = seen(browser(&url, &["dashboard"]));
    assert!(
        seen["extensions"]
            .as_str()
            .is_some_and(|names| names.starts_with("permessage-deflate"))
    );
    let numbers: Vec<_> = (0..5)
        .map(|n| seen["ticks"][n]["seq"].as_u64().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[test]
fn a25_a46_browsers_play() {
    let (_server, url) = Server::start("{}", "ws", "/game?hz=30");
    let seen = seen(browser(&url, &["game"]));
    assert_eq!(seen["hz"], 30);
    assert_eq!(seen["seen"]["x"], 1.5);
}

#[test]
fn a40_a46_d8_a_browser_connects_by_wss_and_closes_as_it_likes() {
    let config = "tls: {self_signed: []}";
    let (_server, url) = Server::start(config, "wss", "/chat");
    let seen = seen(browser(&url, &["close", "4001"]));
    assert_eq!(seen["code"], 4001);
    assert_eq!(seen["wasClean"], true);
}

/// The examples for Python and Go say one thing and print what comes; Go's client sends no `Origin` and offers no compression, as
/// npm's `ws` does here.
#[test]
fn a46_python_and_node_say_hello_to_the_chat() {
    let (_server, url) = Server::start("{}", "ws", "/chat");
    for counterpart in [Counterpart::Python, Counterpart::Node] {
        let seen = seen(counterpart.client(&url, "hello"));
        assert_eq!(seen["type"], "connection", "{counterpart:?}");
    }
}

#[test]
fn b2_d8_d17_wscat_talks_pings_and_closes() {
    let config = "tls: {self_signed: []}";
    let (_server, url) = Server::start(config, "wss", "/ws");
    let mut wscat = wscat(&url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("wscat starts");
    let mut input = wscat.stdin.take().expect("stdin is a pipe");
    let mut screen = BufReader::new(wscat.stdout.take().expect("stdout is a pipe"));
    for (shown, typed) in [
        ("Connected", "hello"),
        ("Server hat empfangen: hello", "/ping abc"),
        (r#"Received pong (data: "abc")"#, "/close 4000 bye"),
    ] {
        wait_for(&mut screen, shown);
        writeln!(input, "{typed}").expect("wscat reads");
    }
    wait_for(&mut screen, "Disconnected (code: 4000");
    wscat.wait().expect("wscat ends");
}

/// Reads what a terminal shows up to this text.
fn wait_for(screen: &mut impl Read, text: &str) {
    let mut shown = Vec::new();
    while !shown.ends_with(text.as_bytes()) {
        let mut byte = [0];
        let read = screen.read_exact(&mut byte);
        assert!(read.is_ok(), "no `{text}` in {}", String::from_utf8_lossy(&shown));
        shown.push(byte[0]);
    }
}
