//! Messages: what is sent, and what is expected to come.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::quantity::Count;
use crate::scenario::template::Json;
use crate::scenario::yaml::{Entries, Field, Located, ScalarOr, Text};
use crate::units::ByteSize;

use super::distribution::SizeSpec;
use super::step::Empty;

/// What a message may look like: exactly one of the matchers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "test", deny_unknown_fields)]
pub(in crate::scenario) struct Test {
    /// JSON with these values, by path, and any others.
    pub(in crate::scenario) json: Option<Located<Entries<Located<Json>>>>,
    /// This text, a template.
    pub(in crate::scenario) text: Option<Text>,
    /// Any message with this text in it, a template.
    pub(in crate::scenario) contains: Option<Text>,
    /// Any message in which the expression matches.
    pub(in crate::scenario) regex: Option<Text>,
    /// A binary message that begins with these bytes.
    pub(in crate::scenario) binary_prefix: Option<Located<Binary>>,
    /// Any message.
    pub(in crate::scenario) any: Option<Located<Empty>>,
}

/// A message and, if it is owed one, its reply.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "send step", deny_unknown_fields)]
pub(in crate::scenario) struct SendStep {
    /// Text message, a template.
    pub(in crate::scenario) text: Option<Text>,
    /// Text message, any YAML value as JSON.
    pub(in crate::scenario) json: Option<Located<Json>>,
    /// Binary message.
    pub(in crate::scenario) binary: Option<Located<Binary>>,
    /// Binary message of so many random bytes.
    pub(in crate::scenario) random: Option<ScalarOr<Field<ByteSize>, Located<SizeSpec>>>,
    /// Text message of so many random letters and digits.
    pub(in crate::scenario) letters: Option<ScalarOr<Field<ByteSize>, Located<SizeSpec>>>,
    /// Binary message with the content of a file.
    pub(in crate::scenario) file: Option<ScalarOr<Field<PathBuf>, Located<FileContent>>>,
    /// The room whose members it is for, a template; the sender's own by default. The message has a `${mark}`.
    pub(in crate::scenario) room: Option<Text>,
    /// What answers it.
    pub(in crate::scenario) reply: Option<Located<Reply>>,
}

/// Bytes of a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "file payload", deny_unknown_fields)]
pub(in crate::scenario) struct FileContent {
    /// The file.
    pub(in crate::scenario) path: Field<PathBuf>,
    /// A stretch of so many bytes instead of the whole.
    pub(in crate::scenario) size: Option<ScalarOr<Field<ByteSize>, Located<SizeSpec>>>,
    /// Send a text message; the file must be UTF-8, and is sent whole.
    pub(in crate::scenario) text: Option<Field<bool>>,
}

/// Bytes, in one of three notations.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "binary value", deny_unknown_fields)]
pub(in crate::scenario) struct Binary {
    /// Hex digits; blanks between them do not count.
    pub(in crate::scenario) hex: Option<Text>,
    /// Base64 with padding.
    pub(in crate::scenario) base64: Option<Text>,
    /// The bytes of a template.
    pub(in crate::scenario) utf8: Option<Text>,
}

/// What a message must look like: exactly one of the matchers, and how long to wait for it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "reply", deny_unknown_fields)]
pub(in crate::scenario) struct Reply {
    /// In `reply` only: the message itself.
    pub(in crate::scenario) echo: Option<Located<Empty>>,
    /// JSON with these values, by path, and any others.
    pub(in crate::scenario) json: Option<Located<Entries<Located<Json>>>>,
    /// This text, a template.
    pub(in crate::scenario) text: Option<Text>,
    /// Any message with this text in it, a template.
    pub(in crate::scenario) contains: Option<Text>,
    /// Any message in which the expression matches.
    pub(in crate::scenario) regex: Option<Text>,
    /// A binary message that begins with these bytes.
    pub(in crate::scenario) binary_prefix: Option<Located<Binary>>,
    /// Any message.
    pub(in crate::scenario) any: Option<Located<Empty>>,
    /// In `reply` only: the message is owed nothing, whatever follows.
    pub(in crate::scenario) none: Option<Located<Empty>>,
    /// How long to wait; 10s by default.
    pub(in crate::scenario) timeout: Option<Field<Duration>>,
    /// Values of the message to keep, for templates and matchers after this step.
    #[serde(default)]
    pub(in crate::scenario) capture: Entries<Located<CaptureSpec>>,
    /// In `reply` only.
    pub(in crate::scenario) wait: Option<Field<bool>>,
    /// In `reply` only.
    pub(in crate::scenario) max_in_flight: Option<Field<Count>>,
}

/// Where a value stands in a message: exactly one of `json` and `regex`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "capture", deny_unknown_fields)]
pub(in crate::scenario) struct CaptureSpec {
    /// A JSON path.
    pub(in crate::scenario) json: Option<Text>,
    /// An expression: its first group, or all that matches if it has none.
    pub(in crate::scenario) regex: Option<Text>,
    /// The value if there is none; without, the flow fails.
    pub(in crate::scenario) default: Option<Text>,
}
