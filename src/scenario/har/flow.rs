//! Messages to steps: what answers what, where a client pauses, what it does again and again.

use serde_json::Value;

use super::recording::Message;

/// Shorter pauses are the browser's and the network's, not the user's.
const SHORTEST_PAUSE: u64 = 10;
/// So many equal messages at equal intervals are a schedule.
const FEWEST_ROUNDS: usize = 3;
/// Names of JSON members that say what a message is.
const KINDS: [&str; 10] = [
    "type", "event", "op", "action", "kind", "method", "cmd", "status", "channel", "topic",
];
/// Names of members that say which message it answers.
const NUMBERS: [&str; 8] = [
    "id",
    "seq",
    "ref",
    "cid",
    "request_id",
    "requestId",
    "correlationId",
    "nonce",
];
/// A matcher of more members says no more.
const MOST_MEMBERS: usize = 3;

/// A step of a recorded flow.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Wait so many milliseconds.
    Think(u64),
    /// The same, while messages come.
    Receive(u64),
    /// Wait for a message that comes by itself.
    Expect(Look),
    Send(Message, Option<Look>),
    /// Send one message again and again, so many milliseconds apart.
    Rounds {
        interval: u64,
        rounds: usize,
        message: Message,
        reply: Option<Look>,
    },
}

/// What an answer looks like.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Look {
    Echo,
    Json(Vec<(String, Value)>),
    Any,
}

/// The steps of a conversation.
pub(super) fn steps(messages: &[Message]) -> Vec<Step> {
    let mut steps = Vec::new();
    let first_sent = messages
        .iter()
        .position(|message| message.sent)
        .unwrap_or(messages.len());
    if let Some(greeting) = messages[..first_sent].first() {
        steps.push(Step::Expect(look(None, greeting)));
    }
    let mut turns: Vec<&[Message]> = Vec::new();
    let mut rest = &messages[first_sent..];
    while !rest.is_empty() {
        let next = rest[1..].iter().position(|message| message.sent);
        let (turn, tail) = rest.split_at(next.map_or(rest.len(), |next| next + 1));
        turns.push(turn);
        rest = tail;
    }
    // When the step before was over, and whether messages came since.
    let mut before = (0, first_sent > 1);
    let mut index = 0;
    while index < turns.len() {
        let count = rounds(&turns[index..]);
        let turn = turns[index + count - 1];
        let (message, replies) = (&turns[index][0], &turns[index][1..]);
        pause(&mut steps, message.at.saturating_sub(before.0), before.1);
        let reply = replies.first().map(|reply| look(Some(message), reply));
        if count >= FEWEST_ROUNDS {
            let span = turn[0].at - message.at;
            steps.push(Step::Rounds {
                interval: span / (count as u64 - 1),
                rounds: count,
                message: message.clone(),
                reply,
            });
        } else {
            steps.push(Step::Send(message.clone(), reply));
        }
        let over = turn.get(1).map_or(turn[0].at, |reply| reply.at);
        before = (over, turn.len() > 2);
        index += count;
    }
    let end = messages.last().map_or(0, |message| message.at);
    pause(&mut steps, end.saturating_sub(before.0), before.1);
    steps
}

fn pause(steps: &mut Vec<Step>, length: u64, messages_came: bool) {
    if length >= SHORTEST_PAUSE {
        steps.push(if messages_came {
            Step::Receive(length)
        } else {
            Step::Think(length)
        });
    }
}

/// How many turns from the first on send the same at equal intervals; 1 if they are too few for a schedule.
fn rounds(turns: &[&[Message]]) -> usize {
    let same = |turn: &&&[Message]| {
        let (first, this) = (turns[0], **turn);
        this[0].data == first[0].data
            && this[0].binary == first[0].binary
            && (this.len() > 1) == (first.len() > 1)
    };
    let candidates = turns.iter().take_while(same).count();
    let Some(second) = turns.get(1).filter(|_| candidates >= FEWEST_ROUNDS) else {
        return 1;
    };
    let interval = second[0].at - turns[0][0].at;
    let near = |pair: &[&[Message]]| {
        let this = pair[1][0].at - pair[0][0].at;
        this.abs_diff(interval) <= interval / 5
    };
    let count = 1 + turns[..candidates]
        .windows(2)
        .take_while(|pair| near(pair))
        .count();
    if interval >= SHORTEST_PAUSE && count >= FEWEST_ROUNDS {
        count
    } else {
        1
    }
}

/// What tells `found` from other messages; `sent` is what it answers.
fn look(sent: Option<&Message>, found: &Message) -> Look {
    if sent.is_some_and(|sent| sent.data == found.data && sent.binary == found.binary) {
        return Look::Echo;
    }
    let object = |message: &Message| match serde_json::from_str(&message.data) {
        Ok(Value::Object(members)) if !message.binary => Some(members),
        _ => None,
    };
    let Some(members) = object(found) else {
        return Look::Any;
    };
    let asked = sent.and_then(object).unwrap_or_default();
    let is_short = |value: &Value| match value {
        Value::String(text) => text.len() <= 64,
        Value::Number(_) | Value::Bool(_) => true,
        _ => false,
    };
    let kinds = KINDS.iter().filter_map(|name| members.get_key_value(*name));
    let numbers = NUMBERS
        .iter()
        .filter_map(|name| members.get_key_value(*name))
        .filter(|(name, value)| asked.get(*name) == Some(*value));
    let told: Vec<(String, Value)> = numbers
        .chain(kinds)
        .filter(|(_, value)| is_short(value))
        .take(MOST_MEMBERS)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if told.is_empty() {
        Look::Any
    } else {
        Look::Json(told)
    }
}
