//! Taking the terminal and giving it back, whatever happens.
//!
//! The process has one terminal, so there is one switch for all threads. A drawing is composed in memory and written as
//! a whole while the switch is held and on, so nothing can be drawn on a terminal that a panic on another thread has just
//! given back.

use std::io::{self, Write, stdout};
use std::panic;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::style::ResetColor;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Whether the terminal is ours.
static TAKEN: Mutex<bool> = Mutex::new(false);
static HOOK: Once = Once::new();

/// The terminal of the process while it is ours; dropping it gives it back.
pub(super) struct Screen(pub(super) Terminal<CrosstermBackend<Canvas>>);

impl Screen {
    /// Takes the terminal: raw keys, the alternate screen, no cursor. From now on a panic on any thread gives it back
    /// before it tells its message.
    pub(super) fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let tell = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                restore();
                tell(info);
            }));
        });
        let mut taken = switch();
        enable_raw_mode()?;
        *taken = true;
        drop(taken);
        let entered = execute!(stdout(), EnterAlternateScreen, Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(Canvas::default())));
        match entered {
            Ok(terminal) => Ok(Self(terminal)),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    /// Whether nobody has given it back meanwhile.
    pub(super) fn is_ours() -> bool {
        *switch()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was, if it is taken. Anyone may call it at any time.
pub fn restore() {
    let mut taken = switch();
    if !std::mem::take(&mut *taken) {
        return;
    }
    // A terminal that is gone needs nothing.
    let _ = execute!(stdout(), ResetColor, Show, LeaveAlternateScreen);
    leave_raw_mode();
}

/// Lets keys come in lines again, on a terminal that takes nothing: this alone does not wait for it.
pub(super) fn leave_raw_mode() {
    // A terminal that is gone needs nothing.
    let _ = disable_raw_mode();
}

fn switch() -> MutexGuard<'static, bool> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Collects a drawing and writes it as a whole, unless the terminal has been given back.
#[derive(Debug, Default)]
pub(super) struct Canvas(Vec<u8>);

impl Write for Canvas {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let taken = switch();
        let written = if *taken {
            let mut out = stdout().lock();
            out.write_all(&self.0).and_then(|()| out.flush())
        } else {
            Ok(())
        };
        self.0.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_after_the_terminal_was_given_back_goes_nowhere() {
        restore();
        let mut canvas = Canvas::default();
        canvas.write_all(b"\x1b[2J").unwrap();
        canvas.flush().unwrap();
        assert!(canvas.0.is_empty());
    }
}
