//! The `wsbench` binary: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use wsbench::cli::Cli;

fn main() -> ExitCode {
    wsbench::app::main(&Cli::parse()).into()
}
