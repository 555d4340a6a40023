//! The scenario file as people write it: every key of the language and nothing else.
//!
//! These types say what may stand where. What it means, and whether it makes sense together, is the business of
//! [`compile`](super::compile). A type's `rename` is its name in error messages.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::plan::{Arrivals, TargetSpec};
use super::quantity::{AddressRange, CloseStatus, Count, RequestPath, ServerName, Times, Token, Weight};
use super::template::Json;
use super::yaml::{Entries, Field, List, Located, ScalarOr, Text};
use crate::units::{ByteSize, Rate};

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(rename = "scenario file", deny_unknown_fields)]
pub(super) struct Document {
    /// For people; the file's name without its ending if absent.
    pub(super) name: Option<Field<String>>,
    /// `embedded` (the default), or a `ws://` or `wss://` URL.
    pub(super) target: Option<Field<TargetSpec>>,
    /// Seed of every random choice.
    pub(super) seed: Option<Field<u64>>,
    /// Constants, used as `${NAME}`; `-e NAME=VALUE` replaces them.
    #[serde(default)]
    pub(super) variables: Entries<Constant>,
    /// Closed model.
    pub(super) stages: Option<Located<List<ClosedStage>>>,
    /// Open model.
    pub(super) arrivals: Option<Located<ArrivalModel>>,
    /// How long flows may go on after the last stage.
    pub(super) graceful_stop: Option<Field<Duration>>,
    /// Transport settings shared by all clients.
    pub(super) transport: Option<Transport>,
    /// With `flow`: how its clients connect.
    pub(super) connection: Option<Located<Connection>>,
    /// With `flow`: pings in the background.
    pub(super) heartbeat: Option<Located<HeartbeatSpec>>,
    /// What every client does.
    pub(super) flow: Option<Located<List<Located<Step>>>>,
    /// Several kinds of clients, instead of `flow`.
    pub(super) scenarios: Option<Located<List<Located<ClientGroup>>>>,
}

/// The value of a variable: a scalar.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Constant(pub(super) Located<Json>);

/// A stage of the closed model.
#[derive(Debug, Deserialize)]
#[serde(rename = "stage", deny_unknown_fields)]
pub(super) struct ClosedStage {
    pub(super) duration: Field<Duration>,
    /// Number of clients at the stage's end; the stage moves to it linearly.
    pub(super) clients: Field<Count>,
}

/// The open model.
#[derive(Debug, Deserialize)]
#[serde(rename = "arrival model", deny_unknown_fields)]
pub(super) struct ArrivalModel {
    pub(super) stages: Located<List<Located<OpenStage>>>,
    /// Arrivals beyond this many clients at once are dropped, and counted as dropped.
    pub(super) max_clients: Field<Count>,
    /// `constant` (the default) or `poisson`.
    pub(super) process: Option<Field<Arrivals>>,
}

/// A stage of the open model: a constant `rate`, or one that moves linearly.
#[derive(Debug, Deserialize)]
#[serde(rename = "arrival stage", deny_unknown_fields)]
pub(super) struct OpenStage {
    pub(super) duration: Field<Duration>,
    pub(super) rate: Option<Field<Rate>>,
    pub(super) from: Option<Field<Rate>>,
    pub(super) to: Option<Field<Rate>>,
}

/// What lies below WebSocket.
#[derive(Debug, Deserialize)]
#[serde(rename = "transport section", deny_unknown_fields)]
pub(super) struct Transport {
    /// Accept any certificate.
    pub(super) insecure: Option<Field<bool>>,
    /// PEM file of additional certificate authorities.
    pub(super) ca: Option<Field<PathBuf>>,
    /// PEM file of a client certificate chain.
    pub(super) certificate: Option<Field<PathBuf>>,
    /// PEM file of its key.
    pub(super) key: Option<Field<PathBuf>>,
    /// Name to present and verify instead of the URL's host.
    pub(super) server_name: Option<Field<ServerName>>,
    /// Addresses or CIDR ranges to connect from, in turn.
    pub(super) source_addresses: Option<ScalarOr<Field<AddressRange>, List<Field<AddressRange>>>>,
}

/// One kind of client among several.
#[derive(Debug, Deserialize)]
#[serde(rename = "scenario", deny_unknown_fields)]
pub(super) struct ClientGroup {
    pub(super) name: Field<String>,
    /// Share of the clients relative to the other scenarios; 1 by default.
    pub(super) weight: Option<Field<Weight>>,
    pub(super) connection: Option<Located<Connection>>,
    pub(super) heartbeat: Option<Located<HeartbeatSpec>>,
    pub(super) flow: Located<List<Located<Step>>>,
}

/// How a client opens and bounds its connections.
#[derive(Debug, Default, Deserialize)]
#[serde(rename = "connection section", deny_unknown_fields)]
pub(super) struct Connection {
    pub(super) path: Option<Field<RequestPath>>,
    /// Values are templates.
    #[serde(default)]
    pub(super) headers: Entries<Text>,
    #[serde(default)]
    pub(super) subprotocols: List<Field<Token>>,
    /// Offer permessage-deflate.
    pub(super) compression: Option<Field<bool>>,
    pub(super) max_message_size: Option<Field<ByteSize>>,
    pub(super) connect_timeout: Option<Field<Duration>>,
    pub(super) close_timeout: Option<Field<Duration>>,
}

/// Pings in the background.
#[derive(Debug, Deserialize)]
#[serde(rename = "heartbeat section", deny_unknown_fields)]
pub(super) struct HeartbeatSpec {
    pub(super) every: Field<Duration>,
    pub(super) timeout: Option<Field<Duration>>,
}

/// A step of a flow: one of the actions, or a loop.
#[derive(Debug, Deserialize)]
#[serde(rename = "step", deny_unknown_fields)]
pub(super) struct Step {
    pub(super) connect: Option<Located<Empty>>,
    pub(super) send: Option<Located<SendStep>>,
    pub(super) expect: Option<Located<Reply>>,
    pub(super) ping: Option<Located<PingStep>>,
    pub(super) think: Option<ScalarOr<Field<Duration>, Located<ThinkTime>>>,
    pub(super) receive: Option<Located<ReceiveStep>>,
    pub(super) close: Option<Located<CloseStep>>,
    pub(super) drop: Option<Located<Empty>>,
    /// Loop: at each multiple of this interval.
    pub(super) every: Option<Field<Duration>>,
    /// Loop: so many rounds, or `forever`.
    pub(super) repeat: Option<Field<Times>>,
    /// Loop: no new round after this long.
    #[serde(rename = "for")]
    pub(super) duration: Option<Field<Duration>>,
    /// With `every`: each round begins up to this much later.
    pub(super) jitter: Option<Field<Duration>>,
    /// With `every`: the first round begins anywhere in the interval.
    pub(super) spread: Option<Field<bool>>,
    /// Loop: the steps of a round.
    #[serde(rename = "do")]
    pub(super) body: Option<Located<List<Located<Step>>>>,
}

/// A step without arguments.
#[derive(Debug, Deserialize)]
#[serde(rename = "step without arguments", deny_unknown_fields)]
pub(super) struct Empty {}

/// A message and, if it is owed one, its reply.
#[derive(Debug, Deserialize)]
#[serde(rename = "send step", deny_unknown_fields)]
pub(super) struct SendStep {
    /// Text message, a template.
    pub(super) text: Option<Text>,
    /// Text message, any YAML value as JSON.
    pub(super) json: Option<Located<Json>>,
    /// Binary message.
    pub(super) binary: Option<Located<Binary>>,
    /// Binary message of so many random bytes.
    pub(super) random: Option<Field<ByteSize>>,
    pub(super) reply: Option<Located<Reply>>,
}

/// Bytes, in one of three notations.
#[derive(Debug, Deserialize)]
#[serde(rename = "binary value", deny_unknown_fields)]
pub(super) struct Binary {
    pub(super) hex: Option<Text>,
    pub(super) base64: Option<Text>,
    /// The bytes of a template.
    pub(super) utf8: Option<Text>,
}

/// What a message must look like: exactly one of the matchers, and how long to wait for it.
#[derive(Debug, Deserialize)]
#[serde(rename = "reply", deny_unknown_fields)]
pub(super) struct Reply {
    pub(super) echo: Option<Located<Empty>>,
    pub(super) json: Option<Located<Entries<Located<Json>>>>,
    pub(super) text: Option<Text>,
    pub(super) contains: Option<Text>,
    pub(super) regex: Option<Text>,
    pub(super) binary_prefix: Option<Located<Binary>>,
    pub(super) any: Option<Located<Empty>>,
    /// In `reply` only: the message is owed nothing, whatever follows.
    pub(super) none: Option<Located<Empty>>,
    pub(super) timeout: Option<Field<Duration>>,
    /// In `reply` only.
    pub(super) wait: Option<Field<bool>>,
    /// In `reply` only.
    pub(super) max_in_flight: Option<Field<Count>>,
}

/// One ping.
#[derive(Debug, Deserialize)]
#[serde(rename = "ping step", deny_unknown_fields)]
pub(super) struct PingStep {
    /// Application data, a template.
    pub(super) payload: Option<Text>,
    pub(super) timeout: Option<Field<Duration>>,
}

/// A time that is drawn anew each time: exactly one of the distributions.
#[derive(Debug, Deserialize)]
#[serde(rename = "think time", deny_unknown_fields)]
pub(super) struct ThinkTime {
    /// Two bounds.
    pub(super) uniform: Option<Located<List<Field<Duration>>>>,
    /// The mean.
    pub(super) exponential: Option<Field<Duration>>,
}

/// Reading whatever comes.
#[derive(Debug, Deserialize)]
#[serde(rename = "receive step", deny_unknown_fields)]
pub(super) struct ReceiveStep {
    pub(super) count: Option<Field<Count>>,
    #[serde(rename = "for")]
    pub(super) duration: Option<Field<Duration>>,
}

/// The close handshake.
#[derive(Debug, Deserialize)]
#[serde(rename = "close step", deny_unknown_fields)]
pub(super) struct CloseStep {
    /// Status code, or `none` for an empty Close frame; 1000 by default.
    pub(super) code: Option<Field<CloseStatus>>,
    pub(super) reason: Option<Field<String>>,
}
