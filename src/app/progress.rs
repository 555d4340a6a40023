//! Progress of a run on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::metrics::Snapshot;
use crate::report::progress::progress_line;

/// Where there is no terminal: one line this often, so that a log stays readable.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows snapshots.
#[derive(Debug)]
pub(super) enum Progress {
    /// Shows nothing.
    Quiet,
    /// Redraws a bar with a line of figures below it.
    Bar(ProgressBar),
    /// Writes lines.
    Lines {
        /// When the next line is due, in the run's time.
        next: Duration,
    },
}

impl Progress {
    /// For a run of `total` length.
    pub(super) fn new(quiet: bool, total: Duration) -> Self {
        if quiet {
            return Self::Quiet;
        }
        if !stderr().is_terminal() {
            return Self::Lines { next: LINE_INTERVAL };
        }
        let bar = ProgressBar::with_draw_target(
            Some(total.as_millis() as u64),
            ProgressDrawTarget::stderr_with_hz(10),
        );
        // A style that cannot be read is a mistake in this file, which the test below would show; the bar then keeps its default.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        Self::Bar(bar)
    }

    /// Shows one more snapshot.
    pub(super) fn show(&mut self, snapshot: &Snapshot) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => {
                bar.set_position(snapshot.elapsed.as_millis() as u64);
                bar.set_message(progress_line(snapshot));
            }
            Self::Lines { next } if snapshot.elapsed >= *next => {
                *next = snapshot.elapsed + LINE_INTERVAL;
                // Progress is a courtesy: a closed standard error is no reason to end a run.
                let _ = writeln!(stderr(), "{}", progress_line(snapshot));
            }
            Self::Lines { .. } => {}
        }
    }

    /// Says something of note between the snapshots.
    pub(super) fn note(&self, text: &str) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => bar.println(text),
            Self::Lines { .. } => {
                let _ = writeln!(stderr(), "{text}");
            }
        }
    }

    /// Leaves the terminal as it was.
    pub(super) fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

const TEMPLATE: &str = "{wide_bar} {percent:>3}%\n{wide_msg}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn lines_come_at_their_interval() {
        let mut progress = Progress::Lines { next: LINE_INTERVAL };
        let at = |seconds| Snapshot {
            elapsed: Duration::from_secs(seconds),
            ..Snapshot::default()
        };
        for (seconds, expected_next) in [(1, 5), (5, 10), (7, 10), (12, 17)] {
            progress.show(&at(seconds));
            let Progress::Lines { next } = progress else {
                panic!("still lines")
            };
            assert_eq!(next, Duration::from_secs(expected_next), "after {seconds} s");
        }
    }
}
