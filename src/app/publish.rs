//! Publishes a run: the text on standard output, then every report that was asked for.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::Path;

use crate::exit::ExitCode;
use crate::metrics::Summary;
use crate::report::{self, Form, Output, ReportError, Style};

use super::failure::Failure;

/// The reports that `--out` and the older `--summary-export` ask for.
pub(super) fn outputs(out: &[String], export: Option<&Path>) -> Result<Vec<Output>, Failure> {
    let export = export.map(|path| {
        Ok(Output {
            form: Form::Json,
            path: Some(path.to_owned()),
        })
    });
    export
        .into_iter()
        .chain(out.iter().map(|text| text.parse()))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::configuration(format!("--out: {error}")))
}

/// Prints a page on standard output, made for the terminal if there is one.
pub(super) fn print(page: impl FnOnce(Style) -> String) {
    let width = crossterm::terminal::size()
        .map_or_else(|_| Style::default().width, |(columns, _)| usize::from(columns));
    say(&page(Style {
        colour: is_colourful(&stdout()),
        width,
    }));
}

/// Whether what is written to `stream` may have colours.
pub(super) fn is_colourful(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && colours_wanted()
}

/// Whether the environment has nothing against colours (<https://no-color.org>).
pub(super) fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes to standard output. A closed one must not keep files from being written.
pub(super) fn say(text: &str) {
    let _ = stdout().write_all(text.as_bytes());
}

/// Writes every report and says on standard error where each is, or why it is not. Tells whether all were written.
pub(super) fn write(summary: &Summary, outputs: &[Output], quiet: bool) -> bool {
    let mut all = true;
    for (output, result) in outputs.iter().zip(report::write_all(summary, outputs)) {
        match result {
            // Who named the path knows it.
            Ok(path) if output.path.is_none() && !quiet => tell(&format!("report: {}", path.display())),
            Ok(_) => {}
            Err(error) => {
                all = false;
                tell(&error.to_string());
            }
        }
    }
    all
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

fn tell(text: &str) {
    // With standard error closed only the exit code can tell.
    let _ = writeln!(stderr(), "wsbench: {text}");
}
