//! The scenario file as people write it: every key of the language and nothing else.
//!
//! These types say what may stand where. What it means, and whether it makes sense together, is the business of
//! [`compile`](super::compile). A type's `rename` is its name in error messages.

mod client;
pub(super) mod distribution;
mod message;
pub(super) mod step;

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::plan::{Arrivals, TargetSpec};
use super::quantity::{AddressRange, Count, ServerName, Weight};
use super::template::Json;
use super::yaml::{Entries, Field, List, Located, ScalarOr, Text};
use crate::units::Rate;

pub(super) use client::{
    Auth, Connection, FanOutSpec, FeederSpec, HeartbeatSpec, Jwt, Reconnect, StreamSpec,
};
pub(super) use distribution::{LogNormalTime, NormalTime, SizeSpec, ThinkTime};
pub(super) use message::{Binary, CaptureSpec, FileContent, Reply, SendStep, Test};
pub(super) use step::{CloseStep, Empty, PingStep, ReceiveStep, SizeProbeStep, Step};

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
