//! A terminal that nobody here wrote: a shell in tmux, which a test types into and reads from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use regex::Regex;

/// Within this a screen shows what a test waits for, on a machine that is busy with other tests too.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

static SERVERS: AtomicU32 = AtomicU32::new(0);

/// A tmux server of its own with one shell. It ends with the test.
pub(crate) struct Terminal {
    socket: String,
    name: &'static str,
    pub(crate) folder: tempfile::TempDir,
}

impl Terminal {
    /// A shell in an empty folder, on a terminal of 80 columns and 24 rows. `name` is the test's.
    pub(crate) fn open(name: &'static str) -> Self {
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let terminal = Self {
            socket: format!("wsbench-test-{}-{number}", std::process::id()),
            name,
            folder: tempfile::tempdir().unwrap(),
        };
        let folder = terminal.folder.path().display().to_string();
        let shell = "env -u NO_COLOR -u COLORTERM -u RUST_BACKTRACE TERM=screen-256color PS1='ready$ ' sh";
        terminal.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "-c",
            &folder,
            shell,
        ]);
        terminal.wait_for("ready$");
        terminal
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-L", &self.socket])
            .args(arguments)
            .output()
            .expect("tmux is missing: run scripts/install-test-tools");
        assert!(output.status.success(), "tmux {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types a line and Return.
    pub(crate) fn enter(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.press("Enter");
    }

    /// Starts wsbench in the shell; its exit code will be shown as `code=N`.
    pub(crate) fn wsbench(&self, variables: &str, arguments: &str) {
        let program = env!("CARGO_BIN_EXE_wsbench");
        // The shell's own process becomes wsbench's, so that a signal can find it.
        self.enter(&format!(
            "clear; sh -c 'echo $$ >pid; exec env {variables} {program} {arguments}'; echo code=$?"
        ));
    }

    /// Presses a key by tmux's name of it.
    pub(crate) fn press(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    pub(crate) fn resize(&self, width: u16, height: u16) {
        self.tmux(&[
            "resize-window",
            "-x",
            &width.to_string(),
            "-y",
            &height.to_string(),
        ]);
    }

    /// What the terminal shows, as text.
    pub(crate) fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// What the terminal shows, with the escape sequences of its colours.
    pub(crate) fn coloured(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Waits until the terminal shows `expected`, and returns all that it shows then.
    pub(crate) fn wait_for(&self, expected: &str) -> String {
        self.wait_until(expected, |text| text.contains(expected))
    }

    /// Waits until the terminal does not show `unwanted` any more.
    pub(crate) fn wait_without(&self, unwanted: &str) -> String {
        self.wait_until(&format!("no {unwanted}"), |text| !text.contains(unwanted))
    }

    pub(crate) fn wait_until(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            text = self.text();
            if is_it(&text) {
                return text;
            }
            thread::park_timeout(LOOK_EVERY);
        }
        panic!("{}: waited in vain for '{what}':\n{text}", self.name);
    }

    /// Keeps the screen for people, as `target/tmp/screens/TEST-STEP.txt`.
    pub(crate) fn keep(&self, step: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screens");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{}-{step}.txt", self.name)), self.text()).unwrap();
    }

    /// Keeps the screen and compares its words and their places with those of before: see [`words`].
    pub(crate) fn looks_as_before(&self, step: &str) {
        self.keep(step);
        self.compare(step, &words(&self.text()));
    }

    /// The same of the headings of panels only, for a screen with panels about the machine.
    pub(crate) fn headed_as_before(&self, step: &str) {
        self.keep(step);
        let heading = Regex::new(r"([^\n\u{2500}-\u{259f}]+) \u{2500}").unwrap();
        let text = self.text();
        let headings: Vec<&str> = heading
            .captures_iter(&text)
            .map(|found| found.get(1).unwrap().as_str().trim())
            .collect();
        self.compare(step, &words(&headings.join("\n")));
    }

    fn compare(&self, step: &str, words: &str) {
        insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(format!("{}-{step}", self.name), words);
        });
    }

    /// Sends a signal to wsbench.
    pub(crate) fn signal(&self, signal: i32) {
        let pid = fs::read_to_string(self.folder.path().join("pid")).unwrap();
        // SAFETY: `kill` takes two integers, and the process is a child of this test's shell, which has not seen its end.
        assert_eq!(unsafe { libc::kill(pid.trim().parse().unwrap(), signal) }, 0);
    }

    /// A file in the shell's folder.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Waits for the end of wsbench and checks that the terminal is as it was: the ordinary screen, a cursor, line editing,
    /// echo. Returns the exit code and all that was printed.
    pub(crate) fn wait_for_the_end(&self) -> (i32, String) {
        let code = |text: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix("code=")?.trim().parse().ok())
        };
        let text = self.wait_until("code=", |text| code(text).is_some());
        let state = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(state.trim(), "0 1", "alternate screen, cursor");
        self.enter("stty -a >modes.new; mv modes.new modes");
        let file = self.folder.path().join("modes");
        self.wait_until("the modes of the terminal", |_| file.exists());
        let modes = fs::read_to_string(file).unwrap();
        for mode in ["icanon", "echo", "isig", "icrnl", "opost"] {
            assert!(
                modes.split([' ', ';', '\n']).any(|word| word == mode),
                "no {mode}: {modes}"
            );
        }
        (code(&text).unwrap(), text)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = Command::new("tmux")
            .args(["-L", &self.socket, "kill-server"])
            .output();
    }
}

/// What of a screen is the same in each run: its words, line by line, without figures, units, charts and the panel about
/// the generator, which depends on the machine.
fn words(text: &str) -> String {
    let figure = Regex::new(r"\b(p|×)?\d[\d.,:]*\s?([kM]?B/s|/s|[µmn]?s\b|m\b|%)?|[×✓✗!]").unwrap();
    let is_drawn = |c: char| matches!(c, '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}' | '•');
    let is_word = |word: &&str| word.chars().any(|c| !matches!(c, '-' | '+' | '/' | '.'));
    let line = |line: &str| {
        let line = figure.replace_all(line, " ").replace(is_drawn, " ");
        let words: Vec<&str> = line.split_whitespace().filter(is_word).collect();
        words.join(" ")
    };
    let above = text.split("\ngenerator ").next().unwrap();
    let lines: Vec<String> = above.lines().map(line).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}
