//! [`RequestedFaults`]: the faults of one request, from its route, its probe and its query.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::effect::Effect;
use super::handshake::{self, BadHandshake};
use super::plan::{FaultError, FaultPlan};
use crate::server::http::Refusal;
use crate::server::query::Query;

/// The faults of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestedFaults {
    plan: FaultPlan,
    /// The first frame goes out in one segment with the 101.
    greets: bool,
}

/// What a server answers that was not started with faults.
pub(crate) fn faults_are_off() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "faults are off; start the server with --faults",
    )
}

impl From<FaultError> for Refusal {
    fn from(error: FaultError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl RequestedFaults {
    /// Those of the route, and over them each `fault=` of the query.
    ///
    /// # Errors
    /// A fault that cannot be understood.
    pub(crate) fn read(route: &FaultPlan, query: Query<'_>) -> Result<Self, FaultError> {
        let mut plan = route.clone();
        for written in query.values("fault") {
            plan.add_written(&written)?;
        }
        Ok(Self { plan, greets: false })
    }

    /// With those of a probe.
    pub(crate) fn with(mut self, probe: &FaultPlan) -> Self {
        self.plan.extend(probe);
        self
    }

    /// With the 101 in one segment with the first frame.
    pub(crate) fn greeting(mut self) -> Self {
        self.greets = true;
        self
    }

    /// The faults themselves.
    pub(crate) fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// How long the upgrade is to stay without an answer.
    pub(crate) fn hold(&self) -> Option<Duration> {
        self.plan.effects().find_map(|effect| match effect {
            Effect::Hold(time) => Some(*time),
            _ => None,
        })
    }

    /// What is wrong with the answer.
    pub(crate) fn bad_handshake(&self) -> Option<BadHandshake> {
        self.plan.effects().find_map(|effect| match effect {
            Effect::BadHandshake(mode) => Some(*mode),
            _ => None,
        })
    }

    /// The answer to the upgrade byte by byte, if it is not to be HTTP's own.
    pub(crate) fn head(&self, headers: &HeaderMap) -> Option<Vec<u8>> {
        let spoilt = self.bad_handshake();
        (self.greets || spoilt.is_some()).then(|| handshake::answer(headers, spoilt))
    }

    /// Whether the connection is like any other.
    pub(crate) fn is_empty(&self) -> bool {
        self.plan.is_empty() && !self.greets
    }
}
