//! The command line as people and scripts meet it: words, variables, help, exit codes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;

const USAGE: i32 = 2;
const BAD_CONFIGURATION: i32 = 104;
const UNREACHABLE: i32 = 107;
const COMMANDS: [&[&str]; 14] = [
    &[],
    &["run"],
    &["compare"],
    &["baseline"],
    &["baseline", "save"],
    &["baseline", "list"],
    &["baseline", "show"],
    &["report"],
    &["validate"],
    &["schema"],
    &["import"],
    &["serve"],
    &["connect"],
    &["man"],
];

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs wsbench in the root of the tree, with these variables and no others of its own.
fn wsbench(variables: &[(&str, &str)], words: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wsbench"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WSBENCH_") {
            command.env_remove(name);
        }
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs(variables.iter().copied())
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        code: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

#[test]
fn typos_are_answered_with_the_nearest_word() {
    let folder = tempfile::tempdir().unwrap();
    let baselines = folder.path().to_str().unwrap();
    fs::write(folder.path().join("main.json"), "{}").unwrap();
    for (words, code, answer) in [
        (&["rnu", "x.yaml"][..], USAGE, "'run'"),
        (&["vaildate"], USAGE, "'validate'"),
        (&["baseline", "lsit"], USAGE, "'list'"),
        (&["run", "x.yaml", "--tagret", "y"], USAGE, "'--target'"),
        (&["serve", "--lisen", "y"], USAGE, "'--listen'"),
        (&["scenarios/iot.yaml"], USAGE, "wsbench run scenarios/iot.yaml"),
        (&["man", "basline", "save"], USAGE, "`baseline save`"),
        (&["schema", "--log-format", "jsn"], BAD_CONFIGURATION, "'json'"),
        (&["schema", "--log", "inof"], BAD_CONFIGURATION, "`info`"),
        (&["completions", "bsh"], BAD_CONFIGURATION, "'bash'"),
        (
            &["run", "scenarios/iott.yaml"],
            BAD_CONFIGURATION,
            "`scenarios/iot.yaml`",
        ),
        (
            &["run", "scenarois/iot.yml"],
            BAD_CONFIGURATION,
            "`scenarios/iot.yaml`",
        ),
        (&["run", "iot.yaml"], BAD_CONFIGURATION, "`scenarios/iot.yaml`"),
        (
            &["validate", "scenarios/ecko.yaml"],
            BAD_CONFIGURATION,
            "`scenarios/echo.yaml`",
        ),
        (
            &["run", "scenarios/iot.yaml", "--out", "htlm=x"],
            BAD_CONFIGURATION,
            "`html`",
        ),
        (
            &["run", "scenarios/iot.yaml", "--threshold", "respons_time: avg<1"],
            BAD_CONFIGURATION,
            "response_time",
        ),
        (
            &["run", "scenarios/echo.yaml", "-e", "cleints=3"],
            BAD_CONFIGURATION,
            "`clients`",
        ),
        (
            &["baseline", "show", "mian", "--baselines", baselines],
            BAD_CONFIGURATION,
            "`main`",
        ),
        (
            &["compare", "mian", "main", "--baselines", baselines],
            BAD_CONFIGURATION,
            "`main`",
        ),
    ] {
        let ended = wsbench(&[], words);
        assert_eq!(ended.code, code, "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(answer), "{words:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{words:?}");
    }
}

#[test]
fn a_negative_number_is_a_wrong_value_and_no_flag() {
    for (flag, value) in [
        ("--scale", "-1"),
        ("--duration-scale", "-0.5"),
        ("--seed", "-3"),
        ("--workers", "-1"),
    ] {
        let ended = wsbench(&[], &["run", "scenarios/iot.yaml", flag, value]);
        assert_eq!(ended.code, BAD_CONFIGURATION, "{flag}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(value) && !ended.stderr.contains("unexpected argument"),
            "{flag}: {}",
            ended.stderr
        );
    }
}

#[test]
fn what_is_missing_or_too_much_is_a_wrong_command_line() {
    for words in [
        &[][..],
        &["run"],
        &["run", "a.yaml", "b.yaml"],
        &["run", "a.yaml", "--target"],
        &["connect", "ws://h/", "-q", "-v"],
        &["connect", "ws://h/", "--cert", "c.pem"],
        &["connect", "ws://h/", "--token-in", "bearer"],
        &["run", "scenarios/echo.yaml", "--dry-run", "--control-token", "x"],
    ] {
        let ended = wsbench(&[], words);
        assert_eq!(ended.code, USAGE, "{words:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty(), "{words:?}");
    }
    for words in [
        &["run", "a.yaml", "--workers", "many"][..],
        &["run", "a.yaml", "-e", "no-equals-sign"],
        &["compare", "a", "b", "--margin", "0"],
    ] {
        assert_eq!(wsbench(&[], words).code, BAD_CONFIGURATION, "{words:?}");
    }
}

#[test]
fn switches_are_turned_on_and_off_by_variables() {
    let validate = |value| wsbench(&[("WSBENCH_QUIET", value)], &["validate", "scenarios/iot.yaml"]);
    for on in ["1", "true", "TRUE", "yes", "on"] {
        assert_eq!(validate(on).stdout, "", "{on}");
    }
    for off in ["0", "false", "no", "Off", ""] {
        assert!(validate(off).stdout.contains(": ok"), "{off}");
    }
    let wrong = validate("maybe");
    assert_eq!(wrong.code, BAD_CONFIGURATION);
    for part in ["'maybe'", "--quiet", "expected 1, true", "variable WSBENCH_QUIET"] {
        assert!(wrong.stderr.contains(part), "{}", wrong.stderr);
    }
}

#[test]
fn a_flag_wins_over_its_variable_and_over_those_that_exclude_it() {
    let plan = |variables: &[(&str, &str)], flags: &[&str]| {
        let words = [&["run", "scenarios/echo.yaml", "--dry-run"], flags].concat();
        let ended = wsbench(variables, &words);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    let environment = [
        ("WSBENCH_TARGET", "ws://127.0.0.1:7001"),
        ("WSBENCH_VAR_clients", "7"),
    ];
    let by_variables = plan(&environment, &[]);
    assert!(by_variables.contains("ws://127.0.0.1:7001"), "{by_variables}");
    assert_eq!(
        by_variables,
        plan(&[], &["--target", "ws://127.0.0.1:7001", "-e", "clients=7"])
    );
    let flags = ["--target", "ws://127.0.0.1:7002", "-e", "clients=8"];
    let by_flags = plan(&environment, &flags);
    assert_eq!(by_flags, plan(&[], &flags));
    assert_ne!(by_flags, by_variables);
    // A variable that needs another one may be meant for another command.
    assert_eq!(plan(&[("WSBENCH_CONTROL_TOKEN", "secret")], &[]), plan(&[], &[]));
    // An empty variable is as good as none.
    assert_eq!(plan(&[("WSBENCH_TARGET", "")], &[]), plan(&[], &[]));

    let connect = |variables: &[(&str, &str)], flags: &[&str]| {
        wsbench(variables, &[&["connect", "ws://127.0.0.1:1/"], flags].concat()).code
    };
    assert_eq!(connect(&[("WSBENCH_QUIET", "1")], &["-v"]), UNREACHABLE);
    assert_eq!(connect(&[("WSBENCH_VERBOSE", "0")], &["-q"]), UNREACHABLE);
    assert_eq!(
        connect(&[("WSBENCH_QUIET", "1"), ("WSBENCH_VERBOSE", "1")], &[]),
        USAGE
    );
    // The server ends at once, for its standard input is at its end.
    let serve = |variables: &[(&str, &str)], flags: &[&str]| {
        let words = [&["serve", "--listen", "127.0.0.1:0", "--exit-with-stdin"], flags].concat();
        wsbench(variables, &words).code
    };
    let elsewhere = [("WSBENCH_TOKEN_FILE", "no/such/file")];
    assert_eq!(serve(&elsewhere, &["--token", "secret"]), 0);
    assert_eq!(serve(&elsewhere, &[]), BAD_CONFIGURATION);
}

#[test]
fn only_one_flag_gets_the_authorization_header() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        listener
            .incoming()
            .map(|stream| {
                let mut stream = stream.unwrap();
                let mut head = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while !head.ends_with("\r\n\r\n") {
                    reader.read_line(&mut head).unwrap();
                }
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
                let line = head.lines().find_map(|line| line.strip_prefix("Authorization: "));
                line.unwrap_or_default().to_owned()
            })
            .take(3)
            .collect::<Vec<_>>()
    });
    let connect = |variables: &[(&str, &str)], flags: &[&str]| {
        wsbench(variables, &[&["connect", &url], flags].concat())
    };
    let bearer = [("WSBENCH_TOKEN", "T"), ("WSBENCH_TOKEN_IN", "bearer")];
    let basic = [("WSBENCH_AUTH", "a:b")];
    for wrong in [
        connect(&[], &["--auth", "a:b", "--token", "T", "--token-in", "bearer"]),
        connect(&[bearer[0], bearer[1], basic[0]], &[]),
        connect(&bearer[..1], &["--auth", "a:b", "--token-in", "bearer"]),
    ] {
        assert_eq!(wrong.code, USAGE, "{}", wrong.stderr);
        assert!(
            wrong.stderr.contains("both want the Authorization header"),
            "{}",
            wrong.stderr
        );
    }
    for right in [
        connect(&bearer, &["--auth", "a:b"]),
        connect(&basic, &["--token", "T", "--token-in", "bearer"]),
        connect(&[], &["--auth", "a:b", "--token", "T"]),
    ] {
        assert_eq!(right.code, UNREACHABLE, "{}", right.stderr);
    }
    assert_eq!(server.join().unwrap(), ["Basic YTpi", "Bearer T", "Basic YTpi"]);
}

#[test]
fn lists_are_read_from_variables() {
    let ended = wsbench(
        &[(
            "WSBENCH_THRESHOLD",
            "errors: count==0\n\nresponse_time{group:nobody}: avg<1\n",
        )],
        &["run", "scenarios/iot.yaml", "--dry-run"],
    );
    assert_eq!(ended.code, BAD_CONFIGURATION, "{}", ended.stderr);
    assert!(ended.stderr.contains("nobody"), "{}", ended.stderr);
    let ended = wsbench(
        &[("WSBENCH_OUT", "html=a.html,pdf=b.pdf")],
        &["run", "scenarios/iot.yaml", "--dry-run"],
    );
    assert_eq!(ended.code, BAD_CONFIGURATION, "{}", ended.stderr);
    assert!(ended.stderr.contains("`pdf`"), "{}", ended.stderr);
}

#[test]
fn a_variable_that_is_nearly_one_of_ours_is_warned_of() {
    let ended = wsbench(
        &[("WSBENCH_TAGRET", "ws://h/")],
        &["validate", "scenarios/iot.yaml"],
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("WSBENCH_TAGRET") && ended.stderr.contains("did you mean WSBENCH_TARGET?"),
        "{}",
        ended.stderr
    );
    let ended = wsbench(
        &[("WSBENCH_TARGET", "ws://h/")],
        &["validate", "scenarios/iot.yaml"],
    );
    assert_eq!(ended.stderr, "");
}

/// The variables that `--help` names, over all commands.
fn variables() -> Vec<String> {
    let mut found: Vec<String> = COMMANDS
        .iter()
        .flat_map(|command| {
            let help = wsbench(&[], &[command, &["--help"][..]].concat()).stdout;
            let names = help.split("[env: ").skip(1);
            names
                .map(|rest| {
                    rest.split([']', '='])
                        .next()
                        .unwrap()
                        .split_whitespace()
                        .collect()
                })
                .collect::<Vec<String>>()
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn help_shows_variables_but_no_value_of_one() {
    let variables = variables();
    assert!(variables.len() > 60, "{variables:?}");
    let secret: Vec<(&str, &str)> = variables.iter().map(|name| (name.as_str(), "geheim")).collect();
    for command in COMMANDS {
        for flag in ["-h", "--help"] {
            let ended = wsbench(&secret, &[command, &[flag][..]].concat());
            assert_eq!(ended.code, 0, "{command:?}: {}", ended.stderr);
            assert!(!ended.stdout.contains("geheim"), "{command:?}: {}", ended.stdout);
        }
    }
}

#[test]
fn the_short_help_is_short_and_the_long_one_teaches() {
    for command in COMMANDS {
        let short = wsbench(&[], &[command, &["-h"][..]].concat()).stdout;
        let long = wsbench(&[], &[command, &["--help"][..]].concat()).stdout;
        assert!(
            !short.contains("WSBENCH_") && !short.contains("Examples:"),
            "{short}"
        );
        assert!(short.contains("Examples, variables and more: "), "{short}");
        assert!(
            long.contains("Examples:\n  # ") && long.contains("More in docs/"),
            "{long}"
        );
        assert!(short.len() < long.len());
    }
    let top = wsbench(&[], &["--help"]).stdout;
    for heading in ["Measure:", "Scenarios:", "Servers:", "Shell:", "Options:"] {
        assert!(top.contains(heading), "{top}");
    }
}

#[test]
fn the_log_goes_to_a_file_if_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.txt");
    let words = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--exit-with-stdin",
        "--log",
        "info",
    ];
    let here = wsbench(&[], &words);
    assert_eq!(here.code, 0, "{}", here.stderr);
    assert!(here.stderr.contains("stopped"), "{}", here.stderr);
    let there = wsbench(&[("WSBENCH_LOG_FILE", file.to_str().unwrap())], &words);
    assert_eq!((there.code, there.stderr.as_str()), (0, ""));
    let log = fs::read_to_string(&file).unwrap();
    assert!(log.contains("stopped") && !log.contains('\u{1b}'), "{log}");
    let nowhere = wsbench(&[("WSBENCH_LOG_FILE", "no/such/folder/log")], &words);
    assert_eq!(nowhere.code, BAD_CONFIGURATION, "{}", nowhere.stderr);
}

#[test]
fn variables_about_other_servers_do_not_reach_the_embedded_one() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("short.yaml");
    fs::write(
        &scenario,
        "name: short\nstages: [{duration: 0s, clients: 1}, {duration: 100ms, clients: 1}]\nconnection: {path: /echo}\n\
         flow: [connect, {send: {text: hello, reply: echo}}]\n",
    )
    .unwrap();
    let elsewhere = [
        ("WSBENCH_PORTS", "1-2"),
        ("WSBENCH_PROXY", "nonsense"),
        ("WSBENCH_HEALTH_LISTEN", "192.0.2.1:1"),
        ("WSBENCH_TLS_SELF_SIGNED", "1"),
        ("WSBENCH_DRY_RUN", "0"),
    ];
    let ended = wsbench(
        &elsewhere,
        &["run", scenario.to_str().unwrap(), "-q", "--allow-invalid"],
    );
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn annotations_are_printed_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("limits.yaml");
    let text = "name: limits\nstages: [{duration: 0s, clients: 1}, {duration: 100ms, clients: 1}]\n\
                connection: {path: /echo}\nflow: [connect, {send: {text: hello, reply: echo}}]\nthresholds:\n  \
                messages_sent: count<1\n";
    fs::write(&scenario, text).unwrap();
    let scenario = scenario.to_str().unwrap();
    let json = folder.path().join("run.json");
    let out = format!("json={}", json.display());
    let words = ["run", scenario, "-q", "--allow-invalid", "--out", &out];
    let expected = format!("::error file={scenario},line=6,title=limits%3A messages_sent%3A count<1::");
    let silent = wsbench(&[("GITHUB_ACTIONS", "true")], &words);
    assert!(
        silent.code == 99 && !silent.stdout.contains("::error"),
        "{}",
        silent.stdout
    );
    let told = wsbench(&[("WSBENCH_ANNOTATIONS", "github")], &words);
    assert!(told.stdout.contains(&expected), "{}", told.stdout);
    let again = wsbench(
        &[],
        &["report", json.to_str().unwrap(), "--annotations", "github"],
    );
    assert!(again.stdout.contains(&expected), "{}", again.stdout);

    fs::write(scenario, text.replace("clients", "cleints")).unwrap();
    let wrong = wsbench(&[], &["run", scenario, "--annotations=github"]);
    assert_eq!(wrong.code, BAD_CONFIGURATION);
    assert!(
        wrong
            .stdout
            .starts_with(&format!("::error file={scenario},line=2,title=wsbench::")),
        "{}",
        wrong.stdout
    );
}

/// What a sourced script offers for a word, as bash itself asks for it.
fn bash_completions(words: &[&str]) -> Vec<String> {
    let script = wsbench(&[], &["completions", "bash"]).stdout;
    let asked = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _wsbench wsbench \"${{COMP_WORDS[COMP_CWORD]}}\" \
         \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len() - 1
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &asked])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    assert_eq!(bash_completions(&["wsbench", "ru"]), ["run"]);
    assert_eq!(bash_completions(&["wsbench", "baseline", "sh"]), ["show"]);
    assert_eq!(bash_completions(&["wsbench", "run", "--thr"]), ["--threshold"]);
    assert_eq!(
        bash_completions(&["wsbench", "schema", "--log-format", "j"]),
        ["json"]
    );
    assert_eq!(
        bash_completions(&["wsbench", "run", "scenarios/iot.y", "--ca", "scenarios/io"]),
        ["scenarios/iot.yaml"]
    );
}

#[test]
fn manual_pages_are_written_or_printed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/man1");
    let ended = wsbench(&[], &["man", "--out", out.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let written = fs::read_to_string(out.join("wsbench-baseline-save.1")).unwrap();
    assert_eq!(wsbench(&[], &["man", "baseline", "save"]).stdout, written);
    assert!(
        written.contains(".SH EXAMPLES") && written.contains("WSBENCH_REPEAT"),
        "{written}"
    );
    assert!(fs::read_dir(&out).unwrap().count() >= COMMANDS.len());
}
