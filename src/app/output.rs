//! What is told on standard output and standard error, and what becomes of it if it cannot be written.

use std::env;
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write, stderr, stdout};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use crate::exit::ExitCode;
use crate::report::Style;

use super::failure::Failure;

/// Prints a page, made for the terminal if there is one. Tells whether that succeeded, and on standard error why not.
pub(super) fn print(page: impl FnOnce(Style) -> String) -> bool {
    say(&page(Style {
        colour: is_colourful(&stdout()),
        width: columns(),
    }))
}

/// How wide the terminal is; what a page takes if there is none.
pub(super) fn columns() -> usize {
    crossterm::terminal::size().map_or_else(|_| Style::default().width, |(columns, _)| usize::from(columns))
}

/// Prints a text beside other things that are to be done. Tells whether that succeeded, and on standard error why not.
pub(super) fn say(text: &str) -> bool {
    let Err(failure) = put(text) else { return true };
    tell(&failure.message);
    false
}

/// Says on standard error what went wrong, or what someone should know.
pub(super) fn tell(text: &str) {
    // With standard error closed only the exit code can tell.
    let _ = writeln!(stderr(), "wsbench: {text}");
}

/// Prints a text that is all that was asked for. A reader who has gone has read enough.
pub(super) fn put(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Err(error) if !is_farewell(&error) => Err(Failure {
            message: format!("cannot write to standard output: {error}; make room, or send it elsewhere"),
            code: ExitCode::ReportNotWritten,
        }),
        _ => Ok(()),
    }
}

/// Whether the error says that the pipe's reader, or the terminal, is gone.
fn is_farewell(error: &io::Error) -> bool {
    let is_device = || {
        let output = File::from(stdout().as_fd().try_clone_to_owned()?);
        Ok::<_, io::Error>(output.metadata()?.file_type().is_char_device())
    };
    match error.raw_os_error() {
        // A file's would be a broken disk.
        Some(libc::EIO) => is_device().unwrap_or(false),
        _ => error.kind() == ErrorKind::BrokenPipe,
    }
}

/// Whether what is written to `stream` may have colours.
pub(super) fn is_colourful(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && colours_wanted()
}

/// Whether the environment has nothing against colours (<https://no-color.org>).
pub(super) fn colours_wanted() -> bool {
    !is_dumb() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether the terminal says that it understands nothing but text.
pub(super) fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}
