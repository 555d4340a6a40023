//! [`LineEditor`]: a person at a terminal.
//!
//! The editor reads on a thread of its own. Whatever else is written to the terminal goes through its printer, which
//! takes the line being edited away, writes, and draws the line again.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Editor, ExternalPrinter};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::action::Action;
use super::command::{CommandError, interpret};
use super::feed::QUEUE;

const PROMPT: &str = "> ";
/// Lines of earlier sessions that are kept.
const HISTORY_SIZE: usize = 1000;
/// How long an interrupted editor gets to put the terminal back, and how often it is interrupted meanwhile.
const STOP_ATTEMPTS: usize = 20;
const STOP_INTERVAL: Duration = Duration::from_millis(50);

/// A line editor on the process's terminal.
pub(super) struct LineEditor {
    editor: Editor<(), FileHistory>,
    history: Option<PathBuf>,
}

/// The thread that reads the terminal.
pub(super) struct Reading {
    stopping: Arc<AtomicBool>,
    ended: oneshot::Receiver<()>,
}

impl LineEditor {
    /// Takes the terminal and reads the history.
    pub(super) fn new(history: Option<PathBuf>) -> io::Result<Self> {
        let mut editor = Editor::new().map_err(io::Error::other)?;
        editor
            .set_max_history_size(HISTORY_SIZE)
            .map_err(io::Error::other)?;
        editor.set_history_ignore_space(true);
        editor.set_history_ignore_dups(true).map_err(io::Error::other)?;
        if let Some(path) = &history {
            // The first session has no history yet, and a broken one must not keep anybody from connecting.
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history })
    }

    /// A stream to the terminal that leaves the line being edited intact; `None` where the terminal has no editing.
    pub(super) fn printer(&mut self) -> Option<Box<dyn Write + Send>> {
        let printer = self.editor.create_external_printer().ok()?;
        Some(Box::new(Printer(printer)))
    }

    /// Starts to read. Lines become actions of at most `limit` bytes; `binary` sends texts as binary messages.
    pub(super) fn start(self, binary: bool, limit: usize) -> io::Result<(Receiver<Action>, Reading)> {
        // The editor restores the handler that it finds when a line ends, and it must not find the deadly default.
        #[cfg(unix)]
        let _handler = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        let (actions, receiver) = channel(QUEUE);
        let (done, ended) = oneshot::channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let reading = Reading {
            stopping: Arc::clone(&stopping),
            ended,
        };
        thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || {
                self.read(&actions, &stopping, binary, limit);
                // Nobody may be waiting.
                let _ = done.send(());
            })?;
        Ok((receiver, reading))
    }

    fn read(mut self, actions: &Sender<Action>, stopping: &AtomicBool, binary: bool, limit: usize) {
        while !stopping.load(Ordering::Relaxed) {
            let action = match self.editor.readline(PROMPT) {
                Ok(line) if line.is_empty() => continue,
                Ok(line) => {
                    self.remember(&line);
                    interpret(line, limit).unwrap_or_else(Action::Refuse)
                }
                Err(ReadlineError::Eof) => Action::Quit,
                Err(ReadlineError::Interrupted) => Action::Interrupt,
                Err(error) => Action::Refuse(CommandError::Input(io::Error::other(error))),
            };
            let action = match action {
                Action::Text(text) if binary => Action::Binary(text.into_bytes()),
                action => action,
            };
            let is_last = matches!(action, Action::Quit | Action::Interrupt | Action::Close { .. });
            let failed = matches!(action, Action::Refuse(CommandError::Input(_)));
            if actions.blocking_send(action).is_err() || is_last || failed {
                return;
            }
        }
    }

    /// Appends a line to the history, in memory and in its file.
    fn remember(&mut self, line: &str) {
        let is_new = self.editor.add_history_entry(line).unwrap_or(false);
        if let (true, Some(path)) = (is_new, &self.history) {
            // A history that cannot be written is an inconvenience, not a reason to end the conversation.
            if let Some(folder) = path.parent() {
                let _ = std::fs::create_dir_all(folder);
            }
            let _ = self.editor.append_history(path);
        }
    }
}

impl Reading {
    /// Ends the line being edited and puts the terminal back.
    ///
    /// A read of a terminal cannot be cancelled, but the editor ends it on an interrupt. One that comes between two
    /// lines is lost on the editor, hence the repetition.
    #[cfg(unix)]
    pub(super) async fn stop(mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        for _ in 0..STOP_ATTEMPTS {
            if self.ended.try_recv() != Err(TryRecvError::Empty) {
                return;
            }
            // SAFETY: both calls only take and return numbers; the handler is the editor's or tokio's.
            unsafe {
                libc::kill(libc::getpid(), libc::SIGINT);
            }
            if tokio::time::timeout(STOP_INTERVAL, &mut self.ended).await.is_ok() {
                return;
            }
        }
    }

    /// Where there are no signals, the last line has to be ended by hand.
    #[cfg(not(unix))]
    pub(super) async fn stop(self) {
        self.stopping.store(true, Ordering::Relaxed);
        eprintln!("press Enter to leave");
        let _ = self.ended.await;
    }
}

/// Writes each piece that it is given as lines of their own above the line being edited.
struct Printer<P>(P);

impl<P: ExternalPrinter> Write for Printer<P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if self.0.print(text).is_err() {
            // The editor ended while the piece was waiting for it, so the terminal is nobody's and can be written to.
            io::stdout().write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
