//! What the clients of a group are like.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::feeder::RowOrder;
use crate::scenario::plan::ReadRate;
use crate::scenario::quantity::{Exhausted, Holder, Times, Token};
use crate::scenario::template::Json;
use crate::scenario::token::Algorithm;
use crate::scenario::yaml::{Entries, Field, List, Located, ScalarOr, Text};
use crate::units::ByteSize;

use super::message::Test;
use super::step::Empty;

/// How a client opens and bounds its connections.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename = "connection section", deny_unknown_fields)]
pub(in crate::scenario) struct Connection {
    /// Path and query of the request, a template.
    pub(in crate::scenario) path: Option<Text>,
    /// Instead of `path`: one of the `routes`.
    pub(in crate::scenario) route: Option<Field<String>>,
    /// Values are templates.
    #[serde(default)]
    pub(in crate::scenario) headers: Entries<Text>,
    /// To offer, in order of preference.
    #[serde(default)]
    pub(in crate::scenario) subprotocols: List<Field<Token>>,
    /// Offer permessage-deflate.
    pub(in crate::scenario) compression: Option<Field<bool>>,
    /// A larger message fails the connection with 1009; 1MiB by default.
    pub(in crate::scenario) max_message_size: Option<Field<ByteSize>>,
    /// How fast to read, so that the server has to wait: a size per second, `0` or `unlimited` (the default).
    pub(in crate::scenario) read_rate: Option<Field<ReadRate>>,
    /// Size of the system's receive buffer, in which what is not read waits.
    pub(in crate::scenario) receive_buffer: Option<Field<ByteSize>>,
    /// From name resolution to the end of the upgrade; 10s by default.
    pub(in crate::scenario) connect_timeout: Option<Field<Duration>>,
    /// From the sent Close frame to the end of the TCP connection; 5s by default.
    pub(in crate::scenario) close_timeout: Option<Field<Duration>>,
    /// Who the client says it is.
    pub(in crate::scenario) auth: Option<Located<Auth>>,
    /// What becomes of a client whose flow failed.
    pub(in crate::scenario) reconnect: Option<Located<Reconnect>>,
}

/// Credentials of a connection: where they stand (exactly one place), and how a token for them is made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "auth section", deny_unknown_fields)]
pub(in crate::scenario) struct Auth {
    /// `Authorization: Bearer`, a template.
    pub(in crate::scenario) bearer: Option<Text>,
    /// `Authorization: Basic` of this `user:password`, a template.
    pub(in crate::scenario) basic: Option<Text>,
    /// Parameters of the query; values are templates.
    pub(in crate::scenario) query: Option<Located<Entries<Text>>>,
    /// Headers; values are templates.
    pub(in crate::scenario) header: Option<Located<Entries<Text>>>,
    /// Further subprotocols to offer after the others; templates.
    pub(in crate::scenario) subprotocol: Option<ScalarOr<Text, List<Text>>>,
    /// A token of the client's own for each connection, used as `${jwt}`; alone, it is the bearer.
    pub(in crate::scenario) jwt: Option<Located<Jwt>>,
}

/// A JSON Web Token that is made for each connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "jwt section", deny_unknown_fields)]
pub(in crate::scenario) struct Jwt {
    /// How tokens are signed.
    pub(in crate::scenario) algorithm: Field<Algorithm>,
    /// The secret of an HMAC, or a private key as PEM.
    pub(in crate::scenario) key: Option<Field<String>>,
    /// The file with it.
    pub(in crate::scenario) key_file: Option<Field<PathBuf>>,
    /// The token's `kid`.
    pub(in crate::scenario) key_id: Option<Field<String>>,
    /// Strings are templates.
    pub(in crate::scenario) claims: Option<Located<Entries<Located<Json>>>>,
    /// From its making to its `exp`; without, it has none.
    pub(in crate::scenario) expires: Option<Field<Duration>>,
}

/// When a client whose flow failed begins again: exactly one of the policies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "reconnect section", deny_unknown_fields)]
pub(in crate::scenario) struct Reconnect {
    /// Never: the client leaves.
    pub(in crate::scenario) none: Option<Located<Empty>>,
    /// After this long.
    pub(in crate::scenario) fixed: Option<Field<Duration>>,
    /// After a random part of this long, of twice as long after a second failure in a row, and so on.
    pub(in crate::scenario) exponential: Option<Field<Duration>>,
    /// With `exponential`: the longest pause.
    pub(in crate::scenario) cap: Option<Field<Duration>>,
    /// How many times in a row, or `forever`.
    pub(in crate::scenario) max_attempts: Option<Field<Times>>,
    /// Whether to wait as long as the `Retry-After` of a refused upgrade says.
    pub(in crate::scenario) retry_after: Option<Field<bool>>,
}

/// Rows of a CSV file, as `${row.COLUMN}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "feeder section", deny_unknown_fields)]
pub(in crate::scenario) struct FeederSpec {
    /// CSV with a line of names first.
    pub(in crate::scenario) file: Field<PathBuf>,
    /// In which order a client takes rows; `sequential` by default.
    pub(in crate::scenario) order: Option<Field<RowOrder>>,
    /// What happens after the last row.
    pub(in crate::scenario) exhausted: Option<Field<Exhausted>>,
    /// Who keeps a row: a flow, or the client for all its flows.
    pub(in crate::scenario) per: Option<Field<Holder>>,
    /// Between cells; a comma by default.
    pub(in crate::scenario) delimiter: Option<Field<char>>,
}

/// Pings in the background.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "heartbeat section", deny_unknown_fields)]
pub(in crate::scenario) struct HeartbeatSpec {
    /// From one ping to the next.
    pub(in crate::scenario) every: Field<Duration>,
    /// A ping without its pong after this long is unanswered; 10s by default.
    pub(in crate::scenario) timeout: Option<Field<Duration>>,
}

/// What members of a room are owed of the messages with a mark.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "fanout section", deny_unknown_fields)]
pub(in crate::scenario) struct FanOutSpec {
    /// A message that a member has not received after this long is lost.
    pub(in crate::scenario) settle: Option<Field<Duration>>,
    /// Whether the server gives a sender its own messages too.
    pub(in crate::scenario) own: Option<Field<bool>>,
    /// Whether the server repeats the latest message of each sender, so that one may replace the one before.
    pub(in crate::scenario) latest: Option<Field<bool>>,
}

/// Messages that the target numbers itself: states, ticks, updates.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "stream section", deny_unknown_fields)]
pub(in crate::scenario) struct StreamSpec {
    /// JSON path of the number, one more in each message.
    pub(in crate::scenario) number: Text,
    /// JSON path of the time at which a message was made, in milliseconds since 1970.
    pub(in crate::scenario) sent_ms: Option<Text>,
    /// What the messages look like; all messages with a number by default.
    pub(in crate::scenario) only: Option<Located<Test>>,
}
