//! [`Context`]: the variables that values refer to, and the errors found so far.

use std::time::Duration;

use crate::scenario::error::{Problem, quoted};
use crate::scenario::template::{Template, TemplateError, Variables, literal, template};
use crate::scenario::yaml::{Field, Position, Quantity, Text};

pub(super) struct Context<'a> {
    pub(super) variables: Variables,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Context<'a> {
    pub(super) fn new(problems: &'a mut Vec<Problem>) -> Self {
        Self {
            variables: Variables::new(),
            problems,
        }
    }

    pub(super) fn problem(&mut self, at: Position, message: impl Into<String>) {
        self.problems.push(Problem::new(at, message));
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
        let text = match literal(&field.text, &self.variables) {
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
        template(&text.value, &self.variables)
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
