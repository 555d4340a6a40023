//! What people and scripts get to read: text, JSON, CSV, histograms, JUnit, Markdown, HTML, a line of progress, Prometheus.
//! Everything is made from a summary or a snapshot.

pub mod annotations;
pub mod baseline;
mod codes;
pub mod comparison;
mod csv;
mod error;
mod file;
pub(crate) mod format;
pub mod gateway;
mod hdr;
mod html;
mod json;
mod junit;
mod markdown;
mod names;
mod output;
mod page;
pub mod progress;
pub mod prometheus;
pub mod redact;
mod sections;
pub mod text;
mod verdict;

pub use error::ReportError;
pub use file::write as write_file;
pub use output::{DEFAULT_FOLDER, Form, FormError, Output, rescue, rescue_file, write_all};
pub use page::Style;
pub use redact::Redactor;
