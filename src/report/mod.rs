//! What people and scripts get to read: text, JSON, a line of progress. Everything is made from a summary or a snapshot.

mod codes;
pub(crate) mod format;
pub mod json;
mod page;
pub mod progress;
mod sections;
pub mod text;

pub use json::ReportError;
pub use page::Style;
