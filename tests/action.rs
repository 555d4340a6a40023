//! The GitHub Action: its steps are run as a runner does it, by bash, in order, with files for outputs and the summary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

const SCENARIO: &str = "\
name: smoke
variables: {text: hello}
stages: [{duration: 0s, clients: 3}, {duration: 200ms, clients: 3}]
connection: {path: /echo}
flow:
  - connect
  - repeat: 5
    do:
      - send: {text: \"${text}\", reply: echo}
thresholds:
  flows_failed: rate<1%
";

#[derive(Deserialize)]
struct Action {
    inputs: BTreeMap<String, Input>,
    outputs: BTreeMap<String, ActionOutput>,
    runs: Runs,
}

#[derive(Deserialize)]
struct Input {
    default: Option<String>,
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize)]
struct ActionOutput {
    value: String,
}

#[derive(Deserialize)]
struct Runs {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    name: String,
    id: Option<String>,
    r#if: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    run: Option<String>,
    uses: Option<String>,
    #[serde(default)]
    with: BTreeMap<String, String>,
}

/// What a job sees of a step that uses the action.
struct Job {
    folder: TempDir,
    /// Names of the steps that were run, or whose action would have been.
    steps: Vec<String>,
    outputs: BTreeMap<String, String>,
    summary: String,
    log: String,
    /// Of the first step that failed.
    code: i32,
}

/// A runner in a workspace of its own.
struct Runner {
    folder: TempDir,
    inputs: BTreeMap<String, String>,
    steps: BTreeMap<String, BTreeMap<String, String>>,
    path: String,
}

impl Runner {
    fn new(inputs: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("smoke.yaml"), SCENARIO).unwrap();
        for name in ["temp", "bin"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            inputs: inputs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            steps: BTreeMap::new(),
            path: std::env::var("PATH").unwrap(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Carries out the action up to the first step that fails.
    fn run(mut self) -> Job {
        let action: Action =
            serde_saphyr::from_str(&fs::read_to_string(root().join("action.yml")).unwrap()).unwrap();
        for name in self.inputs.keys() {
            assert!(action.inputs.contains_key(name), "the action has no input {name}");
        }
        for (name, input) in &action.inputs {
            assert!(
                !input.required || self.inputs.contains_key(name),
                "{name} is needed"
            );
            let default = input.default.clone().unwrap_or_default();
            self.inputs.entry(name.clone()).or_insert(default);
        }
        fs::write(self.file("summary"), "").unwrap();
        let (mut steps, mut log, mut code) = (Vec::new(), String::new(), 0);
        for step in &action.runs.steps {
            if !step.r#if.as_deref().is_none_or(|condition| self.holds(condition)) {
                continue;
            }
            steps.push(step.name.clone());
            let Some(script) = &step.run else {
                assert_eq!(step.uses.as_deref(), Some("actions/cache@v4"), "{}", step.name);
                step.with.values().for_each(|value| {
                    self.expand(value);
                });
                continue;
            };
            let (ended, text) = self.step(step, script);
            log.push_str(&text);
            if ended != 0 {
                code = ended;
                break;
            }
        }
        let outputs = action.outputs.iter();
        let outputs = outputs
            .map(|(name, output)| (name.clone(), self.expand(&output.value)))
            .collect();
        Job {
            summary: fs::read_to_string(self.file("summary")).unwrap(),
            folder: self.folder,
            steps,
            outputs,
            log,
            code,
        }
    }

    fn step(&mut self, step: &Step, script: &str) -> (i32, String) {
        assert!(
            !script.contains("${{"),
            "{}: inputs in a script are code",
            step.name
        );
        let file = self.file("step.sh");
        fs::write(&file, script).unwrap();
        fs::write(self.file("output"), "").unwrap();
        // `shell: bash` of GitHub's runner.
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(&file)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", self.folder.path())
            .env("CI", "true")
            .env("GITHUB_OUTPUT", self.file("output"))
            .env("GITHUB_STEP_SUMMARY", self.file("summary"))
            .envs(step.env.iter().map(|(name, value)| (name, self.expand(value))))
            .output()
            .unwrap();
        let written = fs::read_to_string(self.file("output")).unwrap();
        let pairs = written.lines().map(|line| line.split_once('=').unwrap());
        let pairs = pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if let Some(id) = &step.id {
            self.steps.insert(id.clone(), pairs);
        }
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    /// `inputs.NAME == 'TEXT'`.
    fn holds(&self, condition: &str) -> bool {
        let (left, right) = condition.split_once(" == ").unwrap();
        self.value(left) == right.trim_matches('\'')
    }

    fn expand(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${{") {
            let (expression, behind) = after.split_once("}}").unwrap();
            out.push_str(before);
            out.push_str(&self.value(expression.trim()));
            rest = behind;
        }
        out + rest
    }

    /// The part of GitHub's expressions that the action uses.
    fn value(&self, expression: &str) -> String {
        if let Some((left, right)) = expression.split_once(" || ") {
            let left = self.value(left);
            return if left.is_empty() { self.value(right) } else { left };
        }
        if let Some(arguments) = expression
            .strip_prefix("format('")
            .and_then(|rest| rest.strip_suffix(')'))
        {
            let (format, argument) = arguments.split_once("', ").unwrap();
            return format.replace("{0}", &self.value(argument));
        }
        let parts: Vec<&str> = expression.split('.').collect();
        match parts[..] {
            ["inputs", name] => self.inputs[name].clone(),
            ["steps", id, "outputs", name] => {
                let outputs = self.steps.get(id);
                outputs
                    .and_then(|outputs| outputs.get(name))
                    .cloned()
                    .unwrap_or_default()
            }
            ["github", "action_path"] => root().display().to_string(),
            ["runner", "temp"] => self.file("temp").display().to_string(),
            ["runner", "os"] => "Linux".to_owned(),
            ["runner", "arch"] => "X64".to_owned(),
            _ => panic!("the test does not know `{expression}`"),
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The action with the binary under test; on a busy machine the generator may be late.
fn action(inputs: &[(&str, &str)]) -> Job {
    let own = [
        ("scenario", "smoke.yaml"),
        ("binary", env!("CARGO_BIN_EXE_wsbench")),
        ("flags", "--allow-invalid"),
    ];
    Runner::new(&[&own, inputs].concat()).run()
}

#[test]
fn a_run_that_passes_passes_the_step_and_writes_its_summary() {
    let job = action(&[
        ("thresholds", "errors: count==0\n\nresponse_time: p(95)<1h\n"),
        ("variables", "text=a b\n"),
    ]);
    assert_eq!(job.code, 0, "{}", job.log);
    assert_eq!(job.outputs["verdict"], "passed");
    assert_eq!(job.outputs["exit-code"], "0");
    for part in ["## ✓ smoke: completed", "errors: count==0", "response\\_time"] {
        assert!(job.summary.contains(part), "{part}: {}", job.summary);
    }
    for file in ["run.html", "run.json", "run.junit.xml", "summary.md"] {
        let path = job.folder.path().join(&job.outputs["reports"]).join(file);
        assert!(fs::metadata(&path).unwrap().len() > 0, "{file}");
    }
    assert!(!job.log.contains("::error"), "{}", job.log);
    assert_eq!(job.steps, ["Run", "Summary", "Verdict"]);
}

#[test]
fn a_crossed_threshold_fails_the_step_and_marks_its_line() {
    let crossed = [("thresholds", "messages_sent: count<1")];
    let job = action(&crossed);
    assert_eq!(job.code, 99, "{}", job.log);
    assert_eq!(job.outputs["verdict"], "threshold-crossed");
    assert!(job.summary.contains("## ✗ smoke"), "{}", job.summary);
    assert!(
        job.log
            .contains("::error file=smoke.yaml,title=smoke%3A messages_sent%3A count<1::"),
        "{}",
        job.log
    );
    let allowed = action(
        &[
            &crossed[..],
            &[
                ("allow-exit-codes", "102 99"),
                ("annotations", "false"),
                ("summary", "false"),
            ],
        ]
        .concat(),
    );
    assert_eq!((allowed.code, allowed.outputs["exit-code"].as_str()), (0, "99"));
    assert_eq!(
        (allowed.summary.as_str(), allowed.log.contains("::error")),
        ("", false)
    );
    // 9 and 990 are other codes.
    let other = action(&[&crossed[..], &[("allow-exit-codes", "9 990")]].concat());
    assert_eq!(other.code, 99);
}

#[test]
fn what_cannot_be_run_is_told_in_the_summary() {
    let job = action(&[("scenario", "smoek.yaml")]);
    assert_eq!((job.code, job.outputs["verdict"].as_str()), (104, "bad-input"));
    assert!(
        job.summary.contains("could not run smoek.yaml"),
        "{}",
        job.summary
    );
    assert!(job.log.contains("did you mean `smoke.yaml`?"), "{}", job.log);
    let job = action(&[("target", "ws://127.0.0.1:1")]);
    assert_eq!((job.code, job.outputs["verdict"].as_str()), (107, "unreachable"));
}

#[test]
fn a_comparison_follows_the_run() {
    let job = action(&[("baseline", "embedded"), ("repeat", "2"), ("margin", "50")]);
    // Two runs of each side are too few to tell anything.
    assert_eq!(
        (job.code, job.outputs["verdict"].as_str()),
        (102, "cannot-tell"),
        "{}",
        job.log
    );
    for part in [
        "## ✓ smoke: completed",
        "## Compared with embedded",
        "? cannot tell",
        "margin",
    ] {
        assert!(job.summary.contains(part), "{part}: {}", job.summary);
    }
    assert!(
        !job.summary.contains("::warning") && job.log.contains("::warning title="),
        "{}",
        job.log
    );
    assert!(
        job.folder
            .path()
            .join("wsbench-reports/comparison.json")
            .is_file()
    );
    let missing = action(&[("baseline", "no-such-baseline")]);
    assert_eq!(
        (missing.code, missing.outputs["verdict"].as_str()),
        (104, "bad-input")
    );
}

#[test]
fn inputs_are_data() {
    let job = action(&[
        (
            "target",
            "ws://127.0.0.1:1/$(touch pwned)`touch pwned`;touch pwned",
        ),
        ("variables", "text=$(touch pwned)\"; touch pwned"),
        ("thresholds", "errors: count<1; touch pwned"),
        ("reports", "a folder; touch pwned"),
    ]);
    assert_ne!(job.code, 0);
    assert!(!job.folder.path().join("pwned").exists());
    assert!(
        job.folder
            .path()
            .join("a folder; touch pwned/summary.md")
            .is_file()
    );
}

#[test]
fn without_a_binary_it_is_built_from_source() {
    let mut runner = Runner::new(&[("scenario", "smoke.yaml"), ("flags", "--allow-invalid")]);
    // What a build comes to, without two minutes of compiling.
    let tool = |name: &str, script: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = runner.file("bin").join(name);
        fs::write(
            &path,
            format!("#!/usr/bin/env bash\necho \"{name} $*\" >>\"$HOME/tools\"\n{script}"),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    tool("rustup", "");
    tool(
        "cargo",
        &format!(
            "mkdir -p \"${{@: -1}}/bin\"\ncp '{}' \"${{@: -1}}/bin/wsbench\"\n",
            env!("CARGO_BIN_EXE_wsbench")
        ),
    );
    runner.path = format!("{}:{}", runner.file("bin").display(), runner.path);
    let job = runner.run();
    assert_eq!(job.code, 0, "{}", job.log);
    assert_eq!(
        job.steps,
        [
            "What this version is made of",
            "Look for an earlier build",
            "Build",
            "Run",
            "Summary",
            "Verdict"
        ]
    );
    let tools = fs::read_to_string(job.folder.path().join("tools")).unwrap();
    let rust = env!("CARGO_PKG_RUST_VERSION");
    let temp = job.folder.path().join("temp/wsbench");
    assert_eq!(
        tools,
        format!(
            "rustup toolchain install {rust} --profile minimal\ncargo +{rust} install --locked --path {} --root {}\n",
            root().display(),
            temp.display()
        )
    );
}
