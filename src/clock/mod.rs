//! Monotonic time as a plain number, so that everything above it can run over virtual time.
//!
//! Code that decides anything takes `now: Moment` as an argument. Only drivers (the load reactor, the server's
//! workers, the command line) call [`now`]; tests pass whatever moment they like.

mod moment;
mod pace;
mod wheel;

pub use moment::{Moment, now};
pub use pace::Pace;
pub use wheel::Wheel;
