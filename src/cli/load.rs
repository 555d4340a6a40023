//! `wsbench run`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::{AnnotationsArg, ClientTlsArgs, GeneratorArgs};

/// Flags of `wsbench run`. A flag wins over `WSBENCH_*`, that over the file, that over the default.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Scenario to run
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Test this `ws://` or `wss://` URL instead of the scenario's target
    #[arg(long, value_name = "URL", help_heading = "Target")]
    pub target: Option<String>,

    /// How the load is made.
    #[command(flatten)]
    pub load: LoadArgs,

    /// Condition that the run must meet, as `response_time: p(95)<250ms`; repeatable (docs/gate.md)
    ///
    /// Aggregates are those of k6: avg, min, med, max, p(N), count and rate. Behind semicolons `abort_on_fail` ends the run as soon as
    /// the condition is not met, and `delay_abort_eval=10s` not before that time. In the variable each condition has a line
    /// of its own.
    #[arg(
        long = "threshold",
        value_name = "METRIC: CONDITION",
        value_delimiter = '\n',
        help_heading = "Verdict"
    )]
    pub thresholds: Vec<String>,

    /// Write the summary as JSON (docs/summary.schema.json)
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub summary_export: Option<PathBuf>,

    /// Write a report: text, json, csv, hlog, hgrm, junit, markdown or html, as TYPE=PATH, or TYPE alone for a file in
    /// reports/runs/; repeatable (docs/reports.md)
    #[arg(
        long,
        value_name = "TYPE[=PATH]",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    pub out: Vec<String>,

    /// Print what went wrong in the form with which this service marks files: the workflow commands of GitHub Actions
    #[arg(long, value_name = "SERVICE", value_enum, help_heading = "Output")]
    pub annotations: Option<AnnotationsArg>,

    /// Serve the run's metrics to Prometheus at this address while it goes on
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Output")]
    pub metrics: Option<SocketAddr>,

    /// Steer the run over HTTP at this address: status, pause, resume, scale, stop (docs/control.md)
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Control")]
    pub control: Option<SocketAddr>,

    /// Token that the control interface asks for; needed unless it listens on the loopback interface
    #[arg(long, value_name = "TOKEN", help_heading = "Control")]
    pub control_token: Option<String>,

    /// Print what the run would do and stop
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,

    /// Show a line of progress instead of the full-screen view that a terminal gets (docs/tui.md)
    #[arg(long, help_heading = "Output")]
    pub no_tui: bool,
}

/// How load is made, whatever it is for: a run, a baseline, a comparison.
#[derive(Args, Clone, Debug)]
pub struct LoadArgs {
    /// TLS.
    #[command(flatten)]
    pub tls: ClientTlsArgs,

    /// Connect from these local addresses, each client from one of them: an address or a CIDR block; repeatable
    #[arg(
        long,
        value_name = "ADDR|CIDR",
        value_delimiter = ',',
        help_heading = "Target"
    )]
    pub source: Vec<String>,

    /// Set a variable of the scenario; repeatable
    #[arg(short = 'e', long = "env", value_name = "KEY=VAL", help_heading = "Load")]
    pub variables: Vec<Variable>,

    /// Times the scenario's numbers of clients and arrival rates, for example 0.1 or 10
    #[arg(long, value_name = "FACTOR", help_heading = "Load")]
    pub scale: Option<f64>,

    /// Times the lengths of the scenario's stages; what clients do takes as long as before
    #[arg(long, value_name = "FACTOR", help_heading = "Load")]
    pub duration_scale: Option<f64>,

    /// Seed of all random choices
    #[arg(long, value_name = "N", help_heading = "Load")]
    pub seed: Option<u64>,

    /// Load generator threads [default: one per core; half the cores beside the embedded server]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Load")]
    pub workers: Option<u16>,

    /// Bind each generator thread to a core of its own
    #[arg(long, help_heading = "Load")]
    pub pin: bool,

    /// Whether the generator can be believed.
    #[command(flatten)]
    pub generator: GeneratorArgs,

    /// Print no progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// One `KEY=VAL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Name as in the scenario's `variables`.
    pub key: String,
    /// Its value, still text.
    pub value: String,
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("expected KEY=VAL, for example -e clients=500".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_split_at_the_first_equals_sign() {
        let variable: Variable = "url=ws://host/?a=b".parse().unwrap();
        assert_eq!(
            (variable.key.as_str(), variable.value.as_str()),
            ("url", "ws://host/?a=b")
        );
        assert!("=x".parse::<Variable>().unwrap_err().contains("KEY=VAL"));
        assert!("clients".parse::<Variable>().is_err());
    }
}
