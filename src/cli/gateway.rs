//! `wsbench gateway`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{FolderArgs, LoadArgs};

/// Flags of `wsbench gateway`.
#[derive(Args, Clone, Debug)]
pub struct GatewayArgs {
    /// What to do with gateways.
    #[command(subcommand)]
    pub command: GatewayCommand,
}

/// What can be done with gateways.
#[derive(Clone, Debug, Subcommand)]
pub enum GatewayCommand {
    /// Run a scenario directly and through a gateway, and say what the gateway changes
    Compare(Box<GatewayCompareArgs>),
}

/// Flags of `wsbench gateway compare`.
#[derive(Args, Clone, Debug)]
pub struct GatewayCompareArgs {
    /// The backend itself: a `ws://` or `wss://` URL
    pub direct: String,

    /// The gateway in front of it
    pub through: String,

    /// Scenario to run on both ways
    #[arg(value_name = "FILE")]
    pub scenario: PathBuf,

    /// How many times to run it on each way, in turns
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Load")]
    pub repeat: u16,

    /// What the gateway may change: a record's name or file; without it, nothing but latency
    #[arg(
        long,
        value_name = "NAME",
        env = "WSBENCH_GATEWAY_BASELINE",
        help_heading = "Verdict"
    )]
    pub baseline: Option<String>,

    /// How much more the gateway may multiply a latency by than in the baseline, in percent
    #[arg(long, value_name = "PERCENT", env = "WSBENCH_GATEWAY_MARGIN", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Verdict")]
    pub margin: u16,

    /// What to call the gateway instead of its URL
    #[arg(
        long,
        value_name = "TEXT",
        env = "WSBENCH_GATEWAY_NAME",
        help_heading = "Output"
    )]
    pub name: Option<String>,

    /// Keep what is found as a baseline: its name, or the path of its file
    #[arg(
        long,
        value_name = "NAME",
        env = "WSBENCH_GATEWAY_SAVE",
        help_heading = "Output"
    )]
    pub save: Option<String>,

    /// Write what is found and the verdict as JSON
    #[arg(
        long,
        value_name = "PATH",
        env = "WSBENCH_GATEWAY_EXPORT",
        help_heading = "Output"
    )]
    pub export: Option<PathBuf>,

    /// How the load is made.
    #[command(flatten)]
    pub load: LoadArgs,

    /// Where baselines are.
    #[command(flatten)]
    pub folder: FolderArgs,
}
