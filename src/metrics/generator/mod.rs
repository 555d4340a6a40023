//! Whether the generator can be believed: what it measures of itself, and when a run says nothing about its target.
//!
//! | file | purpose |
//! |---|---|
//! | `pulse` | what workers and their process tell of themselves while a run goes on |
//! | `limits` | from when on a run is invalid |
//! | `log` | [`GeneratorLog`]: all of it, second by second |
//! | `figures` | what summaries and snapshots hold of it |
//! | `finding` | what is wrong, in words, and what to do |
//!
//! `docs/generator.md` says what is watched, and why the limits are where they are.

mod figures;
mod finding;
mod limits;
mod log;
mod pulse;
#[cfg(test)]
mod tests;

pub use figures::{GeneratorFigures, GeneratorSnapshot, WorkerFigures, WorkerShare};
pub use finding::{Finding, FindingKind, Verdict};
pub use limits::GeneratorLimits;
pub(super) use log::GeneratorLog;
pub use pulse::{Lags, ProcessPulse, WorkerPulse};
