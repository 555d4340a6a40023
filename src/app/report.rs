//! `wsbench report`: an earlier run, rendered again.

use std::fs;

use crate::cli::{AnnotationsArg, ReportArgs};
use crate::exit::ExitCode;
use crate::metrics::Summary;
use crate::report::{self, Output, Redactor, annotations};

use super::failure::Failure;
use super::misspelling;
use super::output;
use super::publish;

/// Reads a summary and writes the reports that are asked for; the text to standard output if none is.
pub(super) fn report(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let mut outputs = publish::outputs(&args.out, None)?;
    for (form, path) in args.named() {
        outputs.push(Output {
            form: form.parse().map_err(Failure::configuration)?,
            path: Some(path.to_owned()),
        });
    }
    publish::check_paths(&outputs)?;
    let named = args.file.display();
    let text = fs::read_to_string(&args.file).map_err(|error| {
        Failure::configuration(format!(
            "cannot read {named}: {error}{}",
            misspelling::meant(&args.file)
        ))
    })?;
    let summary =
        Summary::from_json(&text).map_err(|error| Failure::configuration(format!("{named}: {error}")))?;
    // A summary that was written by other means may hold what ours does not.
    let summary = publish::clean(&summary, &Redactor::default())?;
    let reports = publish::write(&summary, &outputs, args.quiet);
    let mut written = reports.all;
    if outputs.is_empty() {
        written &= output::print(|style| report::text::render(&summary, style));
    }
    if let Some(AnnotationsArg::Github) = args.annotations {
        written &= output::say(&annotations::of_run(&summary));
    }
    reports.tell();
    Ok(publish::exit_code(ExitCode::Ok, written))
}
