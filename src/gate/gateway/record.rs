//! [`GatewayRecord`]: what was found out about a gateway, to be kept as a baseline.

use serde::{Deserialize, Serialize};

use crate::gate::baseline::{Machine, ScenarioId};
use crate::metrics::{Form, FormError, Summary};

use super::added::{Added, added};
use super::fact::{Fact, facts};

/// Name and version of the form. A field that is added keeps the version; one that is removed or changes its meaning
/// makes a new one.
pub const GATEWAY_SCHEMA: &str = "wsbench.gateway/1";

const FORM: Form = Form {
    schema: GATEWAY_SCHEMA,
    what: "a baseline of a gateway",
    maker: "`wsbench gateway compare ... --save NAME`",
    remedy: "save the baseline again",
};

/// What a scenario showed directly and through a gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatewayRecord {
    /// [`GATEWAY_SCHEMA`].
    pub schema: String,
    /// When it was made: RFC 3339, UTC.
    pub created: String,
    /// Version of wsbench.
    pub version: String,
    /// What was run.
    pub scenario: ScenarioId,
    /// Where it was run.
    pub machine: Machine,
    /// How often it was run on each way.
    pub rounds: usize,
    /// What can be told without a time.
    pub facts: Vec<Fact>,
    /// What the gateway adds to latencies.
    pub added: Vec<Added>,
}

/// One run directly and one through the gateway, one after the other.
#[derive(Clone, Debug)]
pub struct Round {
    /// Directly.
    pub direct: Summary,
    /// Through the gateway.
    pub through: Summary,
}

impl GatewayRecord {
    /// What the rounds say.
    #[must_use]
    pub fn new(scenario: ScenarioId, machine: Machine, created: String, rounds: &[Round]) -> Self {
        let direct: Vec<&Summary> = rounds.iter().map(|round| &round.direct).collect();
        let through: Vec<&Summary> = rounds.iter().map(|round| &round.through).collect();
        Self {
            schema: GATEWAY_SCHEMA.to_owned(),
            created,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario,
            machine,
            rounds: rounds.len(),
            facts: facts(&direct, &through),
            added: added(&direct, &through),
        }
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// If the text breaks off, is something else, or has another version's form.
    pub fn from_json(text: &str) -> Result<Self, FormError> {
        FORM.read(text)
    }

    /// As JSON for people and programs, with a line feed at its end.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The fact about the same thing in this record.
    pub(super) fn fact(&self, like: &Fact) -> Option<&Fact> {
        self.facts
            .iter()
            .find(|fact| fact.group == like.group && fact.subject == like.subject)
    }

    /// The same latency in this record.
    pub(super) fn latency(&self, like: &Added) -> Option<&Added> {
        self.added
            .iter()
            .find(|added| added.group == like.group && added.figure == like.figure)
    }
}

#[cfg(test)]
mod tests;
