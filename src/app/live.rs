//! The full-screen view of a run: what of a run it is shown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::load::Control;
use crate::metrics::{Snapshot, Trend};
use crate::net::system::{ProcessUsage, allowed_cores, open_file_limit};
use crate::report::format::{count, counted, memory, millis, percent, rate};
use crate::scenario::{LoadModel, Plan};
use crate::tui::{
    Brief, Frame, HealthLine, LiveView, RunScreen, Scaling, Stage, Standing, Theme, ThresholdLine, TuiError,
};

use super::logging;
use super::signals::EndSignals;

/// From this share of a limit on it is close.
const CLOSE: f64 = 0.8;
/// From this share on it is reached: what is left is noise.
const REACHED: f64 = 0.95;
/// Messages that leave later than this are late enough to see.
const LATE_MILLIS: f64 = 1.0;
const TOO_LATE_MILLIS: f64 = 10.0;

/// A view that is shown.
#[derive(Debug)]
pub(super) struct Live {
    view: LiveView,
    frames: watch::Sender<Arc<Frame>>,
    note: Option<String>,
    processor: Processor,
}

/// What is shown beside the snapshot.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// The thresholds.
    pub(super) thresholds: Vec<ThresholdLine>,
    /// The latest figures of this process.
    pub(super) usage: Option<ProcessUsage>,
}

/// The share of the processors between the last two looks.
#[derive(Debug, Default)]
struct Processor {
    last: Option<(Duration, Duration)>,
    share: Option<f64>,
}

impl Live {
    /// Takes the terminal. What is logged is held back until the view is gone.
    pub(super) fn show(brief: Brief, control: Control) -> Result<Self, TuiError> {
        let theme = Theme::from_environment(|name| std::env::var(name).ok());
        let (frames, receiver) = watch::channel(Arc::default());
        let view = LiveView::show(RunScreen::new(brief, control, theme), receiver)?;
        logging::hold();
        Ok(Self {
            view,
            frames,
            note: None,
            processor: Processor::default(),
        })
    }

    /// Shows one more snapshot.
    pub(super) fn snapshot(&mut self, snapshot: &Arc<Snapshot>, beside: Beside) {
        self.processor.look(snapshot.elapsed, beside.usage);
        let health = health(snapshot, self.processor.share, beside.usage);
        self.frames.send_replace(Arc::new(Frame {
            snapshot: Arc::clone(snapshot),
            ended: false,
            thresholds: beside.thresholds,
            health,
            note: logging::latest_held().or_else(|| self.note.clone()),
        }));
    }

    /// Says something of note between the snapshots.
    pub(super) fn note(&mut self, text: &str) {
        self.note = Some(text.to_owned());
    }

    /// Whether the view is gone although the run goes on.
    pub(super) fn is_over(&self) -> bool {
        self.view.is_over()
    }

    /// Shows the last snapshot as such, waits for whoever holds the picture, and leaves the terminal as it was.
    pub(super) async fn finish(self, signals: &mut EndSignals) {
        let Self { mut view, frames, .. } = self;
        frames.send_modify(|frame| Arc::make_mut(frame).ended = true);
        drop(frames);
        tokio::select! {
            () = view.ended() => {}
            _ = signals.next() => {}
        }
        view.close();
        logging::release();
    }
}

/// What is known before the run begins.
pub(super) fn brief(plan: &Plan, target: &str) -> Brief {
    let (stages, scaling) = match &plan.load {
        LoadModel::Closed { stages } => {
            let stage = |stage: &crate::scenario::ClosedStage| Stage {
                length: stage.duration,
                goal: counted(stage.clients, "client"),
            };
            (stages.iter().map(stage).collect(), Scaling::Clients)
        }
        LoadModel::Open { stages, .. } => {
            let stage = |stage: &crate::scenario::OpenStage| Stage {
                length: stage.duration,
                goal: format!("{} arrivals", rate(stage.to)),
            };
            (stages.iter().map(stage).collect(), Scaling::Arrivals)
        }
    };
    Brief {
        name: plan.name.clone(),
        // What comes after the question mark may be a secret.
        target: target.split(['?', '#']).next().unwrap_or_default().to_owned(),
        stages,
        scaling,
    }
}

impl Processor {
    fn look(&mut self, elapsed: Duration, usage: Option<ProcessUsage>) {
        let Some(cpu) = usage.map(|usage| usage.cpu()) else {
            return;
        };
        match self.last {
            // The same look again.
            Some((_, before)) if before == cpu => {}
            Some((since, before)) if elapsed > since => {
                let used = cpu.saturating_sub(before).as_secs_f64();
                let cores = allowed_cores().len() as f64;
                self.share = Some(used / (elapsed - since).as_secs_f64() / cores);
                self.last = Some((elapsed, cpu));
            }
            _ => self.last = Some((elapsed, cpu)),
        }
    }
}

fn health(snapshot: &Snapshot, processor: Option<f64>, usage: Option<ProcessUsage>) -> Vec<HealthLine> {
    let line = |label: &str, value: String, standing| HealthLine {
        label: label.to_owned(),
        value,
        standing,
    };
    let by_share = |share: f64| match share {
        REACHED.. => Standing::Bad,
        CLOSE.. => Standing::Warning,
        _ => Standing::Good,
    };
    let mut lines = Vec::new();
    if let Some(lag) = snapshot.total.window.trend(Trend::SendLag) {
        let standing = match lag.p99 {
            TOO_LATE_MILLIS.. => Standing::Bad,
            LATE_MILLIS.. => Standing::Warning,
            _ => Standing::Good,
        };
        lines.push(line("send lag", format!("p99 {}", millis(lag.p99)), standing));
    }
    if let Some(share) = processor {
        let text = format!(
            "{:.0}% of {}",
            share * 100.0,
            counted(allowed_cores().len() as u64, "core")
        );
        lines.push(line("CPU", text, by_share(share)));
    }
    if let Some(size) = usage.and_then(|usage| usage.resident) {
        lines.push(line("memory", memory(size.0 as f64), Standing::Good));
    }
    if let (Some(open), Ok(limit)) = (usage.and_then(|usage| usage.open_files), open_file_limit()) {
        let open = u64::from(open);
        let text = format!(
            "{} of {} ({})",
            count(open),
            count(limit.soft),
            percent(open, limit.soft)
        );
        lines.push(line(
            "open files",
            text,
            by_share(open as f64 / limit.soft.max(1) as f64),
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_share_is_that_between_two_looks() {
        let mut processor = Processor::default();
        let usage = |millis| {
            Some(ProcessUsage {
                user: Duration::from_millis(millis),
                ..ProcessUsage::default()
            })
        };
        let cores = allowed_cores().len() as f64;
        processor.look(Duration::from_secs(1), usage(100));
        assert_eq!(processor.share, None);
        processor.look(Duration::from_secs(3), usage(1_100));
        assert!((processor.share.unwrap() * cores - 0.5).abs() < 1e-9);
        // The usage is looked at less often than it is shown.
        processor.look(Duration::from_secs(4), usage(1_100));
        assert!((processor.share.unwrap() * cores - 0.5).abs() < 1e-9);
        processor.look(Duration::from_secs(5), usage(3_100));
        assert!((processor.share.unwrap() * cores - 1.0).abs() < 1e-9);
    }
}
