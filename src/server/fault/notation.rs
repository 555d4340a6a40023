//! How the settings of faults are written: `50ms`, `every(10)`, `uniform(5ms,50ms)`.

use std::time::Duration;

use crate::units::Span;

/// A setting, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call<'a> {
    /// Without parentheses.
    Plain(&'a str),
    /// `name(a)`.
    One(&'a str, &'a str),
    /// `name(a,b)`.
    Two(&'a str, &'a str, &'a str),
    /// Anything else with a parenthesis.
    Malformed,
}

impl<'a> Call<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let Some((name, rest)) = text.split_once('(') else {
            return Self::Plain(text);
        };
        let Some(arguments) = rest.strip_suffix(')') else {
            return Self::Malformed;
        };
        let mut parts = arguments.split(',').map(str::trim);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(only), None, None) => Self::One(name, only),
            (Some(first), Some(second), None) => Self::Two(name, first, second),
            _ => Self::Malformed,
        }
    }
}

/// A duration, with its unit.
pub(super) fn span(text: &str) -> Option<Duration> {
    text.parse::<Span>().ok().map(|Span(span)| span)
}

/// A number from zero.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
