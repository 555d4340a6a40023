//! The full-screen view of a run: what of a run it is shown.

use std::sync::Arc;

use tokio::sync::watch;

use crate::load::Control;
use crate::metrics::{Finding, GeneratorSnapshot, ProcessPulse, Snapshot, ThresholdResult, ThresholdState};
use crate::report::format::{count, counted, memory, millis, percent, rate};
use crate::scenario::{LoadModel, Plan};
use crate::tui::{
    self, Brief, Frame, HealthLine, LiveView, RunScreen, Scaling, Stage, Standing, Theme, ThresholdLine,
    TuiError, panic_for_a_test,
};

use super::logging;
use super::signals::RunSignals;

/// From this share of a limit on it is close.
const CLOSE: f64 = 0.8;
/// From this share on it is reached: what is left is noise.
const REACHED: f64 = 0.95;
/// Workers that are later than this are late enough to see; whether the run is invalid for it is not decided here.
const LATE_MILLIS: f64 = 1.0;

/// A view that is shown.
#[derive(Debug)]
pub(super) struct Live {
    view: LiveView,
    frames: watch::Sender<Arc<Frame>>,
    note: Option<String>,
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
        })
    }

    /// Shows one more snapshot.
    pub(super) fn snapshot(&self, snapshot: &Arc<Snapshot>, thresholds: Vec<ThresholdLine>) {
        panic_for_a_test("run");
        self.frames.send_replace(Arc::new(Frame {
            snapshot: Arc::clone(snapshot),
            ended: false,
            thresholds,
            health: health(&snapshot.generator),
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

    /// Shows the last snapshot as such, waits for whoever holds the picture, and leaves the terminal as it was, unless that
    /// takes nothing: then what is logged stays held back.
    pub(super) async fn finish(self, signals: &mut RunSignals) {
        let Self { mut view, frames, .. } = self;
        frames.send_modify(|frame| Arc::make_mut(frame).ended = true);
        drop(frames);
        tokio::select! {
            () = view.ended() => {}
            _ = signals.next() => {}
        }
        if view.close().await {
            logging::release();
        }
    }
}

/// Waits for a terminal that took nothing when its view ended, so that nothing is printed on the view's own screen.
pub(super) fn give_back() {
    tui::restore();
    logging::release();
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

/// How the thresholds stand.
pub(super) fn thresholds(results: &[ThresholdResult]) -> Vec<ThresholdLine> {
    let line = |result: &ThresholdResult| ThresholdLine {
        text: format!("{}: {}", result.metric, result.expression),
        value: result.present(),
        standing: match result.state {
            ThresholdState::Passed => Standing::Good,
            ThresholdState::Crossed => Standing::Bad,
            ThresholdState::NoData => Standing::Unknown,
        },
    };
    results.iter().map(line).collect()
}

/// What is wrong first, then the figures behind it.
fn health(generator: &GeneratorSnapshot) -> Vec<HealthLine> {
    let findings = |findings: &[Finding], standing| -> Vec<HealthLine> {
        let line = |finding: &Finding| line("problem", finding.reason.clone(), standing);
        findings.iter().map(line).collect()
    };
    let mut lines = findings(&generator.problems, Standing::Bad);
    lines.extend(findings(&generator.notes, Standing::Warning));
    for (label, lag) in [
        ("timer lag", generator.timer_lag),
        ("loop lag", generator.loop_lag),
    ] {
        if let Some(lag) = lag {
            let standing = match (generator.late_for.is_zero(), lag.p99 >= LATE_MILLIS) {
                (false, _) => Standing::Bad,
                (true, true) => Standing::Warning,
                (true, false) => Standing::Good,
            };
            let value = format!("p99 {}  max {}", millis(lag.p99), millis(lag.max));
            lines.push(line(label, value, standing));
        }
    }
    if let Some(busiest) = generator.busiest() {
        let wanted = busiest.cpu + busiest.waiting;
        let value = format!(
            "{:.0}% of a core at most, of {}",
            busiest.cpu * 100.0,
            counted(generator.workers.len() as u64, "worker")
        );
        lines.push(line("CPU", value, by_share(wanted)));
    }
    lines.extend(process(&generator.process));
    lines
}

/// What the process has left.
fn process(pulse: &ProcessPulse) -> Vec<HealthLine> {
    let used = |used: u64, all: u64| {
        let value = format!("{} of {} ({})", count(used), count(all), percent(used, all));
        (value, by_share(used as f64 / all.max(1) as f64))
    };
    let mut lines = Vec::new();
    if let (Some(open), Some(limit)) = (pulse.open_files, pulse.file_limit) {
        let (value, standing) = used(open, limit);
        lines.push(line("open files", value, standing));
    }
    if let (Some(left), Some(ports)) = (pulse.ports_left, pulse.ports) {
        let (value, standing) = used(ports.saturating_sub(left), ports);
        lines.push(line("local ports", value, standing));
    }
    if let Some(bytes) = pulse.available_bytes {
        let value = format!("{} available on this machine", memory(bytes as f64));
        lines.push(line("memory", value, Standing::Good));
    }
    lines
}

fn line(label: &str, value: String, standing: Standing) -> HealthLine {
    HealthLine {
        label: label.to_owned(),
        value,
        standing,
    }
}

fn by_share(share: f64) -> Standing {
    match share {
        REACHED.. => Standing::Bad,
        CLOSE.. => Standing::Warning,
        _ => Standing::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{TrendFigures, WorkerShare};

    #[test]
    fn the_health_of_a_generator_is_told_in_words() {
        let generator = GeneratorSnapshot {
            timer_lag: Some(TrendFigures {
                p99: 2.5,
                max: 4.0,
                ..TrendFigures::default()
            }),
            workers: vec![
                WorkerShare {
                    cpu: 0.5,
                    waiting: 0.35,
                },
                WorkerShare::default(),
            ],
            process: ProcessPulse {
                open_files: Some(990),
                file_limit: Some(1_000),
                ..ProcessPulse::default()
            },
            ..GeneratorSnapshot::default()
        };
        let told: Vec<_> = health(&generator)
            .into_iter()
            .map(|line| (line.label, line.value, line.standing))
            .collect();
        let expected = [
            ("timer lag", "p99 2.5ms  max 4ms", Standing::Warning),
            ("CPU", "50% of a core at most, of 2 workers", Standing::Warning),
            ("open files", "990 of 1,000 (99%)", Standing::Bad),
        ];
        assert_eq!(
            told,
            expected.map(|(label, value, standing)| (label.to_owned(), value.to_owned(), standing))
        );
    }
}
