//! Replies and expected messages: matchers, and how a reply finds its message.

use std::time::Duration;

use regex::bytes::Regex;

use super::capture::captures;
use super::context::Context;
use super::message::binary;
use crate::scenario::document::{Binary, Empty, Reply, Test};
use crate::scenario::json_probe::{Expected, JsonField, JsonPath, JsonProbe, MAX_FIELDS};
use crate::scenario::matcher::{Correlation, EchoShape, Matcher, Needle};
use crate::scenario::plan::{ExpectOp, PayloadKind, ReplySpec};
use crate::scenario::quantity::Count;
use crate::scenario::sequence::SequenceExtractor;
use crate::scenario::template::{Held, Json, Known, Number, Part, Pattern, Scalar, Template, single_value};
use crate::scenario::yaml::{Entries, Located, Position, Text};

const TIMEOUT: Duration = Duration::from_secs(10);

/// What a client that does not wait may have under way: enough for any sensible pipeline, small beside its memory.
const MAX_IN_FLIGHT: u32 = 65_536;

/// What a reply answers.
pub(super) type Sent<'a> = (PayloadKind, &'a Template);

#[derive(Clone, Copy)]
enum Choice<'a> {
    Echo(&'a Located<Empty>),
    Json(&'a Located<Entries<Located<Json>>>),
    Text(&'a Text),
    Contains(&'a Text),
    Regex(&'a Text),
    BinaryPrefix(&'a Located<Binary>),
    Any,
}

/// The reply of a send step; `None` if it is owed none, or if there was an error.
pub(super) fn reply(context: &mut Context<'_>, reply: &Located<Reply>, sent: Sent<'_>) -> Option<ReplySpec> {
    if let Some(none) = &reply.value.none {
        let alone = count_keys(&reply.value) == 0;
        if !alone {
            context.problem(
                none.at,
                "`none` stands alone: no reply can be both absent and described",
            );
        }
        return None;
    }
    let matched = matcher(context, reply, "a reply", Some(sent));
    let captures = captures(context, &reply.value.capture);
    let (matcher, correlation) = matched?;
    let (wait, max_in_flight) = pipelining(context, &reply.value);
    Some(ReplySpec {
        matcher,
        correlation,
        timeout: timeout(context, &reply.value),
        wait,
        max_in_flight,
        captures,
    })
}

/// An expect step that answers the send step before it.
pub(super) fn awaited(
    context: &mut Context<'_>,
    expect: &Located<Reply>,
    sent: Sent<'_>,
) -> Option<ReplySpec> {
    reject_reply_keys(context, &expect.value);
    let matched = matcher(context, expect, "an expect step", Some(sent));
    let captures = captures(context, &expect.value.capture);
    let (matcher, correlation) = matched?;
    Some(ReplySpec {
        matcher,
        correlation,
        timeout: timeout(context, &expect.value),
        wait: true,
        max_in_flight: 1,
        captures,
    })
}

/// An expect step by itself.
pub(super) fn expect(context: &mut Context<'_>, expect: &Located<Reply>) -> Option<ExpectOp> {
    reject_reply_keys(context, &expect.value);
    let matched = matcher(context, expect, "an expect step", None);
    let captures = captures(context, &expect.value.capture);
    Some(ExpectOp {
        matcher: matched?.0,
        timeout: timeout(context, &expect.value),
        captures,
    })
}

/// What a branch looks for.
pub(super) fn test(context: &mut Context<'_>, test: &Located<Test>) -> Option<Matcher> {
    let keys = [
        ("json", test.value.json.as_ref().map(Choice::Json)),
        ("text", test.value.text.as_ref().map(Choice::Text)),
        ("contains", test.value.contains.as_ref().map(Choice::Contains)),
        ("regex", test.value.regex.as_ref().map(Choice::Regex)),
        (
            "binary_prefix",
            test.value.binary_prefix.as_ref().map(Choice::BinaryPrefix),
        ),
        ("any", test.value.any.as_ref().map(|_| Choice::Any)),
    ];
    let choice = context.one_of(test.at, "a test", keys)?;
    Some(chosen(context, choice, None)?.0)
}

fn count_keys(reply: &Reply) -> usize {
    let Reply {
        echo,
        json,
        text,
        contains,
        regex,
        binary_prefix,
        any,
        none: _,
        capture,
        timeout,
        wait,
        max_in_flight,
    } = reply;
    let keys = [
        echo.is_some(),
        json.is_some(),
        text.is_some(),
        contains.is_some(),
        regex.is_some(),
        binary_prefix.is_some(),
        any.is_some(),
        !capture.0.is_empty(),
        timeout.is_some(),
        wait.is_some(),
        max_in_flight.is_some(),
    ];
    keys.into_iter().filter(|present| *present).count()
}

fn reject_reply_keys(context: &mut Context<'_>, expect: &Reply) {
    let keys = [
        ("wait", expect.wait.as_ref().map(|field| field.at)),
        (
            "max_in_flight",
            expect.max_in_flight.as_ref().map(|field| field.at),
        ),
        ("none", expect.none.as_ref().map(|key| key.at)),
    ];
    for (key, at) in keys {
        if let Some(at) = at {
            context.problem(
                at,
                format!("`{key}` belongs into the `reply` of a send step; an expect step waits"),
            );
        }
    }
}

fn timeout(context: &mut Context<'_>, reply: &Reply) -> Duration {
    context.positive_or(reply.timeout.as_ref(), TIMEOUT)
}

/// `wait` and `max_in_flight`: a flow waits unless a number of messages may be under way.
fn pipelining(context: &mut Context<'_>, reply: &Reply) -> (bool, u32) {
    let wait = reply.wait.as_ref().and_then(|wait| context.value(wait));
    let limit = reply.max_in_flight.as_ref().and_then(|field| {
        let Count(limit) = context.value(field)?;
        let limit = u32::try_from(limit)
            .ok()
            .filter(|limit| (1..=MAX_IN_FLIGHT).contains(limit));
        if limit.is_none() {
            context.problem(field.at, format!("expected a number from 1 to {MAX_IN_FLIGHT}"));
        }
        limit
    });
    if let (Some(true), Some(field)) = (wait, &reply.max_in_flight) {
        context.problem(
            field.at,
            "with `wait: true` there is only one message under way: leave out one of the two",
        );
    }
    let wait = wait.unwrap_or(reply.max_in_flight.is_none());
    (
        wait,
        if wait {
            1
        } else {
            limit.unwrap_or(DEFAULT_IN_FLIGHT)
        },
    )
}

/// With `wait: false` alone.
const DEFAULT_IN_FLIGHT: u32 = 64;

fn matcher(
    context: &mut Context<'_>,
    reply: &Located<Reply>,
    what: &str,
    sent: Option<Sent<'_>>,
) -> Option<(Matcher, Correlation)> {
    let keys = [
        ("echo", reply.value.echo.as_ref().map(Choice::Echo)),
        ("json", reply.value.json.as_ref().map(Choice::Json)),
        ("text", reply.value.text.as_ref().map(Choice::Text)),
        ("contains", reply.value.contains.as_ref().map(Choice::Contains)),
        ("regex", reply.value.regex.as_ref().map(Choice::Regex)),
        (
            "binary_prefix",
            reply.value.binary_prefix.as_ref().map(Choice::BinaryPrefix),
        ),
        ("any", reply.value.any.as_ref().map(|_| Choice::Any)),
    ];
    let choice = context.one_of(reply.at, what, keys)?;
    chosen(context, choice, sent)
}

fn chosen(
    context: &mut Context<'_>,
    choice: Choice<'_>,
    sent: Option<Sent<'_>>,
) -> Option<(Matcher, Correlation)> {
    match choice {
        Choice::Echo(key) => {
            let Some((kind, payload)) = sent else {
                context.problem(
                    key.at,
                    "`echo` answers a message, and no send step without a reply stands directly before",
                );
                return None;
            };
            let shape = EchoShape::new(kind, payload);
            let correlation = Correlation::by(shape.sequence());
            Some((Matcher::Echo(shape), correlation))
        }
        Choice::Json(fields) => json(context, fields),
        Choice::Text(text) => {
            let (template, pattern) = pattern(context, text)?;
            Some((
                Matcher::Text(pattern),
                Correlation::by(SequenceExtractor::in_text(&template)),
            ))
        }
        Choice::Contains(text) => {
            let (_, pattern) = pattern(context, text)?;
            let needle = Needle::new(pattern)
                .map_err(|error| context.problem(text.at, error.to_string()))
                .ok()?;
            Some((Matcher::Contains(needle), Correlation::InOrder))
        }
        Choice::Regex(text) => Some((Matcher::Regex(regex(context, text)?), Correlation::InOrder)),
        Choice::BinaryPrefix(value) => {
            let template = binary(context, value)?;
            let pattern = repeatable(context, value.at, &template)?;
            Some((
                Matcher::BinaryPrefix(pattern),
                Correlation::by(SequenceExtractor::in_text(&template)),
            ))
        }
        Choice::Any => Some((Matcher::Any, Correlation::InOrder)),
    }
}

fn pattern(context: &mut Context<'_>, text: &Text) -> Option<(Template, Pattern)> {
    let template = context.template(text)?;
    let pattern = repeatable(context, text.at, &template)?;
    Some((template, pattern))
}

fn repeatable(context: &mut Context<'_>, at: Position, template: &Template) -> Option<Pattern> {
    Pattern::of(template)
        .map_err(|error| context.problem(at, error.to_string()))
        .ok()
}

/// The engine's message has several lines; its last says what is wrong.
pub(super) fn regex(context: &mut Context<'_>, text: &Text) -> Option<Regex> {
    let report = |error: regex::Error| {
        let message = error.to_string();
        let reason = message
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        context.problem(
            text.at,
            format!("`{}` is not a regular expression: {reason}", text.value),
        );
    };
    Regex::new(&text.value).map_err(report).ok()
}

fn json(
    context: &mut Context<'_>,
    fields: &Located<Entries<Located<Json>>>,
) -> Option<(Matcher, Correlation)> {
    let mut compiled = Fields::default();
    compiled.add(context, &JsonPath::default(), &fields.value);
    let correlation = Correlation::by(compiled.sequence);
    let Some(probe) = JsonProbe::new(compiled.expected) else {
        let message = format!(
            "the paths exclude each other or are more than {MAX_FIELDS}: each value has a path of its own"
        );
        context.problem(fields.at, message);
        return None;
    };
    Some((Matcher::Json(probe), correlation))
}

#[derive(Default)]
struct Fields {
    expected: Vec<(JsonPath, Expected)>,
    /// From the first value that names the sequence number.
    sequence: Option<SequenceExtractor>,
}

impl Fields {
    fn add(&mut self, context: &mut Context<'_>, prefix: &JsonPath, entries: &Entries<Located<Json>>) {
        for (key, value) in &entries.0 {
            match JsonPath::parse(&key.value) {
                Ok(path) => self.add_value(context, prefix.join(&path), value),
                Err(message) => context.problem(key.at, message),
            }
        }
    }

    fn add_value(&mut self, context: &mut Context<'_>, path: JsonPath, value: &Located<Json>) {
        let expected = match &value.value {
            Json::Null => Some(Expected::Null),
            Json::Bool(value) => Some(Expected::Bool(*value)),
            Json::Number(value) => Some(number(value)),
            Json::String(text) => self.text(
                context,
                &path,
                &Located {
                    at: value.at,
                    value: text.clone(),
                },
            ),
            Json::Object(entries) => return self.add(context, &path, entries),
            Json::Array(_) => {
                context.problem(
                    value.at,
                    "expected a single value; the first item of a list is at the path `name[0]`",
                );
                None
            }
        };
        self.expected.extend(expected.map(|expected| (path, expected)));
    }

    fn text(&mut self, context: &mut Context<'_>, path: &JsonPath, text: &Text) -> Option<Expected> {
        let scalar = single_value(&text.value, &context.scope)
            .map_err(|error| context.template_problem(text.at, &text.value, &error))
            .ok()?;
        match scalar {
            Scalar::Bare(template) => self.bare(context, path, text.at, &template),
            Scalar::Quoted(template) => {
                let pattern = repeatable(context, text.at, &template)?;
                let sequence = || SequenceExtractor::in_json_string(JsonField::new(path), &template);
                self.sequence = self.sequence.take().or_else(sequence);
                Some(Expected::Text(pattern))
            }
        }
    }

    /// An expression that stands for a number, `true` or `false`.
    fn bare(
        &mut self,
        context: &mut Context<'_>,
        path: &JsonPath,
        at: Position,
        template: &Template,
    ) -> Option<Expected> {
        if let [
            Part::Number {
                number: Number::Known(known),
                ..
            },
        ] = template.parts()
        {
            if *known == Known::Seq {
                self.sequence
                    .get_or_insert_with(|| SequenceExtractor::in_json_number(JsonField::new(path)));
            }
            return Some(Expected::Known(*known));
        }
        if let [Part::Held(held, _)] = template.parts() {
            return Some(Expected::Held(Held::clone(held)));
        }
        let pattern = repeatable(context, at, template)?;
        match serde_json::from_slice(pattern.as_literal()?).ok()? {
            serde_json::Value::Bool(value) => Some(Expected::Bool(value)),
            serde_json::Value::Number(value) => Some(self::number(&value)),
            _ => None,
        }
    }
}

fn number(number: &serde_json::Number) -> Expected {
    number.as_i128().map_or_else(
        || Expected::Float(number.as_f64().unwrap_or(f64::NAN)),
        Expected::Integer,
    )
}
