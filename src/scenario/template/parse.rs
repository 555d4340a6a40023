//! From text to [`Template`].

use super::function::{Argument, call, plain, size};
use super::part::{Form, Part, Template};
use super::scope::Scope;

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct TemplateError {
    /// Byte offset in the text.
    pub(crate) offset: usize,
    pub(crate) message: String,
}

impl TemplateError {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self {
            offset,
            message: message.into(),
        }
    }
}

/// A stretch of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) part: Part,
    /// An expression whose value JSON can take without quotes.
    pub(super) bare: bool,
}

/// Compiles a text.
pub(crate) fn template(text: &str, scope: &Scope) -> Result<Template, TemplateError> {
    // Only JSON knows the difference between a number and a text.
    let plain = |piece: Piece| match piece.part {
        Part::Held(held, _) => Part::Held(held, Form::Plain),
        part => part,
    };
    Ok(Template::new(pieces(text, scope)?.into_iter().map(plain)))
}

/// Fills in the variables of a text that must be the same for every message.
pub(crate) fn literal(text: &str, scope: &Scope) -> Result<String, TemplateError> {
    let template = template(text, scope)?;
    let bytes = template.as_literal().ok_or_else(|| {
        let offset = text.find("${").unwrap_or(0);
        TemplateError::new(
            offset,
            "only variables can stand here: the value is the same for every message",
        )
    })?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

pub(super) fn pieces(text: &str, scope: &Scope) -> Result<Vec<Piece>, TemplateError> {
    let literal = |text: &str| Piece {
        part: Part::Literal(text.as_bytes().into()),
        bare: false,
    };
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("${") {
        let open = at + found;
        if text[at..open].ends_with('$') {
            pieces.push(literal(&text[at..open - 1]));
            pieces.push(literal("${"));
            at = open + 2;
            continue;
        }
        pieces.push(literal(&text[at..open]));
        let mut scanner = Scanner {
            text,
            at: open + 2,
            scope,
        };
        pieces.push(scanner.expression()?);
        at = scanner.close(open)?;
    }
    pieces.push(literal(&text[at..]));
    pieces.retain(|piece| !matches!(&piece.part, Part::Literal(text) if text.is_empty() && !piece.bare));
    Ok(pieces)
}

/// Reads one expression: a name, and arguments in parentheses.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    scope: &'a Scope,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn close(&mut self, open: usize) -> Result<usize, TemplateError> {
        self.skip_space();
        match self.rest().chars().next() {
            Some('}') => Ok(self.at + 1),
            None => Err(TemplateError::new(
                open,
                "`${` has no closing `}`; write `$${` for the characters themselves",
            )),
            Some(other) => {
                let message =
                    format!("expected `}}`, found `{other}`; write `$${{` for the characters themselves");
                Err(TemplateError::new(self.at, message))
            }
        }
    }

    fn name(&mut self) -> (usize, &'a str) {
        self.skip_space();
        let start = self.at;
        let is_part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        self.at += self
            .rest()
            .find(|c: char| !is_part_of_name(c))
            .unwrap_or(self.rest().len());
        (start, &self.text[start..self.at])
    }

    fn expression(&mut self) -> Result<Piece, TemplateError> {
        let (offset, name) = self.name();
        if name.is_empty() {
            return Err(TemplateError::new(
                offset,
                "expected the name of a variable or function after `${`",
            ));
        }
        self.skip_space();
        let has_arguments = self.rest().starts_with('(');
        match (name, has_arguments) {
            (_, false) if name.starts_with("env.") => self.environment(name, offset),
            ("string" | "pad" | "number", true) => self.wrapping(name),
            (_, true) => {
                let arguments = self.arguments()?;
                call(name, offset, &arguments, self.scope)
            }
            (_, false) => plain(name, offset, self.scope),
        }
    }

    /// `env.NAME` and `env.NAME:-DEFAULT`, where the default goes up to the closing brace.
    fn environment(&mut self, name: &str, offset: usize) -> Result<Piece, TemplateError> {
        let default = self.rest().strip_prefix(":-").map(|rest| {
            let length = rest.find('}').unwrap_or(rest.len());
            self.at += ":-".len() + length;
            &rest[..length]
        });
        self.scope.environment(&name["env.".len()..], offset, default)
    }

    /// `string(EXPRESSION)`, `number(EXPRESSION)` and `pad(EXPRESSION, WIDTH)`.
    fn wrapping(&mut self, name: &str) -> Result<Piece, TemplateError> {
        self.at += 1;
        let start = self.at;
        let inner = self.expression()?;
        self.skip_space();
        let part = if name == "string" {
            inner.part
        } else if name == "number" {
            let Part::Held(held, _) = inner.part else {
                let message = "`number` is for captured values and columns, such as `row.id`";
                return Err(TemplateError::new(start, message));
            };
            Part::Held(held, Form::Number)
        } else {
            let Part::Number { number, .. } = inner.part else {
                return Err(TemplateError::new(
                    start,
                    "`pad` fills whole numbers, such as `seq` or `client`",
                ));
            };
            if !self.rest().starts_with(',') {
                return Err(TemplateError::new(self.at, "expected `, WIDTH)`: `pad(seq, 8)`"));
            }
            self.at += 1;
            let width = self.argument()?;
            Part::Number {
                number,
                width: size(&width, self.scope)?,
            }
        };
        if !self.rest().starts_with(')') {
            return Err(TemplateError::new(
                self.at,
                format!("expected `)` to end `{name}(...)`"),
            ));
        }
        self.at += 1;
        let bare = name == "number";
        Ok(Piece { part, bare })
    }

    fn arguments(&mut self) -> Result<Vec<Argument<'a>>, TemplateError> {
        self.at += 1;
        self.skip_space();
        if self.rest().starts_with(')') {
            self.at += 1;
            return Ok(Vec::new());
        }
        let mut arguments = Vec::new();
        loop {
            arguments.push(self.argument()?);
            let end = self.rest().starts_with(')');
            self.at += 1;
            if end {
                return Ok(arguments);
            }
        }
    }

    /// Up to the next comma or closing parenthesis, or what stands between single quotes.
    fn argument(&mut self) -> Result<Argument<'a>, TemplateError> {
        self.skip_space();
        let offset = self.at;
        let unclosed = || TemplateError::new(offset, "expected `)` after the arguments");
        if let Some(quoted) = self.rest().strip_prefix('\'') {
            let length = quoted
                .find('\'')
                .ok_or_else(|| TemplateError::new(offset, "the quote `'` is not closed"))?;
            self.at += length + 2;
            self.skip_space();
            if !self.rest().starts_with([',', ')']) {
                return Err(TemplateError::new(
                    self.at,
                    "expected `,` or `)` after a quoted argument",
                ));
            }
            return Ok(Argument {
                offset,
                text: &quoted[..length],
            });
        }
        let length = self.rest().find([',', ')', '}']).ok_or_else(unclosed)?;
        let text = self.rest()[..length].trim_end();
        self.at += length;
        if self.rest().starts_with('}') {
            Err(unclosed())
        } else {
            Ok(Argument { offset, text })
        }
    }
}
