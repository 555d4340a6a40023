//! A plan in words, for those who want to know what a scenario would do before it does it.
//!
//! Values of headers, queries and credentials are left out: they may be secrets.

use std::fmt::Write;
use std::time::Duration;

use super::matcher::{Correlation, Matcher};
use super::pace::{Pace, pace};
use super::plan::{
    Arrivals, BranchOp, ConnectionPlan, Delay, Group, LoadModel, LoopOp, Op, Plan, ReadRate, ReconnectPolicy,
    ReplySpec, SendOp, TargetSpec,
};
use super::template::Template;
use super::{PayloadKind, RowOrder};
use crate::units::{ByteSize, Span};

/// What a machine has to offer to a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Local ports that one source address can use towards one target address at once, if that is known.
    pub ports: Option<u64>,
    /// Files that the program can have open at once, if that is known.
    pub open_files: Option<u64>,
}

/// The plan in one line: `2 kinds of clients, up to 500 clients, 2m`.
#[must_use]
pub fn headline(plan: &Plan) -> String {
    let kinds = match plan.groups.len() {
        1 => String::new(),
        several => format!("{several} kinds of clients, "),
    };
    let duration = Span(plan.duration());
    format!(
        "{kinds}up to {}, {duration}",
        counted(plan.max_connections(), "client")
    )
}

/// The whole plan, in several lines.
#[must_use]
pub fn outline(plan: &Plan, resources: Resources) -> String {
    let mut text = String::new();
    let target = match &plan.target {
        TargetSpec::Embedded => "the embedded server".to_owned(),
        TargetSpec::Url(url) => without_values(url),
    };
    line(
        &mut text,
        0,
        format!(
            "{}: {} against {target}, seed {}",
            plan.name,
            headline(plan),
            plan.seed
        ),
    );
    text.push('\n');
    load(&mut text, plan);
    text.push('\n');
    connections(&mut text, plan, resources);
    let total: u64 = plan.groups.iter().map(|group| u64::from(group.weight)).sum();
    for group in &plan.groups {
        text.push('\n');
        kind(&mut text, plan, group, total);
    }
    text
}

fn line(text: &mut String, indent: usize, content: impl AsRef<str>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{:indent$}{}", "", content.as_ref());
}

fn load(text: &mut String, plan: &Plan) {
    let mut at = Duration::ZERO;
    let mut stage = |text: &mut String, length: Duration, what: String| {
        let until = at + length;
        line(
            text,
            2,
            format!(
                "{:>8} to {:>8}: {what}",
                Span(at).to_string(),
                Span(until).to_string()
            ),
        );
        at = until;
    };
    match &plan.load {
        LoadModel::Closed { stages } => {
            line(
                text,
                0,
                "Clients (closed model: a client whose flow ends begins it again)",
            );
            let mut before = 0;
            for next in stages {
                let what = match (next.duration.is_zero(), before == next.clients) {
                    (true, _) => format!("jump to {}", counted(next.clients, "client")),
                    (_, true) => counted(next.clients, "client"),
                    _ => format!("from {} to {}", count(before), counted(next.clients, "client")),
                };
                stage(text, next.duration, what);
                before = next.clients;
            }
        }
        LoadModel::Open {
            stages,
            max_clients,
            arrivals,
        } => {
            let spacing = match arrivals {
                Arrivals::Constant => "evenly spaced",
                Arrivals::Poisson => "as a Poisson process",
            };
            line(
                text,
                0,
                format!(
                    "Arrivals (open model: {spacing}, at most {} at once)",
                    counted(*max_clients, "client")
                ),
            );
            for next in stages {
                let what = if next.from == next.to {
                    format!("{}/s", short(next.from))
                } else {
                    format!("from {}/s to {}/s", short(next.from), short(next.to))
                };
                stage(text, next.duration, what);
            }
        }
    }
    line(
        text,
        2,
        format!("then up to {} for flows to finish", Span(plan.graceful_stop)),
    );
}

fn connections(text: &mut String, plan: &Plan, resources: Resources) {
    let connections = plan.max_connections();
    line(
        text,
        0,
        format!("Connections: up to {} at once", count(connections)),
    );
    let sources = plan.transport.source_addresses.len().max(1) as u64;
    let ports = connections.div_ceil(sources);
    let from = match plan.transport.source_addresses.len() {
        0 => "from one source address".to_owned(),
        several => format!("from each of {several} source addresses"),
    };
    let offered = match resources.ports {
        Some(offered) if offered < ports => format!(
            ", but the system offers {}: add `source_addresses`",
            count(offered)
        ),
        Some(offered) => format!(" of {}", count(offered)),
        None => String::new(),
    };
    line(
        text,
        2,
        format!("local ports needed: {} {from}{offered}", count(ports)),
    );
    if let Some(files) = resources.open_files {
        let verdict = if files > connections {
            ""
        } else {
            ", which is too few"
        };
        line(
            text,
            2,
            format!("open files: {} can be open at once{verdict}", count(files)),
        );
    }
}

fn kind(text: &mut String, plan: &Plan, group: &Group, total: u64) {
    let share = f64::from(group.weight) / total.max(1) as f64;
    let who = if plan.groups.len() == 1 {
        "every client".to_owned()
    } else {
        format!("{} % of the clients", short(share * 100.0))
    };
    line(text, 0, format!("{} ({who})", group.name));
    connection(text, &group.connection);
    if let Some(heartbeat) = &group.heartbeat {
        let (every, timeout) = (Span(heartbeat.every), Span(heartbeat.timeout));
        line(
            text,
            2,
            format!("pings every {every} beside the flow, each answered within {timeout}"),
        );
    }
    if let Some(feeder) = &group.feeder {
        let order = match feeder.order {
            RowOrder::Sequential => "client after client",
            RowOrder::Shared => "each once, shared by all",
            RowOrder::Random => "at random",
        };
        let end = if feeder.wraps {
            "then again from the first"
        } else {
            "then clients leave"
        };
        let end = if feeder.order == RowOrder::Random { "" } else { end };
        let rows = counted(feeder.table.rows() as u64, "row");
        let columns = feeder.table.columns().join(", ");
        let comma = if end.is_empty() { "" } else { ", " };
        line(
            text,
            2,
            format!("is fed with {rows} ({columns}), {order}{comma}{end}"),
        );
    }
    steps(text, &group.flow, 0..group.flow.len(), 2);
    rates(text, plan, group, share);
}

fn connection(text: &mut String, plan: &ConnectionPlan) {
    let path = plan.path.as_literal().map_or_else(
        || "a path of its own".to_owned(),
        |path| without_values(&String::from_utf8_lossy(path)),
    );
    let mut parts = vec![format!(
        "connects to {path} within {}",
        Span(plan.connect_timeout)
    )];
    let names: Vec<&str> = plan.headers.iter().map(|(name, _)| name.as_str()).collect();
    if !names.is_empty() {
        parts.push(format!("headers {}", names.join(", ")));
    }
    if !plan.subprotocols.is_empty() {
        parts.push(format!("subprotocols {}", plan.subprotocols.join(", ")));
    }
    if let Some(credentials) = &plan.credentials {
        parts.push(credentials.to_string());
    }
    if plan.compression {
        parts.push("compression".to_owned());
    }
    parts.push(format!("messages up to {}", plan.max_message_size));
    if plan.read_rate != ReadRate::Unlimited {
        parts.push(read(plan.read_rate));
    }
    if let Some(size) = plan.receive_buffer {
        parts.push(format!("a receive buffer of {size}"));
    }
    line(text, 2, parts.join("; "));
    if let Some(reconnect) = &plan.reconnect {
        let pause = match reconnect.policy {
            ReconnectPolicy::None => "leaves".to_owned(),
            ReconnectPolicy::Fixed(pause) => format!("begins again after {}", Span(pause)),
            ReconnectPolicy::Exponential { first, cap } => format!(
                "begins again after a random part of {}, doubled each time up to {}",
                Span(first),
                Span(cap)
            ),
        };
        let most = reconnect
            .max_attempts
            .map(|most| format!(", at most {} in a row", counted(most, "time")));
        line(
            text,
            2,
            format!("after a failure {pause}{}", most.unwrap_or_default()),
        );
    }
}

fn steps(text: &mut String, flow: &[Op], range: std::ops::Range<usize>, indent: usize) {
    let mut index = range.start;
    while index < range.end {
        match &flow[index] {
            Op::LoopBegin(op) => {
                line(text, indent, format!("- {}:", rounds(op)));
                steps(text, flow, index + 1..op.end, indent + 4);
                index = op.end;
            }
            Op::Branch(op) => {
                branch(text, flow, op, indent);
                index = op.end;
                continue;
            }
            Op::LoopEnd { .. } | Op::Jump { .. } => {}
            op => line(text, indent, format!("- {}", step(op))),
        }
        index += 1;
    }
}

fn branch(text: &mut String, flow: &[Op], op: &BranchOp, indent: usize) {
    let ends = op.cases.iter().skip(1).map(|(_, begin)| *begin);
    let ends = ends.chain([op.otherwise]);
    for ((matcher, begin), end) in op.cases.iter().zip(ends) {
        line(text, indent, format!("- if that was {}:", looks(matcher)));
        steps(text, flow, *begin..end, indent + 4);
    }
    if op.otherwise < op.end {
        line(text, indent, "- otherwise:");
        steps(text, flow, op.otherwise..op.end, indent + 4);
    }
}

fn rounds(op: &LoopOp) -> String {
    let mut parts = Vec::new();
    if let Some(every) = &op.every {
        parts.push(format!("every {}", Span(every.interval)));
        if !every.jitter.is_zero() {
            parts.push(format!("up to {} later", Span(every.jitter)));
        }
        if every.spread {
            parts.push("beginning anywhere within the interval".to_owned());
        }
    }
    parts.extend(op.times.map(|times| counted(times, "time")));
    parts.extend(op.duration.map(|length| format!("for {}", Span(length))));
    if op.times.is_none() && op.duration.is_none() {
        parts.push("until the run ends".to_owned());
    }
    parts.join(", ")
}

fn step(op: &Op) -> String {
    match op {
        Op::Connect => "connect".to_owned(),
        Op::Send(send) => sent(send),
        Op::Expect(expect) => format!(
            "expect {} within {}",
            looks(&expect.matcher),
            Span(expect.timeout)
        ),
        Op::Ping { timeout, .. } => format!("ping, and wait up to {} for the pong", Span(*timeout)),
        Op::Think(delay) => format!("think {}", thought(*delay)),
        Op::Receive { count, duration } => {
            let number = count.map(|count| counted(count, "message"));
            let length = duration.map(|length| format!("for {}", Span(length)));
            let bounds: Vec<String> = number.into_iter().chain(length).collect();
            format!("receive {}", bounds.join(" or "))
        }
        Op::Close { code: Some(code), .. } => format!("close with {code}"),
        Op::Close { code: None, .. } => "close without a code".to_owned(),
        Op::SizeProbe(probe) => format!(
            "search for the largest message that is accepted, from {} to {}",
            ByteSize(probe.from),
            ByteSize(probe.to)
        ),
        Op::Join { room } => format!("is now a member of {}", room_name(room)),
        Op::ReadRate(rate) => format!("from here on {}", read(*rate)),
        Op::Leave => "leaves its room".to_owned(),
        Op::Drop => "drop the connection without a Close frame".to_owned(),
        Op::LoopBegin(_) | Op::LoopEnd { .. } | Op::Branch(_) | Op::Jump { .. } => String::new(),
    }
}

fn read(rate: ReadRate) -> String {
    match rate {
        ReadRate::Unlimited => "reads whatever comes".to_owned(),
        ReadRate::PerSecond(0) => "reads nothing".to_owned(),
        ReadRate::PerSecond(bytes) => format!("reads at most {}/s", ByteSize(bytes)),
    }
}

fn room_name(room: &Template) -> String {
    match room.as_literal() {
        Some(name) => format!("the room `{}`", String::from_utf8_lossy(name)),
        None => "a room of a name made for it".to_owned(),
    }
}

fn thought(delay: Delay) -> String {
    match delay {
        Delay::Fixed(length) => Span(length).to_string(),
        Delay::Uniform(low, high) => format!("{} to {}", Span(low), Span(high)),
        Delay::Exponential { mean, .. } | Delay::Normal { mean, .. } => format!("{} on average", Span(mean)),
        Delay::LogNormal { median, .. } => format!("{}, half of the times less", Span(median)),
    }
}

fn sent(send: &SendOp) -> String {
    let kind = match send.kind {
        PayloadKind::Text => "text",
        PayloadKind::Binary => "binary",
    };
    let mut message = format!("send {kind} of {}", length(&send.payload));
    if send.marked {
        let room = send
            .room
            .as_ref()
            .map_or_else(|| "its room".to_owned(), room_name);
        message.push_str(&format!(" for the members of {room}"));
    }
    match &send.reply {
        None => format!("{message}, one-way"),
        Some(reply) => format!("{message}, {}", answered(reply)),
    }
}

fn answered(reply: &ReplySpec) -> String {
    let by = match reply.correlation {
        Correlation::InOrder => "in order",
        Correlation::BySequence(_) => "found by its number",
    };
    let (looks, timeout) = (looks(&reply.matcher), Span(reply.timeout));
    if reply.wait {
        format!("and wait up to {timeout} for {looks}, {by}")
    } else {
        let most = reply.max_in_flight;
        format!("answered within {timeout} by {looks}, {by}; at most {most} under way")
    }
}

fn length(payload: &Template) -> String {
    let (low, high) = payload.length();
    if low == high {
        ByteSize(low as u64).to_string()
    } else {
        format!("{} to {}", ByteSize(low as u64), ByteSize(high as u64))
    }
}

fn looks(matcher: &Matcher) -> &'static str {
    match matcher {
        Matcher::Any => "any message",
        Matcher::Echo(_) => "its echo",
        Matcher::Text(_) => "a text",
        Matcher::Contains(_) => "a message with a certain text",
        Matcher::Regex(_) => "a message that an expression matches",
        Matcher::BinaryPrefix(_) => "a binary message with a certain begin",
        Matcher::Json(_) => "JSON with certain values",
    }
}

fn rates(text: &mut String, plan: &Plan, group: &Group, share: f64) {
    let clients = plan.max_connections() as f64 * share;
    let paced = match (pace(&group.flow), &plan.load) {
        (Pace::PerFlow { messages: 0.0, .. }, _) => "sends nothing".to_owned(),
        (Pace::PerFlow { messages, .. }, LoadModel::Open { stages, .. }) => {
            let peak = stages
                .iter()
                .fold(0.0_f64, |peak, stage| peak.max(stage.from).max(stage.to));
            let rate = short(messages * peak * share);
            format!(
                "sends about {} messages per flow, {rate}/s at the highest rate",
                short(messages)
            )
        }
        (Pace::PerFlow { messages, seconds }, LoadModel::Closed { .. }) if seconds > 0.0 => {
            per_second(messages / seconds, clients)
        }
        (
            Pace::Endless {
                per_second: Some(rate),
            },
            _,
        ) => per_second(rate, clients),
        _ => "sends as fast as replies come".to_owned(),
    };
    line(text, 2, paced);
}

fn per_second(rate: f64, clients: f64) -> String {
    format!(
        "sends about {}/s per client, {}/s with all of them, if replies come at once",
        short(rate),
        short(rate * clients)
    )
}

/// A URL or path with the values of its query left out.
fn without_values(url: &str) -> String {
    let Some((path, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let names: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) => format!("{name}=..."),
            None => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", names.join("&"))
}

fn counted(n: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(n), if n == 1 { "" } else { "s" })
}

fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Whole numbers from 100 on, otherwise two digits after the point at most.
fn short(value: f64) -> String {
    if value >= 100.0 {
        return count(value.round() as u64);
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
