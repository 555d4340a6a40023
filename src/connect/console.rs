//! [`Console`]: the one place that writes to standard output and standard error.
//!
//! A thread of its own writes, because a terminal or a pipe may block; a bounded queue in between slows the
//! conversation down instead of the memory growing.

use std::io::{self, IsTerminal, Read, Write};
use std::thread;
use std::time::SystemTime;

use tokio::sync::{mpsc, oneshot};

use super::event::Event;
use super::render::{Channel, Renderer};

/// Events that may wait to be written. Each holds at most one message.
const QUEUE: usize = 8;

/// The three standard streams, or what a test puts in their place.
pub struct Streams {
    /// Where input comes from, unless a terminal is read with line editing.
    pub input: Box<dyn Read + Send>,
    /// Where received messages go.
    pub output: Box<dyn Write + Send>,
    /// Where everything else goes.
    pub errors: Box<dyn Write + Send>,
    /// Whether `output` is a terminal.
    pub output_is_terminal: bool,
    /// Whether `errors` is a terminal.
    pub errors_is_terminal: bool,
}

impl Streams {
    /// The process's own.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            input: Box::new(io::stdin()),
            output: Box::new(io::stdout()),
            errors: Box::new(io::stderr()),
            output_is_terminal: io::stdout().is_terminal(),
            errors_is_terminal: io::stderr().is_terminal(),
        }
    }
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams")
            .field("output_is_terminal", &self.output_is_terminal)
            .field("errors_is_terminal", &self.errors_is_terminal)
            .finish_non_exhaustive()
    }
}

/// Standard output is gone, as in `wsbench connect ... | head -1`.
#[derive(Debug)]
pub(super) struct OutputGone;

/// Shows events in order.
#[derive(Debug)]
pub(super) struct Console {
    events: mpsc::Sender<Event>,
    written: oneshot::Receiver<()>,
}

impl Console {
    /// Starts the thread that writes.
    pub(super) fn start(
        renderer: Renderer,
        output: Box<dyn Write + Send>,
        errors: Box<dyn Write + Send>,
    ) -> io::Result<Self> {
        let (events, queue) = mpsc::channel(QUEUE);
        let (done, written) = oneshot::channel();
        thread::Builder::new().name("console".to_owned()).spawn(move || {
            write_all(renderer, queue, output, errors);
            // Nobody may be waiting any more.
            let _ = done.send(());
        })?;
        Ok(Self { events, written })
    }

    /// Shows `event`, as soon as there is room for it.
    pub(super) async fn show(&self, event: Event) -> Result<(), OutputGone> {
        self.events.send(event).await.map_err(|_| OutputGone)
    }

    /// Waits until all is written.
    pub(super) async fn finish(self) {
        drop(self.events);
        // An error means that the thread has ended, which is what is waited for.
        let _ = self.written.await;
    }
}

/// Writes until there are no more events or standard output is gone. A lost standard error is no reason to stop.
fn write_all(
    renderer: Renderer,
    mut events: mpsc::Receiver<Event>,
    mut output: Box<dyn Write + Send>,
    mut errors: Box<dyn Write + Send>,
) {
    while let Some(event) = events.blocking_recv() {
        match renderer.render(&event, SystemTime::now()) {
            None => {}
            Some((Channel::Output, bytes)) => {
                if output.write_all(&bytes).and_then(|()| output.flush()).is_err() {
                    return;
                }
            }
            Some((Channel::Errors, bytes)) => {
                let _ = errors.write_all(&bytes).and_then(|()| errors.flush());
            }
        }
    }
}
