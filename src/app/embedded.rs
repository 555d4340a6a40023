//! The embedded server of a run: `wsbench serve` as a child process of the same binary.
//!
//! A process of its own has its own limit of open files and its own CPU figures. It ends with the run whatever happens:
//! its standard input is a pipe from us, and it stops when that pipe closes, even if we are killed.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::logging::StandardError;

/// The line with which `wsbench serve` tells each of its addresses.
pub(super) const LISTENING: &str = "listening on ";
/// A server that has not told its address after this long never will.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Variables that this server takes from the run's environment. The others are about other servers or about the run:
/// this one is for the run alone, and lets it in.
const INHERITED: [&str; 6] = [
    "WSBENCH_COMPRESSION",
    "WSBENCH_FAULTS",
    "WSBENCH_LOG",
    "WSBENCH_LOG_FILE",
    "WSBENCH_LOG_FORMAT",
    "WSBENCH_MAX_MESSAGE_SIZE",
];

/// A running child. Dropping it ends it.
#[derive(Debug)]
pub(super) struct EmbeddedServer {
    child: Child,
    stdin: Option<ChildStdin>,
    /// Ends with the child.
    messages: Option<JoinHandle<()>>,
    url: String,
}

/// Why the embedded server did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum EmbeddedError {
    #[error("cannot start the embedded server: {0}")]
    Spawn(#[source] io::Error),
    #[error("the embedded server ended at once ({0}); its message is above")]
    Ended(ExitStatus),
    #[error("the embedded server did not tell its address within {}s; pass --target to test another one", START_TIMEOUT.as_secs())]
    Silent,
}

impl EmbeddedServer {
    /// Starts it on a free port of the loopback interface with `workers` threads and waits until it listens.
    pub(super) fn start(workers: usize) -> Result<Self, EmbeddedError> {
        let program = std::env::current_exe().map_err(EmbeddedError::Spawn)?;
        let mut command = Command::new(program);
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--exit-with-stdin",
                "--workers",
                &workers.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("WSBENCH_") && !INHERITED.contains(&&*name_text) {
                command.env_remove(&name);
            }
        }
        // In a process group of its own, Ctrl-C reaches the run alone, which then closes its connections in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(EmbeddedError::Spawn)?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        // What it says must not be written across a full-screen view.
        let messages = thread::spawn(move || {
            for line in stderr
                .map(BufReader::new)
                .into_iter()
                .flat_map(BufRead::lines)
                .map_while(Result::ok)
            {
                // With our own standard error closed nobody can be told.
                let _ = StandardError.write_all(format!("{line}\n").as_bytes());
            }
        });
        let mut server = Self {
            child,
            stdin,
            messages: Some(messages),
            url: String::new(),
        };
        let (sender, address) = sync_channel(1);
        thread::spawn(move || {
            for line in stdout
                .map(BufReader::new)
                .into_iter()
                .flat_map(BufRead::lines)
                .map_while(Result::ok)
            {
                if let Some(url) = line.strip_prefix(LISTENING) {
                    // Only the first address matters; the rest is read so that the child never blocks on its output.
                    let _ = sender.try_send(url.to_owned());
                }
            }
        });
        match address.recv_timeout(START_TIMEOUT) {
            Ok(url) => server.url = url,
            Err(_) => {
                return Err(match server.child.try_wait() {
                    Ok(Some(status)) => EmbeddedError::Ended(status),
                    _ => EmbeddedError::Silent,
                });
            }
        }
        Ok(server)
    }

    /// Its `ws://` URL.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        // An error means that there is no such child any more; then the run will notice soon enough.
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to stop and waits for its end.
    pub(super) fn stop(mut self) {
        drop(self.stdin.take());
        // Its connections are closed by now, so the drain ends at once; a child that hangs is killed by `drop`.
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::park_timeout(Duration::from_millis(20));
        }
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if matches!(self.child.try_wait(), Ok(None)) {
            // It may have ended in between; then there is nothing to kill.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
        if let Some(messages) = self.messages.take() {
            // All that it said is told before anything else is.
            let _ = messages.join();
        }
    }
}
