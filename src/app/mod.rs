//! Composition root: one file per command. The only place that knows every module.

mod connect;
mod embedded;
mod logging;
mod progress;
mod run;
mod serve;

use crate::cli::{Cli, Command};
use crate::exit::ExitCode;

/// Does what the command line asks for.
#[must_use]
pub fn main(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Connect(args) => connect::run(&args),
        Command::Serve(args) => serve::serve(&args),
    }
}
