//! The way in: a file or text to a [`Plan`].

use std::fs;
use std::path::Path;

use super::compile::{Overrides, compile};
use super::document::Document;
use super::error::{Problem, ScenarioErrors, describe};
use super::fingerprint::fingerprint;
use super::include::{Source, Sources};
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
    let mut sources = Sources::default();
    let tree = sources.assemble(Source {
        name: file.to_owned(),
        path: path.to_owned(),
        text: text.to_owned(),
    });
    let mut problems = std::mem::take(&mut sources.problems);
    let Some(tree) = tree else {
        return Err(describe(problems, &sources.files, None));
    };
    if tree.is_nothing() {
        let message = "the file is empty; a scenario has at least `stages` and a `flow`";
        let problem = Problem::new(Position::start_of(0), message);
        return Err(describe(vec![problem], &sources.files, None));
    }
    // Without a file that is included, much would look wrong that only follows from its absence.
    if !problems.is_empty() {
        return Err(describe(problems, &sources.files, Some(&tree)));
    }
    let (document, found) = yaml::decode::<Located<Document>>(&tree);
    problems = found;
    let paths = sources.paths();
    let plan = document.map(|document| compile(&document, &paths, overrides, &mut problems));
    match plan {
        Some((plan, contents)) if problems.is_empty() => Ok(Plan {
            fingerprint: fingerprint(&tree, overrides, contents),
            ..plan
        }),
        _ => Err(describe(problems, &sources.files, Some(&tree))),
    }
}
