//! [`ReportError`]: why a report could not be made or written.

use std::io;
use std::path::PathBuf;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file system refused.
    #[error("cannot write the report to `{path}`: {source}; choose another path or make room")]
    Write {
        /// Where it should have gone.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The summary could not be put into JSON.
    #[error("cannot put the summary into JSON: {0}")]
    Serialize(#[from] serde_json::Error),
    /// The series could not be put into CSV.
    #[error("cannot put the run into CSV: {0}")]
    Csv(#[from] csv::Error),
    /// The verdict could not be put into XML.
    #[error("cannot put the run into JUnit's XML: {0}")]
    Xml(io::Error),
    /// A histogram could not be read or written.
    #[error("cannot write the histograms: {0}")]
    Histogram(String),
    /// Nothing was measured that the report would be about.
    #[error("the run recorded no `{trend}`, so there is no distribution of it")]
    NotRecorded {
        /// Name of the trend.
        trend: String,
    },
    /// A chart could not be drawn.
    #[error("cannot draw the chart `{chart}`: {reason}")]
    Chart {
        /// Its title.
        chart: String,
        /// What the library said.
        reason: String,
    },
}
