//! `program`: a child program that reads letters as lines of JSON on its standard input and writes its own to its standard
//! output.
//!
//! A line that it writes is `{"to": PID or name, "topic": ..., "payload": ...}`, or without `to` an operation of
//! [`super::super::ops`]. Its standard error goes to the server's log. Its exit with status 0 is a normal end, any other a
//! crash (seed E2).

use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::server::relay::config::ProgramSpec;
use crate::server::relay::exit::ExitReason;
use crate::server::relay::json::Envelope;
use crate::server::relay::letter::{Content, Letter};
use crate::server::relay::mailbox::Inbox;
use crate::server::relay::me::Me;
use crate::server::relay::ops;
use crate::server::relay::pid::Pid;
use crate::server::relay::processes::{Processes, SendError};

/// A child program that was started, and does not outlive this.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

/// How long a program has to end once its input or its output has.
const GRACE: Duration = Duration::from_secs(2);
/// Longest line that a program may write: the largest message that there may be, in base64 and JSON.
const MAX_LINE: u64 = 128 << 20;
/// Longest line of its standard error that is logged whole.
const MAX_LOG_LINE: u64 = 4096;
/// Letters are gathered up to this for one write.
const WRITE_BUFFER: usize = 64 * 1024;

impl Program {
    /// Starts the program; has to be called within a runtime.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(crate) fn start(spec: &ProgramSpec) -> io::Result<Self> {
        let (program, arguments) = spec.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command.args(arguments).envs(&spec.environment);
        if let Some(directory) = &spec.directory {
            command.current_dir(directory);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        let stdin = child.stdin.take().ok_or_else(pipe)?;
        let stdout = child.stdout.take().ok_or_else(pipe)?;
        let stderr = child.stderr.take().ok_or_else(pipe)?;
        tokio::spawn(log(stderr, program.clone()));
        Ok(Self { child, stdin, stdout })
    }

    /// Runs until the program ends or the process is killed.
    pub(crate) async fn run(self, me: Me) -> ExitReason {
        let Self {
            mut child,
            stdin,
            stdout,
        } = self;
        let Me {
            pid,
            processes,
            mut inbox,
            mut killed,
        } = me;
        let stop = Notify::new();
        let mut writing = pin!(write_letters(stdin, &mut inbox, &pid, &stop));
        let mut reading = pin!(read_lines(stdout, &processes, &pid));
        let sentence = tokio::select! {
            read = &mut reading => match read {
                Ok(()) => return last_words(child, "it closed its output and went on running").await,
                Err(error) => return kill(child, ExitReason::crashed(error)).await,
            },
            // It closed its input or ended; what it wrote before counts.
            _ = &mut writing => None,
            reason = killed.reason() => Some(reason),
        };
        let Some(sentence) = sentence else {
            // It has said all if it does not end in time.
            let _ = timeout(GRACE, reading).await;
            return last_words(child, "it closed its input and went on running").await;
        };
        // It gets what waits for it, then the end of its input, and time to finish.
        stop.notify_one();
        let finish = async {
            let _ = tokio::join!(writing, reading);
            child.wait().await
        };
        let finished = timeout(GRACE, finish).await;
        if finished.is_err() {
            kill(child, sentence).await
        } else {
            sentence
        }
    }
}

/// How the program ended, which has not much time left to do so.
async fn last_words(mut child: Child, otherwise: &str) -> ExitReason {
    match timeout(GRACE, child.wait()).await {
        Ok(Ok(status)) if status.success() => ExitReason::Normal,
        Ok(Ok(status)) => ExitReason::crashed(status),
        Ok(Err(error)) => ExitReason::crashed(error),
        Err(_) => kill(child, ExitReason::crashed(otherwise)).await,
    }
}

async fn kill(mut child: Child, reason: ExitReason) -> ExitReason {
    // It may have ended meanwhile; otherwise dropping it tries once more.
    let _ = child.kill().await;
    reason
}

/// Writes letters until the program takes no more, or until `stop` and none waits.
async fn write_letters(mut stdin: ChildStdin, inbox: &mut Inbox, pid: &Pid, stop: &Notify) -> io::Result<()> {
    let mut buffer = Vec::new();
    append_line(&Letter::anonymous(ops::init(pid)), &mut buffer);
    loop {
        stdin.write_all(&buffer).await?;
        buffer.clear();
        let letter = tokio::select! {
            biased;
            letter = inbox.next() => letter,
            () = stop.notified() => None,
        };
        let Some(letter) = letter else { return Ok(()) };
        append_line(&letter, &mut buffer);
        while buffer.len() < WRITE_BUFFER
            && let Some(letter) = inbox.try_next()
        {
            append_line(&letter, &mut buffer);
        }
    }
}

fn append_line(letter: &Letter, buffer: &mut Vec<u8>) {
    // Writing to memory cannot fail, and a letter has nothing that JSON could not say.
    let _ = serde_json::to_writer(&mut *buffer, &letter.to_envelope());
    buffer.push(b'\n');
}

/// Does what the program writes, until it closes its output.
async fn read_lines(stdout: ChildStdout, processes: &Processes, pid: &Pid) -> Result<(), String> {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut stdout).take(MAX_LINE).read_until(b'\n', &mut line).await;
        match read {
            Ok(0) => return Ok(()),
            Ok(_) if line.last() == Some(&b'\n') => {}
            Ok(read) if read as u64 == MAX_LINE => {
                return Err(format!("it wrote a line of {MAX_LINE} bytes"));
            }
            // The last line may lack its end.
            Ok(_) => {}
            Err(error) => return Err(format!("cannot read what it writes: {error}")),
        }
        if let Err((topic, error)) = obey(line.trim_ascii(), processes, pid).await {
            tracing::debug!(%pid, error, "program wrote something in vain");
            let complaint = Letter::new(pid.clone(), Content::error(&topic, error));
            // A program whose mailbox is full does not listen anyway.
            let _ = processes.postbox(pid).map(|own| own.try_send(complaint));
        }
    }
}

/// Sends a letter, or performs an operation. The error comes with the topic of what was written.
async fn obey(line: &[u8], processes: &Processes, pid: &Pid) -> Result<(), (String, String)> {
    if line.is_empty() {
        return Ok(());
    }
    let envelope: Envelope = serde_json::from_slice(line)
        .map_err(|error| (String::new(), format!("a line is a letter in JSON: {error}")))?;
    let topic = envelope.topic;
    let done = match envelope.to {
        None => ops::perform(processes, pid, &topic, &envelope.payload).map_err(|error| error.to_string()),
        Some(to) => match Content::parse(&topic, envelope.payload) {
            Ok(content) => send(processes, pid, &to, content)
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
    };
    done.map_err(|error| (topic, error))
}

async fn send(processes: &Processes, from: &Pid, to: &str, content: Content) -> Result<(), SendError> {
    let found = to.parse().ok().or_else(|| processes.find(to));
    let to = found.ok_or_else(|| SendError::Unknown(to.to_owned()))?;
    processes.send(&to, Letter::new(from.clone(), content)).await
}

/// Logs what a program writes to its standard error.
async fn log(stderr: impl AsyncRead + Unpin, program: String) {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    while matches!(
        (&mut stderr)
            .take(MAX_LOG_LINE)
            .read_until(b'\n', &mut line)
            .await,
        Ok(1..)
    ) {
        tracing::info!(program, "{}", String::from_utf8_lossy(line.trim_ascii_end()));
        line.clear();
    }
}

#[cfg(test)]
mod tests;
