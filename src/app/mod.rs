//! Composition root: one file per command. The only place that knows every module.

mod access;
mod baselines;
mod compare;
mod connect;
mod embedded;
mod environment;
mod exporter;
mod failure;
mod gateway;
mod import;
mod live;
mod logging;
mod machine;
mod notify;
mod pace;
mod progress;
mod publish;
mod repeats;
mod report;
mod run;
mod schema;
mod serve;
mod server_view;
mod signals;
mod usage;
mod validate;

use std::io::{Write, stderr};

use crate::cli::{Cli, Command};
use crate::exit::ExitCode;

use failure::Failure;

/// Does what the command line asks for. What went wrong is told on standard error.
#[must_use]
pub fn main(cli: &Cli) -> ExitCode {
    let done = match &cli.command {
        Command::Run(args) => logging::init(&args.log).and_then(|()| run::run(args)),
        Command::Baseline(args) => baselines::baseline(args),
        Command::Compare(args) => logging::init(&args.log).and_then(|()| compare::compare(args)),
        Command::Gateway(args) => logging::init(&args.log).and_then(|()| gateway::gateway(args)),
        Command::Validate(args) => validate::validate(args),
        Command::Schema(_) => schema::schema(),
        Command::Import(args) => import::import(args),
        Command::Connect(args) => logging::init(&args.log).and_then(|()| connect::connect(args)),
        Command::Report(args) => logging::init(&args.log).and_then(|()| report::report(args)),
        Command::Serve(args) => logging::init(&args.log).and_then(|()| serve::serve(args)),
    };
    done.unwrap_or_else(|Failure { message, code }| {
        // With standard error closed only the exit code can tell.
        let _ = writeln!(stderr(), "wsbench: {message}");
        code
    })
}
