//! Flags on whether the generator can be believed.

use clap::Args;

use crate::units::Span;

/// From when on a run is invalid; `docs/generator.md` explains the limits.
#[derive(Args, Clone, Copy, Debug)]
pub struct GeneratorArgs {
    /// Exit as if the run were valid even if the generator was the bottleneck; reports say so all the same
    #[arg(long, help_heading = "Generator")]
    pub allow_invalid: bool,

    /// Lag of a worker at the 99th percentile of a second that is never held against it
    #[arg(long, value_name = "TIME", default_value = "1ms", help_heading = "Generator")]
    pub max_lag: Span,

    /// Nor is lag below this share of the response times, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 25, value_parser = clap::value_parser!(u8).range(0..=100), help_heading = "Generator")]
    pub max_lag_share: u8,

    /// A worker that has or wants a core for this share of a second is at its limit, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100), help_heading = "Generator")]
    pub max_busy: u8,

    /// Workers that are late at their limit for this long without a break make the run invalid
    #[arg(long, value_name = "TIME", default_value = "5s", help_heading = "Generator")]
    pub max_late: Span,
}
