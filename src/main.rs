//! The `wsbench` binary: words in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    wsbench::app::main(&words).into()
}
