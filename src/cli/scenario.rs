//! `wsbench validate`, `wsbench schema` and `wsbench import`.

use std::path::PathBuf;

use clap::Args;

use super::Variable;

/// Flags of `wsbench validate`.
#[derive(Args, Clone, Debug)]
pub struct ValidateArgs {
    /// Scenarios to check
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Set a variable of the scenarios; repeatable
    #[arg(short = 'e', long = "env", value_name = "KEY=VAL", help_heading = "Scenario")]
    pub variables: Vec<Variable>,

    /// Say nothing about files that are right
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// Flags of `wsbench import`.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// Recording of a browser: an HTTP Archive with WebSocket messages
    #[arg(value_name = "FILE.har")]
    pub file: PathBuf,

    /// Write the scenario to this file instead of standard output
    #[arg(
        short,
        long,
        value_name = "PATH",
        env = "WSBENCH_IMPORT_OUT",
        help_heading = "Output"
    )]
    pub out: Option<PathBuf>,

    /// Write tokens, cookies and passwords as they were recorded, instead of variables
    #[arg(long, help_heading = "Output")]
    pub keep_secrets: bool,

    /// Do not say what was imported
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// Flags of `wsbench schema`: none.
#[derive(Args, Clone, Copy, Debug)]
pub struct SchemaArgs {}
