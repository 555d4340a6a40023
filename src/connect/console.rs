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
/// Up one line and down again: a line that leaves no trace on a terminal.
const NO_LINE: &[u8] = b"\x1b[A\n";

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
    queue: mpsc::Sender<Item>,
    written: oneshot::Receiver<()>,
}

#[derive(Debug)]
enum Item {
    Show(Event),
    /// Tell when a line editor has taken all that went before.
    Settle(oneshot::Sender<()>),
}

impl Console {
    /// Starts the thread that writes.
    pub(super) fn start(
        renderer: Renderer,
        output: Box<dyn Write + Send>,
        errors: Box<dyn Write + Send>,
    ) -> io::Result<Self> {
        let (queue, items) = mpsc::channel(QUEUE);
        let (done, written) = oneshot::channel();
        thread::Builder::new().name("console".to_owned()).spawn(move || {
            write_all(renderer, items, output, errors);
            // Nobody may be waiting any more.
            let _ = done.send(());
        })?;
        Ok(Self { queue, written })
    }

    /// Shows `event`, as soon as there is room for it.
    pub(super) async fn show(&self, event: Event) -> Result<(), OutputGone> {
        self.queue.send(Item::Show(event)).await.map_err(|_| OutputGone)
    }

    /// Waits until a line editor has drawn all events so far, or has them in hand.
    ///
    /// The editor takes one line at a time, so that all others are drawn once it has room for one more.
    pub(super) async fn settle(&self) {
        let (done, settled) = oneshot::channel();
        if self.queue.send(Item::Settle(done)).await.is_ok() {
            // An error means that the output is gone, and then there is nothing to wait for.
            let _ = settled.await;
        }
    }

    /// Waits until all is written.
    pub(super) async fn finish(self) {
        drop(self.queue);
        // An error means that the thread has ended, which is what is waited for.
        let _ = self.written.await;
    }
}

/// Writes until there is nothing more to show or standard output is gone. A lost standard error is no reason to stop.
fn write_all(
    renderer: Renderer,
    mut items: mpsc::Receiver<Item>,
    mut output: Box<dyn Write + Send>,
    mut errors: Box<dyn Write + Send>,
) {
    while let Some(item) = items.blocking_recv() {
        let event = match item {
            Item::Show(event) => event,
            Item::Settle(done) => {
                let _ = output.write_all(NO_LINE);
                // Nobody may be waiting any more, here and below.
                let _ = done.send(());
                continue;
            }
        };
        let written = match renderer.render(&event, SystemTime::now()) {
            Some((Channel::Output, bytes)) => output.write_all(&bytes).and_then(|()| output.flush()),
            Some((Channel::Errors, bytes)) => {
                let _ = errors.write_all(&bytes).and_then(|()| errors.flush());
                Ok(())
            }
            None => Ok(()),
        };
        if written.is_err() {
            return;
        }
    }
}
