//! `wsbench schema`: the JSON Schema of the scenario language.

use std::io::{Write, stdout};

use crate::exit::ExitCode;
use crate::scenario;

use super::failure::Failure;

/// Prints the schema.
pub(super) fn schema() -> Result<ExitCode, Failure> {
    let text = serde_json::to_string_pretty(&scenario::json_schema()).map_err(Failure::internal)?;
    writeln!(stdout(), "{text}").map_err(Failure::internal)?;
    Ok(ExitCode::Ok)
}
