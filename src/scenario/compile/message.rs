//! Messages: what a `send` step sends.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::context::Context;
use super::size::{MAX_SIZE, size};
use crate::scenario::document::{Binary, FileContent, SendStep, SizeSpec};
use crate::scenario::plan::PayloadKind;
use crate::scenario::size::Size;
use crate::scenario::template::{Content, Json, LETTERS_AND_DIGITS, Part, Template};
use crate::scenario::yaml::{Field, Located, ScalarOr, Text};
use crate::units::ByteSize;

enum Payload<'a> {
    Text(&'a Text),
    Json(&'a Located<Json>),
    Binary(&'a Located<Binary>),
    Random(&'a ScalarOr<Field<ByteSize>, Located<SizeSpec>>),
    Letters(&'a ScalarOr<Field<ByteSize>, Located<SizeSpec>>),
    File(&'a ScalarOr<Field<PathBuf>, Located<FileContent>>),
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
        ("letters", step.value.letters.as_ref().map(Payload::Letters)),
        ("file", step.value.file.as_ref().map(Payload::File)),
    ];
    let payload = context.one_of(step.at, "a send step", keys)?;
    context.scope.marks = true;
    let message = content(context, &payload);
    context.scope.marks = false;
    message
}

fn content(context: &mut Context<'_>, payload: &Payload<'_>) -> Option<(PayloadKind, Template)> {
    match payload {
        Payload::Text(text) => Some((PayloadKind::Text, context.template(text)?)),
        Payload::Json(value) => Some((PayloadKind::Text, context.json(value))),
        Payload::Binary(value) => Some((PayloadKind::Binary, binary(context, value)?)),
        Payload::Random(length) => {
            let length = size(context, length)?;
            Some((PayloadKind::Binary, filled(Content::Bytes, length)))
        }
        Payload::Letters(length) => {
            let length = size(context, length)?;
            Some((
                PayloadKind::Text,
                filled(Content::Characters(LETTERS_AND_DIGITS), length),
            ))
        }
        Payload::File(content) => file(context, content),
    }
}

/// The content of a file, or a stretch of it.
fn file(
    context: &mut Context<'_>,
    written: &ScalarOr<Field<PathBuf>, Located<FileContent>>,
) -> Option<(PayloadKind, Template)> {
    let (path, options) = match written {
        ScalarOr::Scalar(path) => (path, None),
        ScalarOr::Other(content) => (&content.value.path, Some(&content.value)),
    };
    let length = options
        .and_then(|options| options.size.as_ref())
        .map(|length| size(context, length));
    let text = options.and_then(|options| options.text.as_ref());
    let is_text = context.value_or(text, false);
    let found = context.path(path)?;
    let bytes = fs::read(&found)
        .map_err(|error| context.problem(path.at, format!("cannot read {}: {error}", found.display())))
        .ok()?;
    context.contents.add(&bytes);
    if bytes.len() as u64 > MAX_SIZE.0 {
        context.problem(path.at, format!("a payload has at most {MAX_SIZE}"));
        return None;
    }
    if is_text && length.is_some() {
        context.problem(
            path.at,
            "a stretch of a text may end within a character: leave out `size` or `text`",
        );
    }
    if is_text && std::str::from_utf8(&bytes).is_err() {
        context.problem(
            path.at,
            format!("{} is not UTF-8, which a text message must be", found.display()),
        );
    }
    if length.is_some() && bytes.is_empty() {
        context.problem(path.at, format!("{} is empty", found.display()));
        return None;
    }
    let kind = if is_text {
        PayloadKind::Text
    } else {
        PayloadKind::Binary
    };
    match length {
        None => Some((kind, Template::from_literal(&bytes))),
        Some(length) => Some((kind, filled(Content::Stretch(bytes.into()), length?))),
    }
}

fn filled(content: Content, length: Size) -> Template {
    Template::new([Part::Filled(content, length)])
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
