//! The server's figures as Prometheus and its `promtool` take them (seeds B17, D20).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::http::{PATIENCE, body, exchange};
use crate::process::{Running, address_in, assert_success, wsbench};
use crate::tools::Counterpart;

/// `promtool ARGUMENTS`, with this input.
fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(deployed("prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool: {error}: run scripts/install-test-tools"));
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin.write_all(input.as_bytes()).expect("promtool reads");
    drop(stdin);
    child.wait_with_output().expect("promtool is ours")
}

fn deployed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(deployed(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All parts that have metrics. Nobody is there at the other addresses.
const EVERYTHING: &str = "
faults: true
backplane: {nats: {url: 'nats://127.0.0.1:1'}}
routes:
  /proxy/*: {mode: {proxy: {upstreams: [{url: 'ws://127.0.0.1:1'}]}}}
  /ws-notifications: {mode: {notifications: {nats: 'nats://127.0.0.1:1'}}}
";

/// A server after something of everything: talk, a refusal, a request that is none.
struct Served {
    _process: Running,
    health: String,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let config = folder.path().join("serve.yaml");
        std::fs::write(&config, EVERYTHING).expect("the folder can be written to");
        let mut command = wsbench();
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--health-listen",
            "127.0.0.1:0",
        ]);
        command.args(["--workers", "2", "--max-message-size", "16MiB", "--config"]);
        let mut process = Running::start(command.arg(config));
        let (address, health) = (process.address(), process.address());
        let talk = Counterpart::Node.client(&format!("ws://{address}/echo"), "talk");
        assert_success(&{ talk }.output().expect("the client starts"));
        let upgrade =
            "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n";
        assert!(exchange(&address, upgrade).starts_with("HTTP/1.1 426 "));
        assert!(exchange(&address, "no request\r\n\r\n").starts_with("HTTP/1.1 400 "));
        Self {
            _process: process,
            health,
        }
    }
}

#[test]
fn b17_d20_promtool_has_nothing_to_say_against_the_metrics() {
    let served = Served::start();
    let output = promtool(&["check", "metrics"], &body(&served.health, "/metrics"));
    assert_success(&output);
    assert!(
        output.stdout.is_empty() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn d20_promtool_accepts_the_deployed_configuration_and_the_alerts_fire_as_they_should() {
    assert_success(&promtool(&["check", "config", "prometheus.yml"], ""));
    assert_success(&promtool(&["check", "rules", "alerts.yml"], ""));
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/alerts.yml");
    let cases = cases.to_str().expect("a path in UTF-8");
    assert_success(&promtool(&["test", "rules", cases], ""));
}

/// A Prometheus with the deployed configuration, but more often and with this target.
struct Prometheus {
    _process: Running,
    address: String,
}

impl Prometheus {
    fn start(folder: &Path, target: &str) -> Self {
        let config = read("prometheus/prometheus.yml");
        let changed = config
            .replace("127.0.0.1:9101", target)
            .replace("_interval: 5s", "_interval: 200ms");
        assert!(changed.contains(&format!("[\"{target}\"]")) && changed.contains("200ms"));
        for (name, text) in [
            ("prometheus.yml", changed),
            ("alerts.yml", read("prometheus/alerts.yml")),
        ] {
            std::fs::write(folder.join(name), text).expect("the folder can be written to");
        }
        // Its log, where it says which port it got, goes to standard error.
        let mut command = Command::new("sh");
        command.current_dir(folder).args([
            "-c",
            "exec prometheus --config.file=prometheus.yml --storage.tsdb.path=data \
             --web.listen-address=127.0.0.1:0 2>&1",
        ]);
        let mut process = Running::start(&mut command);
        // Where it listens and that it is ready come in either order; it answers by 503 until then.
        let (mut address, mut is_ready) = (None, false);
        while address.is_none() || !is_ready {
            let line = process.line();
            assert!(!line.is_empty(), "Prometheus ended");
            is_ready |= line.contains("ready to receive web requests");
            address = address.or(address_in(&line).filter(|address| !address.ends_with(":0")));
        }
        let address = address.unwrap_or_default();
        Self {
            _process: process,
            address,
        }
    }

    fn ask(&self, path: &str) -> Value {
        let answer = body(&self.address, path);
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// What an expression yields now.
    fn query(&self, expression: &str) -> Vec<Value> {
        let escaped: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = self.ask(&format!("/api/v1/query?query={escaped}"));
        let result = answer["data"]["result"].as_array();
        result.unwrap_or_else(|| panic!("{expression}: {answer}")).clone()
    }

    /// Waits until an expression yields something, and returns it.
    fn await_samples(&self, expression: &str) -> Vec<Value> {
        let begin = wsbench::clock::now();
        loop {
            let samples = self.query(expression);
            if !samples.is_empty() {
                return samples;
            }
            assert!(
                wsbench::clock::now() - begin < PATIENCE,
                "`{expression}` yields nothing"
            );
        }
    }
}

/// All expressions of the dashboard, with a choice of everything for its variables.
fn expressions() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&read("grafana/wsbench-serve.json")).expect("the dashboard is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let queries = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let expressions = queries.map(|query| query["expr"].as_str().expect("it has an expression"));
    expressions
        .map(|expression| {
            ["$job", "$instance", "$route"]
                .iter()
                .fold(expression.to_owned(), |text, variable| {
                    text.replace(variable, ".*")
                })
                .replace("$__rate_interval", "30s")
        })
        .collect()
}

#[test]
fn b17_d20_a_real_prometheus_scrapes_the_server_and_the_dashboard_s_queries_find_something() {
    let served = Served::start();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let prometheus = Prometheus::start(folder.path(), &served.health);
    prometheus.await_samples("up{job=\"wsbench\"} == 1");
    let messages = prometheus.await_samples("wsbench_messages_received_total{route=\"/echo\"}");
    let count: f64 = messages[0]["value"][1]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{messages:?}"));
    assert!(count >= 1.0, "{messages:?}");

    let expressions = expressions();
    assert!(expressions.len() > 30);
    for expression in &expressions {
        assert!(
            !expression.contains('$'),
            "{expression} has a variable of its own"
        );
        prometheus.await_samples(expression);
    }
    let targets = prometheus.ask("/api/v1/targets");
    let target = &targets["data"]["activeTargets"][0];
    assert_eq!(target["lastError"], "", "{target}");
    let alerts = prometheus.ask("/api/v1/alerts");
    assert_eq!(alerts["data"]["alerts"], serde_json::json!([]), "all is well");
}
