//! What can be wrong with a scenario, told with file, line, column and what was expected.

use std::fmt;
use std::path::PathBuf;

use super::include::Source;
use super::yaml::{Node, Position};

/// A scenario could not be turned into a plan.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioErrors {
    /// The file could not be read as UTF-8 text.
    #[error("cannot read the scenario {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The document is wrong; every error that could be found, in the order of the file.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<ScenarioError>),
}

/// One error in a scenario document.
///
/// Displays as `file:line:column: message`, followed by the place in the document and the offending line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// Name of the file, as it was given.
    pub file: String,
    /// Where it is; `None` for what the command line said rather than the file.
    pub position: Option<Position>,
    /// Path of the key or value, such as `flow[2].send`; empty at the top.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// The line of the file that `position` points into.
    pub source_line: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(at) = self.position else {
            return write!(f, "{}: {}", self.file, self.message);
        };
        write!(f, "{}:{}:{}: {}", self.file, at.line, at.column, self.message)?;
        if !self.path.is_empty() {
            write!(f, "\n  at {}", self.path)?;
        }
        let number = at.line.to_string();
        let (excerpt, offset) = excerpt(&self.source_line, at.column.saturating_sub(1) as usize);
        write!(f, "\n  {number} | {excerpt}")?;
        write!(f, "\n  {:width$} | {:offset$}^", "", "", width = number.len())
    }
}

/// The part of a line around a character that fits a terminal, and where the character is in it. Control characters
/// become spaces: they would move the mark, or the terminal's cursor.
fn excerpt(line: &str, character: usize) -> (String, usize) {
    const WIDTH: usize = 100;
    let first = if character < WIDTH {
        0
    } else {
        character - WIDTH / 2
    };
    let printable = line.chars().map(|c| if c.is_control() { ' ' } else { c });
    (printable.skip(first).take(WIDTH).collect(), character - first)
}

/// An error on its way to becoming a [`ScenarioError`]: it knows where it is, but not yet in which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) at: Option<Position>,
    /// For an error inside a scalar: its text and the byte offset in it.
    pub(super) inside: Option<(String, usize)>,
    /// For an unknown key: where its mapping begins. What that mapping lacks is then most likely this key.
    pub(super) unknown_key_of: Option<Position>,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(at: Position, message: impl Into<String>) -> Self {
        Self {
            at: Some(at),
            inside: None,
            unknown_key_of: None,
            message: message.into(),
        }
    }

    /// About something that stands in no file.
    pub(super) fn unplaced(message: impl Into<String>) -> Self {
        Self {
            at: None,
            inside: None,
            unknown_key_of: None,
            message: message.into(),
        }
    }

    /// At a byte offset of the scalar `text` that begins at `at`.
    pub(super) fn inside(at: Position, text: &str, offset: usize, message: impl Into<String>) -> Self {
        Self {
            inside: Some((text.to_owned(), offset)),
            ..Self::new(at, message)
        }
    }

    /// About a key that the mapping at `mapping` does not know.
    pub(super) fn unknown_key(at: Position, mapping: Position, message: impl Into<String>) -> Self {
        Self {
            unknown_key_of: Some(mapping),
            ..Self::new(at, message)
        }
    }
}

/// Sorts problems by their place in the file and adds what people need to find them.
pub(super) fn describe(
    mut problems: Vec<Problem>,
    sources: &[Source],
    tree: Option<&Node>,
) -> ScenarioErrors {
    problems.sort_by_key(|problem| problem.at);
    problems.dedup();
    let error = |problem: Problem| {
        let source = sources.get(problem.at.map_or(0, |at| usize::from(at.file)));
        let source_line = source
            .zip(problem.at)
            .map_or("", |(source, at)| line_of(&source.text, at));
        let to_key = problem.unknown_key_of.is_some();
        ScenarioError {
            file: source.map(|source| source.name.clone()).unwrap_or_default(),
            position: problem
                .at
                .map(|at| refine(at, source_line, problem.inside.as_ref())),
            path: problem
                .at
                .zip(tree)
                .and_then(|(at, tree)| tree.path_to(at, to_key))
                .unwrap_or_default(),
            message: problem.message,
            source_line: source_line.to_owned(),
        }
    };
    ScenarioErrors::Invalid(problems.into_iter().map(error).collect())
}

fn line_of(source: &str, at: Position) -> &str {
    source
        .lines()
        .nth(at.line.saturating_sub(1) as usize)
        .unwrap_or("")
}

/// Moves a position from the begin of a scalar to an offset in it, where the scalar stands on one line as it is:
/// escapes and folded lines have no such simple relation, and keep the scalar's begin.
fn refine(at: Position, line: &str, inside: Option<&(String, usize)>) -> Position {
    let moved = || {
        let (text, offset) = inside?;
        let start = line.char_indices().nth(at.column.checked_sub(1)? as usize)?.0;
        let tail = &line[start..];
        let quote = u32::from(tail.starts_with(['"', '\'']));
        tail[quote as usize..].starts_with(text.as_str()).then_some(())?;
        let characters = u32::try_from(text.get(..*offset)?.chars().count()).ok()?;
        Some(Position {
            file: at.file,
            line: at.line,
            column: at.column + quote + characters,
        })
    };
    moved().unwrap_or(at)
}

/// The entry of `names` that somebody who wrote `written` most likely meant.
pub(super) fn nearest<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    let limit = 1 + written.chars().count() / 4;
    let score = |name: &'a str| {
        let is_prefix =
            name.len().min(written.len()) >= 3 && (name.starts_with(&written) || written.starts_with(name));
        let distance = distance(&written, name);
        (distance <= limit || is_prefix).then_some((distance, name))
    };
    names
        .into_iter()
        .filter_map(score)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// ``; did you mean `stages`?`` or nothing.
pub(super) fn suggestion(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

/// `` `a`, `b`, `c` ``
pub(super) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Edits from one word to the other: insert, delete, replace, or swap of two neighbours (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=to.len()).collect();
    for i in 1..=from.len() {
        for j in 1..=to.len() {
            let replace = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_and_nothing_that_is_far() {
        let names = ["stages", "scenarios", "seed", "send"];
        assert_eq!(nearest("stagse", names), Some("stages"));
        assert_eq!(nearest("Seed", names), Some("seed"));
        assert_eq!(nearest("snd", names), Some("send"));
        assert_eq!(nearest("stages_of_load", names), Some("stages"));
        assert_eq!(nearest("banana", names), None);
    }

    #[test]
    fn a_long_line_is_shown_around_the_error() {
        assert_eq!(excerpt("a\tb", 2), ("a b".to_owned(), 2));
        let (text, offset) = excerpt(&format!("{}x{}", "-".repeat(500), "-".repeat(500)), 500);
        assert_eq!((text.chars().count(), text.chars().nth(offset)), (100, Some('x')));
    }

    #[test]
    fn a_position_moves_into_a_scalar_only_where_the_line_shows_it_as_it_is() {
        let at = Position {
            file: 0,
            line: 1,
            column: 7,
        };
        let inside = |text: &str, offset| Some((text.to_owned(), offset));
        let column = |line, inside: Option<(String, usize)>| refine(at, line, inside.as_ref()).column;
        assert_eq!(column("text: abc${x}", inside("abc${x}", 3)), 10);
        assert_eq!(column("text: \"abc${x}\"", inside("abc${x}", 3)), 11);
        assert_eq!(column("text: \"a\\tc${x}\"", inside("a\tc${x}", 3)), 7);
        assert_eq!(column("text: |", inside("abc${x}", 3)), 7);
    }
}
