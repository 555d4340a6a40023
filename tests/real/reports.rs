//! The reports of a run, read by what others made: Python's csv, jsonschema, xmlschema and HdrHistogram, HdrHistogram's
//! JavaScript, promtool, axe and Chromium.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{assert_success, wsbench};
use crate::tools::{installed, node, python};

/// What `report.yaml` hides in its variables, its query and its headers.
const SECRETS: [&str; 3] = ["open-sesame-42", "query-secret-7", "header-secret-9"];
const FORMS: [&str; 8] = [
    "json=run.json",
    "html=run.html",
    "csv=run.csv",
    "hlog=run.hlog",
    "hgrm=run.hgrm",
    "junit=run.junit.xml",
    "markdown=run.md",
    "text=run.txt",
];
/// What `docs/exit-codes.md` promises.
const BAD_CONFIGURATION: i32 = 104;
const REPORT_NOT_WRITTEN: i32 = 111;

/// One run for all tests: its reports, and the metrics page in the middle of it.
struct Reports {
    folder: TempDir,
    metrics: String,
    /// Standard output and error.
    output: String,
}

fn reports() -> &'static Reports {
    static REPORTS: OnceLock<Reports> = OnceLock::new();
    REPORTS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = wsbench();
        command
            .current_dir(folder.path())
            .args([
                "run",
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/report.yaml"),
            ])
            .args(["--metrics", "127.0.0.1:0", "--workers", "1"]);
        for form in FORMS {
            command.args(["--out", form]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("wsbench starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines();
        let address = lines
            .by_ref()
            .map(|line| line.expect("stderr is text"))
            .find_map(|line| {
                Some(
                    line.split_once("metrics at http://")?
                        .1
                        .trim_end_matches("/metrics")
                        .to_owned(),
                )
            })
            .expect("it says where the metrics are");
        let metrics = metrics_with_messages(&address);
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        let output = child.wait_with_output().expect("the child is ours");
        assert_success(&output);
        let output = format!("{}{}", String::from_utf8_lossy(&output.stdout), rest.join("\n"));
        Reports {
            folder,
            metrics,
            output,
        }
    })
}

impl Reports {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn summary(&self) -> Value {
        serde_json::from_str(&self.read("run.json")).expect("the summary is JSON")
    }
}

/// The page as soon as it counts messages; the run, which is short, bounds how often it is asked for.
fn metrics_with_messages(address: &str) -> String {
    loop {
        let page = get(address, "/metrics");
        let sent = page
            .lines()
            .find_map(|line| line.strip_prefix("wsbench_run_messages_sent_total"))
            .and_then(|line| line.rsplit_once(' '));
        if sent.is_some_and(|(_, count)| count != "0") {
            return page;
        }
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the metrics are served as long as the run goes on");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .expect("it reads requests");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("it answers in text");
    let (head, body) = response.split_once("\r\n\r\n").expect("an HTTP response");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    body.to_owned()
}

fn found(output: &Output) -> Value {
    assert_success(output);
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn python_reads_every_table_histogram_and_schema() {
    let reports = reports();
    let found = found(
        &python("reports")
            .arg(reports.path())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/summary.schema.json"))
            .arg(installed("junit-10.xsd"))
            .output()
            .expect("Python starts"),
    );
    let summary = reports.summary();
    let total = &summary["total"];
    let response = &total["trends_ms"]["response"];
    assert_eq!(found["csv"]["sent"], total["counters"]["messages_sent"]);
    assert_eq!(found["csv"]["responses"], response["count"]);
    assert_eq!(found["csv"]["slowest"], response["max"]);
    assert!((number(&found["csv"]["seconds"]) - number(&summary["run"]["duration_s"])).abs() < 0.5);
    assert_eq!(found["hlog"]["responses"], response["count"]);
    assert!(number(&found["hlog"]["intervals"]) >= 3.0);
    for (read, ours) in [("p50_ms", "med"), ("p99_ms", "p(99)")] {
        let (read, ours) = (number(&found["hlog"][read]), number(&response[ours]));
        assert!((read - ours).abs() <= ours * 0.002, "{read} for {ours}");
    }
}

#[test]
fn javascript_prints_the_same_distribution_and_chromium_shows_the_page() {
    let reports = reports();
    let found = found(&node("reports").arg(reports.path()).output().expect("Node starts"));
    let table = |text: &str| -> Vec<Vec<String>> {
        text.lines()
            .filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()))
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect()
    };
    let theirs = table(found["distribution"].as_str().expect("a text"));
    assert!(theirs.len() > 20);
    let ours = table(&reports.read("run.hgrm"));
    assert_eq!(ours.len(), theirs.len());
    let responses = number(&reports.summary()["total"]["trends_ms"]["response"]["count"]);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours[1], theirs[1], "the same percentiles in the same order");
        // A percentile that falls exactly between two values is rounded to either by libraries that compute in floats.
        let rank = ours[1].parse::<f64>().expect("a number") * responses;
        assert!(
            ours == theirs || (rank - rank.round()).abs() < 1e-6,
            "{ours:?}, {theirs:?}"
        );
    }
    assert!(
        ours.iter()
            .zip(&theirs)
            .filter(|(ours, theirs)| ours == theirs)
            .count()
            > ours.len() / 2
    );

    for (name, view) in found["views"].as_object().expect("views") {
        assert_eq!(view["noise"], Value::Array(Vec::new()), "{name}");
        assert_eq!(view["barriers"], Value::Array(Vec::new()), "{name}");
        assert_eq!(view["overflow"], 0, "{name}");
        assert!(
            view["first"].as_str().is_some_and(|text| text.contains("Passed")),
            "{name}: {view}"
        );
        assert!(
            number(&view["charts"]) >= 8.0 && view["drawn"] == true,
            "{name}: {view}"
        );
    }
    let background = |name: &str| found["views"][name]["background"].clone();
    assert_eq!(background("light"), "rgb(255, 255, 255)");
    assert_ne!(background("dark"), background("light"));
    assert_eq!(
        found["paper"]["background"], "rgb(255, 255, 255)",
        "paper is white, whatever the screen is"
    );
    assert_eq!(found["paper"]["pdf"], "%PDF-");
}

#[test]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    let reports = reports();
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed");
    promtool
        .stdin
        .take()
        .expect("stdin is a pipe")
        .write_all(reports.metrics.as_bytes())
        .expect("promtool reads");
    let output = promtool.wait_with_output().expect("the child is ours");
    assert_success(&output);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(reports.metrics.contains("wsbench_run_response_seconds_bucket"));
}

#[test]
fn no_report_holds_a_secret() {
    let reports = reports();
    let mut places = vec![
        ("the terminal".to_owned(), reports.output.clone()),
        ("the metrics".to_owned(), reports.metrics.clone()),
    ];
    places.extend(FORMS.iter().map(|form| {
        let name = form.split_once('=').expect("a path").1;
        (name.to_owned(), reports.read(name))
    }));
    for (place, text) in places {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{place} holds {secret}");
        }
    }
    assert!(reports.read("run.html").contains("Authorization: ***"));
}

#[test]
fn an_earlier_run_is_rendered_again_just_as_it_was() {
    let reports = reports();
    let again = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = wsbench();
    command
        .current_dir(again.path())
        .arg("report")
        .arg(reports.path().join("run.json"));
    for form in FORMS {
        command.args(["--out", form]);
    }
    assert_success(&command.output().expect("wsbench starts"));
    for form in FORMS {
        let name = form.split_once('=').expect("a path").1;
        let text = fs::read_to_string(again.path().join(name)).expect("it was written");
        assert!(text == reports.read(name), "{name} differs");
    }
}

#[test]
fn a_summary_that_breaks_off_is_named_and_said_to() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("half.json");
    let whole = reports().read("run.json");
    // Between two lines: the halves of a character or of a number would be wrong in ways of their own.
    let half = whole[..whole.floor_char_boundary(whole.len() / 2)]
        .rfind('\n')
        .expect("it has lines");
    fs::write(&path, &whole[..half]).expect("there is room");
    let output = wsbench()
        .arg("report")
        .arg(&path)
        .output()
        .expect("wsbench starts");
    assert_eq!(output.status.code(), Some(BAD_CONFIGURATION));
    let error = String::from_utf8_lossy(&output.stderr);
    let told = ["half.json", "breaks off in the middle", "at line"];
    assert!(told.iter().all(|part| error.contains(part)), "{error}");
}

#[test]
fn a_full_disk_and_a_missing_folder_lose_no_result() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let output = wsbench()
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .args([
            "run",
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/echo.yaml"),
            "--quiet",
        ])
        .args([
            "-e",
            "duration=100ms",
            "--workers",
            "1",
            "--target",
            "ws://127.0.0.1:1/",
        ])
        .args([
            "--out",
            "html=/dev/full",
            "--out",
            "json=missing/run.json",
            "--out",
            "markdown=run.md",
        ])
        .output()
        .expect("wsbench starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("/dev/full") && error.contains("No space left"),
        "{error}"
    );
    assert!(
        error.contains("missing/run.json") && error.contains("No such file"),
        "{error}"
    );
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("target unreachable"),
        "the text was printed"
    );
    assert!(folder.path().join("run.md").is_file(), "the others were written");
    let kept = error
        .split("the results are kept in ")
        .nth(1)
        .and_then(|rest| rest.split(';').next())
        .expect("it says where the results are");
    let output = wsbench().args(["report", kept]).output().expect("wsbench starts");
    assert_success(&output);
}

#[test]
fn a_run_that_passed_but_has_no_report_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let summary = reports().path().join("run.json");
    let output = wsbench()
        .current_dir(folder.path())
        .arg("report")
        .arg(summary)
        .args(["--html", "/dev/full", "--csv", "run.csv"])
        .output()
        .expect("wsbench starts");
    assert_eq!(output.status.code(), Some(REPORT_NOT_WRITTEN));
    assert!(folder.path().join("run.csv").is_file());
}
