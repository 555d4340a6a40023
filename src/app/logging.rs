//! Log output, to standard error.
//!
//! While a full-screen view has the terminal, what would go there is held back and written when the view is gone.

use std::collections::VecDeque;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write, stderr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::cli::{LogArgs, LogFormat};
use crate::units::{nearest, suggestion};

use super::failure::Failure;
use super::output::is_colourful;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
/// Pieces that are held back; of more the oldest are dropped.
const MAX_HELD: usize = 200;

static HELD: Mutex<Option<Held>> = Mutex::new(None);

#[derive(Debug, Default)]
struct Held {
    pieces: VecDeque<Vec<u8>>,
    dropped: u64,
}

/// Installs the subscriber.
pub(super) fn init(args: &LogArgs) -> Result<(), Failure> {
    let wrong = |error: &dyn Display| {
        Failure::configuration(format!(
            "--log {}: {error}; write a level such as info, or a filter such as wsbench::server=debug",
            args.log
        ))
    };
    check_levels(&args.log).map_err(|error| wrong(&error))?;
    let filter = EnvFilter::builder()
        .parse(&args.log)
        .map_err(|error| wrong(&error))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(args.log_file.is_none() && is_colourful(&stderr()))
        .with_writer(writer(args.log_file.as_deref())?);
    match args.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}

/// A word without a level would silently be taken for a module's name.
fn check_levels(filter: &str) -> Result<(), String> {
    let words = filter.split(',').map(str::trim).filter(|word| !word.is_empty());
    for word in words {
        let lower = word.to_lowercase();
        if !word.contains(['=', ':', '['])
            && !LEVELS.contains(&lower.as_str())
            && nearest(word, LEVELS).is_some()
        {
            return Err(format!(
                "unknown level `{word}`{}",
                suggestion(nearest(word, LEVELS))
            ));
        }
    }
    Ok(())
}

/// Where log lines go.
fn writer(file: Option<&Path>) -> Result<BoxMakeWriter, Failure> {
    let Some(path) = file else {
        return Ok(BoxMakeWriter::new(|| StandardError));
    };
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file =
        file.map_err(|error| Failure::configuration(format!("--log-file {}: {error}", path.display())))?;
    Ok(BoxMakeWriter::new(Arc::new(file)))
}

/// From now on nothing is written to standard error if that is a terminal.
pub(super) fn hold() {
    if stderr().is_terminal() {
        held().get_or_insert_default();
    }
}

/// Writes what was held back, and from now on everything at once.
pub(super) fn release() {
    let Some(Held { pieces, dropped }) = held().take() else {
        return;
    };
    let mut out = stderr().lock();
    if dropped > 0 {
        // With standard error closed nobody can be told.
        let _ = writeln!(out, "({dropped} earlier messages were dropped)");
    }
    for piece in pieces {
        let _ = out.write_all(&piece);
    }
}

/// The latest line that is held back, without its colours.
pub(super) fn latest_held() -> Option<String> {
    let held = held();
    let piece = held.as_ref()?.pieces.back()?;
    Some(without_colours(&String::from_utf8_lossy(piece)).trim().to_owned())
}

/// Standard error, for everything that may be written while a view has the terminal. Each write is one piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = held();
        let Some(held) = held.as_mut() else {
            // Whoever writes a log cannot mend standard error, and tracing would panic over it: a terminal that is gone must
            // stop nothing.
            let _ = stderr().write_all(bytes);
            return Ok(bytes.len());
        };
        if held.pieces.len() == MAX_HELD {
            held.pieces.pop_front();
            held.dropped += 1;
        }
        held.pieces.push_back(bytes.to_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Standard error has no buffer.
        Ok(())
    }
}

fn held() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes out `ESC [ ... letter`.
fn without_colours(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        kept.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_nearly_one_is_refused() {
        for filter in [
            "info",
            "WARN",
            "wsbench=debug",
            "off,wsbench::server=trace",
            "hyper",
            "",
        ] {
            assert_eq!(check_levels(filter), Ok(()), "{filter}");
        }
        let error = check_levels("wsbench=debug,inof").unwrap_err();
        assert_eq!(error, "unknown level `inof`; did you mean `info`?");
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(
            without_colours("\x1b[2m12:00\x1b[0m \x1b[33m WARN\x1b[0m x[1]"),
            "12:00  WARN x[1]"
        );
        assert_eq!(without_colours("cut \x1b[3"), "cut ");
    }

    #[test]
    fn what_is_held_is_bounded() {
        *held() = Some(Held::default());
        for n in 0..MAX_HELD + 5 {
            StandardError.write_all(format!("{n}\n").as_bytes()).unwrap();
        }
        let taken = held().take().unwrap_or_default();
        assert_eq!((taken.pieces.len(), taken.dropped), (MAX_HELD, 5));
    }
}
