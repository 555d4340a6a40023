//! What the run counts is what the server saw, to the last message.

use std::path::Path;

use serde_json::Value;

use crate::process::{Run, http, scenario, serve};

/// What the server's journal adds up to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    connections: u64,
    open: u64,
    received: u64,
    sent: u64,
    pings: u64,
}

fn seen(server: &str) -> Seen {
    let (status, lines) = http(server, "GET", "/journal", "", "");
    assert_eq!(status, 200);
    let mut seen = Seen::default();
    for line in lines.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        match entry["type"].as_str().unwrap() {
            "connection" => {
                seen.connections += 1;
                seen.open += u64::from(entry["closed_at"].is_null());
                seen.received += entry["messages_in"].as_u64().unwrap();
                seen.sent += entry["messages_out"].as_u64().unwrap();
                seen.pings += entry["pings_in"].as_u64().unwrap();
            }
            "summary" => assert_eq!(entry["dropped"], 0, "the journal holds everything"),
            other => panic!("{other} in the journal"),
        }
    }
    seen
}

/// The same from the run's summary.
fn counted(summary: &Value) -> Seen {
    let counter = |name: &str| summary["total"]["counters"][name].as_u64().unwrap();
    Seen {
        connections: counter("connect_opened"),
        open: 0,
        received: counter("messages_sent"),
        sent: counter("messages_received"),
        pings: counter("pings_sent"),
    }
}

/// Plays a scenario that comes with wsbench, its stages a tenth as long.
fn assert_equal_counts(name: &str, variables: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    let text = std::fs::read_to_string(file).unwrap();
    let scenario = scenario(
        folder.path(),
        &text
            .replace("duration: 20s", "duration: 2s")
            .replace("duration: 5s", "duration: 500ms"),
    );
    let (_server, address) = serve(folder.path());
    let target = format!("ws://{address}");
    let mut more = vec!["--target", &target, "--allow-invalid"];
    more.extend(variables.iter().flat_map(|variable| ["-e", variable]));
    let (status, summary) = Run::start(folder.path(), &scenario, &more).end();
    assert!(status.success(), "{status}: {}", summary["run"]);
    let counted = counted(&summary);
    assert!(counted.received > 100 && counted.sent > 100, "{counted:?}");
    assert_eq!(counted, seen(&address));
}

#[test]
fn echoes_are_counted_as_the_server_saw_them() {
    assert_equal_counts("echo.yaml", &["clients=20", "ramp=500ms", "hold=1s"]);
}

#[test]
fn telemetry_and_pings_are_counted_as_the_server_saw_them() {
    assert_equal_counts("iot.yaml", &["devices=100", "time_scale=0.01"]);
}

/// Everything was said when the server is killed, so both sides know of the same.
#[test]
fn a_server_that_is_killed_leaves_counts_that_agree() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, address) = serve(folder.path());
    let scenario = scenario(
        folder.path(),
        "
target: ws://localhost/
stages: [{duration: 0s, clients: 10}, {duration: 60s, clients: 10}]
connection: {path: /echo}
flow: [{repeat: 200, do: [{send: {text: \"${seq}\", reply: echo}}]}, {receive: {for: 60s}}]
",
    );
    let target = format!("ws://{address}");
    let run = Run::start(folder.path(), &scenario, &["--target", &target]);
    let mut journal = seen(&address);
    while journal.sent < 2_000 {
        journal = seen(&address);
    }
    server.0.kill().unwrap();
    let (status, summary) = run.end();
    assert_eq!(
        journal,
        Seen {
            connections: 10,
            open: 10,
            received: 2_000,
            sent: 2_000,
            pings: 0
        }
    );
    let open_ones = Seen {
        open: 10,
        ..counted(&summary)
    };
    assert_eq!(open_ones, journal);
    assert_eq!(summary["total"]["counters"]["sent_answered"], 2_000);
    assert_eq!(summary["run"]["outcome"], "target_lost");
    assert_eq!(status.code(), Some(108));
}
