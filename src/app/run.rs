//! `wsbench run`: a scenario carried out, told and kept.

use std::io::{IsTerminal, stdin, stdout};
use std::sync::Arc;

use crate::cli::{AnnotationsArg, RunArgs};
use crate::exit::{self, ExitCode};
use crate::gate::Threshold;
use crate::metrics::{ScenarioText, Summary};
use crate::net::system::{ephemeral_ports, raise_open_file_limit};
use crate::remote::Guard;
use crate::report::prometheus::RunLabels;
use crate::report::{self, Output, Redactor, annotations};
use crate::scenario::{self, Plan, Resources};

use super::carry_out::{Openings, carry_out};
use super::exporter::Exporter;
use super::failure::Failure;
use super::live;
use super::output;
use super::prepare::{Prepared, scenario_text, variables};
use super::publish;
use super::watch::RemoteAccess;

/// Carries out a scenario and tells what was measured.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let outputs = publish::outputs(&args.out, args.summary_export.as_deref())?;
    let mut prepared = Prepared::new(&args.file, args.target.as_deref(), &args.load)?;
    for text in args.thresholds.iter().filter(|text| !text.trim().is_empty()) {
        let threshold = threshold(text, &prepared.plan)?;
        prepared.plan.thresholds.push(threshold);
    }
    if args.dry_run {
        return show(&prepared.plan);
    }
    let exporter = exporter(args, &prepared)?;
    let Prepared { plan, redactor } = prepared;
    let open = Openings {
        redactor: redactor.clone(),
        exporter,
        remote: remote_access(args)?,
        screen: wants_screen(args),
    };
    let done = carry_out(&Arc::new(plan), &args.load, open)?;
    let summary = complete(args, done.summary, &redactor)?;
    Ok(publish(args, &summary, &outputs))
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

/// Tells what a run of the plan would do.
fn show(plan: &Plan) -> Result<ExitCode, Failure> {
    let resources = Resources {
        ports: ephemeral_ports(),
        open_files: raise_open_file_limit().ok().map(|limit| limit.soft),
    };
    let text = scenario::outline(plan, resources);
    output::put(text)?;
    Ok(ExitCode::Ok)
}

/// The full-screen view needs a terminal that it can draw on and read keys from.
fn wants_screen(args: &RunArgs) -> bool {
    !args.no_tui && !args.load.quiet && !output::is_dumb() && stdout().is_terminal() && stdin().is_terminal()
}

/// The address for Prometheus, if one was asked for.
fn exporter(args: &RunArgs, prepared: &Prepared) -> Result<Option<Exporter>, Failure> {
    let Some(address) = args.metrics else {
        return Ok(None);
    };
    let labels = RunLabels {
        scenario: prepared.plan.name.clone(),
        target: prepared.target(),
    };
    Exporter::bind(address, labels)
        .map(Some)
        .map_err(|error| Failure::configuration(format!("--metrics {address}: {error}")))
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

/// Writes the reports that were asked for and prints the summary; gives the exit code that it earns. What is kept comes
/// first: standard output may be a pager, or a terminal that takes nothing.
fn publish(args: &RunArgs, summary: &Summary, outputs: &[Output]) -> ExitCode {
    let reports = publish::write(summary, outputs, args.load.quiet);
    let mut written = reports.all;
    live::give_back();
    written &= output::print(|style| report::text::render(summary, style));
    if let Some(AnnotationsArg::Github) = args.annotations {
        written &= output::say(&annotations::of_run(summary));
    }
    reports.tell();
    if !written {
        publish::rescue(summary);
    }
    publish::exit_code(exit::for_summary(summary), written)
}
