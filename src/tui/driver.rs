//! [`LiveView`]: the thread that reads keys and draws.

use std::io::{self, IsTerminal, stdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossterm::event::{self, Event, KeyEvent};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::terminal;

/// How long a key is waited for before there is another look at the frames: the delay of what is drawn.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A view that made no turn for so long has a terminal that takes nothing: Ctrl-S, a network that stalls.
const STALLED_AFTER: Duration = Duration::from_secs(5);

/// What is drawn, and what keys do.
pub trait Screen: Send + 'static {
    /// What it is given.
    type Frame: Send + Sync + 'static;

    /// Takes the latest frame.
    fn take(&mut self, frame: Arc<Self::Frame>);

    /// A key was pressed.
    fn key(&mut self, key: KeyEvent);

    /// Draws everything.
    fn draw(&self, frame: &mut ratatui::Frame<'_>);

    /// Whether someone still looks at it when there will be no further frames.
    fn is_held(&self) -> bool {
        false
    }
}

/// Why there is no live view.
#[derive(Debug, thiserror::Error)]
#[error("the terminal cannot show the live view: {0}; pass --no-tui to do without")]
pub struct TuiError(#[source] io::Error);

/// A view that is shown. Dropping it gives the terminal back, at the next look.
#[derive(Debug)]
pub struct LiveView {
    stop: Arc<AtomicBool>,
    /// Counts the looks at frames and keys.
    turns: Arc<AtomicU64>,
    /// Until it has come.
    ended: Option<oneshot::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LiveView {
    /// Takes the terminal and shows `screen`, with whatever `frames` holds, until the sender of the frames is dropped or
    /// [`close`](Self::close) is called.
    ///
    /// # Errors
    /// A terminal that cannot be taken.
    pub fn show<S: Screen>(screen: S, frames: watch::Receiver<Arc<S::Frame>>) -> Result<Self, TuiError> {
        let terminal = terminal::Screen::take().map_err(TuiError)?;
        let stop = Arc::new(AtomicBool::new(false));
        let turns = Arc::new(AtomicU64::new(0));
        let (end, ended) = oneshot::channel();
        let thread = {
            let (stop, turns) = (Arc::clone(&stop), Arc::clone(&turns));
            thread::Builder::new().name("tui".to_owned()).spawn(move || {
                // The terminal is given back before anybody hears of the end.
                if let Err(error) = drive(terminal, screen, frames, &stop, &turns) {
                    tracing::warn!("the view has ended: {error}; everything else goes on");
                }
                let _ = end.send(());
            })
        };
        match thread {
            Ok(thread) => Ok(Self {
                stop,
                turns,
                ended: Some(ended),
                thread: Some(thread),
            }),
            Err(error) => {
                terminal::restore();
                Err(TuiError(error))
            }
        }
    }

    /// Whether it is gone although nobody asked for it: the terminal failed or vanished, or a mistake in the view.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Returns when the view has given the terminal back: after the sender of its frames is dropped, and after a person
    /// who holds the last picture lets it go. Also when the terminal takes nothing any more.
    pub async fn ended(&mut self) {
        self.gives_back().await;
    }

    /// Takes the view away, whoever looks at it. Tells whether the terminal is given back; of one that takes nothing
    /// only the keys are.
    pub async fn close(mut self) -> bool {
        self.stop.store(true, Ordering::Release);
        if !self.gives_back().await {
            terminal::leave_raw_mode();
            return false;
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the view has told its message already.
            let _ = thread.join();
        }
        true
    }

    /// Waits for the thread to give the terminal back; false if it cannot.
    async fn gives_back(&mut self) -> bool {
        while let Some(ended) = &mut self.ended {
            let before = self.turns.load(Ordering::Relaxed);
            // An error of the channel means that the thread is gone, which is what is waited for.
            if timeout(STALLED_AFTER, ended).await.is_ok() {
                self.ended = None;
            } else if self.turns.load(Ordering::Relaxed) == before {
                return false;
            }
        }
        true
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn drive<S: Screen>(
    mut terminal: terminal::Screen,
    mut screen: S,
    mut frames: watch::Receiver<Arc<S::Frame>>,
    stop: &AtomicBool,
    turns: &AtomicU64,
) -> io::Result<()> {
    let mut stale = true;
    let mut more = true;
    while !stop.load(Ordering::Acquire) && terminal::Screen::is_ours() {
        turns.fetch_add(1, Ordering::Relaxed);
        match frames.has_changed() {
            Ok(true) => {
                screen.take(Arc::clone(&frames.borrow_and_update()));
                stale = true;
            }
            Ok(false) => {}
            // The sender is gone; what it sent last may be new.
            Err(_) if more => {
                screen.take(Arc::clone(&frames.borrow_and_update()));
                (more, stale) = (false, true);
            }
            Err(_) => {}
        }
        if stale {
            terminal.0.draw(|frame| screen.draw(frame)).map_err(vanished)?;
        }
        stale = false;
        panic_for_a_test("view");
        if !more && !screen.is_held() {
            break;
        }
        match next_event().map_err(vanished)? {
            Some(Event::Key(key)) => {
                screen.key(key);
                stale = true;
            }
            Some(Event::Resize(..)) => stale = true,
            _ => {}
        }
    }
    Ok(())
}

/// Panics if a test wants to see what is left of the terminal: `WSBENCH_TEST_PANIC` names the place. Only in debug builds.
pub fn panic_for_a_test(place: &str) {
    if cfg!(debug_assertions) && std::env::var_os("WSBENCH_TEST_PANIC").is_some_and(|wanted| wanted == place)
    {
        panic!("a test asked for a panic of the {place}");
    }
}

/// What was pressed, or nothing within [`LOOK_EVERY`].
fn next_event() -> io::Result<Option<Event>> {
    if event::poll(LOOK_EVERY)? {
        return event::read().map(Some);
    }
    // A terminal that has vanished is always readable and never has a key, so without this look it would be read for ever.
    // crossterm's other source of events (without `use-dev-tty`) does that inside of `poll`, and does not come back.
    if !stdin().is_terminal() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(None)
}

/// Whatever fails on a terminal that has vanished fails because of that.
fn vanished(error: io::Error) -> io::Error {
    if stdin().is_terminal() {
        error
    } else {
        io::Error::other("the terminal is gone")
    }
}
