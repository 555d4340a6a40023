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

/// What the journal says of each connection.
fn connections(server: &str) -> Vec<Value> {
    let (status, lines) = http(server, "GET", "/journal", "", "");
    assert_eq!(status, 200);
    let entries = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    let is_connection = |entry: &Value| match entry["type"].as_str().unwrap() {
        "connection" => true,
        "summary" => {
            assert_eq!(entry["dropped"], 0, "the journal holds everything");
            false
        }
        other => panic!("{other} in the journal"),
    };
    entries.filter(is_connection).collect()
}

fn seen(server: &str) -> Seen {
    let mut seen = Seen::default();
    for entry in connections(server) {
        seen.connections += 1;
        seen.open += u64::from(entry["closed_at"].is_null());
        seen.received += entry["messages_in"].as_u64().unwrap();
        seen.sent += entry["messages_out"].as_u64().unwrap();
        seen.pings += entry["pings_in"].as_u64().unwrap();
    }
    seen
}

fn counter(figures: &Value, name: &str) -> u64 {
    figures["counters"][name].as_u64().unwrap()
}

/// The same from the run's summary.
fn counted(summary: &Value) -> Seen {
    let counter = |name| counter(&summary["total"], name);
    Seen {
        connections: counter("connect_opened"),
        open: 0,
        received: counter("messages_sent"),
        sent: counter("messages_received"),
        pings: counter("pings_sent"),
    }
}

/// Plays a scenario that comes with wsbench, smaller and shorter, against a server at this address.
fn play(name: &str, scale: &str, further: &[&str], address: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    let target = format!("ws://{address}");
    let mut arguments = vec!["--target", &target, "--allow-invalid", "--scale", scale];
    arguments.extend(["--duration-scale", "0.2"]);
    arguments.extend(further.iter().flat_map(|variable| ["-e", variable]));
    let (status, summary) = Run::start(folder.path(), &file, &arguments).end();
    // How fast it was is not the question here, so a threshold may be crossed (99).
    assert!(
        matches!(status.code(), Some(0 | 99)),
        "{name}: {status}: {} {}",
        summary["run"],
        summary["total"]
    );
    summary
}

fn assert_equal_counts(name: &str, scale: &str, further: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let (_server, address) = serve(folder.path());
    let summary = play(name, scale, further, &address);
    let told = || format!("{name}: {} {}", summary["run"], summary["total"]);
    for counter in [
        "fan_out_lost",
        "fan_out_duplicated",
        "sent_lost_timeout",
        "connect_failed",
    ] {
        assert_eq!(summary["total"]["counters"][counter], 0, "{counter}: {}", told());
    }
    let counted = counted(&summary);
    assert!(counted.received + counted.sent > 10, "{}", told());
    assert_eq!(counted, seen(&address), "{name}");
}

#[test]
fn echoes_are_counted_as_the_server_saw_them() {
    assert_equal_counts("echo.yaml", "0.2", &[]);
}

#[test]
fn telemetry_and_pings_are_counted_as_the_server_saw_them() {
    assert_equal_counts("iot.yaml", "0.05", &["time_scale=0.01"]);
}

#[test]
fn a_chat_is_counted_as_the_server_saw_it() {
    assert_equal_counts("chat.yaml", "0.2", &["talk_every=500ms"]);
}

#[test]
fn pushes_are_counted_as_the_server_saw_them() {
    assert_equal_counts("dashboard.yaml", "0.1", &["interval=200ms"]);
}

#[test]
fn matches_are_counted_as_the_server_saw_them() {
    assert_equal_counts("gaming.yaml", "0.25", &[]);
}

#[test]
fn uploads_are_counted_as_the_server_saw_them() {
    assert_equal_counts("upload.yaml", "0.5", &["chunk=16384", "file=65536"]);
}

#[test]
fn everything_at_once_is_counted_as_the_server_saw_it() {
    assert_equal_counts("mixed.yaml", "0.1", &[]);
}

#[test]
fn a_soak_is_counted_as_the_server_saw_it() {
    assert_equal_counts("soak.yaml", "0.02", &["hold=10s"]);
}

#[test]
fn a_spike_is_counted_as_the_server_saw_it() {
    assert_equal_counts("spike.yaml", "0.1", &[]);
}

#[test]
fn reconnects_are_counted_as_the_server_saw_them() {
    assert_equal_counts("reconnect-storm.yaml", "0.1", &["pause=100ms"]);
}

#[test]
fn pings_are_counted_as_the_server_saw_them() {
    assert_equal_counts("ping.yaml", "0.2", &[]);
}

/// A message that is too large is none for the server, nor is the ping after it: it reads no further.
#[test]
fn what_was_refused_for_its_size_is_what_the_server_did_not_take() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, address) = serve(folder.path());
    let summary = play("size-limits.yaml", "1", &["to=3MiB"], &address);
    let counted = counted(&summary);
    let codes = &summary["total"]["close_codes"]["server"]["codes"];
    let refused = codes["1009"].as_u64().unwrap();
    assert!(refused > 20, "{codes}");
    let taken = Seen {
        received: counted.received - refused,
        pings: counted.pings - refused,
        ..counted
    };
    assert_eq!(taken, seen(&address));
    assert_eq!(counter(&summary["total"], "pings_unanswered"), refused);
}

/// What was under way to a slow client when the server threw it out is lost; everything else arrived and is counted alike.
#[test]
fn slow_consumers_are_counted_as_the_server_threw_them_out() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, address) = serve(folder.path());
    let variables = ["every=20ms", "size=64KiB", "stay=10s", "pause=500ms"];
    let summary = play("slow-consumer.yaml", "0.5", &variables, &address);
    let (slow, others): (Vec<Value>, Vec<Value>) = connections(&address)
        .into_iter()
        .partition(|entry| entry["cause"] == "slow consumer");
    let counted = counted(&summary);
    let seen = seen(&address);
    assert_eq!(
        (counted.connections, counted.received, counted.pings),
        (seen.connections, seen.received, seen.pings)
    );
    let group = |name: &str| {
        let groups = summary["groups"].as_array().unwrap();
        &groups.iter().find(|group| group["name"] == name).unwrap()["figures"]
    };
    let lost = group("slow")["closed"]["transport_error"].as_u64().unwrap_or(0);
    assert_eq!(
        (lost, counter(group("slow"), "flows_failed")),
        (slow.len() as u64, lost)
    );
    assert!(lost >= 2, "{slow:?}");
    let received = |name| counter(group(name), "messages_received");
    let sent: u64 = others
        .iter()
        .map(|entry| entry["messages_out"].as_u64().unwrap())
        .sum();
    assert_eq!(
        received("publishers") + received("readers") + received("stalling"),
        sent
    );
    for name in ["publishers", "readers", "stalling"] {
        assert_eq!(counter(group(name), "fan_out_lost"), 0, "{name}");
    }
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
