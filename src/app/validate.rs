//! `wsbench validate`: everything that is wrong with scenario files.

use std::io::{Write, stderr};

use crate::cli::ValidateArgs;
use crate::exit::ExitCode;
use crate::scenario;

use super::failure::Failure;
use super::misspelling;
use super::output;
use super::prepare::overrides;

/// Checks every file and tells all errors of all of them.
pub(super) fn validate(args: &ValidateArgs) -> Result<ExitCode, Failure> {
    let overrides = overrides(&args.variables);
    let mut wrong = 0;
    for file in &args.files {
        match scenario::load(file, &overrides) {
            Ok(_) if args.quiet => {}
            Ok(plan) => {
                let line = format!("{}: ok ({})\n", file.display(), scenario::headline(&plan));
                output::put(line)?;
            }
            Err(errors) => {
                wrong += 1;
                // With standard error closed only the exit code can tell.
                let _ = writeln!(stderr(), "{errors}{}\n", misspelling::meant(file));
            }
        }
    }
    match (wrong, args.files.len()) {
        (0, _) => Ok(ExitCode::Ok),
        (1, 1) => Err(Failure::configuration("the scenario is wrong")),
        (wrong, all) => Err(Failure::configuration(format!(
            "{wrong} of {all} scenarios are wrong"
        ))),
    }
}
