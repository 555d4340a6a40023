//! From text to [`Template`], and the variables that it may refer to.

use std::collections::BTreeMap;

use super::part::{Known, Number, Part, Template};
use crate::scenario::error::{nearest, quoted, suggestion};
use crate::units::ByteSize;

/// The longest payload that an expression may make: past it, a width is a typo rather than a wish.
const MAX_EXPRESSION: ByteSize = ByteSize::mib(64);

const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX_DIGITS: &[u8] = b"0123456789abcdef";

/// Every name that is taken, so that no variable can have it.
pub(crate) const BUILT_IN_NAMES: [&str; 13] = [
    "client",
    "seq",
    "iteration",
    "time_ms",
    "time_us",
    "uuid",
    "random_int",
    "random_float",
    "random_string",
    "random_hex",
    "choice",
    "pad",
    "string",
];

/// Constants by name.
pub(crate) type Variables = BTreeMap<String, Variable>;

/// A constant of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) text: String,
    /// Whether it stands in JSON without quotes: a number, `true` or `false`.
    pub(crate) bare: bool,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct TemplateError {
    /// Byte offset in the text.
    pub(crate) offset: usize,
    pub(crate) message: String,
}

impl TemplateError {
    fn new(offset: usize, message: impl Into<String>) -> Self {
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
pub(crate) fn template(text: &str, variables: &Variables) -> Result<Template, TemplateError> {
    Ok(Template::new(
        pieces(text, variables)?.into_iter().map(|piece| piece.part),
    ))
}

/// Fills in the variables of a text that must be the same for every message.
pub(crate) fn literal(text: &str, variables: &Variables) -> Result<String, TemplateError> {
    let template = template(text, variables)?;
    let bytes = template.as_literal().ok_or_else(|| {
        let offset = text.find("${").unwrap_or(0);
        TemplateError::new(
            offset,
            "only variables can stand here: the value is the same for every message",
        )
    })?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

pub(super) fn pieces(text: &str, variables: &Variables) -> Result<Vec<Piece>, TemplateError> {
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
            variables,
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
    variables: &'a Variables,
}

/// An argument as it is written, without quotes and surrounding space.
struct Argument<'a> {
    offset: usize,
    text: &'a str,
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
        let is_part_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
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
            ("string" | "pad", true) => self.wrapping(name),
            (_, true) => {
                let arguments = self.arguments()?;
                call(name, offset, &arguments, self.variables)
            }
            (_, false) => plain(name, offset, self.variables),
        }
    }

    /// `string(EXPRESSION)` and `pad(EXPRESSION, WIDTH)`.
    fn wrapping(&mut self, name: &str) -> Result<Piece, TemplateError> {
        self.at += 1;
        let start = self.at;
        let inner = self.expression()?;
        self.skip_space();
        let part = if name == "string" {
            inner.part
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
                width: size(&width, self.variables)?,
            }
        };
        if !self.rest().starts_with(')') {
            return Err(TemplateError::new(
                self.at,
                format!("expected `)` to end `{name}(...)`"),
            ));
        }
        self.at += 1;
        Ok(Piece { part, bare: false })
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

fn number(number: Number) -> Piece {
    Piece {
        part: Part::Number { number, width: 0 },
        bare: true,
    }
}

/// A name without arguments.
fn plain(name: &str, offset: usize, variables: &Variables) -> Result<Piece, TemplateError> {
    Ok(match name {
        "client" => number(Number::Known(Known::Client)),
        "seq" => number(Number::Known(Known::Seq)),
        "iteration" => number(Number::Known(Known::Iteration)),
        "time_ms" => number(Number::TimeMillis),
        "time_us" => number(Number::TimeMicros),
        "uuid" => Piece {
            part: Part::Uuid,
            bare: false,
        },
        _ => match variables.get(name) {
            Some(variable) => Piece {
                part: Part::Literal(variable.text.as_bytes().into()),
                bare: variable.bare,
            },
            None if BUILT_IN_NAMES.contains(&name) => {
                return Err(TemplateError::new(
                    offset,
                    format!("`{name}` needs arguments: `${{{}}}`", usage(name)),
                ));
            }
            None => return Err(unknown("variable", name, offset, variables)),
        },
    })
}

fn unknown(what: &str, name: &str, offset: usize, variables: &Variables) -> TemplateError {
    let names = || {
        BUILT_IN_NAMES
            .into_iter()
            .chain(variables.keys().map(String::as_str))
    };
    let message = format!(
        "unknown {what} `{name}`{}\n  known: {}",
        suggestion(nearest(name, names())),
        quoted(names())
    );
    TemplateError::new(offset, message)
}

const fn usage(name: &str) -> &str {
    match name.as_bytes() {
        b"random_int" => "random_int(1, 100)",
        b"random_float" => "random_float(18, 25, 2)",
        b"random_string" => "random_string(12)",
        b"random_hex" => "random_hex(8)",
        b"choice" => "choice(a, b, c)",
        b"pad" => "pad(seq, 8)",
        b"string" => "string(seq)",
        _ => name,
    }
}

/// A name with arguments.
fn call(
    name: &str,
    offset: usize,
    arguments: &[Argument<'_>],
    variables: &Variables,
) -> Result<Piece, TemplateError> {
    let wrong_count = || {
        Err(TemplateError::new(
            offset,
            format!("wrong number of arguments; write `{}`", usage(name)),
        ))
    };
    Ok(match (name, arguments) {
        ("random_int", [low, high]) => {
            let (low, high) = ordered(low, high, |argument| integer(argument, variables))?;
            number(Number::Random { low, high })
        }
        ("random_float", [low, high, decimals]) => {
            let part = random_float(low, high, decimals, variables)?;
            Piece { part, bare: true }
        }
        ("random_string", [length]) => random_text(LETTERS_AND_DIGITS, length, variables)?,
        ("random_hex", [length]) => random_text(HEX_DIGITS, length, variables)?,
        ("choice", [_, ..]) => {
            let options = arguments.iter().map(|argument| argument.text.as_bytes().into());
            Piece {
                part: Part::Choice(options.collect()),
                bare: false,
            }
        }
        _ if !BUILT_IN_NAMES.contains(&name) => return Err(unknown("function", name, offset, variables)),
        (_, []) => return plain(name, offset, variables),
        _ => return wrong_count(),
    })
}

fn random_text(
    alphabet: &'static [u8],
    length: &Argument<'_>,
    variables: &Variables,
) -> Result<Piece, TemplateError> {
    let part = Part::RandomText {
        alphabet,
        length: size(length, variables)?,
    };
    Ok(Piece { part, bare: false })
}

fn random_float(
    low: &Argument<'_>,
    high: &Argument<'_>,
    decimals: &Argument<'_>,
    variables: &Variables,
) -> Result<Part, TemplateError> {
    let places = u32::try_from(integer(decimals, variables)?)
        .ok()
        .filter(|places| *places <= 9);
    let places = places.ok_or_else(|| TemplateError::new(decimals.offset, "decimals go from 0 to 9"))?;
    let (low, high) = ordered(low, high, |argument| {
        let text = resolved(argument, variables)?;
        let scaled = text
            .parse::<f64>()
            .ok()
            .map(|value| (value * 10_f64.powi(places as i32)).round());
        // Doubles hold whole numbers exactly up to 2^53.
        match scaled {
            Some(scaled) if scaled.abs() < 9e15 => Ok(scaled as i64),
            _ => Err(TemplateError::new(
                argument.offset,
                format!("`{text}` is not a number that fits"),
            )),
        }
    })?;
    Ok(Part::RandomFloat {
        low,
        high,
        decimals: places,
    })
}

fn ordered(
    low: &Argument<'_>,
    high: &Argument<'_>,
    read: impl Fn(&Argument<'_>) -> Result<i64, TemplateError>,
) -> Result<(i64, i64), TemplateError> {
    let bounds = (read(low)?, read(high)?);
    if bounds.0 > bounds.1 {
        let message = format!(
            "the lower bound `{}` is above the upper bound `{}`",
            low.text, high.text
        );
        return Err(TemplateError::new(low.offset, message));
    }
    Ok(bounds)
}

/// An argument that is a number or the name of a variable.
fn resolved<'a>(argument: &Argument<'a>, variables: &'a Variables) -> Result<&'a str, TemplateError> {
    let text = argument.text;
    if !text.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Ok(text);
    }
    let variable = variables.get(text).ok_or_else(|| {
        let meant = suggestion(nearest(text, variables.keys().map(String::as_str)));
        TemplateError::new(
            argument.offset,
            format!("`{text}` is neither a number nor a variable{meant}"),
        )
    })?;
    Ok(&variable.text)
}

fn integer(argument: &Argument<'_>, variables: &Variables) -> Result<i64, TemplateError> {
    let text = resolved(argument, variables)?;
    let wrong = || TemplateError::new(argument.offset, format!("`{text}` is not a whole number"));
    text.parse().map_err(|_| wrong())
}

/// A length in bytes: `20` or `64KiB`.
fn size(argument: &Argument<'_>, variables: &Variables) -> Result<usize, TemplateError> {
    let text = resolved(argument, variables)?;
    let size = text
        .parse::<ByteSize>()
        .ok()
        .filter(|size| *size <= MAX_EXPRESSION);
    let message = || format!("`{text}` is not a length from 0 to {MAX_EXPRESSION}, such as 20 or 64KiB");
    size.map(|size| size.0 as usize)
        .ok_or_else(|| TemplateError::new(argument.offset, message()))
}
