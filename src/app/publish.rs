//! Publishes a run: every report that was asked for, and what is kept if one cannot be written.

use std::collections::BTreeSet;
use std::path::Path;

use crate::exit::ExitCode;
use crate::metrics::Summary;
use crate::report::{self, Form, Output, ReportError};

use super::failure::Failure;
use super::output::tell;

/// The reports that `--out` and the older `--summary-export` ask for.
pub(super) fn outputs(out: &[String], export: Option<&Path>) -> Result<Vec<Output>, Failure> {
    let export = export.map(|path| {
        Ok(Output {
            form: Form::Json,
            path: Some(path.to_owned()),
        })
    });
    let outputs: Vec<Output> = export
        .into_iter()
        .chain(out.iter().map(|text| text.parse()))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::configuration(format!("--out: {error}")))?;
    check_paths(&outputs)?;
    Ok(outputs)
}

/// Of two reports that go to one file only the last would be left.
pub(super) fn check_paths(outputs: &[Output]) -> Result<(), Failure> {
    let mut files = BTreeSet::new();
    let paths = outputs.iter().filter_map(|output| output.path.as_deref());
    // What is no file, such as /dev/stdout, takes any number.
    for path in paths.filter(|path| path.is_file() || !path.exists()) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if !files.insert(absolute) {
            return Err(Failure::configuration(format!(
                "two reports go to {}: give each a file of its own",
                path.display()
            )));
        }
    }
    Ok(())
}

/// What became of the reports.
pub(super) struct Written {
    /// Whether all were written.
    pub(super) all: bool,
    words: Vec<String>,
}

impl Written {
    /// Says on standard error where each report is, or why it is not.
    pub(super) fn tell(&self) {
        self.words.iter().for_each(|words| tell(words));
    }
}

/// Writes every report.
pub(super) fn write(summary: &Summary, outputs: &[Output], quiet: bool) -> Written {
    let mut written = Written {
        all: true,
        words: Vec::new(),
    };
    for (output, result) in outputs.iter().zip(report::write_all(summary, outputs)) {
        match result {
            // Who named the path knows it.
            Ok(path) if output.path.is_none() && !quiet => {
                written.words.push(format!("report: {}", path.display()));
            }
            Ok(_) => {}
            Err(error) => {
                written.all = false;
                written.words.push(error.to_string());
            }
        }
    }
    written
}

/// Keeps the results of a run when a report of it could not be written, and says where.
pub(super) fn rescue(summary: &Summary) {
    match report::rescue(summary) {
        Ok(path) => tell(&format!(
            "the results are kept in {}; `wsbench report` makes every report of them",
            path.display()
        )),
        Err(error) => tell(&format!(
            "the results could not be kept elsewhere either: {error}"
        )),
    }
}

/// Writes a file of JSON; one that cannot be written is kept elsewhere, and standard error says why and where. Tells whether
/// it is where it should be.
pub(super) fn write_json(path: &Path, content: &str) -> bool {
    let Err(error) = report::write_file(path, content.as_bytes()) else {
        return true;
    };
    tell(&error.to_string());
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    match report::rescue_file(&name, content.as_bytes()) {
        Ok(path) => tell(&format!("it is kept in {}", path.display())),
        Err(error) => tell(&format!("it could not be kept elsewhere either: {error}")),
    }
    false
}

/// Takes the secrets out; a summary that cannot be cleaned is not published at all.
pub(super) fn clean(summary: &Summary, redactor: &report::Redactor) -> Result<Summary, Failure> {
    redactor
        .summary(summary)
        .map_err(|error| Failure::internal(ReportError::from(error)))
}

/// The exit code of a command whose own is `code`: a failure of the run outranks one of its reports.
pub(super) const fn exit_code(code: ExitCode, all_written: bool) -> ExitCode {
    match code {
        ExitCode::Ok if !all_written => ExitCode::ReportNotWritten,
        code => code,
    }
}
