//! Kinds of clients: `flow` for one, `scenarios` for several.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use super::credentials::credentials;
use super::fanout::fan_out;
use super::feeder::feeder;
use super::flow::flow;
use super::reconnect::reconnect;
use super::route::path;
use super::size_probe::make_room;
use super::stream::stream;
use crate::scenario::document::{
    ClientGroup, Connection, Document, FanOutSpec, FeederSpec, HeartbeatSpec, Step, StreamSpec,
};
use crate::scenario::plan::{ConnectionPlan, Group, Heartbeat, ReadRate};
use crate::scenario::quantity::{Weight, is_token};
use crate::scenario::template::{Part, Template};
use crate::scenario::yaml::{Entries, Field, List, Located, Position, Text};
use crate::units::ByteSize;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_MESSAGE_SIZE: ByteSize = ByteSize::mib(1);
const MIN_RECEIVE_BUFFER: u64 = 1 << 10;
const MAX_RECEIVE_BUFFER: u64 = 1 << 30;

/// Headers that make a request a WebSocket handshake; wsbench writes them itself.
const HANDSHAKE_HEADERS: [&str; 6] = [
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
];

pub(super) fn groups(context: &mut Context<'_>, at: Position, document: &Document, name: &str) -> Vec<Group> {
    match (&document.flow, &document.scenarios) {
        (Some(steps), None) => vec![single(context, document, steps, name)],
        (None, Some(scenarios)) => several(context, document, scenarios),
        (None, None) => {
            context.missing(
                at,
                "a scenario file needs a `flow`, or `scenarios` with a flow each",
            );
            Vec::new()
        }
        (Some(_), Some(scenarios)) => {
            context.problem(
                scenarios.at,
                "`flow` and `scenarios` exclude each other: keep the one that is meant",
            );
            Vec::new()
        }
    }
}

fn single(
    context: &mut Context<'_>,
    document: &Document,
    steps: &Located<List<Located<Step>>>,
    name: &str,
) -> Group {
    let sections = Sections {
        connection: document.connection.as_ref(),
        heartbeat: document.heartbeat.as_ref(),
        feeder: document.feeder.as_ref(),
        fanout: document.fanout.as_ref(),
        stream: document.stream.as_ref(),
        flow: steps,
    };
    group(context, name.to_owned(), 1, &sections)
}

/// What a kind of client consists of.
struct Sections<'a> {
    connection: Option<&'a Located<Connection>>,
    heartbeat: Option<&'a Located<HeartbeatSpec>>,
    feeder: Option<&'a Located<FeederSpec>>,
    fanout: Option<&'a Located<FanOutSpec>>,
    stream: Option<&'a Located<StreamSpec>>,
    flow: &'a Located<List<Located<Step>>>,
}

/// The flow comes before the connection, which may refer to what the flow captured the time before.
fn group(context: &mut Context<'_>, name: String, weight: u32, sections: &Sections<'_>) -> Group {
    context.begin_group();
    let feeder = sections.feeder.and_then(|section| feeder(context, section));
    context.scope.wrong_feeder = sections.feeder.is_some() && feeder.is_none();
    context.scope.table = feeder.as_ref().map(|feeder| Arc::clone(&feeder.table));
    let flow = flow(context, sections.flow);
    let mut connection = connection(context, sections.connection);
    let written = sections
        .connection
        .and_then(|section| section.value.max_message_size.as_ref());
    make_room(context, &flow, &mut connection, written.map(|field| field.at));
    Group {
        name,
        weight,
        connection,
        heartbeat: sections.heartbeat.and_then(|section| heartbeat(context, section)),
        fan_out: fan_out(context, sections.fanout, &flow),
        stream: sections.stream.and_then(|section| stream(context, section)),
        flow,
        slots: context.slots(),
        feeder,
    }
}

fn several(
    context: &mut Context<'_>,
    document: &Document,
    scenarios: &Located<List<Located<ClientGroup>>>,
) -> Vec<Group> {
    let misplaced = [
        document
            .connection
            .as_ref()
            .map(|section| ("connection", section.at)),
        document
            .heartbeat
            .as_ref()
            .map(|section| ("heartbeat", section.at)),
        document.feeder.as_ref().map(|section| ("feeder", section.at)),
        document.fanout.as_ref().map(|section| ("fanout", section.at)),
        document.stream.as_ref().map(|section| ("stream", section.at)),
    ];
    for (key, at) in misplaced.into_iter().flatten() {
        context.problem(at, format!("with `scenarios`, `{key}` belongs into each of them"));
    }
    if scenarios.value.is_empty() {
        context.problem(scenarios.at, "expected at least one scenario");
    }
    let mut names = BTreeSet::new();
    let mut groups = Vec::new();
    for Located { value: scenario, .. } in &scenarios.value.items {
        let name = context.value_or(Some(&scenario.name), String::new());
        if !names.insert(name.clone()) {
            context.problem(
                scenario.name.at,
                format!("there is already a scenario named `{name}`"),
            );
        }
        let weight = context.value_or(scenario.weight.as_ref(), Weight(1)).0;
        let sections = Sections {
            connection: scenario.connection.as_ref(),
            heartbeat: scenario.heartbeat.as_ref(),
            feeder: scenario.feeder.as_ref(),
            fanout: scenario.fanout.as_ref(),
            stream: scenario.stream.as_ref(),
            flow: &scenario.flow,
        };
        groups.push(group(context, name, weight, &sections));
    }
    groups
}

fn connection(context: &mut Context<'_>, section: Option<&Located<Connection>>) -> ConnectionPlan {
    let default = Connection::default();
    let section = section.map_or(&default, |section| &section.value);
    let max_message_size = context.value_or(section.max_message_size.as_ref(), MAX_MESSAGE_SIZE);
    if let (ByteSize(0), Some(field)) = (max_message_size, &section.max_message_size) {
        context.problem(field.at, "expected a size above 0");
    }
    let headers = headers(context, &section.headers);
    let credentials = section.auth.as_ref().and_then(|auth| {
        let credentials = credentials(context, auth)?;
        let written = credentials.place.headers();
        let twice = headers
            .iter()
            .find(|(name, _)| written.iter().any(|other| other.eq_ignore_ascii_case(name)));
        if let Some((name, _)) = twice {
            context.problem(
                auth.at,
                format!("`headers` and `auth` both write the header `{name}`: leave out one of the two"),
            );
        }
        Some(credentials)
    });
    ConnectionPlan {
        path: path(context, section),
        headers,
        subprotocols: subprotocols(context, section),
        compression: context.value_or(section.compression.as_ref(), false),
        max_message_size,
        read_rate: context.value_or(section.read_rate.as_ref(), ReadRate::Unlimited),
        receive_buffer: section
            .receive_buffer
            .as_ref()
            .and_then(|field| receive_buffer(context, field)),
        connect_timeout: context.positive_or(section.connect_timeout.as_ref(), CONNECT_TIMEOUT),
        close_timeout: context.positive_or(section.close_timeout.as_ref(), CLOSE_TIMEOUT),
        credentials,
        reconnect: section
            .reconnect
            .as_ref()
            .and_then(|section| reconnect(context, section)),
    }
}

fn receive_buffer(context: &mut Context<'_>, field: &Field<ByteSize>) -> Option<ByteSize> {
    let size = context.value(field)?;
    if !(MIN_RECEIVE_BUFFER..=MAX_RECEIVE_BUFFER).contains(&size.0) {
        context.problem(field.at, "expected a size from 1KiB to 1GiB");
    }
    Some(size)
}

/// Headers to send; what is wrong is added to the problems and left out. Names are compared without case (RFC 9110 5.1).
pub(super) fn headers(context: &mut Context<'_>, entries: &Entries<Text>) -> Vec<(String, Template)> {
    let mut names = BTreeSet::new();
    let mut headers = Vec::new();
    for (name, value) in &entries.0 {
        if !names.insert(name.value.to_ascii_lowercase()) {
            context.problem(
                name.at,
                format!(
                    "the header `{}` is already there, for case does not matter in its name: leave out one of the two",
                    name.value
                ),
            );
        }
        headers.extend(header(context, name, value));
    }
    headers
}

fn header(context: &mut Context<'_>, name: &Text, value: &Text) -> Option<(String, Template)> {
    if !is_token(&name.value) {
        context.problem(
            name.at,
            format!("`{}` is not a header name: letters, digits and `-`", name.value),
        );
    } else if HANDSHAKE_HEADERS.contains(&name.value.to_ascii_lowercase().as_str()) {
        let instead = "wsbench writes it itself (see `subprotocols` and `compression`)";
        context.problem(
            name.at,
            format!("the header `{}` cannot be set: {instead}", name.value),
        );
    }
    let template = context.template(value)?;
    if !template.parts().iter().all(fits_header) {
        context.problem(value.at, "a header value is one line without control characters");
    }
    Some((name.value.clone(), template))
}

fn fits_header(part: &Part) -> bool {
    let clean = |bytes: &[u8]| {
        bytes
            .iter()
            .all(|byte| *byte == b'\t' || !byte.is_ascii_control())
    };
    match part {
        Part::Literal(bytes) => clean(bytes),
        Part::Choice(options) => options.iter().all(|option| clean(option)),
        _ => true,
    }
}

fn subprotocols(context: &mut Context<'_>, section: &Connection) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for field in &section.subprotocols.items {
        let Some(name) = context.value(field) else {
            continue;
        };
        if names.contains(&name.0) {
            context.problem(
                field.at,
                format!("the subprotocol `{}` is already in the list", name.0),
            );
        }
        names.push(name.0);
    }
    names
}

fn heartbeat(context: &mut Context<'_>, section: &Located<HeartbeatSpec>) -> Option<Heartbeat> {
    let every: &Field<Duration> = &section.value.every;
    let every = context.positive(every);
    let timeout = context.positive_or(section.value.timeout.as_ref(), HEARTBEAT_TIMEOUT);
    Some(Heartbeat {
        every: every?,
        timeout,
    })
}
