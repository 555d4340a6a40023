//! Messages that the target numbers itself.

use super::context::Context;
use super::reply::test;
use crate::scenario::document::StreamSpec;
use crate::scenario::json_probe::{JsonField, JsonPath};
use crate::scenario::stream::Stream;
use crate::scenario::yaml::{Located, Text};

pub(super) fn stream(context: &mut Context<'_>, section: &Located<StreamSpec>) -> Option<Stream> {
    let StreamSpec {
        number,
        sent_ms,
        only,
    } = &section.value;
    let number = field(context, number);
    let sent = sent_ms.as_ref().map(|path| field(context, path));
    let matcher = only.as_ref().map(|only| test(context, only));
    Some(Stream {
        number: number?,
        sent: sent.map_or(Some(None), |sent| sent.map(Some))?,
        matcher: matcher.map_or(Some(None), |matcher| matcher.map(Some))?,
    })
}

fn field(context: &mut Context<'_>, path: &Text) -> Option<JsonField> {
    JsonPath::parse(&path.value)
        .map(|path| JsonField::new(&path))
        .map_err(|message| context.problem(path.at, message))
        .ok()
}
