//! The control interface of a run.

use serde_json::Value;

use crate::process::{Run, http, scenario};

const CLOSED: &str = "
target: embedded
stages: [{duration: 0s, clients: 4}, {duration: 10m, clients: 4}]
connection: {path: /echo}
flow: [{every: 10ms, do: [{send: {text: \"${seq}\", reply: echo}}]}]
";

struct Interface(String);

impl Interface {
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, text) = http(&self.0, method, path, "", body);
        (status, serde_json::from_str(&text).unwrap())
    }

    fn post(&self, path: &str, body: &str) -> Value {
        let (status, answer) = self.ask("POST", path, body);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Asks for the status until it is as wanted; the test harness bounds the time.
    fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let (_, status) = self.ask("GET", "/status", "");
            if wanted(&status) {
                return status;
            }
        }
    }
}

fn sent(status: &Value) -> u64 {
    status["total"]["cumulative"]["counters"]["messages_sent"]
        .as_u64()
        .unwrap_or(0)
}

#[test]
fn a_run_is_paused_scaled_and_stopped_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario(folder.path(), CLOSED);
    let mut run = Run::start(
        folder.path(),
        &scenario,
        &["--control", "127.0.0.1:0", "--allow-invalid"],
    );
    let interface = Interface(run.told("control interface at http://"));
    interface.until(|status| status["connections_open"] == 4 && sent(status) > 20);

    assert_eq!(interface.post("/pause", "")["state"], "paused");
    // Two snapshots in a row without a message: what was measured before the pause has all come in.
    let still = |status: &Value| {
        status["total"]["window"]["counters"]["messages_sent"]
            .as_u64()
            .unwrap_or(0)
            == 0
    };
    let held = interface.until(still);
    let later = interface.until(|status| {
        status["run"]["elapsed_s"].as_f64() > held["run"]["elapsed_s"].as_f64().map(|elapsed| elapsed + 0.5)
    });
    assert_eq!(sent(&later), sent(&held));
    assert_eq!(later["connections_open"], 4);
    assert!(later["paused_s"].as_f64().unwrap() >= 0.5);

    assert_eq!(interface.post("/resume", "")["state"], "running");
    interface.until(|status| sent(status) > sent(&held));
    assert_eq!(interface.post("/scale", "{\"clients\": 9}")["clients"], 9);
    interface.until(|status| status["connections_open"] == 9);
    assert_eq!(
        interface.post("/scale", "{\"clients\": null}")["clients"],
        Value::Null
    );
    interface.until(|status| status["connections_open"] == 4);

    let (status, refusal) = interface.ask("POST", "/scale", "{\"rate_factor\": 2}");
    assert_eq!(
        (status, refusal["error"].as_str().unwrap().contains("\"clients\"")),
        (409, true)
    );
    assert_eq!(interface.ask("GET", "/nothing", "").0, 404);
    assert_eq!(
        http(
            &interface.0,
            "POST",
            "/abort",
            "Origin: https://page.example\r\n",
            ""
        )
        .0,
        401
    );

    assert_eq!(interface.post("/stop", "")["state"], "ending");
    let (status, summary) = run.end();
    assert_eq!(
        (status.code(), &summary["run"]["outcome"]),
        (Some(105), &"interrupted".into())
    );
    assert!(summary["generator"]["paused_s"].as_f64().unwrap() >= 0.5);
    let lag = summary["total"]["trends_ms"]["send_lag"]["max"].as_f64().unwrap();
    assert!(lag < 500.0, "the pause is no lag: {lag} ms");
}

#[test]
fn an_interface_that_others_reach_needs_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario(folder.path(), CLOSED);
    let refused = std::process::Command::new(env!("CARGO_BIN_EXE_wsbench"))
        .args(["run", scenario.to_str().unwrap(), "--control", "0.0.0.0:0"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(104));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--control-token"));

    let arguments = [
        "--control",
        "127.0.0.1:0",
        "--control-token",
        "secret",
        "--allow-invalid",
    ];
    let mut run = Run::start(folder.path(), &scenario, &arguments);
    let address = run.told("control interface at http://");
    assert_eq!(http(&address, "GET", "/status", "", "").0, 401);
    assert_eq!(
        http(
            &address,
            "POST",
            "/interrupt",
            "Authorization: Bearer wrong\r\n",
            ""
        )
        .0,
        401
    );
    assert_eq!(
        http(
            &address,
            "POST",
            "/interrupt",
            "Authorization: Bearer secret\r\n",
            ""
        )
        .0,
        200
    );
    assert_eq!(run.end().0.code(), Some(105));
}
