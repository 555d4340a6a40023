//! Captures: what to keep of a message.

use super::context::Context;
use super::reply::regex;
use super::whole::is_free_name;
use crate::scenario::capture::{Capture, CaptureSource};
use crate::scenario::document::CaptureSpec;
use crate::scenario::json_probe::JsonPath;
use crate::scenario::yaml::{Entries, Located, Text};

enum Choice<'a> {
    Json(&'a Text),
    Regex(&'a Text),
}

/// Compiles the captures of a step and makes their names known to what follows.
pub(super) fn captures(context: &mut Context<'_>, entries: &Entries<Located<CaptureSpec>>) -> Box<[Capture]> {
    let compiled: Vec<_> = entries
        .0
        .iter()
        .filter_map(|(name, spec)| capture(context, name, spec))
        .collect();
    compiled.into()
}

fn capture(context: &mut Context<'_>, name: &Text, spec: &Located<CaptureSpec>) -> Option<Capture> {
    let free = is_free_name(context, name);
    if free && context.scope.variables.contains_key(&name.value) {
        context.problem(
            name.at,
            format!("`{}` is a variable; choose another name", name.value),
        );
    }
    // Known even if the rest is wrong: what refers to it is not.
    let slot = context.slot(&name.value);
    let keys = [
        ("json", spec.value.json.as_ref().map(Choice::Json)),
        ("regex", spec.value.regex.as_ref().map(Choice::Regex)),
    ];
    let source = match context.one_of(spec.at, "a capture", keys)? {
        Choice::Json(text) => JsonPath::parse(&text.value)
            .map(CaptureSource::Json)
            .map_err(|message| context.problem(text.at, message))
            .ok()?,
        Choice::Regex(text) => CaptureSource::Regex {
            regex: regex(context, text)?,
            number: context.next_regex(),
        },
    };
    let default = spec.value.default.as_ref().map(|text| text.value.as_str());
    Some(Capture::new(name.value.clone(), slot, source, default))
}
