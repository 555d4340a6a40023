//! The scenario file as people write it: every key of the language and nothing else.
//!
//! These types say what may stand where. What it means, and whether it makes sense together, is the business of
//! [`compile`](super::compile). A type's `rename` is its name in error messages.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::feeder::RowOrder;
use super::plan::{Arrivals, ReadRate, TargetSpec};
use super::quantity::{
    AddressRange, CloseStatus, Count, Deviation, Exhausted, Holder, ProbeAnswer, ServerName, Times, Token,
    Weight,
};
use super::template::Json;
use super::token::Algorithm;
use super::yaml::{Entries, Field, List, Located, ScalarOr, Text};
use crate::units::{ByteSize, Rate};

/// A whole file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "scenario file", deny_unknown_fields)]
pub(super) struct Document {
    /// Files whose content stands here too, as far as this file does not say otherwise.
    #[expect(
        dead_code,
        reason = "for the schema and for messages: what it names is put in before this is read"
    )]
    pub(super) include: Option<ScalarOr<Field<PathBuf>, List<Field<PathBuf>>>>,
    /// For people; the file's name without its ending if absent.
    pub(super) name: Option<Field<String>>,
    /// `embedded` (the default), or a `ws://` or `wss://` URL.
    pub(super) target: Option<Field<TargetSpec>>,
    /// Paths by name, for `route` in a `connection`; templates.
    #[serde(default)]
    pub(super) routes: Entries<Text>,
    /// Seed of every random choice.
    pub(super) seed: Option<Field<u64>>,
    /// Constants, used as `${NAME}`; `-e NAME=VALUE` replaces them.
    #[serde(default)]
    pub(super) variables: Entries<Constant>,
    /// Closed model.
    pub(super) stages: Option<Located<List<ClosedStage>>>,
    /// Open model.
    pub(super) arrivals: Option<Located<ArrivalModel>>,
    /// Conditions that the run must meet, by metric: `response_time: p(95)<250ms`.
    #[serde(default)]
    pub(super) thresholds: Entries<ScalarOr<Field<String>, List<Condition>>>,
    /// How long flows may go on after the last stage.
    pub(super) graceful_stop: Option<Field<Duration>>,
    /// Transport settings shared by all clients.
    pub(super) transport: Option<Transport>,
    /// With `flow`: how its clients connect.
    pub(super) connection: Option<Located<Connection>>,
    /// With `flow`: pings in the background.
    pub(super) heartbeat: Option<Located<HeartbeatSpec>>,
    /// With `flow`: rows of a file, one for each time a client begins its flow.
    pub(super) feeder: Option<Located<FeederSpec>>,
    /// With `flow`: what members of a room are owed.
    pub(super) fanout: Option<Located<FanOutSpec>>,
    /// With `flow`: messages that the target numbers itself.
    pub(super) stream: Option<Located<StreamSpec>>,
    /// What every client does.
    pub(super) flow: Option<Located<List<Located<Step>>>>,
    /// Several kinds of clients, instead of `flow`.
    pub(super) scenarios: Option<Located<List<Located<ClientGroup>>>>,
}

/// One of several conditions on a metric.
pub(super) type Condition = ScalarOr<Field<String>, Located<ThresholdSpec>>;

/// A condition and what happens when it is not met.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "threshold", deny_unknown_fields)]
pub(super) struct ThresholdSpec {
    /// The condition, such as `p(95)<250ms`.
    pub(super) threshold: Field<String>,
    /// End the run as soon as it is not met.
    pub(super) abort_on_fail: Option<Field<bool>>,
    /// With `abort_on_fail`: not before this much of the run is over.
    pub(super) delay_abort_eval: Option<Field<Duration>>,
}

/// The value of a variable: a scalar.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Constant(pub(super) Located<Json>);

/// A stage of the closed model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "stage", deny_unknown_fields)]
pub(super) struct ClosedStage {
    /// Its length; 0 jumps to the number of clients.
    pub(super) duration: Field<Duration>,
    /// Number of clients at the stage's end; the stage moves to it linearly.
    pub(super) clients: Field<Count>,
}

/// The open model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "arrival model", deny_unknown_fields)]
pub(super) struct ArrivalModel {
    /// One after the other.
    pub(super) stages: Located<List<Located<OpenStage>>>,
    /// Arrivals beyond this many clients at once are dropped, and counted as dropped.
    pub(super) max_clients: Field<Count>,
    /// `constant` (the default) or `poisson`.
    pub(super) process: Option<Field<Arrivals>>,
}

/// A stage of the open model: a constant `rate`, or one that moves linearly.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "arrival stage", deny_unknown_fields)]
pub(super) struct OpenStage {
    /// Its length.
    pub(super) duration: Field<Duration>,
    /// Arrivals per time, all along.
    pub(super) rate: Option<Field<Rate>>,
    /// Arrivals per time at the begin; with `to`.
    pub(super) from: Option<Field<Rate>>,
    /// Arrivals per time at the end; with `from`.
    pub(super) to: Option<Field<Rate>>,
}

/// What lies below WebSocket.
#[derive(Debug, Deserialize, JsonSchema)]
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
    /// Addresses or CIDR ranges; each client connects from one of them.
    pub(super) source_addresses: Option<ScalarOr<Field<AddressRange>, List<Field<AddressRange>>>>,
}

/// One kind of client among several.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "scenario", deny_unknown_fields)]
pub(super) struct ClientGroup {
    /// Files whose content stands here too, as far as this scenario does not say otherwise.
    #[expect(
        dead_code,
        reason = "for the schema and for messages: what it names is put in before this is read"
    )]
    pub(super) include: Option<ScalarOr<Field<PathBuf>, List<Field<PathBuf>>>>,
    /// For reports; unique.
    pub(super) name: Field<String>,
    /// Share of the clients relative to the other scenarios; 1 by default.
    pub(super) weight: Option<Field<Weight>>,
    /// How its clients connect.
    pub(super) connection: Option<Located<Connection>>,
    /// Pings in the background.
    pub(super) heartbeat: Option<Located<HeartbeatSpec>>,
    /// Rows of a file, one for each time a client begins its flow.
    pub(super) feeder: Option<Located<FeederSpec>>,
    /// What members of a room are owed.
    pub(super) fanout: Option<Located<FanOutSpec>>,
    /// Messages that the target numbers itself.
    pub(super) stream: Option<Located<StreamSpec>>,
    /// What its clients do.
    pub(super) flow: Located<List<Located<Step>>>,
}

/// How a client opens and bounds its connections.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename = "connection section", deny_unknown_fields)]
pub(super) struct Connection {
    /// Path and query of the request, a template.
    pub(super) path: Option<Text>,
    /// Instead of `path`: one of the `routes`.
    pub(super) route: Option<Field<String>>,
    /// Values are templates.
    #[serde(default)]
    pub(super) headers: Entries<Text>,
    /// To offer, in order of preference.
    #[serde(default)]
    pub(super) subprotocols: List<Field<Token>>,
    /// Offer permessage-deflate.
    pub(super) compression: Option<Field<bool>>,
    /// A larger message fails the connection with 1009; 1MiB by default.
    pub(super) max_message_size: Option<Field<ByteSize>>,
    /// How fast to read, so that the server has to wait: a size per second, `0` or `unlimited` (the default).
    pub(super) read_rate: Option<Field<ReadRate>>,
    /// Size of the system's receive buffer, in which what is not read waits.
    pub(super) receive_buffer: Option<Field<ByteSize>>,
    /// From name resolution to the end of the upgrade; 10s by default.
    pub(super) connect_timeout: Option<Field<Duration>>,
    /// From the sent Close frame to the end of the TCP connection; 5s by default.
    pub(super) close_timeout: Option<Field<Duration>>,
    /// Who the client says it is.
    pub(super) auth: Option<Located<Auth>>,
    /// What becomes of a client whose flow failed.
    pub(super) reconnect: Option<Located<Reconnect>>,
}

/// Credentials of a connection: where they stand (exactly one place), and how a token for them is made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "auth section", deny_unknown_fields)]
pub(super) struct Auth {
    /// `Authorization: Bearer`, a template.
    pub(super) bearer: Option<Text>,
    /// `Authorization: Basic` of this `user:password`, a template.
    pub(super) basic: Option<Text>,
    /// Parameters of the query; values are templates.
    pub(super) query: Option<Located<Entries<Text>>>,
    /// Headers; values are templates.
    pub(super) header: Option<Located<Entries<Text>>>,
    /// Further subprotocols to offer after the others; templates.
    pub(super) subprotocol: Option<ScalarOr<Text, List<Text>>>,
    /// A token of the client's own for each connection, used as `${jwt}`; alone, it is the bearer.
    pub(super) jwt: Option<Located<Jwt>>,
}

/// A JSON Web Token that is made for each connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "jwt section", deny_unknown_fields)]
pub(super) struct Jwt {
    /// How tokens are signed.
    pub(super) algorithm: Field<Algorithm>,
    /// The secret of an HMAC, or a private key as PEM.
    pub(super) key: Option<Field<String>>,
    /// The file with it.
    pub(super) key_file: Option<Field<PathBuf>>,
    /// The token's `kid`.
    pub(super) key_id: Option<Field<String>>,
    /// Strings are templates.
    pub(super) claims: Option<Located<Entries<Located<Json>>>>,
    /// From its making to its `exp`; without, it has none.
    pub(super) expires: Option<Field<Duration>>,
}

/// When a client whose flow failed begins again: exactly one of the policies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "reconnect section", deny_unknown_fields)]
pub(super) struct Reconnect {
    /// Never: the client leaves.
    pub(super) none: Option<Located<Empty>>,
    /// After this long.
    pub(super) fixed: Option<Field<Duration>>,
    /// After a random part of this long, of twice as long after a second failure in a row, and so on.
    pub(super) exponential: Option<Field<Duration>>,
    /// With `exponential`: the longest pause.
    pub(super) cap: Option<Field<Duration>>,
    /// How many times in a row, or `forever`.
    pub(super) max_attempts: Option<Field<Times>>,
    /// Whether to wait as long as the `Retry-After` of a refused upgrade says.
    pub(super) retry_after: Option<Field<bool>>,
}

/// Rows of a CSV file, as `${row.COLUMN}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "feeder section", deny_unknown_fields)]
pub(super) struct FeederSpec {
    /// CSV with a line of names first.
    pub(super) file: Field<PathBuf>,
    /// In which order a client takes rows; `sequential` by default.
    pub(super) order: Option<Field<RowOrder>>,
    /// What happens after the last row.
    pub(super) exhausted: Option<Field<Exhausted>>,
    /// Who keeps a row: a flow, or the client for all its flows.
    pub(super) per: Option<Field<Holder>>,
    /// Between cells; a comma by default.
    pub(super) delimiter: Option<Field<char>>,
}

/// Pings in the background.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "heartbeat section", deny_unknown_fields)]
pub(super) struct HeartbeatSpec {
    /// From one ping to the next.
    pub(super) every: Field<Duration>,
    /// A ping without its pong after this long is unanswered; 10s by default.
    pub(super) timeout: Option<Field<Duration>>,
}

/// What members of a room are owed of the messages with a mark.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "fanout section", deny_unknown_fields)]
pub(super) struct FanOutSpec {
    /// A message that a member has not received after this long is lost.
    pub(super) settle: Option<Field<Duration>>,
    /// Whether the server gives a sender its own messages too.
    pub(super) own: Option<Field<bool>>,
    /// Whether the server repeats the latest message of each sender, so that one may replace the one before.
    pub(super) latest: Option<Field<bool>>,
}

/// Messages that the target numbers itself: states, ticks, updates.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "stream section", deny_unknown_fields)]
pub(super) struct StreamSpec {
    /// JSON path of the number, one more in each message.
    pub(super) number: Text,
    /// JSON path of the time at which a message was made, in milliseconds since 1970.
    pub(super) sent_ms: Option<Text>,
    /// What the messages look like; all messages with a number by default.
    pub(super) only: Option<Located<Test>>,
}

/// A step of a flow: one of the actions, a loop, or a branch.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "step", deny_unknown_fields)]
pub(super) struct Step {
    /// Open the connection.
    pub(super) connect: Option<Located<Empty>>,
    /// Send a message, and wait for its reply if it is owed one.
    pub(super) send: Option<Located<SendStep>>,
    /// Wait for a message that answers nothing.
    pub(super) expect: Option<Located<Reply>>,
    /// Send a ping and wait for its pong.
    pub(super) ping: Option<Located<PingStep>>,
    /// Wait.
    pub(super) think: Option<ScalarOr<Field<Duration>, Located<ThinkTime>>>,
    /// Read messages up to a number or for a time.
    pub(super) receive: Option<Located<ReceiveStep>>,
    /// From here on, read at most so much: a size per second, `0` or `unlimited`.
    pub(super) read_rate: Option<Field<ReadRate>>,
    /// Close handshake.
    pub(super) close: Option<Located<CloseStep>>,
    /// Search for the largest message that the target takes.
    pub(super) size_probe: Option<Located<SizeProbeStep>>,
    /// From here on the client is a member of this room, a template.
    pub(super) join: Option<Text>,
    /// From here on it is no longer.
    pub(super) leave: Option<Located<Empty>>,
    /// End the TCP connection without a Close frame.
    pub(super) drop: Option<Located<Empty>>,
    /// A file with a list of steps that stand here.
    #[expect(
        dead_code,
        reason = "for the schema and for messages: what it names is put in before this is read"
    )]
    pub(super) include: Option<Field<PathBuf>>,
    /// Branch: whether the message that the step before waited for looks like this.
    #[serde(rename = "if")]
    pub(super) condition: Option<Located<Test>>,
    /// With `if`: the steps if it does.
    pub(super) then: Option<Located<List<Located<Step>>>>,
    /// Branch: the first case that the message looks like.
    pub(super) switch: Option<Located<List<Located<Case>>>>,
    /// With `if` and `switch`: the steps otherwise.
    #[serde(rename = "else")]
    pub(super) otherwise: Option<Located<List<Located<Step>>>>,
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

/// One way that a message may look, and the steps if it does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "case", deny_unknown_fields)]
pub(super) struct Case {
    /// What the message looks like.
    pub(super) case: Located<Test>,
    /// The steps if it does.
    #[serde(rename = "do")]
    pub(super) body: Located<List<Located<Step>>>,
}

/// What a message may look like: exactly one of the matchers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "test", deny_unknown_fields)]
pub(super) struct Test {
    /// JSON with these values, by path, and any others.
    pub(super) json: Option<Located<Entries<Located<Json>>>>,
    /// This text, a template.
    pub(super) text: Option<Text>,
    /// Any message with this text in it, a template.
    pub(super) contains: Option<Text>,
    /// Any message in which the expression matches.
    pub(super) regex: Option<Text>,
    /// A binary message that begins with these bytes.
    pub(super) binary_prefix: Option<Located<Binary>>,
    /// Any message.
    pub(super) any: Option<Located<Empty>>,
}

/// A step without arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "step without arguments", deny_unknown_fields)]
pub(super) struct Empty {}

/// A message and, if it is owed one, its reply.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "send step", deny_unknown_fields)]
pub(super) struct SendStep {
    /// Text message, a template.
    pub(super) text: Option<Text>,
    /// Text message, any YAML value as JSON.
    pub(super) json: Option<Located<Json>>,
    /// Binary message.
    pub(super) binary: Option<Located<Binary>>,
    /// Binary message of so many random bytes.
    pub(super) random: Option<ScalarOr<Field<ByteSize>, Located<SizeSpec>>>,
    /// Text message of so many random letters and digits.
    pub(super) letters: Option<ScalarOr<Field<ByteSize>, Located<SizeSpec>>>,
    /// Binary message with the content of a file.
    pub(super) file: Option<ScalarOr<Field<PathBuf>, Located<FileContent>>>,
    /// The room whose members it is for, a template; the sender's own by default. The message has a `${mark}`.
    pub(super) room: Option<Text>,
    /// What answers it.
    pub(super) reply: Option<Located<Reply>>,
}

/// A size that is drawn anew for each message: exactly one of the distributions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "size", deny_unknown_fields)]
pub(super) struct SizeSpec {
    /// Two bounds, both included.
    pub(super) uniform: Option<Located<List<Field<ByteSize>>>>,
    /// The mean.
    pub(super) exponential: Option<Field<ByteSize>>,
    /// Around a mean.
    pub(super) normal: Option<Located<NormalSpec>>,
    /// Many small, a few large.
    pub(super) lognormal: Option<Located<LogNormalSpec>>,
    /// Sizes with their weights.
    pub(super) choice: Option<Located<Entries<Field<Weight>>>>,
    /// The longest, with every distribution that has no end of its own.
    pub(super) max: Option<Field<ByteSize>>,
}

/// A normal distribution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "normal distribution", deny_unknown_fields)]
pub(super) struct NormalSpec {
    /// The mean.
    pub(super) mean: Field<ByteSize>,
    /// The standard deviation.
    pub(super) deviation: Field<ByteSize>,
}

/// A lognormal distribution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "lognormal distribution", deny_unknown_fields)]
pub(super) struct LogNormalSpec {
    /// Half of all are smaller.
    pub(super) median: Field<ByteSize>,
    /// Standard deviation of the natural logarithm.
    pub(super) sigma: Field<Deviation>,
}

/// Bytes of a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "file payload", deny_unknown_fields)]
pub(super) struct FileContent {
    /// The file.
    pub(super) path: Field<PathBuf>,
    /// A stretch of so many bytes instead of the whole.
    pub(super) size: Option<ScalarOr<Field<ByteSize>, Located<SizeSpec>>>,
    /// Send a text message; the file must be UTF-8, and is sent whole.
    pub(super) text: Option<Field<bool>>,
}

/// Bytes, in one of three notations.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "binary value", deny_unknown_fields)]
pub(super) struct Binary {
    /// Hex digits; blanks between them do not count.
    pub(super) hex: Option<Text>,
    /// Base64 with padding.
    pub(super) base64: Option<Text>,
    /// The bytes of a template.
    pub(super) utf8: Option<Text>,
}

/// What a message must look like: exactly one of the matchers, and how long to wait for it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "reply", deny_unknown_fields)]
pub(super) struct Reply {
    /// In `reply` only: the message itself.
    pub(super) echo: Option<Located<Empty>>,
    /// JSON with these values, by path, and any others.
    pub(super) json: Option<Located<Entries<Located<Json>>>>,
    /// This text, a template.
    pub(super) text: Option<Text>,
    /// Any message with this text in it, a template.
    pub(super) contains: Option<Text>,
    /// Any message in which the expression matches.
    pub(super) regex: Option<Text>,
    /// A binary message that begins with these bytes.
    pub(super) binary_prefix: Option<Located<Binary>>,
    /// Any message.
    pub(super) any: Option<Located<Empty>>,
    /// In `reply` only: the message is owed nothing, whatever follows.
    pub(super) none: Option<Located<Empty>>,
    /// How long to wait; 10s by default.
    pub(super) timeout: Option<Field<Duration>>,
    /// Values of the message to keep, for templates and matchers after this step.
    #[serde(default)]
    pub(super) capture: Entries<Located<CaptureSpec>>,
    /// In `reply` only.
    pub(super) wait: Option<Field<bool>>,
    /// In `reply` only.
    pub(super) max_in_flight: Option<Field<Count>>,
}

/// Where a value stands in a message: exactly one of `json` and `regex`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "capture", deny_unknown_fields)]
pub(super) struct CaptureSpec {
    /// A JSON path.
    pub(super) json: Option<Text>,
    /// An expression: its first group, or all that matches if it has none.
    pub(super) regex: Option<Text>,
    /// The value if there is none; without, the flow fails.
    pub(super) default: Option<Text>,
}

/// One ping.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "ping step", deny_unknown_fields)]
pub(super) struct PingStep {
    /// Application data, a template.
    pub(super) payload: Option<Text>,
    /// How long to wait for the pong; 10s by default.
    pub(super) timeout: Option<Field<Duration>>,
}

/// A time that is drawn anew each time: exactly one of the distributions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "think time", deny_unknown_fields)]
pub(super) struct ThinkTime {
    /// Two bounds.
    pub(super) uniform: Option<Located<List<Field<Duration>>>>,
    /// The mean.
    pub(super) exponential: Option<Field<Duration>>,
    /// Around a mean.
    pub(super) normal: Option<Located<NormalTime>>,
    /// Many short, a few long.
    pub(super) lognormal: Option<Located<LogNormalTime>>,
    /// The longest, with every distribution that has no end of its own; 24h by default.
    pub(super) max: Option<Field<Duration>>,
}

/// A normal distribution of times.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "normal think time", deny_unknown_fields)]
pub(super) struct NormalTime {
    /// The mean.
    pub(super) mean: Field<Duration>,
    /// The standard deviation.
    pub(super) deviation: Field<Duration>,
}

/// A lognormal distribution of times.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "lognormal think time", deny_unknown_fields)]
pub(super) struct LogNormalTime {
    /// Half of all are shorter.
    pub(super) median: Field<Duration>,
    /// Standard deviation of the natural logarithm.
    pub(super) sigma: Field<Deviation>,
}

/// Reading whatever comes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "receive step", deny_unknown_fields)]
pub(super) struct ReceiveStep {
    /// So many messages.
    pub(super) count: Option<Field<Count>>,
    /// So long.
    #[serde(rename = "for")]
    pub(super) duration: Option<Field<Duration>>,
}

/// A search for the largest message that the target takes, by halving.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "size probe", deny_unknown_fields)]
pub(super) struct SizeProbeStep {
    /// The size that is tried first; 1 byte by default.
    pub(super) from: Option<Field<ByteSize>>,
    /// The largest that is tried.
    pub(super) to: Field<ByteSize>,
    /// How close the smallest refused and the largest accepted size have to come; 1 byte by default.
    pub(super) precision: Option<Field<ByteSize>>,
    /// Whether to send text messages; binary by default.
    pub(super) text: Option<Field<bool>>,
    /// What shows that a message was accepted: `pong` (the default), to a ping after it, or `echo`.
    pub(super) answer: Option<Field<ProbeAnswer>>,
    /// A message without an answer after this long was refused.
    pub(super) timeout: Option<Field<Duration>>,
}

/// The close handshake.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "close step", deny_unknown_fields)]
pub(super) struct CloseStep {
    /// Status code, or `none` for an empty Close frame; 1000 by default.
    pub(super) code: Option<Field<CloseStatus>>,
    /// At most 123 bytes.
    pub(super) reason: Option<Field<String>>,
}
