//! What is logged, and how.

use clap::{Args, ValueEnum};

/// Flags that every command has.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// What to log to standard error: a level (error, warn, info, debug, trace) or a filter such as `wsbench::server=debug`
    #[arg(
        long,
        value_name = "FILTER",
        env = "WSBENCH_LOG",
        default_value = "warn",
        help_heading = "Logging"
    )]
    pub log: String,

    /// Form of the log lines
    #[arg(
        long,
        value_enum,
        env = "WSBENCH_LOG_FORMAT",
        default_value = "text",
        help_heading = "Logging"
    )]
    pub log_format: LogFormat,
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One readable line each.
    Text,
    /// One JSON object each.
    Json,
}
