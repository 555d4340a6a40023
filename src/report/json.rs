//! The summary as a JSON file (`docs/summary.schema.json`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use crate::metrics::Summary;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file system refused.
    #[error("cannot write to `{path}`: {source}; choose another path or make room")]
    Write {
        /// Where it should have gone.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The summary could not be put into JSON.
    #[error("cannot put the summary into JSON: {0}")]
    Serialize(#[from] serde_json::Error),
}

/// Writes the summary to `path`: either all of it is there afterwards or what was there before.
///
/// # Errors
///
/// If the file cannot be written; nothing is left behind then.
pub fn write(summary: &Summary, path: &Path) -> Result<(), ReportError> {
    write_text(&summary.to_json()?, path)
}

/// Writes a text to `path` in the same way.
///
/// # Errors
///
/// If the file cannot be written; nothing is left behind then.
pub fn write_text(text: &str, path: &Path) -> Result<(), ReportError> {
    replace(path, text.as_bytes()).map_err(|source| ReportError::Write {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // A device such as /dev/stdout and a pipe must be written to, not replaced; a link's target is what is meant.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(&path, content);
    }
    let temporary = beside(&path);
    let result = fs::write(&temporary, content).and_then(|()| fs::rename(&temporary, &path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// A name in the same folder, since a rename is atomic only within a file system.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests;
