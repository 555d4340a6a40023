//! What is logged, how, and where.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Flags that every command has.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// What to log: a level (error, warn, info, debug, trace, off) or a filter such as `warn,wsbench::server=debug`
    #[arg(long, value_name = "FILTER", default_value = "warn", global = true)]
    pub log: String,

    /// Form of the log lines
    #[arg(long, value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,

    /// Log to the end of this file instead of standard error
    #[arg(long, value_name = "FILE", global = true)]
    pub log_file: Option<PathBuf>,
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One readable line each.
    Text,
    /// One JSON object each.
    Json,
}
