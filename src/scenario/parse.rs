//! The way in: a file or text to a [`Plan`].

use std::fs;
use std::path::Path;

use super::compile::{Overrides, compile};
use super::document::Document;
use super::error::{Problem, ScenarioErrors, describe};
use super::plan::Plan;
use super::yaml::{self, Located, Position};

/// Reads and compiles a scenario file. Paths in it are relative to its folder.
///
/// # Errors
/// The file cannot be read, or its content is wrong; then the errors are all that could be found at once.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Plan, ScenarioErrors> {
    let read = |reason| ScenarioErrors::Read {
        path: path.to_owned(),
        reason,
    };
    let text = fs::read_to_string(path).map_err(read)?;
    build(&path.display().to_string(), path, &text, overrides)
}

/// Compiles a scenario from text. `name` stands for the file in error messages.
///
/// # Errors
/// The text is wrong; the errors are all that could be found at once.
pub fn from_str(name: &str, text: &str, overrides: &Overrides) -> Result<Plan, ScenarioErrors> {
    build(name, Path::new(name), text, overrides)
}

fn build(file: &str, path: &Path, text: &str, overrides: &Overrides) -> Result<Plan, ScenarioErrors> {
    let tree = yaml::parse(text).map_err(|problem| describe(vec![problem], file, text, None))?;
    if tree.is_nothing() {
        let start = Position { line: 1, column: 1 };
        let problem = Problem::new(
            start,
            "the file is empty; a scenario has at least `stages` and a `flow`",
        );
        return Err(describe(vec![problem], file, text, None));
    }
    let (document, mut problems) = yaml::decode::<Located<Document>>(&tree);
    let plan = document.map(|document| compile(&document, path, overrides, &mut problems));
    match plan {
        Some(plan) if problems.is_empty() => Ok(plan),
        _ => Err(describe(problems, file, text, Some(&tree))),
    }
}
