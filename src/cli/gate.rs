//! `wsbench baseline` and `wsbench compare`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{AnnotationsArg, LoadArgs};

/// Flags of `wsbench baseline`.
#[derive(Args, Clone, Debug)]
pub struct BaselineArgs {
    /// What to do with baselines.
    #[command(subcommand)]
    pub command: BaselineCommand,
}

/// What can be done with baselines.
#[derive(Clone, Debug, Subcommand)]
pub enum BaselineCommand {
    /// Run a scenario several times and keep what was measured
    Save(Box<BaselineSaveArgs>),
    /// List the baselines there are
    List(FolderArgs),
    /// Show one baseline
    Show {
        /// Its name, or the path of its file
        name: String,
        /// Where baselines are.
        #[command(flatten)]
        folder: FolderArgs,
    },
}

/// Flags of `wsbench baseline save`.
#[derive(Args, Clone, Debug)]
pub struct BaselineSaveArgs {
    /// What to call it, or the path of its file
    pub name: String,

    /// Scenario to run
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Test this `ws://` or `wss://` URL instead of the scenario's target
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub target: Option<String>,

    /// How many times to run it
    #[arg(long, value_name = "N", default_value_t = REPEAT, value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Load")]
    pub repeat: u16,

    /// How the load is made.
    #[command(flatten)]
    pub load: LoadArgs,

    /// Where baselines are.
    #[command(flatten)]
    pub folder: FolderArgs,
}

/// Where baselines are.
#[derive(Args, Clone, Debug)]
pub struct FolderArgs {
    /// Folder of the baselines
    #[arg(
        long,
        value_name = "DIR",
        default_value = "reports/baselines",
        help_heading = "Output"
    )]
    pub baselines: PathBuf,
}

/// Flags of `wsbench compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// The reference: a baseline's name or file, a `ws://` or `wss://` URL, or `embedded`
    pub a: String,

    /// What is judged: likewise
    pub b: String,

    /// Scenario to run, if a target is among the two
    #[arg(long, value_name = "FILE", help_heading = "Load")]
    pub scenario: Option<PathBuf>,

    /// How many times to run it against each target
    #[arg(long, value_name = "N", default_value_t = REPEAT, value_parser = clap::value_parser!(u16).range(2..=100), help_heading = "Load")]
    pub repeat: u16,

    /// Smallest change that matters, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, value_parser = percent, help_heading = "Verdict")]
    pub margin: f64,

    /// Compare although this differs; repeatable
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        value_delimiter = ',',
        help_heading = "Verdict"
    )]
    pub accept: Vec<AcceptArg>,

    /// Write the comparison as JSON
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub export: Option<PathBuf>,

    /// Print what went wrong in the form with which this service marks files: the workflow commands of GitHub Actions
    #[arg(long, value_name = "SERVICE", value_enum, help_heading = "Output")]
    pub annotations: Option<AnnotationsArg>,

    /// How the load is made.
    #[command(flatten)]
    pub load: LoadArgs,

    /// Where baselines are.
    #[command(flatten)]
    pub folder: FolderArgs,
}

/// What may differ between two sides that are compared nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AcceptArg {
    /// The scenario or its variables.
    Scenario,
    /// The version of wsbench.
    Version,
    /// The machine that made the load.
    Machine,
}

/// `docs/gate.md` says why.
const REPEAT: u16 = 20;

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim_end();
    number
        .parse()
        .ok()
        .filter(|percent| (0.1..=100.0).contains(percent))
        .ok_or_else(|| "expected a number of percent from 0.1 to 100".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_is_a_number_of_percent() {
        assert_eq!((percent("5"), percent("2.5 %")), (Ok(5.0), Ok(2.5)));
        for text in ["0", "-3", "five", "1000"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
