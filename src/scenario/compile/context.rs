//! [`Context`]: the names that values refer to, and the errors found so far.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::scenario::error::{Problem, quoted};
use crate::scenario::fingerprint::Contents;
use crate::scenario::template::{Json, Scope, Template, TemplateError, literal, template};
use crate::scenario::values::Table;
use crate::scenario::yaml::{Field, Located, Position, Quantity, Text};

pub(super) struct Context<'a> {
    pub(super) scope: Scope,
    /// Paths by name, and whether a connection takes them.
    pub(super) routes: BTreeMap<String, (Text, bool)>,
    /// Files that were read already, with their delimiters.
    pub(super) tables: BTreeMap<(PathBuf, char), Arc<Table>>,
    /// What was read from them and from payloads.
    pub(super) contents: Contents,
    /// Places that the group at hand needs in its clients' memory.
    slots: u16,
    /// Regular expressions among the captures so far.
    regexes: usize,
    /// The files of the scenario: paths in them are relative to their folders.
    files: &'a [PathBuf],
    problems: &'a mut Vec<Problem>,
}

impl<'a> Context<'a> {
    pub(super) fn new(files: &'a [PathBuf], problems: &'a mut Vec<Problem>) -> Self {
        Self {
            scope: Scope::default(),
            routes: BTreeMap::new(),
            tables: BTreeMap::new(),
            contents: Contents::default(),
            slots: 0,
            regexes: 0,
            files,
            problems,
        }
    }

    /// Forgets what belongs to the group before.
    pub(super) fn begin_group(&mut self) {
        self.scope.captures.clear();
        self.scope.table = None;
        self.scope.wrong_feeder = false;
        self.slots = 0;
    }

    /// How many places the group needs in its clients' memory.
    pub(super) const fn slots(&self) -> u16 {
        self.slots
    }

    /// The place of a captured value, a new one for a new name.
    pub(super) fn slot(&mut self, name: &str) -> u16 {
        if let Some(slot) = self.scope.captures.get(name) {
            return *slot;
        }
        let slot = self.slots;
        self.slots = self.slots.saturating_add(1);
        self.scope.captures.insert(name.to_owned(), slot);
        slot
    }

    /// A number for a regular expression among the captures.
    pub(super) const fn next_regex(&mut self) -> usize {
        self.regexes += 1;
        self.regexes - 1
    }

    /// The path of a file, from the folder of the file that names it.
    pub(super) fn path(&mut self, field: &Field<PathBuf>) -> Option<PathBuf> {
        let path = self.value(field)?;
        let folder = self
            .files
            .get(usize::from(field.at.file))
            .and_then(|file| file.parent());
        Some(folder.map_or_else(|| path.clone(), |folder: &Path| folder.join(&path)))
    }

    /// The JSON text of a value; what is wrong in it is reported.
    pub(super) fn json(&mut self, value: &Located<Json>) -> Template {
        let mut errors = Vec::new();
        let template = value.template(&self.scope, &mut |text, error| {
            errors.push((text.at, text.value.to_owned(), error));
        });
        for (at, text, error) in errors {
            self.template_problem(at, &text, &error);
        }
        template
    }

    pub(super) fn problem(&mut self, at: Position, message: impl Into<String>) {
        self.problems.push(Problem::new(at, message));
    }

    /// At a byte offset of a scalar.
    pub(super) fn problem_inside(
        &mut self,
        at: Position,
        text: &str,
        offset: usize,
        message: impl Into<String>,
    ) {
        self.problems.push(Problem::inside(at, text, offset, message));
    }

    /// About a key that the mapping at `at` must have; says nothing where a typo in it was already reported.
    pub(super) fn missing(&mut self, at: Position, message: impl Into<String>) {
        if !self
            .problems
            .iter()
            .any(|problem| problem.unknown_key_of == Some(at))
        {
            self.problem(at, message);
        }
    }

    /// About a value that came from the command line.
    pub(super) fn unplaced(&mut self, message: impl Into<String>) {
        self.problems.push(Problem::unplaced(message));
    }

    pub(super) fn template_problem(&mut self, at: Position, text: &str, error: &TemplateError) {
        self.problems
            .push(Problem::inside(at, text, error.offset, &error.message));
    }

    /// Fills in variables and reads the value.
    pub(super) fn value<T: Quantity>(&mut self, field: &Field<T>) -> Option<T> {
        let text = match literal(&field.text, &self.scope) {
            Ok(text) => text,
            Err(error) => {
                self.template_problem(field.at, &field.text, &error);
                return None;
            }
        };
        T::read(&text)
            .map_err(|message| self.problem(field.at, message))
            .ok()
    }

    pub(super) fn value_or<T: Quantity>(&mut self, field: Option<&Field<T>>, default: T) -> T {
        field.and_then(|field| self.value(field)).unwrap_or(default)
    }

    /// A duration that must not be zero.
    pub(super) fn positive(&mut self, field: &Field<Duration>) -> Option<Duration> {
        let duration = self.value(field)?;
        if duration.is_zero() {
            self.problem(field.at, "expected a duration longer than zero");
            return None;
        }
        Some(duration)
    }

    pub(super) fn positive_or(&mut self, field: Option<&Field<Duration>>, default: Duration) -> Duration {
        field.and_then(|field| self.positive(field)).unwrap_or(default)
    }

    pub(super) fn template(&mut self, text: &Text) -> Option<Template> {
        template(&text.value, &self.scope)
            .map_err(|error| self.template_problem(text.at, &text.value, &error))
            .ok()
    }

    /// The one of several keys that is there; reports none and several.
    pub(super) fn one_of<T, const N: usize>(
        &mut self,
        at: Position,
        what: &str,
        options: [(&'static str, Option<T>); N],
    ) -> Option<T> {
        let all = quoted(options.iter().map(|(name, _)| *name));
        let mut present = options
            .into_iter()
            .filter_map(|(name, option)| Some((name, option?)));
        let Some((first, value)) = present.next() else {
            self.missing(at, format!("{what} needs one of {all}"));
            return None;
        };
        let others: Vec<_> = present.map(|(name, _)| name).collect();
        if others.is_empty() {
            return Some(value);
        }
        let found = quoted([first].into_iter().chain(others));
        self.problem(at, format!("{what} takes only one of {all}, found {found}"));
        None
    }
}
