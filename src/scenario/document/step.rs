//! The steps of a flow.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::plan::ReadRate;
use crate::scenario::quantity::{CloseStatus, Count, ProbeAnswer, Times};
use crate::scenario::yaml::{Field, List, Located, ScalarOr, Text};
use crate::units::ByteSize;

use super::distribution::ThinkTime;
use super::message::{Reply, SendStep, Test};

/// A step of a flow: one of the actions, a loop, or a branch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "step", deny_unknown_fields)]
pub(in crate::scenario) struct Step {
    /// Open the connection.
    pub(in crate::scenario) connect: Option<Located<Empty>>,
    /// Send a message, and wait for its reply if it is owed one.
    pub(in crate::scenario) send: Option<Located<SendStep>>,
    /// Wait for a message that answers nothing.
    pub(in crate::scenario) expect: Option<Located<Reply>>,
    /// Send a ping and wait for its pong.
    pub(in crate::scenario) ping: Option<Located<PingStep>>,
    /// Wait.
    pub(in crate::scenario) think: Option<ScalarOr<Field<Duration>, Located<ThinkTime>>>,
    /// Read messages up to a number or for a time.
    pub(in crate::scenario) receive: Option<Located<ReceiveStep>>,
    /// From here on, read at most so much: a size per second, `0` or `unlimited`.
    pub(in crate::scenario) read_rate: Option<Field<ReadRate>>,
    /// Close handshake.
    pub(in crate::scenario) close: Option<Located<CloseStep>>,
    /// Search for the largest message that the target takes.
    pub(in crate::scenario) size_probe: Option<Located<SizeProbeStep>>,
    /// From here on the client is a member of this room, a template.
    pub(in crate::scenario) join: Option<Text>,
    /// From here on it is no longer.
    pub(in crate::scenario) leave: Option<Located<Empty>>,
    /// End the TCP connection without a Close frame.
    pub(in crate::scenario) drop: Option<Located<Empty>>,
    /// A file with a list of steps that stand here.
    #[expect(
        dead_code,
        reason = "for the schema and for messages: what it names is put in before this is read"
    )]
    pub(in crate::scenario) include: Option<Field<PathBuf>>,
    /// Branch: whether the message that the step before waited for looks like this.
    #[serde(rename = "if")]
    pub(in crate::scenario) condition: Option<Located<Test>>,
    /// With `if`: the steps if it does.
    pub(in crate::scenario) then: Option<Located<List<Located<Step>>>>,
    /// Branch: the first case that the message looks like.
    pub(in crate::scenario) switch: Option<Located<List<Located<Case>>>>,
    /// With `if` and `switch`: the steps otherwise.
    #[serde(rename = "else")]
    pub(in crate::scenario) otherwise: Option<Located<List<Located<Step>>>>,
    /// Loop: at each multiple of this interval.
    pub(in crate::scenario) every: Option<Field<Duration>>,
    /// Loop: so many rounds, or `forever`.
    pub(in crate::scenario) repeat: Option<Field<Times>>,
    /// Loop: no new round after this long.
    #[serde(rename = "for")]
    pub(in crate::scenario) duration: Option<Field<Duration>>,
    /// With `every`: each round begins up to this much later.
    pub(in crate::scenario) jitter: Option<Field<Duration>>,
    /// With `every`: the first round begins anywhere in the interval.
    pub(in crate::scenario) spread: Option<Field<bool>>,
    /// Loop: the steps of a round.
    #[serde(rename = "do")]
    pub(in crate::scenario) body: Option<Located<List<Located<Step>>>>,
}

/// One way that a message may look, and the steps if it does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "case", deny_unknown_fields)]
pub(in crate::scenario) struct Case {
    /// What the message looks like.
    pub(in crate::scenario) case: Located<Test>,
    /// The steps if it does.
    #[serde(rename = "do")]
    pub(in crate::scenario) body: Located<List<Located<Step>>>,
}

/// A step without arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "step without arguments", deny_unknown_fields)]
pub(in crate::scenario) struct Empty {}

/// One ping.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "ping step", deny_unknown_fields)]
pub(in crate::scenario) struct PingStep {
    /// Application data, a template.
    pub(in crate::scenario) payload: Option<Text>,
    /// How long to wait for the pong; 10s by default.
    pub(in crate::scenario) timeout: Option<Field<Duration>>,
}

/// Reading whatever comes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "receive step", deny_unknown_fields)]
pub(in crate::scenario) struct ReceiveStep {
    /// So many messages.
    pub(in crate::scenario) count: Option<Field<Count>>,
    /// So long.
    #[serde(rename = "for")]
    pub(in crate::scenario) duration: Option<Field<Duration>>,
}

/// A search for the largest message that the target takes, by halving.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "size probe", deny_unknown_fields)]
pub(in crate::scenario) struct SizeProbeStep {
    /// The size that is tried first; 1 byte by default.
    pub(in crate::scenario) from: Option<Field<ByteSize>>,
    /// The largest that is tried.
    pub(in crate::scenario) to: Field<ByteSize>,
    /// How close the smallest refused and the largest accepted size have to come; 1 byte by default.
    pub(in crate::scenario) precision: Option<Field<ByteSize>>,
    /// Whether to send text messages; binary by default.
    pub(in crate::scenario) text: Option<Field<bool>>,
    /// What shows that a message was accepted: `pong` (the default), to a ping after it, or `echo`.
    pub(in crate::scenario) answer: Option<Field<ProbeAnswer>>,
    /// A message without an answer after this long was refused.
    pub(in crate::scenario) timeout: Option<Field<Duration>>,
}

/// The close handshake.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "close step", deny_unknown_fields)]
pub(in crate::scenario) struct CloseStep {
    /// Status code, or `none` for an empty Close frame; 1000 by default.
    pub(in crate::scenario) code: Option<Field<CloseStatus>>,
    /// At most 123 bytes.
    pub(in crate::scenario) reason: Option<Field<String>>,
}
