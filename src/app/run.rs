//! `wsbench run`: scenario, server, engine, summary.

use std::io::{IsTerminal, Write, stdin, stdout};
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::cli::RunArgs;
use crate::clock::{Moment, now};
use crate::exit::{self, ExitCode};
use crate::load::{
    Control, EarlyEnd, LoadError, ResolvedTarget, RunOptions, RunOutcome, check_open_files, default_workers,
};
use crate::metrics::{GeneratorLimits, Recorder, RunEnd, RunFacts, Snapshot, Summary, Totals};
use crate::net::system::{allowed_cores, ephemeral_ports, raise_open_file_limit};
use crate::net::{SourceAddresses, Target};
use crate::remote::{Guard, LoadKind, Remote, RunIdentity};
use crate::report::{self, Style};
use crate::scenario::{self, LoadModel, Overrides, Plan, Resources, TargetSpec};
use crate::tui::Brief;

use super::embedded::EmbeddedServer;
use super::environment::environment;
use super::failure::Failure;
use super::live::{self, Live};
use super::logging;
use super::machine::Machine;
use super::progress::Progress;
use super::signals::EndSignals;
use super::usage::UsageLog;

/// How often the recorder takes in what the workers have measured, and the progress is redrawn.
const TICK: Duration = Duration::from_millis(250);

/// Carries out a scenario and tells what was measured.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let plan = Arc::new(plan(args)?);
    if args.dry_run {
        return show(&plan);
    }
    let embedded = plan.target == TargetSpec::Embedded;
    let workers = args
        .workers
        .map_or_else(|| default_workers(embedded), usize::from);
    check_files(&plan, workers)?;
    let mut server = match plan.target {
        TargetSpec::Embedded => Some(start_server(workers)?),
        TargetSpec::Url(_) => None,
    };
    let url = match (&plan.target, &server) {
        (TargetSpec::Url(url), _) => url.clone(),
        (TargetSpec::Embedded, server) => server
            .as_ref()
            .map(|server| server.url().to_owned())
            .unwrap_or_default(),
    };
    let target =
        Target::parse(&url).map_err(|error| Failure::configuration(format!("target {url}: {error}")))?;
    let target = ResolvedTarget::resolve(target, &plan.transport).map_err(Failure::unreachable)?;

    let groups: Vec<&str> = plan.groups.iter().map(|group| group.name.as_str()).collect();
    let started = SystemTime::now();
    let (mut recorder, shards) = Recorder::new(&groups, workers, now());
    recorder.set_limits(generator_limits(args));
    let mut usage = UsageLog::begin(server.as_ref().map(EmbeddedServer::pid));
    let control = Control::new();
    let engine = {
        let (plan, control) = (Arc::clone(&plan), control.clone());
        let options = RunOptions {
            pin_workers: args.pin,
            ..RunOptions::default()
        };
        move || crate::load::run(&plan, target, shards, options, &control)
    };
    let remote = remote_access(args, &plan, &url)?;
    let watch = Watch {
        recorder,
        control,
        machine: Machine::new(&plan),
        snapshots: watch::Sender::default(),
        remote,
        progress: Progress::Quiet,
        showing: Showing {
            screen: wants_screen(args).then(|| live::brief(&plan, &url)),
            quiet: args.quiet,
            length: plan.duration(),
        },
        server: server.as_mut(),
        usage: &mut usage,
        server_end: None,
        interrupted: false,
    };
    let Ended { outcome, totals, end } = watch.until_the_end(engine)?;
    let processes = usage.end();
    if let Some(server) = server {
        server.stop();
    }
    let facts = RunFacts {
        name: plan.name.clone(),
        target: if embedded {
            format!("{url} (embedded)")
        } else {
            url
        },
        seed: plan.seed,
        started,
        duration: outcome.ended - outcome.began,
        end,
    };
    publish(
        &Summary::new(facts, &totals, processes),
        args.summary_export.as_deref(),
    )
}

fn generator_limits(args: &RunArgs) -> GeneratorLimits {
    let share = |percent: u8| f64::from(percent) / 100.0;
    GeneratorLimits {
        lag: args.generator.max_lag.0,
        lag_share: share(args.generator.max_lag_share),
        busy: share(args.generator.max_busy),
        sustained: args.generator.max_late.0,
        tolerate: args.generator.allow_invalid,
    }
}

/// Where and to whom the run is open, if anyone asked for that.
fn remote_access(args: &RunArgs, plan: &Plan, url: &str) -> Result<Option<RemoteAccess>, Failure> {
    let Some(address) = args.control else {
        return Ok(None);
    };
    let guard = Guard::new(address, args.control_token.clone()).map_err(Failure::configuration)?;
    let listener = std::net::TcpListener::bind(address)
        .map_err(|error| Failure::configuration(format!("--control {address}: {error}")))?;
    listener.set_nonblocking(true).map_err(Failure::internal)?;
    let run = RunIdentity {
        name: plan.name.clone(),
        target: url.to_owned(),
        planned: plan.duration(),
        load: match plan.load {
            LoadModel::Closed { .. } => LoadKind::Closed,
            LoadModel::Open { .. } => LoadKind::Open,
        },
    };
    Ok(Some(RemoteAccess { listener, guard, run }))
}

/// Tells what a run of the plan would do.
fn show(plan: &Plan) -> Result<ExitCode, Failure> {
    let resources = Resources {
        ports: ephemeral_ports(),
        open_files: raise_open_file_limit().ok().map(|limit| limit.soft),
    };
    let text = scenario::outline(plan, resources);
    stdout().write_all(text.as_bytes()).map_err(Failure::internal)?;
    Ok(ExitCode::Ok)
}

/// The scenario with what the command line changes in it.
fn plan(args: &RunArgs) -> Result<Plan, Failure> {
    let overrides = Overrides {
        target: args.target.clone(),
        seed: args.seed,
        insecure: args.tls.insecure,
        variables: args
            .variables
            .iter()
            .map(|variable| (variable.key.clone(), variable.value.clone()))
            .collect(),
        environment: environment(),
        ..Overrides::default()
    };
    let mut plan = scenario::load(&args.file, &overrides).map_err(Failure::configuration)?;
    let transport = &mut plan.transport;
    if let Some(ca) = &args.tls.ca {
        transport.ca_file = Some(ca.clone());
    }
    if let Some(files) = args.tls.client_certificate() {
        transport.client_certificate = Some(files);
    }
    if let Some(name) = &args.tls.server_name {
        transport.server_name = Some(name.clone());
    }
    if !args.source.is_empty() {
        let list = args.source.join(",");
        let sources = SourceAddresses::parse(&list)
            .map_err(|error| Failure::configuration(format!("--source {list}: {error}")))?;
        transport.source_addresses = sources.iter().collect();
    }
    SourceAddresses::new(&transport.source_addresses)
        .check()
        .map_err(Failure::configuration)?;
    Ok(plan)
}

fn check_files(plan: &Plan, workers: usize) -> Result<(), Failure> {
    match raise_open_file_limit() {
        Ok(limit) => check_open_files(plan, workers, limit.soft).map_err(Failure::configuration),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is unknown");
            Ok(())
        }
    }
}

/// The full-screen view needs a terminal that it can draw on and read keys from.
fn wants_screen(args: &RunArgs) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !args.no_tui && !args.quiet && !dumb && stdout().is_terminal() && stdin().is_terminal()
}

/// The server gets the cores that the generator leaves, at least one.
fn start_server(generator_workers: usize) -> Result<EmbeddedServer, Failure> {
    let workers = allowed_cores().len().saturating_sub(generator_workers).max(1);
    EmbeddedServer::start(workers).map_err(Failure::internal)
}

/// Everything that watches the engine while it works.
struct Watch<'a> {
    recorder: Recorder,
    control: Control,
    machine: Machine,
    snapshots: watch::Sender<Arc<Snapshot>>,
    remote: Option<RemoteAccess>,
    progress: Progress,
    showing: Showing,
    server: Option<&'a mut EmbeddedServer>,
    usage: &'a mut UsageLog,
    server_end: Option<String>,
    interrupted: bool,
}

/// How a run is to be shown.
struct Showing {
    /// In the full-screen view, if it is wanted and not yet there.
    screen: Option<Brief>,
    quiet: bool,
    length: Duration,
}

/// The control interface before the run.
struct RemoteAccess {
    listener: std::net::TcpListener,
    guard: Guard,
    run: RunIdentity,
}

/// What is left when the engine has ended.
struct Ended {
    outcome: RunOutcome,
    totals: Totals,
    end: RunEnd,
}

impl Watch<'_> {
    fn until_the_end(
        mut self,
        engine: impl FnOnce() -> Result<RunOutcome, LoadError> + Send + 'static,
    ) -> Result<Ended, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::internal)?;
        let outcome = runtime.block_on(self.watch(engine))?;
        self.recorder.paused(outcome.paused);
        let totals = self.recorder.finish();
        let end = match (self.server_end, outcome.early_end) {
            _ if self.interrupted => RunEnd::Interrupted,
            // Someone at the view's keys did.
            (None, None) if outcome.stopped => RunEnd::Interrupted,
            (Some(how), _) => RunEnd::ServerExited(how),
            (None, Some(EarlyEnd::Lost)) => RunEnd::TargetLost,
            (None, None) if outcome.stopped => RunEnd::Interrupted,
            (None, Some(EarlyEnd::Unreachable) | None) => RunEnd::Completed,
        };
        Ok(Ended { outcome, totals, end })
    }

    async fn watch(
        &mut self,
        engine: impl FnOnce() -> Result<RunOutcome, LoadError> + Send + 'static,
    ) -> Result<RunOutcome, Failure> {
        let mut signals = EndSignals::new().map_err(Failure::internal)?;
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
                    signal.map_err(Failure::internal)?;
                    self.interrupt();
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

    /// Opens the control interface; it ends with the runtime.
    fn open_to_others(&mut self) -> Result<(), Failure> {
        let Some(RemoteAccess { listener, guard, run }) = self.remote.take() else {
            return Ok(());
        };
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
        if self.progress.is_lost() {
            logging::release();
            self.progress = Progress::new(self.showing.quiet, self.showing.length);
        }
        self.progress.show(&snapshot, Vec::new());
        self.usage.sample(snapshot.elapsed);
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

    /// The first signal ends the run in order, a further one at once.
    fn interrupt(&mut self) {
        if self.interrupted {
            self.control.abort();
            return;
        }
        self.interrupted = true;
        self.progress
            .note("stopping: closing connections; once more to cut them off");
        self.control.interrupt();
    }
}

/// Prints the summary and writes the file that was asked for; gives the exit code that it earns.
fn publish(summary: &Summary, export: Option<&Path>) -> Result<ExitCode, Failure> {
    let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let width = crossterm::terminal::size()
        .map_or_else(|_| Style::default().width, |(columns, _)| usize::from(columns));
    let text = report::text::render(summary, Style { colour, width });
    // A closed standard output must not keep the file from being written.
    let _ = stdout().write_all(text.as_bytes());
    if let Some(path) = export {
        report::json::write(summary, path).map_err(|error| Failure {
            message: error.to_string(),
            code: ExitCode::ReportNotWritten,
        })?;
    }
    Ok(exit::for_summary(summary))
}
