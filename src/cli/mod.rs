//! The command line. clap lives here and nowhere else; `app` maps these structs onto the subsystems' own types.

mod access;
mod connect;
mod environment;
mod gate;
mod gateway;
mod generator;
mod help;
mod load;
mod log;
mod manual;
mod parse;
mod reference;
mod report;
mod scenario;
mod serve;
mod shell;
mod surface;
#[cfg(test)]
mod tests;
mod tls;

pub use access::AccessArgs;
pub use connect::{ConnectArgs, Header, Stay, TokenIn};
pub use environment::misspelt_variables;
pub use gate::{AcceptArg, BaselineArgs, BaselineCommand, BaselineSaveArgs, CompareArgs, FolderArgs};
pub use gateway::{GatewayArgs, GatewayCommand, GatewayCompareArgs};
pub use generator::GeneratorArgs;
pub use load::{LoadArgs, RunArgs, Variable};
pub use log::{LogArgs, LogFormat};
pub use manual::{ManPage, man_pages};
pub use parse::{Refusal, RefusalKind, parse};
pub use reference::reference;
pub use report::{AnnotationsArg, ReportArgs};
pub use scenario::{ImportArgs, SchemaArgs, ValidateArgs};
pub use serve::ServeArgs;
pub use shell::{CompletionsArgs, ManArgs, completions};
pub use tls::ClientTlsArgs;

use clap::{Parser, Subcommand};

/// Load testing and conformance toolkit for WebSocket servers and gateways.
#[derive(Debug, Parser)]
#[command(name = "wsbench", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Logging.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario and print what was measured
    Run(Box<RunArgs>),
    /// Keep repeated runs of a scenario to compare later ones with
    Baseline(BaselineArgs),
    /// Compare two baselines or targets: improved, same, regressed, or cannot tell
    Compare(Box<CompareArgs>),
    /// Measure what a gateway does to the connections through it
    Gateway(Box<GatewayArgs>),
    /// Check scenarios and say everything that is wrong with them, with line and column
    Validate(ValidateArgs),
    /// Print the JSON Schema of the scenario language, for editors
    Schema(SchemaArgs),
    /// Make a scenario from a browser's recording
    Import(ImportArgs),
    /// Talk to a WebSocket server by hand or from a script
    Connect(Box<ConnectArgs>),
    /// Render an earlier run again, in any form
    Report(Box<ReportArgs>),
    /// Start the reference server
    Serve(Box<ServeArgs>),
    /// Print the script that completes commands and flags in a shell
    Completions(CompletionsArgs),
    /// Print the manual page of a command, or write all of them
    Man(ManArgs),
}
