//! The names and functions that an expression can use: what they take and what they give.

use super::parse::{Piece, TemplateError};
use super::part::{Content, Known, Number, Part};
use super::scope::Scope;
use crate::scenario::error::{nearest, suggestion};
use crate::scenario::size::Size;
use crate::units::ByteSize;

pub(crate) const LETTERS_AND_DIGITS: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const HEX_DIGITS: &[u8] = b"0123456789abcdef";

/// The longest payload that an expression may make: past it, a width is a typo rather than a wish.
const MAX_EXPRESSION: ByteSize = ByteSize::mib(64);

/// Every name that is taken, so that no variable can have it.
pub(crate) const BUILT_IN_NAMES: [&str; 15] = [
    "client",
    "seq",
    "iteration",
    "time_ms",
    "time_us",
    "uuid",
    "mark",
    "random_int",
    "random_float",
    "random_string",
    "random_hex",
    "choice",
    "pad",
    "string",
    "number",
];

/// An argument as it is written, without quotes and surrounding space.
pub(super) struct Argument<'a> {
    pub(super) offset: usize,
    pub(super) text: &'a str,
}

fn number(number: Number) -> Piece {
    Piece {
        part: Part::Number { number, width: 0 },
        bare: true,
    }
}

/// A name without arguments.
pub(super) fn plain(name: &str, offset: usize, scope: &Scope) -> Result<Piece, TemplateError> {
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
        "mark" if scope.marks => Piece {
            part: Part::Mark,
            bare: false,
        },
        "mark" => {
            let message = "`mark` is the identity of a message: it belongs into what a `send` step sends";
            return Err(TemplateError::new(offset, message));
        }
        _ if BUILT_IN_NAMES.contains(&name) => {
            return Err(TemplateError::new(
                offset,
                format!("`{name}` needs arguments: `${{{}}}`", usage(name)),
            ));
        }
        _ => return scope.named(name, offset),
    })
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
        b"number" => "number(row.id)",
        _ => name,
    }
}

/// A name with arguments.
pub(super) fn call(
    name: &str,
    offset: usize,
    arguments: &[Argument<'_>],
    scope: &Scope,
) -> Result<Piece, TemplateError> {
    let wrong_count = || {
        Err(TemplateError::new(
            offset,
            format!("wrong number of arguments; write `{}`", usage(name)),
        ))
    };
    Ok(match (name, arguments) {
        ("random_int", [low, high]) => {
            let (low, high) = ordered(low, high, |argument| integer(argument, scope))?;
            number(Number::Random { low, high })
        }
        ("random_float", [low, high, decimals]) => {
            let part = random_float(low, high, decimals, scope)?;
            Piece { part, bare: true }
        }
        ("random_string", [length]) => random_text(LETTERS_AND_DIGITS, length, scope)?,
        ("random_hex", [length]) => random_text(HEX_DIGITS, length, scope)?,
        ("choice", [_, ..]) => {
            let options = arguments.iter().map(|argument| argument.text.as_bytes().into());
            Piece {
                part: Part::Choice(options.collect()),
                bare: false,
            }
        }
        _ if !BUILT_IN_NAMES.contains(&name) => return Err(scope.unknown("function", name, offset)),
        (_, []) => return plain(name, offset, scope),
        _ => return wrong_count(),
    })
}

fn random_text(
    alphabet: &'static [u8],
    length: &Argument<'_>,
    scope: &Scope,
) -> Result<Piece, TemplateError> {
    let length = Size::Fixed(size(length, scope)?);
    Ok(Piece {
        part: Part::Filled(Content::Characters(alphabet), length),
        bare: false,
    })
}

fn random_float(
    low: &Argument<'_>,
    high: &Argument<'_>,
    decimals: &Argument<'_>,
    scope: &Scope,
) -> Result<Part, TemplateError> {
    let places = u32::try_from(integer(decimals, scope)?)
        .ok()
        .filter(|places| *places <= 9);
    let places = places.ok_or_else(|| TemplateError::new(decimals.offset, "decimals go from 0 to 9"))?;
    let (low, high) = ordered(low, high, |argument| {
        let text = resolved(argument, scope)?;
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
fn resolved<'a>(argument: &Argument<'a>, scope: &'a Scope) -> Result<&'a str, TemplateError> {
    let text = argument.text;
    if !text.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Ok(text);
    }
    let variable = scope.variables.get(text).ok_or_else(|| {
        let meant = suggestion(nearest(text, scope.variables.keys().map(String::as_str)));
        TemplateError::new(
            argument.offset,
            format!("`{text}` is neither a number nor a variable{meant}"),
        )
    })?;
    Ok(&variable.text)
}

fn integer(argument: &Argument<'_>, scope: &Scope) -> Result<i64, TemplateError> {
    let text = resolved(argument, scope)?;
    let wrong = || TemplateError::new(argument.offset, format!("`{text}` is not a whole number"));
    text.parse().map_err(|_| wrong())
}

/// A length in bytes: `20` or `64KiB`.
pub(super) fn size(argument: &Argument<'_>, scope: &Scope) -> Result<usize, TemplateError> {
    let text = resolved(argument, scope)?;
    let size = text
        .parse::<ByteSize>()
        .ok()
        .filter(|size| *size <= MAX_EXPRESSION);
    let message = || format!("`{text}` is not a length from 0 to {MAX_EXPRESSION}, such as 20 or 64KiB");
    size.map(|size| size.0 as usize)
        .ok_or_else(|| TemplateError::new(argument.offset, message()))
}
