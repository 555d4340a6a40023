//! The terminal fails while a program shows itself on it: it vanishes (its window is closed, the network to it is gone), or
//! it takes nothing more (Ctrl-S, a network that stalls).

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

#[path = "shared/terminal.rs"]
mod terminal;

use terminal::open_terminal;

/// Longer than anything here takes; a test that gets there has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

const ENTER_ALTERNATE_SCREEN: &str = "\x1b[?1049h";
const LEAVE_ALTERNATE_SCREEN: &str = "\x1b[?1049l";

/// `SECONDS` is to be replaced.
const SCENARIO: &str = "\
name: alone
target: embedded
stages: [{duration: SECONDSs, clients: 2}]
graceful_stop: 1s
connection: {path: /echo}
flow:
  - every: 100ms
    do: [{send: {text: hello, reply: echo}}]
";

/// wsbench on a terminal whose outer end is the test's.
struct Program {
    /// Until the terminal vanishes.
    outer: Option<File>,
    screen: String,
    child: Child,
    folder: tempfile::TempDir,
}

impl Program {
    /// Starts it in an empty folder by way of a shell, which does `before` first. Its log is on the terminal too, or else
    /// in the file `log`.
    fn start(before: &str, arguments: &str, log_on_terminal: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for seconds in [3, 300] {
            let text = SCENARIO.replace("SECONDS", &seconds.to_string());
            fs::write(folder.path().join(format!("{seconds}.yaml")), text).unwrap();
        }
        let (outer, inner) = unwaiting_terminal();
        let log = match log_on_terminal {
            true => Stdio::from(inner.try_clone().unwrap()),
            false => File::create(folder.path().join("log")).unwrap().into(),
        };
        let program = env!("CARGO_BIN_EXE_wsbench");
        let child = Command::new("sh")
            .args(["-c", &format!("{before} exec {program} {arguments}")])
            .current_dir(folder.path())
            .env("TERM", "xterm")
            .stdin(inner.try_clone().unwrap())
            .stdout(inner)
            .stderr(log)
            .spawn()
            .unwrap();
        Self {
            outer: Some(outer),
            screen: String::new(),
            child,
            folder,
        }
    }

    /// Reads on until the terminal has shown `text`.
    fn sees(&mut self, text: &str) {
        self.reads(text, |screen| screen.contains(text).then_some(()));
    }

    /// Reads on until the terminal has shown the server's address.
    fn address(&mut self) -> String {
        self.reads("an address", |screen| {
            let (_, rest) = screen.split_once("ws://")?;
            let (address, _) = rest.split_once([' ', '\x1b'])?;
            Some(address.to_owned())
        })
    }

    fn reads<T>(&mut self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        let mut outer = self.outer.as_ref().unwrap();
        let mut buffer = [0; 4096];
        for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
            match outer.read(&mut buffer) {
                Ok(length) => self.screen += &String::from_utf8_lossy(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::park_timeout(LOOK_EVERY),
                Err(error) => panic!("{error} after {:?}", self.screen),
            }
            if let Some(found) = found(&self.screen) {
                return found;
            }
        }
        panic!("no {what} in {:?}", self.screen);
    }

    fn terminal_vanishes(&mut self) {
        drop(self.outer.take().unwrap());
    }

    /// Stops the terminal's output, as Ctrl-S does, or lets it go on.
    fn terminal_output(&self, action: libc::c_int) {
        let inner = File::options()
            .write(true)
            .custom_flags(libc::O_NOCTTY)
            .open(format!("/proc/{}/fd/0", self.child.id()))
            .unwrap();
        // SAFETY: the descriptor is open, and the action one of two numbers.
        assert_eq!(unsafe { libc::tcflow(inner.as_raw_fd(), action) }, 0);
    }

    /// Whether keys come in lines, as they do unless a program wants each by itself.
    fn terminal_reads_lines(&self) -> bool {
        let outer = self.outer.as_ref().unwrap();
        // SAFETY: all zeroes are a termios; the descriptor is open, and the variable live.
        let settings = unsafe {
            let mut settings = std::mem::zeroed::<libc::termios>();
            assert_eq!(libc::tcgetattr(outer.as_raw_fd(), &raw mut settings), 0);
            settings
        };
        settings.c_lflag & libc::ICANON != 0
    }

    fn signal(&self, signal: i32) {
        // SAFETY: `kill` takes two integers; the child is not reaped yet, so the pid is still its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    /// Waits for the end of the thread that draws.
    fn view_ends(&self) {
        let threads = format!("/proc/{}/task", self.child.id());
        let draws = |thread: fs::DirEntry| {
            fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.trim() == "tui")
        };
        until("the view has ended", || {
            !fs::read_dir(&threads)
                .unwrap()
                .any(|thread| draws(thread.unwrap()))
        });
    }

    fn exit_code(&mut self) -> Option<i32> {
        let mut status = None;
        until("the process has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// How the run ended, by the report that was asked for.
    fn outcome(&self) -> String {
        let report: serde_json::Value = serde_json::from_str(&self.file("run.json")).unwrap();
        report["run"]["outcome"].as_str().unwrap().to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
        if is_so() {
            return;
        }
        thread::park_timeout(LOOK_EVERY);
    }
    panic!("in vain: {what}");
}

/// A terminal whose outer end is read without waiting.
fn unwaiting_terminal() -> (File, OwnedFd) {
    let (outer, inner) = open_terminal();
    // SAFETY: the descriptor is open, and the command takes an integer.
    let set = unsafe { libc::fcntl(outer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    assert_eq!(set, 0);
    (outer.into(), inner)
}

/// The first line of a server's answer.
fn answer(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
/// Refused, with a line in the log.
const BAD_UPGRADE: &str = "GET /echo HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
    Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n";
const WELL: &str = "HTTP/1.1 200 OK";

#[test]
fn a_server_goes_on_without_its_view_and_says_so() {
    let mut server = Program::start("", "serve --tui --listen 127.0.0.1:0", false);
    let address = server.address();
    server.terminal_vanishes();
    server.view_ends();
    until("the log says so", || {
        server.file("log").contains("the terminal is gone")
    });
    assert_eq!(answer(&address, HEALTH), WELL);
    server.signal(libc::SIGTERM);
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_log_that_vanished_with_the_terminal_stops_no_server() {
    let mut server = Program::start("", "serve --tui --log debug --listen 127.0.0.1:0", true);
    let address = server.address();
    server.terminal_vanishes();
    server.view_ends();
    for _ in 0..8 {
        assert_eq!(answer(&address, BAD_UPGRADE), "HTTP/1.1 400 Bad Request");
        server.signal(libc::SIGHUP);
        assert_eq!(answer(&address, HEALTH), WELL);
    }
    server.signal(libc::SIGTERM);
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_run_goes_on_without_its_view() {
    let mut run = Program::start("", "run 3.yaml --allow-invalid --out json=run.json", true);
    run.sees("running");
    run.terminal_vanishes();
    assert_eq!(run.exit_code(), Some(0));
    assert_eq!(run.outcome(), "completed");
}

#[test]
fn a_hang_up_signal_ends_a_run_in_order() {
    let mut run = Program::start("", "run 300.yaml --out json=run.json", true);
    run.sees("running");
    run.terminal_vanishes();
    // The system tells the run, and so does the shell that it was started from.
    run.signal(libc::SIGHUP);
    run.signal(libc::SIGHUP);
    assert_eq!(run.exit_code(), Some(105));
    assert_eq!(run.outcome(), "interrupted");
}

#[test]
fn a_run_that_was_told_to_ignore_hang_ups_does() {
    let arguments = "run 3.yaml --allow-invalid --out json=run.json";
    let mut run = Program::start("trap '' HUP;", arguments, true);
    run.sees("running");
    run.terminal_vanishes();
    run.signal(libc::SIGHUP);
    assert_eq!(run.exit_code(), Some(0));
    assert_eq!(run.outcome(), "completed");
}

#[test]
fn a_picture_that_is_held_ends_with_its_terminal() {
    let mut run = Program::start("", "run 3.yaml --allow-invalid --out json=run.json", true);
    run.sees("running");
    run.outer.as_ref().unwrap().write_all(b"f").unwrap();
    run.sees("ENDED");
    run.terminal_vanishes();
    assert_eq!(run.exit_code(), Some(0));
    assert_eq!(run.outcome(), "completed");
}

/// The results must be kept before anybody waits for the terminal.
fn keeps_its_results_although_the_terminal_takes_nothing(arguments: &str, begun: &str) {
    let arguments = format!("run 3.yaml {arguments} --allow-invalid --out json=run.json");
    let mut run = Program::start("", &arguments, true);
    run.sees(begun);
    run.terminal_output(libc::TCOOFF);
    let report = run.folder.path().join("run.json");
    until("the report is there", || report.exists());
    assert_eq!(run.outcome(), "completed");
    assert!(
        run.child.try_wait().unwrap().is_none(),
        "it has its summary to print"
    );
    run.terminal_output(libc::TCOON);
    run.sees("equations hold");
    // What is printed on the view's own screen vanishes with it.
    if let Some(back) = run.screen.find(LEAVE_ALTERNATE_SCREEN) {
        assert!(
            back < run.screen.find("equations hold").unwrap(),
            "{:?}",
            run.screen
        );
    } else {
        assert!(!run.screen.contains(ENTER_ALTERNATE_SCREEN), "{:?}", run.screen);
    }
    assert_eq!(run.exit_code(), Some(0));
}

#[test]
fn a_view_that_cannot_be_drawn_holds_no_results() {
    keeps_its_results_although_the_terminal_takes_nothing("", "running");
}

#[test]
fn a_line_of_progress_that_cannot_be_drawn_holds_no_results() {
    keeps_its_results_although_the_terminal_takes_nothing("--no-tui", "%");
}

#[test]
fn a_view_that_cannot_be_drawn_holds_no_server() {
    let mut server = Program::start("", "serve --tui --listen 127.0.0.1:0", false);
    let address = server.address();
    server.terminal_output(libc::TCOOFF);
    assert_eq!(answer(&address, HEALTH), WELL);
    server.signal(libc::SIGTERM);
    assert_eq!(server.exit_code(), Some(0));
    assert!(
        server.terminal_reads_lines(),
        "the terminal's keys are as they were"
    );
}
