//! [`Scope`]: the names that a template can refer to, beside those that are built in.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::function::BUILT_IN_NAMES;
use super::parse::{Piece, TemplateError};
use super::part::{Form, Held, Part};
use crate::scenario::error::{nearest, quoted, suggestion};
use crate::scenario::values::Table;

/// Variables, captured values, columns of the row, and the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) variables: BTreeMap<String, Variable>,
    /// Values that a message before may have been captured into, with their places in a client's memory.
    pub(crate) captures: BTreeMap<String, u16>,
    /// The rows that the clients of the group at hand are fed with, if they are.
    pub(crate) table: Option<Arc<Table>>,
    /// There are rows, but nobody knows which: the feeder is wrong, which has been told.
    pub(crate) wrong_feeder: bool,
    pub(crate) environment: BTreeMap<String, String>,
    /// Whether what is compiled is a message, which alone can have a mark.
    pub(crate) marks: bool,
}

/// A constant of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) text: String,
    /// Whether it stands in JSON without quotes: a number, `true` or `false`.
    pub(crate) bare: bool,
}

impl Scope {
    /// What a name without arguments stands for, if it is not built in.
    pub(super) fn named(&self, name: &str, offset: usize) -> Result<Piece, TemplateError> {
        if let Some(column) = name.strip_prefix("row.") {
            return self.column(column, offset + "row.".len());
        }
        if let Some(variable) = self.variables.get(name) {
            return Ok(Piece {
                part: Part::Literal(variable.text.as_bytes().into()),
                bare: variable.bare,
            });
        }
        match self.captures.get(name) {
            Some(slot) => Ok(Piece {
                part: Part::Held(Held::Slot(*slot), Form::Plain),
                bare: true,
            }),
            None => Err(self.unknown("variable", name, offset)),
        }
    }

    /// An environment variable, or its default.
    pub(super) fn environment(
        &self,
        name: &str,
        offset: usize,
        default: Option<&str>,
    ) -> Result<Piece, TemplateError> {
        let value = self.environment.get(name).map(String::as_str).or(default);
        let text = value.ok_or_else(|| {
            let message = format!(
                "the environment variable `{name}` is not set; `${{env.{name}:-DEFAULT}}` would do without it"
            );
            TemplateError::new(offset, message)
        })?;
        Ok(Piece {
            part: Part::Literal(text.as_bytes().into()),
            bare: false,
        })
    }

    fn column(&self, name: &str, offset: usize) -> Result<Piece, TemplateError> {
        let Some(table) = &self.table else {
            if self.wrong_feeder {
                return Ok(Piece {
                    part: Part::Literal(Box::default()),
                    bare: false,
                });
            }
            let message = "`row` needs a `feeder` with the file that the rows come from";
            return Err(TemplateError::new(offset, message));
        };
        let names = || table.columns().iter().map(String::as_str);
        let index = names().position(|column| column == name);
        let Some(column) = index.and_then(|index| u16::try_from(index).ok()) else {
            let message = format!(
                "the feeder's file has no column `{name}`{}\n  columns: {}",
                suggestion(nearest(name, names())),
                quoted(names())
            );
            return Err(TemplateError::new(offset, message));
        };
        let table = Arc::clone(table);
        Ok(Piece {
            part: Part::Held(Held::Column { table, column }, Form::Plain),
            bare: false,
        })
    }

    pub(super) fn unknown(&self, what: &str, name: &str, offset: usize) -> TemplateError {
        let names = || {
            BUILT_IN_NAMES
                .into_iter()
                .chain(self.variables.keys().map(String::as_str))
                .chain(self.captures.keys().map(String::as_str))
        };
        let message = format!(
            "unknown {what} `{name}`{}\n  known: {}",
            suggestion(nearest(name, names())),
            quoted(names())
        );
        TemplateError::new(offset, message)
    }
}
