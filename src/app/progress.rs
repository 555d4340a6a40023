//! Progress of a run: the full-screen view on a terminal, else on standard error: a bar on a terminal, a line now and then
//! elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::metrics::Snapshot;
use crate::report::progress::progress_line;
use crate::tui::ThresholdLine;

use super::live::Live;
use super::signals::RunSignals;

/// Where there is no terminal: one line this often, so that a log stays readable.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows snapshots.
#[derive(Debug)]
pub(super) enum Progress {
    /// Shows nothing.
    Quiet,
    /// Draws the full-screen view.
    Screen(Box<Live>),
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
    pub(super) fn show(&mut self, snapshot: &Arc<Snapshot>, thresholds: Vec<ThresholdLine>) {
        match self {
            Self::Quiet => {}
            Self::Screen(live) => live.snapshot(snapshot, thresholds),
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
    pub(super) fn note(&mut self, text: &str) {
        match self {
            Self::Quiet => {}
            Self::Screen(live) => live.note(text),
            Self::Bar(bar) => bar.println(text),
            Self::Lines { .. } => {
                let _ = writeln!(stderr(), "{text}");
            }
        }
    }

    /// Whether the full-screen view failed, so that something else has to show the run.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Screen(live) if live.is_over())
    }

    /// Leaves the terminal as it was. A view that somebody holds goes on until it is let go or a signal comes.
    pub(super) async fn finish(self, signals: &mut RunSignals) {
        match self {
            Self::Screen(live) => live.finish(signals).await,
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Quiet | Self::Lines { .. } => {}
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
        let at = |seconds| {
            Arc::new(Snapshot {
                elapsed: Duration::from_secs(seconds),
                ..Snapshot::default()
            })
        };
        for (seconds, expected_next) in [(1, 5), (5, 10), (7, 10), (12, 17)] {
            progress.show(&at(seconds), Vec::new());
            let Progress::Lines { next } = progress else {
                panic!("still lines")
            };
            assert_eq!(next, Duration::from_secs(expected_next), "after {seconds} s");
        }
    }
}
