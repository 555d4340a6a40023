//! The summary as JSON (`docs/summary.schema.json`).

use crate::metrics::Summary;

use super::ReportError;

/// All of the summary, indented.
pub(super) fn render(summary: &Summary) -> Result<Vec<u8>, ReportError> {
    Ok(summary.to_json()?.into_bytes())
}

#[cfg(test)]
mod tests;
