//! [`Node`]: a YAML document as a tree with positions.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{MessageFormatter, Spanned, UserMessageFormatter};

use crate::scenario::error::Problem;

/// File, line and column; the latter two counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the file among those that the scenario is made of; 0 is the scenario's own.
    pub file: u16,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

impl Position {
    /// Where a file begins.
    pub(crate) const fn start_of(file: u16) -> Self {
        Self {
            file,
            line: 1,
            column: 1,
        }
    }

    fn new(file: u16, location: serde_saphyr::Location) -> Self {
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
        Self {
            file,
            line: number(location.line()),
            column: number(location.column()),
        }
    }
}

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) content: Content,
}

/// A YAML value, aliases and merge keys resolved.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Null,
    Bool(bool),
    /// `written` keeps the digits as they stand in the file: `1.50` is text as much as it is a number.
    Number {
        written: String,
        value: serde_json::Number,
    },
    String(String),
    List(Vec<Node>),
    /// Key and value, in the order of the file.
    Mapping(Vec<(Node, Node)>),
}

impl Content {
    /// The text of a scalar, or `None` for nothing, lists and mappings.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match self {
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Number { written, .. } => Some(written),
            Self::String(text) => Some(text),
            Self::Null | Self::List(_) | Self::Mapping(_) => None,
        }
    }

    /// What this is, for an error message.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Mapping(_) => "a mapping".to_owned(),
            scalar => format!("`{}`", scalar.scalar().unwrap_or_default()),
        }
    }
}

impl Node {
    /// Whether there is nothing in the document but perhaps comments.
    pub(crate) const fn is_nothing(&self) -> bool {
        matches!(self.content, Content::Null)
    }

    /// The path, such as `flow[2].send`, of what begins at `at`. A mapping begins where its first key does: `to_key`
    /// says which of the two is meant.
    pub(crate) fn path_to(&self, at: Position, to_key: bool) -> Option<String> {
        if self.at == at && !to_key {
            return Some(String::new());
        }
        let deeper = match &self.content {
            Content::List(items) => items
                .iter()
                .enumerate()
                .find_map(|(index, item)| Some(format!("[{index}]{}", joined(item.path_to(at, to_key)?)))),
            Content::Mapping(entries) => entries.iter().find_map(|(key, value)| {
                let name = key.content.scalar().unwrap_or("?");
                match value.path_to(at, to_key) {
                    Some(rest) => Some(format!("{name}{}", joined(rest))),
                    None => (key.at == at).then(|| name.to_owned()),
                }
            }),
            _ => None,
        };
        deeper.or_else(|| (self.at == at).then(String::new))
    }
}

/// Puts a dot before a path that begins with a name.
fn joined(rest: String) -> String {
    if rest.is_empty() || rest.starts_with('[') {
        rest
    } else {
        format!(".{rest}")
    }
}

/// Reads one YAML document. Aliases, merge keys and nesting are bounded, so that no text can exhaust memory or stack.
/// `file` is its number within the scenario.
pub(crate) fn parse(text: &str, file: u16) -> Result<Node, Problem> {
    if text.trim().is_empty() {
        return Ok(Node {
            at: Position::start_of(file),
            content: Content::Null,
        });
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spelled>(text, options) {
        Ok(root) => Ok(root.into_node(text, file)),
        Err(error) => Err(syntax_problem(text, file, &error)),
    }
}

fn syntax_problem(text: &str, file: u16, error: &serde_saphyr::Error) -> Problem {
    let at = error
        .location()
        .map_or(Position::start_of(file), |location| Position::new(file, location));
    let message = match error {
        serde_saphyr::Error::Budget { .. } => "nested too deep, or too large".into(),
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key `{key}` is there twice").into()
        }
        other => UserMessageFormatter.format_message(other),
    };
    let line = text.lines().nth(at.line.saturating_sub(1) as usize).unwrap_or("");
    let hint = if line.contains("${") {
        " (a value with `${...}` needs quotes inside `{ }` and `[ ]`)"
    } else {
        ""
    };
    Problem::new(at, format!("not valid YAML: {message}{hint}"))
}

/// A node as the YAML library gives it: numbers without the text they were written as, but with its span.
struct Spelled(Spanned<Shape>);

enum Shape {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    List(Vec<Spelled>),
    Mapping(Vec<(Spelled, Spelled)>),
}

impl Spelled {
    fn into_node(self, source: &str, file: u16) -> Node {
        let Spanned {
            value,
            referenced,
            defined,
        } = self.0;
        let content = match value {
            Shape::Null => Content::Null,
            Shape::Bool(value) => Content::Bool(value),
            Shape::Number(value) => Content::Number {
                written: written(source, defined, &value),
                value,
            },
            Shape::String(text) => Content::String(text),
            Shape::List(items) => Content::List(
                items
                    .into_iter()
                    .map(|item| item.into_node(source, file))
                    .collect(),
            ),
            Shape::Mapping(entries) => Content::Mapping(
                entries
                    .into_iter()
                    .map(|(key, value)| (key.into_node(source, file), value.into_node(source, file)))
                    .collect(),
            ),
        };
        Node {
            at: Position::new(file, referenced),
            content,
        }
    }
}

fn written(source: &str, defined: serde_saphyr::Location, value: &serde_json::Number) -> String {
    let span = defined.span();
    let slice = span
        .byte_offset()
        .zip(span.byte_len())
        .and_then(|(offset, length)| {
            let offset = usize::try_from(offset).ok()?;
            source.get(offset..offset.checked_add(usize::try_from(length).ok()?)?)
        });
    slice.map_or_else(|| value.to_string(), |text| text.trim().to_owned())
}

impl<'de> Deserialize<'de> for Spelled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(Shape::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shape, E> {
        Ok(Shape::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Shape, E> {
        Ok(serde_json::Number::from_f64(value)
            .map_or_else(|| Shape::String(value.to_string()), Shape::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(Shape::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Shape::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Position {
        Position {
            file: 0,
            line,
            column,
        }
    }

    #[test]
    fn every_key_and_value_knows_its_place_and_path() {
        let tree = parse("a: 1.50\nb:\n  - x: yes\n    y: [p, q]\n", 0).unwrap();
        let path = |line, column| tree.path_to(at(line, column), true);
        assert_eq!(path(1, 1).as_deref(), Some("a"));
        assert_eq!(path(1, 4).as_deref(), Some("a"));
        assert_eq!(path(3, 8).as_deref(), Some("b[0].x"));
        assert_eq!(path(4, 12).as_deref(), Some("b[0].y[1]"));
        assert_eq!(path(9, 9), None);
        assert_eq!(path(3, 5).as_deref(), Some("b[0].x"));
        assert_eq!(tree.path_to(at(3, 5), false).as_deref(), Some("b[0]"));
    }

    #[test]
    fn a_number_keeps_the_digits_it_was_written_with() {
        let tree = parse("- 1.50\n- &x 007\n- *x\n- 1e3\n", 0).unwrap();
        let Content::List(items) = tree.content else {
            panic!("a list")
        };
        let texts: Vec<_> = items.iter().map(|item| item.content.scalar()).collect();
        assert_eq!(texts, [Some("1.50"), Some("007"), Some("007"), Some("1e3")]);
    }

    #[test]
    fn nesting_is_bounded() {
        let problem = parse(&"[".repeat(10_000), 0).unwrap_err();
        assert!(problem.message.starts_with("not valid YAML"), "{problem:?}");
    }
}
