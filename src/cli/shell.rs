//! `wsbench completions` and `wsbench man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Flags of `wsbench completions`.
#[derive(Args, Clone, Copy, Debug)]
pub struct CompletionsArgs {
    /// Shell to complete in
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Flags of `wsbench man`.
#[derive(Args, Clone, Debug)]
pub struct ManArgs {
    /// Command to explain, such as `run` or `baseline save` [default: wsbench itself]
    #[arg(value_name = "COMMAND", conflicts_with_all = ["out", "markdown"])]
    pub command: Vec<String>,

    /// Write a page for each command into this folder
    #[arg(
        long,
        value_name = "DIR",
        env = "WSBENCH_MAN_OUT",
        conflicts_with = "markdown",
        help_heading = "Output"
    )]
    pub out: Option<PathBuf>,

    /// Print all commands as one page of Markdown (docs/cli.md)
    #[arg(long, env = "WSBENCH_MAN_MARKDOWN", help_heading = "Output")]
    pub markdown: bool,
}

/// The script that teaches a shell to complete the command line.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::surface::command(), "wsbench", &mut script);
    script
}
