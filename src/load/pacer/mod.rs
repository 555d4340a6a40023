//! When clients start and stop, computed from the plan alone: no clock, no state but how far one has read.
//!
//! Offsets count from the begin of the run. They are *intended* moments: a driver that is late performs a change at once
//! and the lateness shows in the measurements; it never moves the schedule.

mod closed;
mod open;

pub use closed::{Change, ClosedPacer};
pub use open::OpenPacer;
