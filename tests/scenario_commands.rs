//! `wsbench validate`, `schema`, `import` and `run --dry-run` as processes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wsbench::scenario::json_schema;

const RECORDING: &str = "tests/data/har/browser.har";

/// What a process leaves behind.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wsbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    command
}

fn wsbench(arguments: &[&str]) -> Ended {
    let output = command(arguments).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder with a scenario for one test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.path().join(name), text).unwrap();
        self.path(name)
    }
}

const BAD: &str =
    "stages: [{duration: 1, clients: ten}]\nflow: [{snd: {text: \"${sq}\"}}, {send: {text: \"${sq}\"}}]\n";

#[test]
fn validate_tells_everything_that_is_wrong_with_every_file_at_once() {
    let folder = Folder::new();
    let bad = folder.write("bad.yaml", BAD);
    let ended = wsbench(&["validate", &bad, "scenarios/echo.yaml", "no/such.yaml"]);
    assert_eq!(ended.code, Some(104), "{}", ended.stderr);
    for place in ["1:21", "1:33", "2:9", "2:49"] {
        assert!(
            ended.stderr.contains(&format!("{bad}:{place}: ")),
            "{place}: {}",
            ended.stderr
        );
    }
    assert!(
        ended.stderr.contains("cannot read the scenario no/such.yaml"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.contains("2 of 3 scenarios are wrong"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stdout.starts_with("scenarios/echo.yaml: ok ("),
        "{}",
        ended.stdout
    );
}

#[test]
fn validate_says_nothing_of_good_files_if_asked_to() {
    let ended = wsbench(&["validate", "--quiet", "scenarios/echo.yaml", "scenarios/iot.yaml"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
        (Some(0), "", "")
    );
}

#[test]
fn values_come_from_the_command_line_and_the_environment() {
    let folder = Folder::new();
    let text = "variables: {clients: 1, hold: \"${env.SCENARIO_TEST_HOLD:-2s}\"}\n\
                stages: [{duration: \"${hold}\", clients: \"${clients}\"}]\nflow: [connect]\n";
    let file = folder.write("variables.yaml", text);
    let headline = |variable: &[&str], hold: Option<&str>| {
        let mut command = command(&[&["validate", &file], variable].concat());
        command
            .env_remove("SCENARIO_TEST_HOLD")
            .envs(hold.map(|hold| ("SCENARIO_TEST_HOLD", hold)));
        let stdout = String::from_utf8(command.output().unwrap().stdout).unwrap();
        stdout
            .trim()
            .strip_prefix(&format!("{file}: ok "))
            .unwrap()
            .to_owned()
    };
    assert_eq!(headline(&[], None), "(up to 1 client, 2s)");
    assert_eq!(
        headline(&["-e", "clients=40"], Some("1m")),
        "(up to 40 clients, 1m)"
    );
    assert_eq!(headline(&["-e", "hold=3s"], Some("1m")), "(up to 1 client, 3s)");
    let unknown = wsbench(&["validate", &file, "-e", "client=40"]);
    assert_eq!(unknown.code, Some(104));
    assert!(
        unknown.stderr.contains("did you mean `clients`?"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn the_schema_is_printed() {
    let ended = wsbench(&["schema"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        serde_json::from_str::<Value>(&ended.stdout).unwrap(),
        json_schema()
    );
}

#[test]
fn a_dry_run_prints_the_plan_and_nothing_is_sent() {
    // A target that nobody could reach: nothing is even resolved.
    for name in ["captures-and-branches", "connections", "including", "messages"] {
        let file = format!("tests/data/scenarios/good/{name}.yaml");
        let ended = wsbench(&[
            "run",
            "--dry-run",
            &file,
            "--target",
            "wss://no.such.host.invalid/?key=hidden",
        ]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        // What the machine has to offer is not the plan's.
        let plan: Vec<&str> = ended
            .stdout
            .lines()
            .map(|line| line.split(" of 2").next().unwrap_or(line))
            .filter(|line| !line.contains("local ports") && !line.contains("open files"))
            .collect();
        insta::assert_snapshot!(format!("plan-{name}"), plan.join("\n"));
        for secret in ["hidden", "s3cret"] {
            assert!(!ended.stdout.contains(secret), "{secret}: {}", ended.stdout);
        }
    }
}

#[test]
fn a_recording_of_a_browser_is_played_again() {
    let folder = Folder::new();
    let (scenario, summary) = (folder.path("imported.yaml"), folder.path("summary.json"));
    let imported = wsbench(&["import", RECORDING, "--out", &scenario]);
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let yaml = fs::read_to_string(&scenario).unwrap();
    assert!(!yaml.contains("s3cret-of-the-recording"), "{yaml}");
    let valid = jsonschema::validator_for(&json_schema()).unwrap();
    let document: Value = serde_saphyr::from_str(&yaml).unwrap();
    assert!(valid.is_valid(&document), "{yaml}");

    let run = wsbench(&[
        "run",
        &scenario,
        "--target",
        "embedded",
        "-e",
        "duration=1s",
        "--summary-export",
        &summary,
        "--quiet",
    ]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let summary: Value = serde_json::from_str(&fs::read_to_string(Path::new(&summary)).unwrap()).unwrap();
    for (group, messages) in [(0, 3), (1, 6)] {
        let counters = &summary["groups"][group]["figures"]["counters"];
        let count = |name: &str| counters[name].as_u64().unwrap();
        let flows = count("flows_completed");
        assert!(flows >= 1, "{counters}");
        assert!(count("messages_sent") >= flows * messages, "{counters}");
        assert_eq!(count("sent_answered"), count("messages_sent"), "{counters}");
        assert_eq!(
            (count("flows_failed"), count("connect_failed")),
            (0, 0),
            "{counters}"
        );
    }
}

#[test]
fn what_is_no_recording_is_refused() {
    let folder = Folder::new();
    for (text, said) in [
        ("no JSON", "not an HTTP Archive"),
        (r#"{"log":{"entries":[]}}"#, "no WebSocket messages"),
    ] {
        let ended = wsbench(&["import", &folder.write("x.har", text)]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(104), ""));
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
