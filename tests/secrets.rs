//! Credentials in a target's URL come to the target and nowhere else.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

const SCENARIO: &str = "\
name: short
stages: [{duration: 0s, clients: 2}, {duration: DURATION, clients: 2}]
graceful_stop: 1s
connection: {path: /echo}
flow:
  - every: 50ms
    do: [{send: {text: hello, reply: echo}}]
";
const PASSWORD: &str = "hunter2-swordfish";
const TOKEN: &str = "query-s3cret-7";
const FORMS: [&str; 8] = ["json", "html", "csv", "hlog", "hgrm", "junit", "markdown", "text"];

/// A server, a folder with scenarios, and everything that was printed.
struct Place {
    server: Child,
    target: String,
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, duration) in [("short.yaml", "300ms"), ("long.yaml", "60s")] {
            fs::write(folder.path().join(name), SCENARIO.replace("DURATION", duration)).unwrap();
        }
        let mut server = Command::new(env!("CARGO_BIN_EXE_wsbench"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--exit-with-stdin",
                "--workers",
                "1",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit("//").next().unwrap();
        let target = format!("ws://{address}/?room=1&access_token={TOKEN}");
        Self {
            server,
            target,
            folder,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wsbench"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TMPDIR", self.folder.path())
            .env_remove("WSBENCH_TARGET")
            .stdin(Stdio::null());
        command
    }

    /// What the command printed on both outputs, which hold no secret; and its exit code.
    fn wsbench(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let output = self.command(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        without_secrets(&arguments.join(" "), &text);
        (text, output.status.code())
    }

    /// Looks into every file that was written, and returns how many there are.
    fn files_without_secrets(&self) -> usize {
        fn look(folder: &Path) -> usize {
            let mut files = 0;
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files += look(&path);
                } else {
                    without_secrets(&path.display().to_string(), &fs::read_to_string(&path).unwrap());
                    files += 1;
                }
            }
            files
        }
        look(self.folder.path())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn without_secrets(place: &str, text: &str) {
    for secret in [PASSWORD, TOKEN] {
        assert!(!text.contains(secret), "{place} holds {secret}: {text}");
    }
}

#[test]
fn the_reports_of_a_run_hold_none() {
    let place = Place::new();
    let mut arguments = vec!["run", "short.yaml", "--allow-invalid", "--target", &place.target];
    for form in FORMS {
        arguments.extend(["--out", form]);
    }
    let (text, code) = place.wsbench(&arguments);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("/?room=1&access_token=***"), "{text}");
    assert_eq!(place.files_without_secrets(), FORMS.len() + 2);
}

/// Makes a baseline of two runs.
fn saving(target: &str) -> Vec<&str> {
    let words = "baseline save main short.yaml --repeat 2 --target";
    words.split(' ').chain([target]).collect()
}

#[test]
fn a_run_that_cannot_begin_tells_none() {
    let place = Place::new();
    for url in [
        "ws://127.0.0.1:1/",
        "ws://nowhere.invalid/",
        "ws://127.0.0.1:99999/",
        "http://127.0.0.1/",
        "ws://user:PASSWORD@127.0.0.1:1/",
        "ws://user:PASSWORD@127.0.0.1 :1/",
    ] {
        let target = &format!("{}?access_token={TOKEN}", url.replace("PASSWORD", PASSWORD));
        for command in [
            vec!["run", "short.yaml", "--target", target],
            vec!["run", "short.yaml", "--dry-run", "--target", target],
            saving(target),
            vec![
                "compare",
                "embedded",
                target,
                "--repeat",
                "2",
                "--scenario",
                "short.yaml",
            ],
        ] {
            let (text, code) = place.wsbench(&command);
            assert!(code != Some(0) || command.contains(&"--dry-run"), "{text}");
        }
    }
    assert_eq!(place.files_without_secrets(), 2);
}

#[test]
fn baselines_and_comparisons_hold_none() {
    let place = Place::new();
    let (text, code) = place.wsbench(&saving(&place.target));
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("2/2: ") && text.contains("/?room=1&access_token=***"),
        "{text}"
    );
    for command in [vec!["baseline", "list"], vec!["baseline", "show", "main"]] {
        let (text, code) = place.wsbench(&command);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("/?room=1&access_token=***"), "{text}");
    }
    let compare = ["compare", "main", &place.target, "--scenario", "short.yaml"];
    let (text, _) = place.wsbench(&[&compare[..], &["--repeat", "2", "--export", "c.json"]].concat());
    assert!(
        text.contains("? cannot tell") && text.contains("2 runs of "),
        "{text}"
    );
    assert_eq!(place.files_without_secrets(), 4);
}

#[test]
fn a_baseline_of_old_shows_none() {
    let place = Place::new();
    place.wsbench(&["baseline", "save", "main", "short.yaml", "--repeat", "2"]);
    let file = place.folder.path().join("reports/baselines/main.json");
    let text = fs::read_to_string(&file).unwrap();
    let target = format!("ws://user:{PASSWORD}@localhost/?access_token={TOKEN}");
    let text = text.replace("\"embedded\"", &format!("\"{target}\""));
    assert!(text.contains(PASSWORD));
    fs::write(&file, text).unwrap();
    place.wsbench(&["baseline", "list"]);
    place.wsbench(&["baseline", "show", "main"]);
    place.wsbench(&["compare", "main", "main", "--export", "c.json"]);
    without_secrets(
        "c.json",
        &fs::read_to_string(place.folder.path().join("c.json")).unwrap(),
    );
}

#[test]
fn who_steers_or_watches_a_run_sees_none() {
    let place = Place::new();
    let mut run = place
        .command(&["run", "long.yaml", "--target", &place.target])
        .args(["--control", "127.0.0.1:0", "--metrics", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines();
    let mut address = |of: &str| {
        let line = lines
            .find(|line| line.as_ref().unwrap().contains(of))
            .unwrap()
            .unwrap();
        let (_, address) = line.split_once("http://").unwrap();
        address.split('/').next().unwrap().to_owned()
    };
    let metrics = address("metrics at");
    let control = address("control interface at");
    let status = get(&control, "/status");
    assert!(status.contains("/?room=1&access_token=***"), "{status}");
    let metrics = get(&metrics, "/metrics");
    assert!(metrics.contains("wsbench_run_info"), "{metrics}");
    without_secrets("the control interface", &status);
    without_secrets("the metrics", &metrics);
    run.kill().unwrap();
    run.wait().unwrap();
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_a_gateway_was_compared_through_shows_no_secret() {
    const TOKEN: &str = "s3cr3t-of-the-gateway";
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_wsbench"))
        .args(["gateway", "compare", "--repeat", "1"])
        .args([
            format!("ws://127.0.0.1:1/?token={TOKEN}"),
            format!("ws://127.0.0.1:1/?token={TOKEN}"),
        ])
        .arg("scenarios/echo.yaml")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(told.concat().contains("ws://127.0.0.1:1/?token=***"), "{told:?}");
    assert!(!told.concat().contains(TOKEN), "{told:?}");
}
