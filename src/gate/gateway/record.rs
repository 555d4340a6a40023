//! [`GatewayRecord`]: what was found out about a gateway, to be kept as a baseline.

use serde::{Deserialize, Serialize};

use crate::gate::baseline::{Machine, ScenarioId};
use crate::metrics::Summary;

use super::added::{Added, added};
use super::fact::{Fact, facts};

/// Name and version of the form. A field that is added keeps the version; one that is removed or changes its meaning
/// makes a new one.
pub const GATEWAY_SCHEMA: &str = "wsbench.gateway/1";

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

/// Why a record could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// It is not JSON, breaks off, or is something else.
    #[error("it is no baseline of a gateway ({0}); `wsbench gateway compare ... --save NAME` makes one")]
    Malformed(#[from] serde_json::Error),
    /// It has another form.
    #[error("it has the form `{found}`, and this wsbench reads `{GATEWAY_SCHEMA}`; save it again")]
    OtherSchema {
        /// What it calls its form.
        found: String,
    },
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
    /// If it is something else.
    pub fn from_json(text: &str) -> Result<Self, GatewayError> {
        #[derive(Deserialize)]
        struct Form {
            schema: String,
        }
        let Form { schema } = serde_json::from_str(text)?;
        if schema != GATEWAY_SCHEMA {
            return Err(GatewayError::OtherSchema { found: schema });
        }
        Ok(serde_json::from_str(text)?)
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
