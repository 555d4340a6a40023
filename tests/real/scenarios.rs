//! Every scenario file that comes with wsbench, at a small scale: directly, through nginx and through HAProxy.
//!
//! Both gateways pass all of it on as it is: connections, messages, pings, and who closed with which code are what the
//! server's journal says, to the last one, also where clients vanish and where messages are refused for their size. One
//! thing differs: a server that resets a slow consumer is far away behind a gateway. The gateway ends its side in order,
//! after what it holds for the client, so the client learns of it later or not at all, as an end without a Close frame.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::body;
use crate::process::{Running, wsbench};

/// A scenario file, and how it is made small. Thresholds are those of the file.
struct Small {
    file: &'static str,
    scale: &'static str,
    duration_scale: &'static str,
    variables: &'static [&'static str],
    /// Of the server.
    config: &'static str,
}

impl Small {
    const fn new(file: &'static str, scale: &'static str, variables: &'static [&'static str]) -> Self {
        Self {
            file,
            scale,
            duration_scale: "0.1",
            variables,
            config: "",
        }
    }
}

const SLOW_CONSUMER: &str = "slow-consumer.yaml";
const SCENARIOS: [Small; 13] = [
    Small::new("chat.yaml", "0.05", &["talk_every=300ms", "stay=2s"]),
    Small::new("dashboard.yaml", "0.02", &["interval=100ms"]),
    Small::new("echo.yaml", "0.1", &[]),
    Small::new("gaming.yaml", "0.25", &[]),
    Small::new("iot.yaml", "0.01", &["time_scale=0.01"]),
    Small::new("mixed.yaml", "0.05", &["time_scale=0.01"]),
    Small::new("ping.yaml", "0.1", &[]),
    Small::new("reconnect-storm.yaml", "0.04", &["pause=100ms"]),
    Small::new("size-limits.yaml", "1", &["to=2MiB"]),
    Small {
        duration_scale: "1",
        // A gateway has buffers too, which have to be full before the server feels anything.
        config: "routes: {/broadcast: {outbox_bytes: 1MiB, close_timeout: 500ms}}",
        ..Small::new(
            SLOW_CONSUMER,
            "0.5",
            &["every=30ms", "size=64KiB", "stay=10s", "pause=500ms"],
        )
    },
    Small::new("soak.yaml", "0.01", &["hold=20s"]),
    Small::new("spike.yaml", "0.02", &[]),
    Small::new("upload.yaml", "0.1", &["chunk=16384", "file=65536"]),
];

/// A real gateway in front of a server; ends as the script does, which takes it down.
struct Gateway(Running);

impl Gateway {
    fn start(provider: &str, server: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/gateway");
        Self(Running::start(Command::new(script).args([
            provider,
            "--port",
            "0",
            "--backend",
            server,
        ])))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.0.signal(libc::SIGTERM);
        self.0.exit_code();
    }
}

fn serve(folder: &Path, config: &str) -> (Running, String) {
    let file = folder.join("server.yaml");
    std::fs::write(&file, format!("journal: 100000\n{config}\n")).expect("the folder is ours");
    let mut command = wsbench();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(file)
        .current_dir(folder);
    let mut server = Running::start(&mut command);
    let address = server.address();
    (server, address)
}

/// The summary of a run that met its thresholds and whose books balance.
fn run(small: &Small, folder: &TempDir, address: &str) -> Value {
    let summary = folder.path().join("summary.json");
    let mut command = wsbench();
    command
        .arg("run")
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("scenarios")
                .join(small.file),
        )
        .args(["--quiet", "--workers", "1", "--allow-invalid"])
        .args(["--target", &format!("ws://{address}"), "--scale", small.scale])
        .args(["--duration-scale", small.duration_scale, "--summary-export"])
        .arg(&summary)
        .stdin(Stdio::null());
    for variable in small.variables {
        command.args(["-e", variable]);
    }
    let output = command.output().expect("wsbench starts");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(summary).unwrap_or_else(|error| panic!("{error}: {told}"));
    let summary: Value = serde_json::from_str(&text).expect("the summary is JSON");
    assert_eq!(output.status.code(), Some(0), "{told}{}", summary["thresholds"]);
    assert_eq!(summary["books"]["balanced"], true, "{}", summary["books"]);
    summary
}

/// What both sides count.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    connections: u64,
    to_server: u64,
    to_clients: u64,
    pings: u64,
    /// By who closed first and the code.
    closes: BTreeMap<(String, u64), u64>,
}

/// The journal once every connection has ended, without the health checks of a gateway.
fn journal(server: &str) -> Vec<Value> {
    loop {
        let lines: Vec<Value> = body(server, "/journal")
            .lines()
            .map(|line| serde_json::from_str(line).expect("the journal is JSON"))
            .filter(|entry: &Value| entry["type"] == "connection" && entry["route"] != "/health/ws")
            .collect();
        if lines.iter().all(|entry| !entry["closed_at"].is_null()) {
            return lines;
        }
    }
}

fn seen(journal: &[Value]) -> Counts {
    let mut counts = Counts::default();
    let number = |entry: &Value, name: &str| entry[name].as_u64().expect("the journal has it");
    for entry in journal {
        counts.connections += 1;
        counts.to_server += number(entry, "messages_in");
        counts.to_clients += number(entry, "messages_out");
        counts.pings += number(entry, "pings_in");
        let by = entry["closed_by"]
            .as_str()
            .expect("somebody, or `nobody`")
            .to_owned();
        *counts.closes.entry((by, number(entry, "code"))).or_default() += 1;
    }
    counts
}

fn counted(summary: &Value) -> Counts {
    let total = &summary["total"];
    let counter = |name: &str| total["counters"][name].as_u64().expect("the summary has it");
    let mut closes = BTreeMap::new();
    for (by, codes) in total["close_codes"].as_object().expect("sides") {
        for (code, count) in codes["codes"].as_object().expect("codes") {
            let code = code.parse().expect("a code");
            closes.insert((by.clone(), code), count.as_u64().expect("a count"));
        }
    }
    // A message that is too large is none for the server, and it reads nothing after it, so not the ping either.
    let refused = closes
        .get(&("server".to_owned(), 1009))
        .copied()
        .unwrap_or_default();
    Counts {
        connections: counter("connect_opened"),
        to_server: counter("messages_sent") - refused,
        to_clients: counter("messages_received"),
        pings: counter("pings_sent") - refused,
        closes,
    }
}

/// What was under way to those that were thrown out is lost; who closed is another matter for each side.
fn assert_slow_ones_are_told_apart(journal: &[Value], summary: &Value) {
    let thrown_out = |entry: &Value| entry["cause"] == "slow consumer";
    let kept: Vec<Value> = journal
        .iter()
        .filter(|entry| !thrown_out(entry))
        .cloned()
        .collect();
    let lost = journal.len() - kept.len();
    assert!(lost >= 2, "{lost} of {} were thrown out", journal.len());
    let groups = summary["groups"].as_array().expect("groups");
    let slow = groups
        .iter()
        .find(|group| group["name"] == "slow")
        .expect("slow ones");
    let errors = slow["figures"]["errors"]["connection_lost"]["count"].as_u64();
    assert_eq!(errors, Some(lost as u64), "{}", slow["figures"]["errors"]);
    let (seen, counted) = (seen(journal), counted(summary));
    assert_eq!(
        (seen.connections, seen.to_server, seen.pings),
        (counted.connections, counted.to_server, counted.pings)
    );
    assert!(seen.to_clients > counted.to_clients);
}

fn play(small: &Small, gateway: Option<&str>) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let (_server, server) = serve(folder.path(), small.config);
    let mut gateway = gateway.map(|provider| Gateway::start(provider, &server));
    let target = gateway
        .as_mut()
        .map_or_else(|| server.clone(), |gateway| gateway.0.address());
    let summary = run(small, &folder, &target);
    let journal = journal(&server);
    if small.file == SLOW_CONSUMER {
        assert_slow_ones_are_told_apart(&journal, &summary);
    } else {
        let counted = counted(&summary);
        assert!(
            counted.connections > 0 && counted.to_server + counted.to_clients > 0,
            "{counted:?}"
        );
        assert_eq!(seen(&journal), counted);
    }
}

/// Two ways at once would be too much for the thresholds on a small machine.
static ONE_WAY_AT_A_TIME: Mutex<()> = Mutex::new(());

/// All of them at the same time: none is there for its figures.
fn play_all(gateway: Option<&str>) {
    // A way that failed says so itself.
    let _turn = ONE_WAY_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let plays = SCENARIOS.each_ref().map(|small| {
            let play = std::thread::Builder::new()
                .name(format!("{} {}", small.file, gateway.unwrap_or("directly")))
                .spawn_scoped(scope, move || play(small, gateway))
                .expect("a thread can be started");
            (small.file, play)
        });
        let ended = plays
            .into_iter()
            .filter_map(|(file, play)| play.join().is_err().then_some(file));
        ended.collect()
    });
    assert!(failed.is_empty(), "{failed:?}: see above");
}

#[test]
fn every_file_is_among_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("scenarios are there")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    let here: BTreeSet<String> = SCENARIOS.iter().map(|small| small.file.to_owned()).collect();
    assert_eq!(here, files);
}

#[test]
fn directly() {
    play_all(None);
}

#[test]
fn through_nginx() {
    play_all(Some("nginx"));
}

#[test]
fn through_haproxy() {
    play_all(Some("haproxy"));
}
