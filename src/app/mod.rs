//! Composition root: one file per command. The only place that knows every module.

mod access;
mod baselines;
mod carry_out;
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
mod manual;
mod misspelling;
mod notify;
mod output;
mod pace;
mod prepare;
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
mod watch;

use std::ffi::OsString;

use crate::cli::{self, AnnotationsArg, Cli, Command, RefusalKind};
use crate::exit::ExitCode;
use crate::report::annotations;

use failure::Failure;

/// Does what the command line asks for. What went wrong is told on standard error.
#[must_use]
pub fn main(words: &[OsString]) -> ExitCode {
    let cli = match cli::parse(words) {
        Ok(cli) => cli,
        Err(refusal) => {
            refusal.print();
            return match refusal.kind() {
                RefusalKind::Shown => ExitCode::Ok,
                RefusalKind::Value => ExitCode::BadConfiguration,
                RefusalKind::Usage => ExitCode::Usage,
            };
        }
    };
    for warning in cli::misspelt_variables() {
        output::tell(&warning);
    }
    carry_out(&cli).unwrap_or_else(|Failure { message, code }| {
        output::tell(&message);
        if let Some(AnnotationsArg::Github) = cli.annotations() {
            output::say(&annotations::of_failure(&message));
        }
        code
    })
}

fn carry_out(cli: &Cli) -> Result<ExitCode, Failure> {
    logging::init(&cli.log)?;
    match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Baseline(args) => baselines::baseline(args),
        Command::Compare(args) => compare::compare(args),
        Command::Gateway(args) => gateway::gateway(args),
        Command::Validate(args) => validate::validate(args),
        Command::Schema(_) => schema::schema(),
        Command::Import(args) => import::import(args),
        Command::Connect(args) => connect::connect(args),
        Command::Report(args) => report::report(args),
        Command::Serve(args) => serve::serve(args),
        Command::Completions(args) => manual::completions(*args),
        Command::Man(args) => manual::man(args),
    }
}
