//! Processes of a test: they announce where they listen, and they do not outlive the test.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A running process, killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Self { child, stdout }
    }

    /// The next line of its output, without the line feed; empty at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the output is text");
        line.trim_end().to_owned()
    }

    /// Reads lines up to one that names a port of 127.0.0.1, and returns `127.0.0.1:PORT`.
    pub(crate) fn address(&mut self) -> String {
        loop {
            let line = self.line();
            assert!(
                !line.is_empty(),
                "the process ended without saying where it listens"
            );
            if let Some(address) = address_in(&line) {
                return address;
            }
        }
    }

    /// Asks it to stop, as a terminal's Ctrl-C or a supervisor would.
    pub(crate) fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a pid is a positive i32");
        // SAFETY: `kill` takes two integers; the child is not reaped yet, so the pid is still its own.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the child is ours");
    }

    /// Waits for its end and returns the exit code, `None` after a signal.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("the child is ours").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `wsbench` as it was built for these tests.
pub(crate) fn wsbench() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wsbench"))
}

/// Fails with everything that the process printed unless it succeeded.
pub(crate) fn assert_success(output: &Output) {
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The first address of the loopback interface in a line, with its port.
pub(crate) fn address_in(line: &str) -> Option<String> {
    let at = line.find("127.0.0.1:")?;
    let address = line[at..].chars();
    Some(
        address
            .take_while(|c| c.is_ascii_digit() || *c == '.' || *c == ':')
            .collect(),
    )
}
