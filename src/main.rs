//! The `wsbench` binary: parse, run, exit code.

fn main() {}
