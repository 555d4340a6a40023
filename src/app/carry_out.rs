//! Carrying out a plan: server, engine, summary.

use std::sync::Arc;
use std::time::SystemTime;

use crate::cli::LoadArgs;
use crate::clock::now;
use crate::load::{Control, ResolvedTarget, RunOptions, check_open_files, default_workers};
use crate::metrics::{Environment, GeneratorLimits, Recorder, RunFacts, Summary, Totals};
use crate::net::Target;
use crate::net::system::{self, allowed_cores, raise_open_file_limit};
use crate::remote::{LoadKind, RunIdentity};
use crate::report::Redactor;
use crate::scenario::{LoadModel, Plan, TargetSpec};

use super::embedded::EmbeddedServer;
use super::exporter::Exporter;
use super::failure::Failure;
use super::live;
use super::watch::{Ended, RemoteAccess, Showing, Watch};

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
    pub(super) redactor: Redactor,
    /// To Prometheus, which reads.
    pub(super) exporter: Option<Exporter>,
    /// To whoever steers it.
    pub(super) remote: Option<RemoteAccess>,
    /// In the full-screen view.
    pub(super) screen: bool,
}

/// Runs a plan once, with a server of its own if it asks for the embedded one.
pub(super) fn carry_out(plan: &Arc<Plan>, args: &LoadArgs, open: Openings) -> Result<Done, Failure> {
    let embedded = plan.target == TargetSpec::Embedded;
    let workers = args
        .workers
        .map_or_else(|| default_workers(embedded), usize::from);
    check_files(plan, workers)?;
    let (server, url) = match &plan.target {
        TargetSpec::Url(url) => (None, url.clone()),
        TargetSpec::Embedded => {
            let server = start_server(workers)?;
            let url = server.url().to_owned();
            (Some(server), url)
        }
    };
    let shown = open.redactor.text(&url);
    let target =
        Target::parse(&url).map_err(|error| Failure::configuration(format!("target {shown}: {error}")))?;
    let target = ResolvedTarget::resolve(target, &plan.transport).map_err(Failure::unreachable)?;

    let groups: Vec<&str> = plan.groups.iter().map(|group| group.name.as_str()).collect();
    let started = SystemTime::now();
    let (mut recorder, shards) = Recorder::new(&groups, workers, now());
    recorder.set_limits(generator_limits(args));
    let control = Control::new();
    let mut watch = Watch::new(plan, recorder, control.clone(), server);
    let showing = Showing {
        screen: open.screen.then(|| live::brief(plan, &shown)),
        quiet: args.quiet,
        length: plan.duration(),
    };
    let remote = open.remote.map(|remote| (remote, identity(plan, &shown)));
    watch.open(showing, open.exporter, remote);
    let options = RunOptions {
        pin_workers: args.pin,
        ..RunOptions::default()
    };
    let engine = {
        let plan = Arc::clone(plan);
        move || crate::load::run(&plan, target, shards, options, &control)
    };
    let ended = watch.until_the_end(engine)?;
    let target = if embedded {
        format!("{url} (embedded)")
    } else {
        url
    };
    let mut done = done(plan, target, started, ended);
    done.summary.environment = Some(machine(workers));
    Ok(done)
}

/// Runs a plan once among several, whose own lines are the progress.
pub(super) fn quietly(plan: &Arc<Plan>, args: &LoadArgs) -> Result<Done, Failure> {
    let args = LoadArgs {
        quiet: true,
        ..args.clone()
    };
    carry_out(plan, &args, Openings::default())
}

fn done(plan: &Plan, target: String, started: SystemTime, ended: Ended) -> Done {
    let duration = ended.outcome.ended - ended.outcome.began;
    let facts = RunFacts {
        name: plan.name.clone(),
        target,
        seed: plan.seed,
        started,
        duration,
        end: ended.end,
    };
    let totals = ended.totals;
    let mut summary = Summary::new(facts, &totals, ended.processes);
    summary.thresholds = ended.judge.finish(&totals.measured(duration));
    Done { summary, totals }
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

fn check_files(plan: &Plan, workers: usize) -> Result<(), Failure> {
    match raise_open_file_limit() {
        Ok(limit) => check_open_files(plan, workers, limit.soft).map_err(Failure::configuration),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is unknown");
            Ok(())
        }
    }
}

/// The server gets the cores that the generator leaves, at least one.
fn start_server(generator_workers: usize) -> Result<EmbeddedServer, Failure> {
    let workers = allowed_cores().len().saturating_sub(generator_workers).max(1);
    EmbeddedServer::start(workers).map_err(Failure::internal)
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
