//! `wsbench schema`: the JSON Schema of the scenario language.

use crate::exit::ExitCode;
use crate::scenario;

use super::failure::Failure;
use super::output;

/// Prints the schema.
pub(super) fn schema() -> Result<ExitCode, Failure> {
    let text = serde_json::to_string_pretty(&scenario::json_schema()).map_err(Failure::internal)?;
    output::put(text + "\n")?;
    Ok(ExitCode::Ok)
}
