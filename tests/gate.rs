//! The gate as a script sees it: what is printed, and the exit code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use wsbench::exit::ExitCode;
use wsbench::gate::Baseline;

/// A short run with replies enough for a median, and a place for the key under test.
const SCENARIO: &str = "\
name: short
stages: [{duration: 0s, clients: 5}, {duration: 300ms, clients: 5}]
graceful_stop: 1s
connection: {path: /echo}
flow:
  - connect
  - repeat: 20
    do:
      - send: {text: hello, reply: echo}
";

/// Whether a comparison says that it had too few runs. How many of them it could use is the machine's doing: one in
/// which the speed changed is left out.
fn says_too_few(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    words
        .join(" ")
        .contains(" are too few: with so few, chance alone")
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("short.yaml", SCENARIO);
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wsbench"));
        command
            .args(arguments.split('|'))
            .current_dir(self.path())
            .env("TMPDIR", self.path())
            .env_remove("WSBENCH_TARGET");
        command
    }

    /// What the command printed on both outputs, after its exit code was checked.
    fn wsbench(&self, arguments: &str, code: ExitCode) -> String {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        assert_eq!(
            status.code(),
            Some(i32::from(code.number())),
            "{arguments}: {text}"
        );
        text
    }
}

#[test]
fn thresholds_of_file_and_flag_decide_about_the_exit_code() {
    let place = Place::new();
    place.write(
        "limits.yaml",
        &format!("{SCENARIO}thresholds:\n  response_time: p(95)<1h\n"),
    );
    let text = place.wsbench(
        "run|limits.yaml|-q|--summary-export|run.json|--threshold|errors: count==0",
        ExitCode::Ok,
    );
    assert!(
        text.contains("✓ response_time: p(95)<1h, is ") && text.contains("✓ errors: count==0, is 0"),
        "{text}"
    );

    let text = place.wsbench(
        "run|limits.yaml|-q|--threshold|messages_sent: count<10",
        ExitCode::ThresholdCrossed,
    );
    assert!(
        text.contains("not within its thresholds") && text.contains("✗ messages_sent: count<10, is "),
        "{text}"
    );

    let summary: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(place.path().join("run.json")).unwrap()).unwrap();
    assert_eq!(summary["thresholds"]["verdict"], "passed");
    assert_eq!(summary["thresholds"]["results"][0]["metric"], "response_time");
}

#[test]
fn a_threshold_ends_the_run() {
    let place = Place::new();
    let endless = SCENARIO
        .replace("300ms", "10m")
        .replace("repeat: 20", "repeat: forever");
    place.write("endless.yaml", &endless);
    let text = place.wsbench(
        "run|endless.yaml|-q|--threshold|messages_sent: count<100; abort_on_fail",
        ExitCode::ThresholdCrossed,
    );
    assert!(
        text.contains("stopped early by the threshold messages_sent: count<100, which is "),
        "{text}"
    );
    assert!(text.contains("it ended the run"), "{text}");
}

#[test]
fn a_wrong_threshold_is_told_with_its_place_before_anything_runs() {
    let place = Place::new();
    place.write(
        "typo.yaml",
        &format!("{SCENARIO}thresholds:\n  respons_time: p(95)<1h\n"),
    );
    let text = place.wsbench("run|typo.yaml", ExitCode::BadConfiguration);
    assert!(
        text.contains("typo.yaml:11:3: unknown metric `respons_time`; did you mean `response_time`?"),
        "{text}"
    );
    let text = place.wsbench(
        "run|short.yaml|--threshold|errors: cuont==0",
        ExitCode::BadConfiguration,
    );
    assert!(
        text.contains("did you mean `count`?") && text.contains("\n          ^"),
        "{text}"
    );
}

#[test]
fn a_baseline_is_saved_listed_shown_and_compared() {
    let place = Place::new();
    let text = place.wsbench("baseline|save|main|short.yaml|--repeat|2", ExitCode::Ok);
    assert!(
        text.contains("2/2: p(50) ") && text.contains("saved as reports/baselines/main.json"),
        "{text}"
    );
    let file = place.path().join("reports/baselines/main.json");
    let baseline = Baseline::from_json(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        (baseline.repeats.len(), baseline.target.as_str()),
        (2, "embedded")
    );

    let text = place.wsbench("baseline|list", ExitCode::Ok);
    assert!(
        text.starts_with("main: short against embedded, 2 runs at "),
        "{text}"
    );
    assert!(
        place
            .wsbench("baseline|show|main", ExitCode::Ok)
            .contains("run 2: p(50) ")
    );

    let text = place.wsbench("compare|main|main", ExitCode::CannotTell);
    assert!(says_too_few(&text), "{text}");
    place.write("other.yaml", &SCENARIO.replace("repeat: 20", "repeat: 21"));
    let text = place.wsbench(
        "compare|main|embedded|--scenario|other.yaml|--repeat|2|--export|c.json",
        ExitCode::CannotTell,
    );
    assert!(
        text.contains("not comparable: the scenario `short` was changed"),
        "{text}"
    );
    let comparison: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(place.path().join("c.json")).unwrap()).unwrap();
    assert_eq!(comparison["verdict"], "cannot_tell");
    assert_eq!(comparison["differences"][0]["what"], "scenario");
}

#[test]
fn a_baseline_that_cannot_be_used_is_refused_with_the_reason() {
    let place = Place::new();
    place.write("cut.json", "{\"schema\": \"wsbench.baseline/1\", \"name\": \"c");
    place.write("old.json", "{\"schema\": \"wsbench.baseline/0\"}");
    for (file, reason) in [
        ("cut.json", "cut.json: it breaks off in the middle"),
        (
            "old.json",
            "old.json: it has the form `wsbench.baseline/0`, and this wsbench reads `wsbench.baseline/1`",
        ),
        ("none.json", "none.json"),
    ] {
        let text = place.wsbench(
            &format!("compare|{file}|embedded|--scenario|short.yaml"),
            ExitCode::BadConfiguration,
        );
        assert!(text.contains(reason), "{text}");
    }
    let text = place.wsbench("compare|embedded|embedded", ExitCode::BadConfiguration);
    assert!(text.contains("`--scenario FILE`"), "{text}");
}

#[test]
fn runs_that_do_not_complete_are_not_saved_and_keep_their_exit_code() {
    let place = Place::new();
    let text = place.wsbench(
        "baseline|save|main|short.yaml|--repeat|2|--target|ws://127.0.0.1:1",
        ExitCode::TargetUnreachable,
    );
    assert!(
        text.contains("run 1 of 2 against ws://127.0.0.1:1 ended as target unreachable"),
        "{text}"
    );
    assert!(!place.path().join("reports/baselines/main.json").exists());

    place.write("file", "in the way");
    let text = place.wsbench(
        "baseline|save|main|short.yaml|--baselines|file",
        ExitCode::ReportNotWritten,
    );
    assert!(text.contains("cannot write baselines to file"), "{text}");
}

/// The kernel's device that is always full, under a name in the folder.
#[cfg(target_os = "linux")]
fn full(place: &Place, name: &str) {
    let path = place.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", path).unwrap();
}

/// The file that a message names behind `words`.
fn named_behind(words: &str, text: &str) -> String {
    let (_, rest) = text.split_once(words).unwrap();
    rest.split([';', '\n']).next().unwrap().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_loses_no_result() {
    let place = Place::new();
    full(&place, "full.json");
    // Nobody may make files in /sys, not even root.
    let text = place.wsbench(
        "run|short.yaml|-q|--allow-invalid|--out|json=full.json|--out|csv=/sys/run.csv|--out|text=no/run.txt|--out|markdown=run.md",
        ExitCode::ReportNotWritten,
    );
    assert!(text.contains("full.json`: No space left on device"), "{text}");
    assert!(text.contains("/sys/run.csv`: Permission denied"), "{text}");
    assert!(text.contains("no/run.txt`: No such file"), "{text}");
    assert!(text.contains("✓ short: completed"), "{text}");
    assert!(place.path().join("run.md").exists());
    let kept = named_behind("the results are kept in ", &text);
    let again = place.wsbench(&format!("report|{kept}"), ExitCode::Ok);
    assert!(again.contains("✓ short: completed"), "{again}");

    // What the run itself has to say outranks it.
    place.wsbench(
        "run|short.yaml|-q|--allow-invalid|--threshold|messages_sent: count<10|--out|json=full.json",
        ExitCode::ThresholdCrossed,
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_output_is_told_and_loses_nothing() {
    let place = Place::new();
    let on_a_full_disk = |arguments: &str| {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command(arguments).stdout(full).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = on_a_full_disk("run|short.yaml|-q|--allow-invalid");
    assert_eq!(
        code,
        Some(i32::from(ExitCode::ReportNotWritten.number())),
        "{text}"
    );
    assert!(
        text.contains("cannot write to standard output: No space left"),
        "{text}"
    );
    let kept = named_behind("the results are kept in ", &text);
    let report = format!("report|{kept}");
    for arguments in [&report, "schema", "run|short.yaml|--dry-run", "baseline|list"] {
        let (code, text) = on_a_full_disk(arguments);
        assert_eq!(
            code,
            Some(i32::from(ExitCode::ReportNotWritten.number())),
            "{text}"
        );
        assert!(text.contains("standard output: No space left"), "{text}");
    }
}

#[test]
fn a_reader_who_has_gone_has_read_enough() {
    let place = Place::new();
    for arguments in [
        "schema",
        "man|--markdown",
        "completions|bash",
        "run|short.yaml|--dry-run",
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.command(arguments).stdout(writer).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), text.as_str()),
            (Some(0), ""),
            "{arguments}"
        );
    }
}

#[test]
fn reports_that_cannot_be_are_refused_before_the_run() {
    let place = Place::new();
    for (arguments, reason) in [
        (
            "run|short.yaml|--out|json=same|--out|csv=./same",
            "two reports go to ./same",
        ),
        (
            "run|short.yaml|--summary-export|same|--out|csv=same",
            "two reports go to same",
        ),
        ("baseline|save||short.yaml|--repeat|2", "a baseline needs a name"),
    ] {
        let text = place.wsbench(arguments, ExitCode::BadConfiguration);
        assert!(text.contains(reason), "{text}");
        assert!(!place.path().join("same").exists());
    }
}

#[test]
fn times_that_no_run_can_have_are_told_and_written_to_no_log() {
    let place = Place::new();
    place.wsbench(
        "run|short.yaml|-q|--allow-invalid|--out|json=run.json",
        ExitCode::Ok,
    );
    let text = fs::read_to_string(place.path().join("run.json")).unwrap();
    for (field, value) in [("at_s", 1e300), ("at_s", -5.0), ("length_s", 1e20)] {
        let mut run: serde_json::Value = serde_json::from_str(&text).unwrap();
        run["series"]["points"][0][field] = value.into();
        place.write("edited.json", &run.to_string());
        let text = place.wsbench("report|edited.json|--hlog|run.hlog", ExitCode::ReportNotWritten);
        assert!(text.contains("cannot write the histograms"), "{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_baseline_that_cannot_be_written_is_kept_elsewhere() {
    let place = Place::new();
    full(&place, "reports/baselines/main.json");
    let text = place.wsbench(
        "baseline|save|main|short.yaml|--repeat|2",
        ExitCode::ReportNotWritten,
    );
    assert!(text.contains("main.json`: No space left on device"), "{text}");
    assert!(
        text.contains("run 2: p(50) ") && !text.contains("saved as"),
        "{text}"
    );
    let kept = named_behind("it is kept in ", &text);
    full(&place, "c.json");
    // Too few runs to tell, which outranks the file.
    let text = place.wsbench(
        &format!("compare|{kept}|{kept}|--export|c.json"),
        ExitCode::CannotTell,
    );
    assert!(says_too_few(&text), "{text}");
    let kept = named_behind("it is kept in ", &text);
    let comparison: serde_json::Value = serde_json::from_str(&fs::read_to_string(kept).unwrap()).unwrap();
    assert_eq!(comparison["verdict"], "cannot_tell");
}

#[test]
fn a_summary_that_cannot_be_used_is_refused_with_the_reason() {
    let place = Place::new();
    place.wsbench(
        "run|short.yaml|-q|--allow-invalid|--out|json=run.json",
        ExitCode::Ok,
    );
    let text = fs::read_to_string(place.path().join("run.json")).unwrap();
    place.write("cut.json", &text[..text.len() / 2]);
    place.write(
        "old.json",
        &text.replace("wsbench.summary/1", "wsbench.summary/0"),
    );
    place.write("text.json", "no JSON");
    for (file, reason) in [
        ("cut.json", "cut.json: it breaks off"),
        ("old.json", "`wsbench.summary/0`"),
        ("text.json", "text.json: "),
        ("none.json", "cannot read none.json"),
    ] {
        let text = place.wsbench(
            &format!("report|{file}|--html|run.html"),
            ExitCode::BadConfiguration,
        );
        assert!(text.contains(reason), "{text}");
        assert!(!place.path().join("run.html").exists());
    }
}
