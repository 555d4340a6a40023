//! `scripts/gate` and `scripts/gateway` with real nginx and HAProxy (seeds A15, A16, A18 to A20, D1 to D5, D9, D13, D14).
//!
//! Every fault that the gate is for is made for real: in a copy of the configuration, in one of its values, or in the
//! backend. What it says must name the fault.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::http::body;
use crate::process::{Running, wsbench};

/// Two of these at once would disturb each other's latencies.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What `scripts/gate PROVIDER ARGUMENTS` exits with and prints, in one line so that no text is broken.
fn gate(provider: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let _alone = alone();
    let mut command = Command::new(root("scripts/gate"));
    command.args([provider, "--binary", env!("CARGO_BIN_EXE_wsbench")]);
    let output = command.args(arguments).output().expect("scripts/gate starts");
    let words = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let told = format!("{} {}", words(&output.stdout), words(&output.stderr));
    (output.status.code(), told)
}

/// One round is enough for what is no latency. Returns what it told.
fn gate_is_red(provider: &str, arguments: &[&str], reasons: &[&str]) -> String {
    let (code, told) = gate(provider, &[arguments, &["--repeat", "1"]].concat());
    assert_eq!(code, Some(100), "{told}");
    assert!(
        told.contains(&format!("✗ {provider}: worse than it should be")),
        "{told}"
    );
    for reason in reasons {
        assert!(told.contains(reason), "{reason:?} is not in: {told}");
    }
    told
}

/// The milliseconds behind `words`.
fn milliseconds_after(words: &str, told: &str) -> f64 {
    let (_, rest) = told.split_once(words).expect("the words are there");
    let number = rest.split(' ').next().expect("something follows");
    number
        .parse()
        .unwrap_or_else(|_| panic!("{number:?} is no number: {told}"))
}

fn gate_is_green(provider: &str) {
    let (code, told) = gate(provider, &["--repeat", "4"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(&format!("✓ {provider}: as it should be")), "{told}");
    // What it costs is told all the same.
    assert!(told.contains("response p(50) {echo}"), "{told}");
}

/// The configuration of a gateway with something done to it.
fn changed(path: &str, change: impl Fn(&str) -> String) -> tempfile::NamedTempFile {
    let text = fs::read_to_string(root(path)).expect("the configuration is there");
    let altered = change(&text);
    assert_ne!(text, altered, "{path} has nothing to change");
    written(&altered)
}

fn written(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    fs::write(file.path(), text).expect("it can be written");
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().expect("a path in UTF-8")
}

const NO_UPGRADE: &[&str] = &[
    "connections: \"none opened: the server refused the upgrade: 426 Upgrade Required\"",
    "the headers Upgrade and Connection are not passed on",
    "directly it is \"all opened\"",
];
const CUT_OFF: &[&str] = &[
    "close codes: \"connections lost without a Close frame (1006)\" (after 1.",
    "instead of \"1000 by the client\"; directly it is \"1000 by the client\" (idle)",
];
const LATE: &[&str] = &[
    "latency: response p(50) of echo is ",
    "it is the backend that answers ",
];
const SMALLER: &[&str] = &[
    "size limit: \"65536 bytes accepted, more refused by close 1009",
    "instead of \"1048576 bytes accepted",
    "directly too: it is the backend (size)",
];

#[test]
fn a15_d1_d2_d14_nginx_as_it_is_configured_is_green() {
    gate_is_green("nginx");
}

#[test]
fn a18_a19_haproxy_as_it_is_configured_is_green() {
    gate_is_green("haproxy");
}

#[test]
fn a15_a35_d1_without_upgrade_headers_both_are_red() {
    let nginx = changed("nginx/templates/nginx.conf.template", |text| {
        let passes = |line: &&str| !line.contains("header Upgrade") && !line.contains("header Connection");
        text.lines().filter(passes).collect::<Vec<_>>().join("\n")
    });
    gate_is_red("nginx", &["--config", path(&nginx)], NO_UPGRADE);
    // HAProxy passes them on by itself, so they have to be taken away.
    let haproxy = changed("haproxy/haproxy.cfg", |text| {
        text.replace(
            "    acl is_websocket",
            "    http-request del-header Upgrade\n    acl is_websocket",
        )
    });
    gate_is_red("haproxy", &["--config", path(&haproxy)], NO_UPGRADE);
}

#[test]
fn a16_a19_a34_d3_d5_with_an_idle_timeout_of_a_second_both_are_red() {
    for provider in ["nginx", "haproxy"] {
        gate_is_red(provider, &["--set", "GATEWAY_IDLE_TIMEOUT=1s"], CUT_OFF);
    }
}

#[test]
fn in_front_of_a_backend_that_is_late_by_50_ms_both_are_red() {
    let late = written("faults: true\nroutes: {/echo: {faults: {delay: 50ms}}}\n");
    for provider in ["nginx", "haproxy"] {
        let told = gate_is_red(provider, &["--serve-config", path(&late)], LATE);
        for words in LATE {
            // A busy machine adds to it and takes nothing away.
            assert!(milliseconds_after(words, &told) > 49.0, "{told}");
        }
    }
}

#[test]
fn d13_d14_in_front_of_a_backend_with_a_smaller_limit_both_are_red() {
    let smaller = written("routes: {/echo: {max_message_size: 64KiB}}\n");
    for provider in ["nginx", "haproxy"] {
        gate_is_red(provider, &["--serve-config", path(&smaller)], SMALLER);
    }
}

fn gateway(arguments: &[&str]) -> Command {
    let mut command = Command::new(root("scripts/gateway"));
    command.args(arguments);
    command
}

fn refused(arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = gateway(arguments).output().expect("scripts/gateway starts");
    assert_eq!(status.code(), Some(1));
    String::from_utf8_lossy(&stderr).into_owned()
}

#[test]
fn a_gateway_that_cannot_start_says_why() {
    let mut server = Running::start(wsbench().args(["serve", "--listen", "127.0.0.1:0"]));
    let backend = server.address();
    let (_, port) = backend.split_once(':').expect("it has a port");
    for (provider, word) in [("nginx", "proxy_read_timeout"), ("haproxy", "timeout tunnel")] {
        let common = [provider, "--backend", &backend];
        let told = refused(&[&common[..], &["--port", port]].concat());
        assert!(told.contains("Address already in use"), "{told}");
        let told = refused(&[&common[..], &["--set", "GATEWAY_IDLE_TIMEOUT=5parsecs"]].concat());
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn a20_d9_a_gateway_has_status_pages_speaks_tls_and_ends_with_its_starter() {
    let mut server = Running::start(wsbench().args(["serve", "--listen", "127.0.0.1:0"]));
    let backend = server.address();
    for (provider, page, says) in [
        ("nginx", "/status", "Active connections: "),
        (
            "haproxy",
            "/haproxy/metrics",
            "haproxy_server_status{proxy=\"websocket\",server=\"server-1\",state=\"UP\"} 1",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let kept = folder.path().to_str().expect("a path in UTF-8");
        let arguments = [provider, "--backend", &backend, "--tls-port", "0", "--dir", kept];
        let mut running = Running::start(&mut gateway(&arguments));
        let line = running.line();
        let urls: Vec<&str> = line
            .strip_prefix("ready ")
            .unwrap_or_else(|| panic!("{line:?}"))
            .split(' ')
            .collect();
        let [http, https] = urls[..] else {
            panic!("{line:?}")
        };
        let address = http.strip_prefix("http://").expect("it is a URL");
        assert!(body(address, page).contains(says), "{provider}");
        let secure = https.replace("https", "wss") + "/echo";
        let mut talk = wsbench();
        talk.args(["connect", "--ca", &format!("{kept}/gateway.pem"), &secure]);
        let output = talk
            .stdin(std::process::Stdio::null())
            .output()
            .expect("it starts");
        assert!(output.status.success(), "{output:?}");

        running.signal(libc::SIGTERM);
        assert_eq!(running.exit_code(), Some(0));
        std::net::TcpStream::connect(address).expect_err("nobody listens any more");
    }
}
