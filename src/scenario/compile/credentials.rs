//! The `auth` section of a connection.

use std::fs;

use super::context::Context;
use super::group::headers;
use crate::scenario::credentials::{CredentialPlace, Credentials};
use crate::scenario::document::{Auth, Jwt};
use crate::scenario::template::Json;
use crate::scenario::token::{Minter, Stamps};
use crate::scenario::yaml::{Entries, List, Located, ScalarOr, Text};

/// By this name templates of the section refer to the minted token.
const TOKEN: &str = "jwt";

#[derive(Clone, Copy)]
enum Choice<'a> {
    Bearer(&'a Text),
    Basic(&'a Text),
    Query(&'a Entries<Text>),
    Header(&'a Entries<Text>),
    Subprotocol(&'a ScalarOr<Text, List<Text>>),
}

pub(super) fn credentials(context: &mut Context<'_>, section: &Located<Auth>) -> Option<Credentials> {
    let Located { at, value: auth } = section;
    let minter = auth.jwt.as_ref().map(|jwt| minter(context, jwt));
    let slot = minter.is_some().then(|| context.slot(TOKEN));
    let bearer = Text {
        at: *at,
        value: format!("${{{TOKEN}}}"),
    };
    let keys = [
        ("bearer", auth.bearer.as_ref().map(Choice::Bearer)),
        ("basic", auth.basic.as_ref().map(Choice::Basic)),
        (
            "query",
            auth.query.as_ref().map(|entries| Choice::Query(&entries.value)),
        ),
        (
            "header",
            auth.header.as_ref().map(|entries| Choice::Header(&entries.value)),
        ),
        ("subprotocol", auth.subprotocol.as_ref().map(Choice::Subprotocol)),
    ];
    let alone = minter.is_some() && keys.iter().all(|(_, choice)| choice.is_none());
    let choice = if alone {
        Some(Choice::Bearer(&bearer))
    } else {
        context.one_of(*at, "an auth section", keys)
    };
    let place = choice.and_then(|choice| place(context, choice));
    context.scope.captures.remove(TOKEN);
    Some(Credentials {
        place: place?,
        minter: match minter {
            Some(minter) => Some((slot?, minter?)),
            None => None,
        },
    })
}

fn place(context: &mut Context<'_>, choice: Choice<'_>) -> Option<CredentialPlace> {
    match choice {
        Choice::Bearer(text) => context.template(text).map(CredentialPlace::Bearer),
        Choice::Basic(text) => context.template(text).map(CredentialPlace::Basic),
        Choice::Query(entries) => {
            let parameters = entries
                .0
                .iter()
                .map(|(name, value)| (name.value.clone(), context.template(value)));
            let parameters: Vec<_> = parameters.collect();
            parameters
                .into_iter()
                .map(|(name, value)| Some((name, value?)))
                .collect::<Option<_>>()
                .map(CredentialPlace::Query)
        }
        Choice::Header(entries) => Some(CredentialPlace::Headers(headers(context, entries))),
        Choice::Subprotocol(names) => {
            let names: Vec<&Text> = match names {
                ScalarOr::Scalar(name) => vec![name],
                ScalarOr::Other(names) => names.items.iter().collect(),
            };
            let names: Vec<_> = names.into_iter().map(|name| context.template(name)).collect();
            names
                .into_iter()
                .collect::<Option<_>>()
                .map(CredentialPlace::Subprotocols)
        }
    }
}

fn minter(context: &mut Context<'_>, section: &Located<Jwt>) -> Option<Minter> {
    let jwt = &section.value;
    let algorithm = context.value(&jwt.algorithm);
    let key = key(context, section);
    let key_id = jwt.key_id.as_ref().map(|field| context.value(field));
    let expires = jwt.expires.as_ref().map(|field| context.positive(field));
    let claims = jwt
        .claims
        .as_ref()
        .map(|claims| claims.value.clone())
        .unwrap_or_default();
    let has = |name: &str| claims.0.iter().any(|(key, _)| key.value == name);
    if let (true, Some(field)) = (has("exp"), &jwt.expires) {
        context.problem(
            field.at,
            "`expires` and a claim `exp` say the same: leave out one of the two",
        );
    }
    let stamps = Stamps {
        issued_at: !has("iat"),
        expires: match expires {
            Some(expires) => Some(expires?),
            None => None,
        },
    };
    let object = Located {
        at: section.at,
        value: Json::Object(claims),
    };
    let claims = context.json(&object);
    let key_id = match key_id {
        Some(key_id) => Some(key_id?),
        None => None,
    };
    let (algorithm, key) = (algorithm?, key?);
    let at = match (&jwt.key, &jwt.key_file) {
        (Some(field), _) => field.at,
        (None, Some(field)) => field.at,
        (None, None) => section.at,
    };
    Minter::new(algorithm, &key, key_id.as_deref(), claims, stamps)
        .map_err(|message| context.problem(at, format!("{}: {message}", algorithm.name())))
        .ok()
}

/// What tokens are signed with, from the file itself or another one.
fn key(context: &mut Context<'_>, section: &Located<Jwt>) -> Option<Vec<u8>> {
    match (&section.value.key, &section.value.key_file) {
        (Some(key), None) => context.value(key).map(String::into_bytes),
        (None, Some(field)) => {
            let path = context.path(field)?;
            fs::read(&path)
                .map(without_line_end)
                .map_err(|error| {
                    context.problem(field.at, format!("cannot read {}: {error}", path.display()));
                })
                .ok()
        }
        (None, None) => {
            context.missing(section.at, "a jwt section needs one of `key` and `key_file`");
            None
        }
        (Some(_), Some(field)) => {
            context.problem(field.at, "a jwt section takes only one of `key` and `key_file`");
            None
        }
    }
}

/// What editors put after the last line of a file is no part of a secret.
fn without_line_end(mut key: Vec<u8>) -> Vec<u8> {
    for end in [b'\n', b'\r'] {
        if key.last() == Some(&end) {
            key.pop();
        }
    }
    key
}
