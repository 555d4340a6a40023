//! Faults on request: what a server does wrong, or late, because it was asked to.
//!
//! A connection with faults has a [`FaultyTransport`] between its session and its socket, so that neither the session nor the
//! mode knows of them, and a connection without faults does not pay for them.
//!
//! | file | purpose |
//! |---|---|
//! | `kind` | [`FaultKind`]: the names of all faults |
//! | `plan` | [`FaultPlan`]: the faults of a connection, as a query and a file write them |
//! | `effect` | what each of them does, and how its setting is written |
//! | `notation` | how settings are written |
//! | `choice` | which messages a fault meets |
//! | `delay` | how long a message takes |
//! | `outgoing` | what becomes of the frames to the client, without a socket and without a clock |
//! | `incoming` | how much is read from the client, likewise |
//! | `transport` | [`FaultyTransport`]: both of them around a socket, with a timer |
//! | `handshake` | [`BadHandshake`]: answers to an upgrade that are wrong |
//! | `hold` | [`Held`]: an upgrade without an answer |
//! | `tally` | [`FaultTally`]: how often each fault was applied, for journal and metrics |
//! | `request` | [`RequestedFaults`]: the faults of one request, from its query, its route and its probe |

mod choice;
mod delay;
mod effect;
mod handshake;
mod hold;
mod incoming;
mod kind;
mod notation;
mod outgoing;
mod plan;
mod request;
mod tally;
mod transport;

pub(crate) use hold::Held;
pub(crate) use kind::FaultKind;
pub use plan::{FaultError, FaultPlan};
pub(crate) use request::{RequestedFaults, faults_are_off};
pub(crate) use tally::{FaultRecord, FaultTally};
pub(crate) use transport::{Attended, FaultyTransport};
