//! Messages: what a `send` step sends.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::context::Context;
use crate::scenario::document::{Binary, SendStep};
use crate::scenario::plan::PayloadKind;
use crate::scenario::template::{Json, Part, Template};
use crate::scenario::yaml::{Field, Located, Text};
use crate::units::ByteSize;

/// The largest random payload: past it, a size is a typo rather than a wish.
const MAX_RANDOM: ByteSize = ByteSize::mib(64);

enum Payload<'a> {
    Text(&'a Text),
    Json(&'a Located<Json>),
    Binary(&'a Located<Binary>),
    Random(&'a Field<ByteSize>),
}

/// Kind and content of the message.
pub(super) fn message(
    context: &mut Context<'_>,
    step: &Located<SendStep>,
) -> Option<(PayloadKind, Template)> {
    let keys = [
        ("text", step.value.text.as_ref().map(Payload::Text)),
        ("json", step.value.json.as_ref().map(Payload::Json)),
        ("binary", step.value.binary.as_ref().map(Payload::Binary)),
        ("random", step.value.random.as_ref().map(Payload::Random)),
    ];
    match context.one_of(step.at, "a send step", keys)? {
        Payload::Text(text) => Some((PayloadKind::Text, context.template(text)?)),
        Payload::Json(value) => Some((PayloadKind::Text, json(context, value))),
        Payload::Binary(value) => Some((PayloadKind::Binary, binary(context, value)?)),
        Payload::Random(size) => Some((PayloadKind::Binary, random(context, size)?)),
    }
}

fn json(context: &mut Context<'_>, value: &Located<Json>) -> Template {
    let mut errors = Vec::new();
    let template = value.template(&context.variables, &mut |text, error| {
        errors.push((text.at, text.value.to_owned(), error));
    });
    for (at, text, error) in errors {
        context.template_problem(at, &text, &error);
    }
    template
}

fn random(context: &mut Context<'_>, field: &Field<ByteSize>) -> Option<Template> {
    let size = context.value(field)?;
    if size > MAX_RANDOM {
        context.problem(field.at, format!("a random payload has at most {MAX_RANDOM}"));
        return None;
    }
    Some(Template::new([Part::RandomBytes(size.0 as usize)]))
}

enum Notation<'a> {
    Hex(&'a Text),
    Base64(&'a Text),
    Utf8(&'a Text),
}

/// Bytes in one of the three notations.
pub(super) fn binary(context: &mut Context<'_>, value: &Located<Binary>) -> Option<Template> {
    let keys = [
        ("hex", value.value.hex.as_ref().map(Notation::Hex)),
        ("base64", value.value.base64.as_ref().map(Notation::Base64)),
        ("utf8", value.value.utf8.as_ref().map(Notation::Utf8)),
    ];
    let (text, bytes, expected) = match context.one_of(value.at, "a binary value", keys)? {
        Notation::Hex(text) => (
            text,
            hex(&text.value),
            "pairs of hex digits such as `ca fe 00 01`",
        ),
        Notation::Base64(text) => (
            text,
            STANDARD.decode(&text.value).ok(),
            "base64 with padding such as `yv4AAQ==`",
        ),
        Notation::Utf8(text) => return context.template(text),
    };
    if bytes.is_none() {
        context.problem(text.at, format!("expected {expected}, found `{}`", text.value));
    }
    bytes.map(|bytes| Template::from_literal(&bytes))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|character| character.to_digit(16))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks_exact(2)
            .map(|pair| (pair[0] << 4 | pair[1]) as u8)
            .collect(),
    )
}
