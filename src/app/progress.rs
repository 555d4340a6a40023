//! Progress of a run: the full-screen view on a terminal, else on standard error: a bar on a terminal, a line now and then
//! elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::metrics::Snapshot;
use crate::report::progress::{progress_line, progress_lines};
use crate::tui::ThresholdLine;

use super::live::Live;
use super::output;
use super::signals::RunSignals;

/// Where there is no terminal: one line this often, so that a log stays readable.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// What may wait for standard error; more is not shown.
const MAX_WAITING: usize = 16;
/// How long the end of a run waits for standard error.
const PATIENCE: Duration = Duration::from_secs(5);

/// Shows snapshots.
#[derive(Debug)]
pub(super) enum Progress {
    /// Shows nothing.
    Quiet,
    /// Draws the full-screen view.
    Screen(Box<Live>),
    /// Writes to standard error.
    Teller(Teller),
}

impl Progress {
    /// For a run of `total` length.
    pub(super) fn new(quiet: bool, total: Duration) -> Self {
        if quiet {
            return Self::Quiet;
        }
        let paper = match stderr().is_terminal() {
            true => Paper::bar(total),
            false => Paper::Lines { next: LINE_INTERVAL },
        };
        // Without a thread there is no progress to be seen, which is no reason to end a run.
        Teller::new(paper).map_or(Self::Quiet, Self::Teller)
    }

    /// Shows one more snapshot.
    pub(super) fn show(&mut self, snapshot: &Arc<Snapshot>, thresholds: Vec<ThresholdLine>) {
        match self {
            Self::Quiet => {}
            Self::Screen(live) => live.snapshot(snapshot, thresholds),
            Self::Teller(teller) => teller.tell(News::Snapshot(Arc::clone(snapshot))),
        }
    }

    /// Says something of note between the snapshots.
    pub(super) fn note(&mut self, text: &str) {
        match self {
            Self::Quiet => {}
            Self::Screen(live) => live.note(text),
            Self::Teller(teller) => teller.tell(News::Note(text.to_owned())),
        }
    }

    /// Whether the full-screen view failed, so that something else has to show the run.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::Screen(live) if live.is_over())
    }

    /// Leaves the terminal as it was. A view that somebody holds goes on until it is let go or a signal comes.
    pub(super) async fn finish(self, signals: &mut RunSignals) {
        match self {
            Self::Quiet => {}
            Self::Screen(live) => live.finish(signals).await,
            Self::Teller(teller) => teller.finish(),
        }
    }
}

/// The thread that writes to standard error: a terminal or a pipe that takes nothing must hold nothing of the run.
#[derive(Debug)]
pub(super) struct Teller {
    news: SyncSender<News>,
    /// Disconnected when everything is written.
    over: Receiver<()>,
}

enum News {
    Snapshot(Arc<Snapshot>),
    Note(String),
}

impl Teller {
    fn new(mut paper: Paper) -> Option<Self> {
        let (news, waiting) = sync_channel(MAX_WAITING);
        let (end, over) = sync_channel(0);
        let write = move || {
            for one in waiting {
                match one {
                    News::Snapshot(snapshot) => paper.show(&snapshot),
                    News::Note(text) => paper.note(&text),
                }
            }
            paper.finish();
            drop(end);
        };
        thread::Builder::new()
            .name("progress".to_owned())
            .spawn(write)
            .ok()?;
        Some(Self { news, over })
    }

    fn tell(&self, news: News) {
        // Progress is a courtesy: what cannot be shown in time is left out.
        let _ = self.news.try_send(news);
    }

    fn finish(self) {
        drop(self.news);
        // Nothing is ever sent: either everything is written, or the patience is at its end.
        let _ = self.over.recv_timeout(PATIENCE);
    }
}

/// What progress is written on.
enum Paper {
    /// Redraws a bar with figures below it.
    Bar(ProgressBar),
    /// Writes lines.
    Lines {
        /// When the next line is due, in the run's time.
        next: Duration,
    },
}

impl Paper {
    fn bar(total: Duration) -> Self {
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

    fn show(&mut self, snapshot: &Snapshot) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(snapshot.elapsed.as_millis() as u64);
                bar.set_message(progress_lines(snapshot, output::columns()));
            }
            Self::Lines { next } if snapshot.elapsed >= *next => {
                *next = snapshot.elapsed + LINE_INTERVAL;
                // A closed standard error is no reason to end a run.
                let _ = writeln!(stderr(), "{}", progress_line(snapshot));
            }
            Self::Lines { .. } => {}
        }
    }

    fn note(&self, text: &str) {
        match self {
            Self::Bar(bar) => bar.println(text),
            Self::Lines { .. } => {
                let _ = writeln!(stderr(), "{text}");
            }
        }
    }

    fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

const TEMPLATE: &str = "{wide_bar} {percent:>3}%\n{msg}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn lines_come_at_their_interval() {
        let mut paper = Paper::Lines { next: LINE_INTERVAL };
        let at = |seconds| Snapshot {
            elapsed: Duration::from_secs(seconds),
            ..Snapshot::default()
        };
        for (seconds, expected_next) in [(1, 5), (5, 10), (7, 10), (12, 17)] {
            paper.show(&at(seconds));
            let Paper::Lines { next } = paper else {
                panic!("still lines")
            };
            assert_eq!(next, Duration::from_secs(expected_next), "after {seconds} s");
        }
    }
}
