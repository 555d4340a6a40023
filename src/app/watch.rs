//! [`Watch`]: everything that looks at a run while it goes on, and what may end it early.

use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::clock::{Moment, now};
use crate::gate::Judge;
use crate::load::{Control, EarlyEnd, LoadError, RunOutcome};
use crate::metrics::{Processes, Recorder, RunEnd, Snapshot, Totals};
use crate::remote::{Guard, Remote, RunIdentity};
use crate::scenario::Plan;
use crate::tui::Brief;

use super::embedded::EmbeddedServer;
use super::exporter::Exporter;
use super::failure::Failure;
use super::live::{self, Live};
use super::logging;
use super::machine::Machine;
use super::progress::Progress;
use super::signals::{RunSignal, RunSignals};
use super::usage::UsageLog;

/// How often the recorder takes in what the workers have measured, and the progress is redrawn.
const TICK: Duration = Duration::from_millis(250);

/// Everything that watches the engine while it works.
pub(super) struct Watch {
    recorder: Recorder,
    control: Control,
    machine: Machine,
    snapshots: watch::Sender<Arc<Snapshot>>,
    exporter: Option<Exporter>,
    remote: Option<(RemoteAccess, RunIdentity)>,
    progress: Progress,
    showing: Showing,
    server: Option<EmbeddedServer>,
    usage: UsageLog,
    server_end: Option<String>,
    interrupted: bool,
    judge: Judge,
    /// The threshold that ended the run, with its value.
    crossed: Option<String>,
}

/// How a run is to be shown.
pub(super) struct Showing {
    /// In the full-screen view, if it is wanted and not yet there.
    pub(super) screen: Option<Brief>,
    pub(super) quiet: bool,
    pub(super) length: Duration,
}

/// The control interface before the run.
pub(super) struct RemoteAccess {
    pub(super) listener: std::net::TcpListener,
    pub(super) guard: Guard,
}

/// What is left when the engine has ended.
pub(super) struct Ended {
    pub(super) outcome: RunOutcome,
    pub(super) totals: Totals,
    pub(super) end: RunEnd,
    pub(super) judge: Judge,
    pub(super) processes: Processes,
}

impl Watch {
    /// Before the run.
    pub(super) fn new(
        plan: &Plan,
        recorder: Recorder,
        control: Control,
        server: Option<EmbeddedServer>,
    ) -> Self {
        Self {
            recorder,
            control,
            machine: Machine::new(plan),
            snapshots: watch::Sender::default(),
            exporter: None,
            remote: None,
            progress: Progress::Quiet,
            showing: Showing {
                screen: None,
                quiet: true,
                length: plan.duration(),
            },
            usage: UsageLog::begin(server.as_ref().map(EmbeddedServer::pid)),
            server,
            server_end: None,
            interrupted: false,
            judge: Judge::new(plan.thresholds.clone()),
            crossed: None,
        }
    }

    /// Lets others see and steer the run, each in the way that is given.
    pub(super) fn open(
        &mut self,
        showing: Showing,
        exporter: Option<Exporter>,
        remote: Option<(RemoteAccess, RunIdentity)>,
    ) {
        self.showing = showing;
        self.exporter = exporter;
        self.remote = remote;
    }

    /// Watches `engine` until it ends, then stops the server.
    pub(super) fn until_the_end(
        mut self,
        engine: impl FnOnce() -> Result<RunOutcome, LoadError> + Send + 'static,
    ) -> Result<Ended, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::internal)?;
        let outcome = runtime.block_on(self.watch(engine))?;
        // What was measured since the last tick belongs to a point that ends now.
        self.recorder.tick(now());
        self.recorder.paused(outcome.paused);
        let totals = self.recorder.finish();
        let processes = self.usage.end();
        if let Some(server) = self.server {
            server.stop();
        }
        let end = match (self.server_end, outcome.early_end) {
            _ if self.interrupted => RunEnd::Interrupted,
            _ if self.crossed.is_some() => RunEnd::ThresholdCrossed(self.crossed.unwrap_or_default()),
            (Some(how), _) => RunEnd::ServerExited(how),
            (None, Some(EarlyEnd::Lost)) => RunEnd::TargetLost,
            // Someone at the view's keys or the control interface did.
            (None, None) if outcome.stopped => RunEnd::Interrupted,
            (None, Some(EarlyEnd::Unreachable) | None) => RunEnd::Completed,
        };
        Ok(Ended {
            outcome,
            totals,
            end,
            judge: self.judge,
            processes,
        })
    }

    async fn watch(
        &mut self,
        engine: impl FnOnce() -> Result<RunOutcome, LoadError> + Send + 'static,
    ) -> Result<RunOutcome, Failure> {
        let mut signals = RunSignals::new().map_err(Failure::internal)?;
        // From here on a signal ends the run in order, so it leaves the terminal as it was.
        self.begin_to_show();
        self.open_to_others()?;
        let (sender, mut ended) = oneshot::channel();
        let thread = thread::spawn(move || {
            // The receiver lives as long as the run.
            let _ = sender.send(engine());
        });
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let outcome = loop {
            tokio::select! {
                outcome = &mut ended => break outcome,
                _ = ticks.tick() => self.tick(now()),
                signal = signals.next() => {
                    self.interrupt(signal.map_err(Failure::internal)?);
                }
            }
        };
        self.tick(now());
        mem::replace(&mut self.progress, Progress::Quiet)
            .finish(&mut signals)
            .await;
        // Its result has been received or its sender dropped, so it is at its end.
        if thread.join().is_err() {
            return Err(Failure::internal("the load engine failed; its message is above"));
        }
        outcome.map_err(Failure::internal)?.map_err(Failure::internal)
    }

    fn begin_to_show(&mut self) {
        if let Some(brief) = self.showing.screen.take() {
            match Live::show(brief, self.control.clone()) {
                Ok(live) => {
                    self.recorder.show_spreads();
                    self.progress = Progress::Screen(Box::new(live));
                    return;
                }
                Err(error) => tracing::warn!("{error}"),
            }
        }
        self.progress = Progress::new(self.showing.quiet, self.showing.length);
    }

    /// Opens what Prometheus reads and the control interface; both end with the runtime.
    fn open_to_others(&mut self) -> Result<(), Failure> {
        let begin = self.recorder.tick(now());
        if let Some(exporter) = &mut self.exporter {
            let address = exporter
                .address()
                .map_or_else(String::new, |address| address.to_string());
            self.progress
                .note(&format!("metrics at http://{address}/metrics"));
            exporter
                .serve(&begin, &self.recorder)
                .map_err(Failure::internal)?;
        }
        let Some((RemoteAccess { listener, guard }, run)) = self.remote.take() else {
            return Ok(());
        };
        self.snapshots.send_replace(begin);
        let listener = TcpListener::from_std(listener).map_err(Failure::internal)?;
        let address = listener.local_addr().map_err(Failure::internal)?;
        self.progress
            .note(&format!("control interface at http://{address}"));
        let remote = Remote {
            run,
            control: self.control.clone(),
            snapshots: self.snapshots.subscribe(),
            guard,
        };
        tokio::spawn(crate::remote::serve(listener, remote));
        Ok(())
    }

    fn tick(&mut self, at: Moment) {
        self.recorder.paused(self.control.state().paused_for);
        let snapshot = self.recorder.tick(at);
        if let Some(exporter) = &mut self.exporter {
            exporter.show(&snapshot, &self.recorder);
        }
        if self.progress.is_lost() {
            logging::release();
            self.progress = Progress::new(self.showing.quiet, self.showing.length);
        }
        self.usage.sample(snapshot.elapsed);
        self.look(&snapshot);
        self.progress
            .show(&snapshot, live::thresholds(self.judge.results()));
        if let Some(pulse) = self.machine.look(&snapshot, self.usage.open_files()) {
            self.recorder.process(pulse);
        }
        self.snapshots.send_replace(snapshot);
        if self.server_end.is_none()
            && let Some(status) = self.server.as_mut().and_then(|server| server.ended())
        {
            self.progress
                .note(&format!("the embedded server has ended ({status}); stopping"));
            self.server_end = Some(status.to_string());
            self.control.interrupt();
        }
    }

    /// Judges the thresholds, and ends the run in order if one asks for it.
    fn look(&mut self, snapshot: &Snapshot) {
        let Some(result) = self.judge.look(&self.recorder.measured(snapshot.elapsed)) else {
            return;
        };
        let text = format!("{result}, which is {}", result.present());
        self.progress.note(&format!("stopping: the threshold {text}"));
        self.crossed = Some(text);
        self.control.interrupt();
    }

    /// The first signal ends the run in order, a further one at once.
    fn interrupt(&mut self, signal: RunSignal) {
        if self.interrupted {
            if signal == RunSignal::End {
                self.control.abort();
            }
            return;
        }
        self.interrupted = true;
        self.progress
            .note("stopping: closing connections; once more to cut them off");
        self.control.interrupt();
    }
}
