//! When the generator itself is the bottleneck.

use serde_json::Value;

use crate::process::{Run, http, scenario, serve};

const BUSY: &str = "
target: embedded
stages: [{duration: 0s, clients: 50}, {duration: 4s, clients: 50}]
connection: {path: /echo}
flow: [{every: 10ms, do: [{send: {text: \"${seq}\", reply: echo}}]}]
";

/// Limits that every generator is beyond.
const IMPOSSIBLE: [&str; 8] = [
    "--max-busy",
    "1",
    "--max-lag",
    "0s",
    "--max-lag-share",
    "0",
    "--max-late",
    "1s",
];

#[test]
fn a_generator_beyond_its_limits_makes_the_run_invalid_unless_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario(folder.path(), BUSY);
    for (allowed, code) in [(false, 103), (true, 0)] {
        let mut more = IMPOSSIBLE.to_vec();
        more.extend(allowed.then_some("--allow-invalid"));
        let (status, summary) = Run::start(folder.path(), &scenario, &more).end();
        let generator = &summary["generator"];
        assert_eq!(status.code(), Some(code), "{generator}");
        assert_eq!(generator["verdict"], "invalid");
        assert_eq!(generator["tolerated"], allowed);
        assert!(
            generator["problems"][0]["advice"]
                .as_str()
                .is_some_and(|advice| !advice.is_empty())
        );
        assert!(generator["late_s"].as_f64().unwrap() >= 1.0);
        assert!(generator["timer_lag_ms"]["count"].as_u64().unwrap() > 1_000);
        assert!(generator["loop_lag_ms"]["count"].as_u64().unwrap() > 1_000);
        assert!(generator["workers"][0]["cpu"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn connects_that_fail_for_want_of_files_are_the_generators_fault() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, address) = serve(folder.path());
    let scenario = scenario(folder.path(), &BUSY.replace("50", "20").replace("4s", "10m"));
    let target = format!("ws://{address}");
    let more = ["--target", &target, "--control", "127.0.0.1:0"];
    let mut run = Run::start_with_files(100, folder.path(), &scenario, &more);
    let control = run.told("control interface at http://");
    let ask = |method: &str, path: &str, body: &str| {
        let (status, text) = http(&control, method, path, "", body);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    while ask("GET", "/status", "")["connections_open"] != 20 {}
    ask("POST", "/scale", "{\"clients\": 300}");
    // A last file is taken by the request that asks, so some of these may have to wait for their turn.
    while ask("GET", "/status", "")["generator"]["problems"][0]["kind"] != "exhausted" {}
    ask("POST", "/stop", "");
    let (_, summary) = run.end();
    assert_eq!(summary["generator"]["verdict"], "invalid");
    assert!(
        summary["total"]["errors"]["exhausted"]["count"].as_u64().unwrap() > 0,
        "{}",
        summary["total"]["errors"]
    );
}
