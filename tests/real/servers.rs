//! `wsbench run` against real servers.

use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Running, assert_success, wsbench};
use crate::tools::Counterpart;

/// What `docs/exit-codes.md` promises for a target that served and then was gone.
const TARGET_LOST: i32 = 108;

/// A run of `echo.yaml` with its summary in a folder of its own.
struct Run {
    command: Command,
    folder: TempDir,
}

impl Run {
    fn new(address: &str, variables: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = wsbench();
        command
            .args([
                "run",
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/echo.yaml"),
                "--quiet",
                "--workers",
                "1",
            ])
            .args(["--target", &format!("ws://{address}/"), "--summary-export"])
            .arg(folder.path().join("summary.json"))
            .stdin(Stdio::null());
        for variable in variables {
            command.args(["-e", variable]);
        }
        Self { command, folder }
    }

    fn summary(&self) -> Value {
        let text =
            std::fs::read_to_string(self.folder.path().join("summary.json")).expect("the run left a summary");
        serde_json::from_str(&text).expect("the summary is JSON")
    }
}

fn counter(summary: &Value, name: &str) -> u64 {
    let counter = &summary["total"]["counters"][name];
    counter
        .as_u64()
        .unwrap_or_else(|| panic!("the summary has no counter '{name}'"))
}

fn assert_balanced(summary: &Value) {
    assert_eq!(summary["books"]["balanced"], true, "{}", summary["books"]);
}

/// Every message comes back as it was, every ping is answered, and the close handshake carries our code.
fn plays(counterpart: Counterpart, compression: &str) {
    let mut server = Running::start(&mut counterpart.server(None));
    let mut run = Run::new(&server.address(), &[compression]);
    assert_success(&run.command.output().expect("wsbench starts"));
    let summary = run.summary();
    assert_balanced(&summary);
    assert!(counter(&summary, "sent_answered") > 100, "{summary:#}");
    assert!(counter(&summary, "flows_completed") > 0, "{summary:#}");
    assert!(counter(&summary, "pings_answered") > 0, "{summary:#}");
    for name in [
        "flows_failed",
        "sent_lost_timeout",
        "sent_lost_connection",
        "pings_unanswered",
        "connect_failed",
    ] {
        assert_eq!(counter(&summary, name), 0, "{name}: {summary:#}");
    }
    assert_eq!(summary["total"]["errors"], serde_json::json!({}));
    let closed = summary["total"]["close_codes"]["client"]["codes"]["4001"].as_u64();
    assert!(closed.is_some_and(|count| count > 0), "{summary:#}");
}

/// A server that closes in the middle of a flow is told apart from a client that does, by code.
fn closed_by_the_server(counterpart: Counterpart) {
    let mut server = Running::start(&mut counterpart.server(Some((5, 4002))));
    let mut run = Run::new(&server.address(), &["duration=500ms"]);
    run.command.output().expect("wsbench starts");
    let summary = run.summary();
    assert_balanced(&summary);
    let codes = &summary["total"]["close_codes"];
    assert!(
        codes["server"]["codes"]["4002"]
            .as_u64()
            .is_some_and(|count| count > 0),
        "{summary:#}"
    );
    assert_eq!(codes["client"]["codes"]["4001"], Value::Null, "{summary:#}");
    assert!(counter(&summary, "flows_failed") > 0, "{summary:#}");
}

/// A server that is killed with messages under way: the run ends, its books balance and the exit code says so.
fn killed_midway(counterpart: Counterpart) {
    let mut server = Running::start(&mut counterpart.server(None));
    let mut run = Run::new(&server.address(), &["duration=3s"]);
    let mut generator = Running::start(&mut run.command);
    assert_eq!(server.line(), "first message");
    server.kill();
    assert_eq!(generator.exit_code(), Some(TARGET_LOST));
    let summary = run.summary();
    assert_balanced(&summary);
    assert_eq!(summary["run"]["outcome"], "target_lost");
    assert!(counter(&summary, "connect_failed") > 0, "{summary:#}");
}

#[test]
fn run_against_python_websockets() {
    plays(Counterpart::Python, "compression=false");
}

#[test]
fn run_against_python_websockets_compressed() {
    plays(Counterpart::Python, "compression=true");
}

#[test]
fn run_against_npm_ws() {
    plays(Counterpart::Node, "compression=false");
}

#[test]
fn run_against_npm_ws_compressed() {
    plays(Counterpart::Node, "compression=true");
}

#[test]
fn python_websockets_closes_midway() {
    closed_by_the_server(Counterpart::Python);
}

#[test]
fn npm_ws_closes_midway() {
    closed_by_the_server(Counterpart::Node);
}

#[test]
fn python_websockets_is_killed_midway() {
    killed_midway(Counterpart::Python);
}

#[test]
fn npm_ws_is_killed_midway() {
    killed_midway(Counterpart::Node);
}
