//! JSON templates: YAML values that are sent as JSON.
//!
//! A string that is exactly one expression takes the type of the expression: `"${seq}"` becomes `7`, not `"7"`, for
//! every function that gives a number and for variables that are numbers or booleans. `"${string(seq)}"` stays a
//! string, and so does everything with other text around it, as well as `pad` and `choice`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::parse::{Piece, TemplateError, pieces};
use super::part::{Form, Part, Template};
use super::scope::Scope;
use crate::scenario::yaml::{Entries, List, Located};

/// A JSON value as it stands in YAML.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Array(List<Located<Json>>),
    Object(Entries<Located<Json>>),
}

/// A scalar of JSON with its template.
pub(crate) enum Scalar {
    /// JSON takes it without quotes.
    Bare(Template),
    /// The content of a string, not escaped.
    Quoted(Template),
}

/// The template of a string value by itself, as a matcher compares it.
pub(crate) fn single_value(text: &str, scope: &Scope) -> Result<Scalar, TemplateError> {
    let pieces = pieces(text, scope)?;
    let bare = matches!(pieces.as_slice(), [piece] if piece.bare);
    let template = Template::new(pieces.into_iter().map(|piece| piece.part));
    Ok(if bare {
        Scalar::Bare(template)
    } else {
        Scalar::Quoted(template)
    })
}

impl Located<Json> {
    /// Compiles the value to the JSON text that is sent, without superfluous space. `report` takes what is wrong.
    pub(crate) fn template(
        &self,
        scope: &Scope,
        report: &mut impl FnMut(&Located<&str>, TemplateError),
    ) -> Template {
        let mut parts = Vec::new();
        self.push(scope, &mut parts, report);
        Template::new(parts)
    }

    fn push(
        &self,
        scope: &Scope,
        parts: &mut Vec<Part>,
        report: &mut impl FnMut(&Located<&str>, TemplateError),
    ) {
        match &self.value {
            Json::Null => parts.push(text("null")),
            Json::Bool(value) => parts.push(text(if *value { "true" } else { "false" })),
            Json::Number(value) => parts.push(text(&value.to_string())),
            Json::String(value) => match pieces(value, scope) {
                Ok(pieces) => push_string(pieces, parts),
                Err(error) => report(&Located { at: self.at, value }, error),
            },
            Json::Array(list) => {
                parts.push(text("["));
                for (index, item) in list.items.iter().enumerate() {
                    if index > 0 {
                        parts.push(text(","));
                    }
                    item.push(scope, parts, report);
                }
                parts.push(text("]"));
            }
            Json::Object(Entries(entries)) => {
                parts.push(text("{"));
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        parts.push(text(","));
                    }
                    parts.push(text(&serde_json::Value::from(key.value.as_str()).to_string()));
                    parts.push(text(":"));
                    value.push(scope, parts, report);
                }
                parts.push(text("}"));
            }
        }
    }
}

fn text(text: &str) -> Part {
    Part::Literal(text.as_bytes().into())
}

fn push_string(pieces: Vec<Piece>, parts: &mut Vec<Part>) {
    if matches!(pieces.as_slice(), [piece] if piece.bare) {
        parts.extend(pieces.into_iter().map(|piece| match piece.part {
            Part::Held(held, Form::Plain) => Part::Held(held, Form::Json),
            part => part,
        }));
        return;
    }
    parts.push(text("\""));
    parts.extend(pieces.into_iter().map(|piece| match piece.part {
        Part::Literal(bytes) => Part::Literal(escaped(&bytes)),
        Part::Choice(options) => Part::Choice(options.iter().map(|option| escaped(option)).collect()),
        Part::Held(held, _) => Part::Held(held, Form::Escaped),
        plain => plain,
    }));
    parts.push(text("\""));
}

/// Escapes the content of a JSON string. What functions make at run time never needs it, but for what clients hold.
fn escaped(bytes: &[u8]) -> Box<[u8]> {
    let quoted = serde_json::Value::from(String::from_utf8_lossy(bytes)).to_string();
    quoted.as_bytes()[1..quoted.len() - 1].into()
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Json, E> {
        let number =
            serde_json::Number::from_f64(value).ok_or_else(|| E::custom("JSON has no such number"))?;
        Ok(Json::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut list = List::default();
        while let Some(item) = access.next_element()? {
            list.items.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Json::Object(Entries(entries)))
    }
}
