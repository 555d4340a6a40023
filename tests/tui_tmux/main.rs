//! The full-screen views in a real terminal: every key, and a terminal that is as it was whatever happens.
//!
//! They need tmux, which `scripts/install-test-tools` installs, so they are built with the feature `real-tests` only, which
//! `scripts/test` turns on. Then a missing tmux is a failure. The words on the screens and their order are compared with those
//! in `snapshots`; all that they showed is kept in `target/tmp/screens`.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod screen;

use screen::Terminal;

/// Two groups on the embedded server; longer than any test looks at it.
const LONG: &str = "\
name: screens
target: embedded
stages:
  - {duration: 1s, clients: 20}
  - {duration: 300s, clients: 20}
graceful_stop: 60s
scenarios:
  - name: echoing
    connection: {path: /echo}
    heartbeat: {every: 1s, timeout: 5s}
    flow:
      - every: 200ms
        do: [{send: {text: hello, reply: echo}}]
  - name: telling
    connection: {path: /echo}
    flow:
      - every: 1s
        do: [{send: {text: hello}}]
";

/// The same for a second and a half.
fn short() -> String {
    LONG.replace("300s", "500ms")
        .replace("graceful_stop: 60s", "graceful_stop: 1s")
}

/// A run that has come to its second stage.
fn running(name: &'static str, variables: &str, flags: &str) -> Terminal {
    let terminal = Terminal::open(name);
    terminal.file("long.yaml", LONG);
    terminal.wsbench(variables, &format!("run long.yaml {flags}"));
    terminal.wait_for("clients 20/20");
    terminal
}

/// The tab that is drawn in reverse.
fn chosen_tab(coloured: &str) -> String {
    let row = coloured.lines().nth(3).unwrap();
    let mut reverse = false;
    let mut tab = String::new();
    for (attributes, text) in row.split("\x1b[").filter_map(|part| part.split_once('m')) {
        let mut attributes = attributes.split(';');
        if attributes
            .clone()
            .any(|attribute| ["", "0", "27"].contains(&attribute))
        {
            reverse = false;
        }
        if attributes.any(|attribute| attribute == "7") {
            reverse = true;
        }
        if reverse {
            tab.push_str(text);
        }
    }
    tab.trim().to_owned()
}

#[test]
fn every_key_does_what_the_help_says() {
    let terminal = running("keys", "", "");
    let screen = terminal.wait_for("running");
    assert!(screen.contains("screens → ws://127.0.0.1:"), "{screen}");
    assert!(screen.contains("stage 2/2 → 20 clients"), "{screen}");
    // From now on every timing has been measured.
    terminal.wait_for("ping ");
    terminal.looks_as_before("overview");
    pages_and_tabs(&terminal);
    help_and_windows(&terminal);
    steering(&terminal);

    terminal.press("f");
    terminal.wait_for("FROZEN");
    terminal.press("Escape");
    terminal.wait_without("FROZEN");

    terminal.resize(140, 44);
    let large = terminal.wait_for("service histogram");
    for panel in [
        "messages",
        "bytes",
        "clients",
        "timings",
        "close codes",
        "errors",
        "thresholds",
        "generator",
        "fan-out",
    ] {
        assert!(large.contains(panel), "{panel} is missing:\n{large}");
    }
    terminal.headed_as_before("large");
    terminal.resize(80, 24);
    terminal.wait_without("service histogram");

    // Its loops end with the round that they are in, so the run does too.
    terminal.press("q");
    let (code, text) = terminal.wait_for_the_end();
    assert_eq!(code, 105, "{text}");
}

fn pages_and_tabs(terminal: &Terminal) {
    for (key, panel) in [
        ("2", "response histogram"),
        ("3", "connect phases"),
        ("4", "close codes"),
        ("5", "thresholds"),
        ("1", "messages"),
    ] {
        terminal.press(key);
        terminal.wait_for(panel);
        terminal.looks_as_before(&format!("page-{key}"));
    }
    assert_eq!(chosen_tab(&terminal.coloured()), "all");
    for (key, tab) in [
        ("Tab", "echoing"),
        ("Right", "telling"),
        ("Tab", "all"),
        ("BTab", "telling"),
        ("Left", "echoing"),
        ("Left", "all"),
    ] {
        terminal.press(key);
        terminal.wait_until(tab, |_| chosen_tab(&terminal.coloured()) == tab);
    }
}

fn help_and_windows(terminal: &Terminal) {
    terminal.press("?");
    terminal.wait_for("quit with the full summary");
    terminal.looks_as_before("help");
    terminal.press("Escape");
    terminal.wait_without("quit with the full summary");
    for window in ["last 5m", "whole run", "last 1m"] {
        terminal.press("w");
        terminal.wait_for(window);
    }
    terminal.press("2");
    terminal.wait_for("response histogram");
    terminal.press("t");
    terminal.wait_for("service histogram");
    terminal.press("1");
}

fn steering(terminal: &Terminal) {
    terminal.press("p");
    terminal.wait_for("PAUSED");
    terminal.wait_for("sent 0/s");
    terminal.looks_as_before("paused");
    terminal.press("Space");
    terminal.wait_without("PAUSED");
    terminal.press("+");
    terminal.wait_for("clients 22/22");
    terminal.press("-");
    terminal.wait_for("clients 20/20");
    terminal.wait_for("set to 20");
    terminal.press("0");
    terminal.wait_without("set to 20");
}

#[test]
fn a_run_that_is_over_leaves_its_summary_on_an_intact_terminal() {
    let terminal = Terminal::open("end");
    terminal.file("short.yaml", &short());
    terminal.resize(80, 200);
    terminal.wsbench("", "run short.yaml --allow-invalid");
    terminal.wait_for("running");
    let (code, text) = terminal.wait_for_the_end();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("answered"), "{text}");
}

#[test]
fn a_frozen_picture_stays_until_it_is_let_go() {
    let terminal = Terminal::open("held");
    terminal.file("short.yaml", &short());
    terminal.wsbench("", "run short.yaml --allow-invalid");
    terminal.wait_for("running");
    terminal.press("f");
    terminal.wait_for("ENDED");
    terminal.headed_as_before("ended");
    terminal.press("q");
    assert_eq!(terminal.wait_for_the_end().0, 0);
}

#[test]
fn control_c_interrupts_and_the_terminal_is_intact() {
    let terminal = running("control-c", "", "");
    terminal.press("C-c");
    assert_eq!(terminal.wait_for_the_end().0, 105);
}

#[test]
fn a_signal_ends_the_run_and_the_terminal_is_intact() {
    let terminal = running("signal", "", "");
    terminal.signal(libc::SIGTERM);
    let (code, text) = terminal.wait_for_the_end();
    assert_eq!(code, 105, "{text}");
}

#[test]
fn a_signal_ends_the_look_at_a_frozen_picture() {
    let terminal = Terminal::open("held-signal");
    terminal.file("short.yaml", &short());
    terminal.wsbench("", "run short.yaml --allow-invalid");
    terminal.wait_for("running");
    terminal.press("f");
    terminal.wait_for("ENDED");
    terminal.signal(libc::SIGTERM);
    assert_eq!(terminal.wait_for_the_end().0, 0);
}

#[test]
fn after_a_panic_the_terminal_is_intact_and_shows_the_message() {
    let terminal = Terminal::open("panic");
    terminal.file("long.yaml", LONG);
    terminal.resize(80, 200);
    terminal.wsbench("WSBENCH_TEST_PANIC=run", "run long.yaml");
    let (code, text) = terminal.wait_for_the_end();
    assert_eq!(code, 101, "{text}");
    assert!(text.contains("a test asked for a panic of the run"), "{text}");
}

#[test]
fn a_panic_of_the_view_leaves_the_run_and_the_terminal_intact() {
    let terminal = Terminal::open("panic-view");
    terminal.file("short.yaml", &short());
    terminal.resize(80, 200);
    terminal.wsbench("WSBENCH_TEST_PANIC=view", "run short.yaml --allow-invalid");
    let (code, text) = terminal.wait_for_the_end();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("a test asked for a panic of the view"), "{text}");
    assert!(text.contains("answered"), "the summary is missing: {text}");
}

#[test]
fn no_color_draws_without_colours() {
    let colours = |text: &str| ["\x1b[3", "\x1b[9"].map(|start| text.matches(start).count());
    let terminal = running("colour", "", "");
    let coloured = terminal.coloured();
    assert!(colours(&coloured)[0] > 10, "{coloured:?}");
    let terminal = running("no-colour", "NO_COLOR=1", "");
    let plain = terminal.coloured();
    // 39 is the default colour.
    assert_eq!(colours(&plain.replace("\x1b[39m", ""))[0], 0, "{plain:?}");
}

#[test]
fn without_the_view_a_terminal_gets_lines_of_progress() {
    let terminal = Terminal::open("no-tui");
    terminal.file("long.yaml", LONG);
    terminal.wsbench("", "run long.yaml --no-tui");
    terminal.wait_for("20/20 clients");
    // The line is longer than the terminal is wide.
    let text = terminal.wait_for("p99 ");
    assert!(!text.contains("? help"), "{text}");
    terminal.press("C-c");
    assert_eq!(terminal.wait_for_the_end().0, 105);

    let terminal = Terminal::open("piped");
    terminal.file("short.yaml", &short());
    terminal.resize(80, 200);
    terminal.wsbench("", "run short.yaml --allow-invalid 2>&1 | cat");
    let (code, text) = terminal.wait_for_the_end();
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("? help"), "{text}");
}

#[test]
fn a_server_shows_who_is_connected_and_stops() {
    let terminal = Terminal::open("serve");
    terminal.file("long.yaml", LONG);
    terminal.wsbench("", "serve --tui --listen 127.0.0.1:0");
    let screen = terminal.wait_for("serving");
    terminal.wait_for("/echo");
    let at = screen.find("ws://127.0.0.1:").unwrap();
    let url = screen[at..].split_whitespace().next().unwrap();

    let client = Terminal::open("serve-client");
    client.file("long.yaml", LONG);
    client.wsbench("", &format!("run long.yaml --no-tui --target {url}"));
    terminal.wait_for("20 open");
    terminal.looks_as_before("open");
    terminal.press("f");
    terminal.wait_for("FROZEN");
    terminal.press("f");
    terminal.wait_without("FROZEN");
    terminal.press("Down");
    terminal.press("Up");
    client.press("C-c");
    assert_eq!(client.wait_for_the_end().0, 105);
    terminal.wait_for("0 open");
    terminal.wait_for("1001 ×20");
    terminal.looks_as_before("closed");
    terminal.press("q");
    assert_eq!(terminal.wait_for_the_end().0, 0);
}

#[test]
fn a_signal_stops_a_server_and_the_terminal_is_intact() {
    let terminal = Terminal::open("serve-signal");
    terminal.wsbench("", "serve --tui --listen 127.0.0.1:0");
    terminal.wait_for("serving");
    terminal.signal(libc::SIGTERM);
    assert_eq!(terminal.wait_for_the_end().0, 0);
}
