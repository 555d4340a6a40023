//! The command line. clap lives here and nowhere else; `app` maps these structs onto the subsystems' own types.

mod access;
mod connect;
mod gate;
mod gateway;
mod generator;
mod load;
mod log;
mod report;
mod scenario;
mod serve;
mod tls;

pub use access::AccessArgs;
pub use connect::{ConnectArgs, Header, Stay, TokenIn};
pub use gate::{AcceptArg, BaselineArgs, BaselineCommand, BaselineSaveArgs, CompareArgs, FolderArgs};
pub use gateway::GatewayArgs;
pub use generator::GeneratorArgs;
pub use load::{LoadArgs, RunArgs, Variable};
pub use log::{LogArgs, LogFormat};
pub use report::ReportArgs;
pub use scenario::{ImportArgs, SchemaArgs, ValidateArgs};
pub use serve::ServeArgs;
pub use tls::ClientTlsArgs;

use clap::{Parser, Subcommand};

/// Load testing and conformance toolkit for WebSocket servers and gateways.
#[derive(Debug, Parser)]
#[command(name = "wsbench", version, about, after_help = EXAMPLES, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
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
    /// Tell what a gateway changes: a scenario directly and through it, and what its baseline says
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
}

const EXAMPLES: &str = "\
Examples:
  wsbench run scenarios/iot.yaml                              against the built-in server
  wsbench run scenarios/iot.yaml --target ws://10.0.0.5:8080  against your own
  wsbench run scenarios/echo.yaml -e clients=500 --out json=run.json --out html
  wsbench report run.json --html run.html
  wsbench run scenarios/iot.yaml --threshold 'response_time: p(95)<250ms'
  wsbench baseline save main scenarios/iot.yaml --target ws://10.0.0.5:8080
  wsbench compare main ws://10.0.0.6:8080 --scenario scenarios/iot.yaml
  wsbench serve --listen 127.0.0.1:9001 --compression
  wsbench connect ws://127.0.0.1:9001/echo

Exit codes are listed in docs/exit-codes.md.";
