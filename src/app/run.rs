//! `wsbench run`: scenario, server, engine, summary.

use std::fs;
use std::io::{IsTerminal, Write, stdin, stdout};
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::cli::{AnnotationsArg, LoadArgs, RunArgs};
use crate::clock::{Moment, now};
use crate::exit::{self, ExitCode};
use crate::gate::{Judge, Threshold};
use crate::load::{
    Control, EarlyEnd, LoadError, ResolvedTarget, RunOptions, RunOutcome, check_open_files, default_workers,
};
use crate::metrics::{
    Environment, GeneratorLimits, Recorder, RunEnd, RunFacts, ScenarioText, Snapshot, Summary, Totals,
};
use crate::net::system::{self, allowed_cores, ephemeral_ports, raise_open_file_limit};
use crate::net::{SourceAddresses, Target};
use crate::remote::{Guard, LoadKind, Remote, RunIdentity};
use crate::report::prometheus::RunLabels;
use crate::report::{self, Output, Redactor, annotations};
use crate::scenario::{self, LoadModel, Overrides, Plan, Resources, TargetSpec};
use crate::tui::Brief;

use super::embedded::EmbeddedServer;
use super::environment::environment;
use super::exporter::Exporter;
use super::failure::Failure;
use super::live::{self, Live};
use super::logging;
use super::machine::Machine;
use super::misspelling;
use super::progress::Progress;
use super::publish;
use super::signals::{RunSignal, RunSignals};
use super::usage::UsageLog;

/// How often the recorder takes in what the workers have measured, and the progress is redrawn.
const TICK: Duration = Duration::from_millis(250);

/// Carries out a scenario and tells what was measured.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let outputs = publish::outputs(&args.out, args.summary_export.as_deref())?;
    let mut plan = plan(&args.file, args.target.as_deref(), &args.load)?;
    for text in args.thresholds.iter().filter(|text| !text.trim().is_empty()) {
        plan.thresholds.push(threshold(text, &plan)?);
    }
    if args.dry_run {
        return show(&plan);
    }
    let redactor = redactor(&args.file, &args.load, &plan);
    let open = Openings {
        redactor: redactor.clone(),
        exporter: exporter(args, &plan, &redactor)?,
        remote: remote_access(args)?,
        screen: wants_screen(args),
    };
    let done = carry_out(&Arc::new(plan), &args.load, open)?;
    let summary = complete(args, done.summary, &redactor)?;
    Ok(publish(args, &summary, &outputs))
}

/// A run that has ended.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) summary: Summary,
    pub(super) totals: Totals,
}

/// Where a run is open to others while it goes on.
#[derive(Default)]
pub(super) struct Openings {
    /// Knows what must not be shown to any of them.
    redactor: Redactor,
    /// To Prometheus, which reads.
    exporter: Option<Exporter>,
    /// To whoever steers it.
    remote: Option<RemoteAccess>,
    /// In the full-screen view.
    screen: bool,
}

/// Runs a plan once, with a server of its own if it asks for the embedded one.
pub(super) fn carry_out(plan: &Arc<Plan>, args: &LoadArgs, open: Openings) -> Result<Done, Failure> {
    let embedded = plan.target == TargetSpec::Embedded;
    let workers = args
        .workers
        .map_or_else(|| default_workers(embedded), usize::from);
    check_files(plan, workers)?;
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
    let shown = open.redactor.text(&url);
    let target =
        Target::parse(&url).map_err(|error| Failure::configuration(format!("target {shown}: {error}")))?;
    let target = ResolvedTarget::resolve(target, &plan.transport).map_err(Failure::unreachable)?;

    let groups: Vec<&str> = plan.groups.iter().map(|group| group.name.as_str()).collect();
    let started = SystemTime::now();
    let (mut recorder, shards) = Recorder::new(&groups, workers, now());
    recorder.set_limits(generator_limits(args));
    let mut usage = UsageLog::begin(server.as_ref().map(EmbeddedServer::pid));
    let control = Control::new();
    let engine = {
        let (plan, control) = (Arc::clone(plan), control.clone());
        let options = RunOptions {
            pin_workers: args.pin,
            ..RunOptions::default()
        };
        move || crate::load::run(&plan, target, shards, options, &control)
    };
    let identity = identity(plan, &shown);
    let watch = Watch {
        recorder,
        control,
        machine: Machine::new(plan),
        snapshots: watch::Sender::default(),
        exporter: open.exporter,
        remote: open.remote.map(|remote| (remote, identity)),
        progress: Progress::Quiet,
        showing: Showing {
            screen: open.screen.then(|| live::brief(plan, &shown)),
            quiet: args.quiet,
            length: plan.duration(),
        },
        server: server.as_mut(),
        usage: &mut usage,
        server_end: None,
        interrupted: false,
        judge: Judge::new(plan.thresholds.clone()),
        crossed: None,
    };
    let Ended {
        outcome,
        totals,
        end,
        judge,
    } = watch.until_the_end(engine)?;
    let processes = usage.end();
    if let Some(server) = server {
        server.stop();
    }
    let duration = outcome.ended - outcome.began;
    let facts = RunFacts {
        name: plan.name.clone(),
        target: if embedded {
            format!("{url} (embedded)")
        } else {
            url
        },
        seed: plan.seed,
        started,
        duration,
        end,
    };
    let mut summary = Summary::new(facts, &totals, processes);
    summary.environment = Some(machine(workers));
    summary.thresholds = judge.finish(&totals.measured(duration));
    Ok(Done { summary, totals })
}

/// A threshold of the command line.
fn threshold(text: &str, plan: &Plan) -> Result<Threshold, Failure> {
    let wrong = |offset: usize, message: &dyn std::fmt::Display| {
        let before = text.get(..offset).unwrap_or(text).chars().count();
        Failure::configuration(format!("--threshold: {message}\n  {text}\n  {:before$}^", ""))
    };
    let threshold = Threshold::of_flag(text).map_err(|error| wrong(error.offset, &error.message))?;
    threshold
        .metric
        .check_group(plan.groups.iter().map(|group| group.name.as_str()))
        .map_err(|message| wrong(0, &message))?;
    Ok(threshold)
}

fn generator_limits(args: &LoadArgs) -> GeneratorLimits {
    let share = |percent: u8| f64::from(percent) / 100.0;
    GeneratorLimits {
        lag: args.generator.max_lag.0,
        lag_share: share(args.generator.max_lag_share),
        busy: share(args.generator.max_busy),
        sustained: args.generator.max_late.0,
        tolerate: args.generator.allow_invalid,
    }
}

/// Where and to whom the run is open to be steered, if anyone asked for that.
fn remote_access(args: &RunArgs) -> Result<Option<RemoteAccess>, Failure> {
    let Some(address) = args.control else {
        return Ok(None);
    };
    let guard = Guard::new(address, args.control_token.clone()).map_err(Failure::configuration)?;
    let listener = std::net::TcpListener::bind(address)
        .map_err(|error| Failure::configuration(format!("--control {address}: {error}")))?;
    listener.set_nonblocking(true).map_err(Failure::internal)?;
    Ok(Some(RemoteAccess { listener, guard }))
}

fn identity(plan: &Plan, url: &str) -> RunIdentity {
    RunIdentity {
        name: plan.name.clone(),
        target: url.to_owned(),
        planned: plan.duration(),
        load: match plan.load {
            LoadModel::Closed { .. } => LoadKind::Closed,
            LoadModel::Open { .. } => LoadKind::Open,
        },
    }
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
pub(super) fn plan(file: &Path, target: Option<&str>, args: &LoadArgs) -> Result<Plan, Failure> {
    let overrides = Overrides {
        target: target.map(str::to_owned),
        seed: args.seed,
        insecure: args.tls.insecure,
        variables: args
            .variables
            .iter()
            .map(|variable| (variable.key.clone(), variable.value.clone()))
            .collect(),
        environment: environment(),
        client_scale: args.scale,
        duration_scale: args.duration_scale,
    };
    let mut plan = scenario::load(file, &overrides)
        .map_err(|errors| Failure::configuration(format!("{errors}{}", misspelling::meant(file))))?;
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
    !args.no_tui && !args.load.quiet && !dumb && stdout().is_terminal() && stdin().is_terminal()
}

/// The server gets the cores that the generator leaves, at least one.
fn start_server(generator_workers: usize) -> Result<EmbeddedServer, Failure> {
    let workers = allowed_cores().len().saturating_sub(generator_workers).max(1);
    EmbeddedServer::start(workers).map_err(Failure::internal)
}

/// The address for Prometheus, if one was asked for.
fn exporter(args: &RunArgs, plan: &Plan, redactor: &Redactor) -> Result<Option<Exporter>, Failure> {
    let Some(address) = args.metrics else {
        return Ok(None);
    };
    let target = match &plan.target {
        TargetSpec::Embedded => "embedded".to_owned(),
        TargetSpec::Url(url) => redactor.text(url),
    };
    let labels = RunLabels {
        scenario: plan.name.clone(),
        target,
    };
    Exporter::bind(address, labels)
        .map(Some)
        .map_err(|error| Failure::configuration(format!("--metrics {address}: {error}")))
}

/// Knows the secrets of this run.
pub(super) fn redactor(scenario: &Path, args: &LoadArgs, plan: &Plan) -> Redactor {
    let (text, variables) = (scenario_text(scenario), variables(args));
    let target = match &plan.target {
        TargetSpec::Embedded => "",
        TargetSpec::Url(url) => url,
    };
    let environment = |name: &str| std::env::var(name).ok();
    Redactor::new(&text, variables.iter().map(String::as_str), target, environment)
}

/// The scenario was read before; if its file is gone meanwhile, the reports do without its text.
fn scenario_text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}

fn variables(args: &LoadArgs) -> Vec<String> {
    let variables = args.variables.iter();
    variables
        .map(|variable| format!("{}={}", variable.key, variable.value))
        .collect()
}

/// Everything that watches the engine while it works.
struct Watch<'a> {
    recorder: Recorder,
    control: Control,
    machine: Machine,
    snapshots: watch::Sender<Arc<Snapshot>>,
    exporter: Option<Exporter>,
    remote: Option<(RemoteAccess, RunIdentity)>,
    progress: Progress,
    showing: Showing,
    server: Option<&'a mut EmbeddedServer>,
    usage: &'a mut UsageLog,
    server_end: Option<String>,
    interrupted: bool,
    judge: Judge,
    /// The threshold that ended the run, with its value.
    crossed: Option<String>,
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
}

/// What is left when the engine has ended.
struct Ended {
    outcome: RunOutcome,
    totals: Totals,
    end: RunEnd,
    judge: Judge,
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
        // What was measured since the last tick belongs to a point that ends now.
        self.recorder.tick(now());
        self.recorder.paused(outcome.paused);
        let totals = self.recorder.finish();
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
        if let Some(exporter) = &mut self.exporter {
            let address = exporter
                .address()
                .map_or_else(String::new, |address| address.to_string());
            self.progress
                .note(&format!("metrics at http://{address}/metrics"));
            exporter.serve().map_err(Failure::internal)?;
        }
        let Some((RemoteAccess { listener, guard }, run)) = self.remote.take() else {
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

/// The machine that the load comes from.
fn machine(workers: usize) -> Environment {
    let machine = system::Machine::this();
    Environment {
        system: machine.system,
        processor: machine.processor,
        cores: allowed_cores().len() as u64,
        memory_bytes: machine.memory.map(|size| size.0),
        workers: workers as u64,
    }
}

/// The summary with what was asked for and without secrets.
fn complete(args: &RunArgs, mut summary: Summary, redactor: &Redactor) -> Result<Summary, Failure> {
    summary.scenario = Some(ScenarioText {
        file: args.file.display().to_string(),
        text: scenario_text(&args.file),
        variables: variables(&args.load),
    });
    publish::clean(&summary, redactor)
}

/// Prints the summary and writes the reports that were asked for; gives the exit code that it earns.
fn publish(args: &RunArgs, summary: &Summary, outputs: &[Output]) -> ExitCode {
    publish::print(|style| report::text::render(summary, style));
    if let Some(AnnotationsArg::Github) = args.annotations {
        publish::say(&annotations::of_run(summary));
    }
    let written = publish::write(summary, outputs, args.load.quiet);
    if !written {
        publish::rescue(summary);
    }
    publish::exit_code(exit::for_summary(summary), written)
}
