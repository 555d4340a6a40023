//! The command line. clap lives here and nowhere else; `app` maps these structs onto the subsystems' own types.

mod access;
mod connect;
mod generator;
mod load;
mod log;
mod scenario;
mod serve;
mod tls;

pub use access::AccessArgs;
pub use connect::{ConnectArgs, Header, Stay, TokenIn};
pub use generator::GeneratorArgs;
pub use load::{RunArgs, Variable};
pub use log::{LogArgs, LogFormat};
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
    /// Check scenarios and say everything that is wrong with them, with line and column
    Validate(ValidateArgs),
    /// Print the JSON Schema of the scenario language, for editors
    Schema(SchemaArgs),
    /// Make a scenario from a browser's recording
    Import(ImportArgs),
    /// Talk to a WebSocket server by hand or from a script
    Connect(Box<ConnectArgs>),
    /// Start the reference server
    Serve(Box<ServeArgs>),
}

const EXAMPLES: &str = "\
Examples:
  wsbench run scenarios/iot.yaml                              against the built-in server
  wsbench run scenarios/iot.yaml --target ws://10.0.0.5:8080  against your own
  wsbench run scenarios/echo.yaml -e clients=500 --summary-export out.json
  wsbench serve --listen 127.0.0.1:9001 --compression
  wsbench connect ws://127.0.0.1:9001/echo

Exit codes are listed in docs/exit-codes.md.";
