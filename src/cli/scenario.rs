//! `wsbench validate` and `wsbench schema`.

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
    #[arg(short = 'e', long = "env", value_name = "KEY=VAL")]
    pub variables: Vec<Variable>,

    /// Say nothing about files that are right
    #[arg(short, long)]
    pub quiet: bool,
}

/// Flags of `wsbench schema`: none.
#[derive(Args, Clone, Copy, Debug)]
pub struct SchemaArgs {}
