//! The load engine: interprets a [`Plan`](crate::scenario::Plan) with many virtual clients and records what they see.
//!
//! | file | purpose |
//! |---|---|
//! | `pacer` | when clients start and stop: pure functions of the plan |
//! | `vclient` | one virtual client, without input or output |
//! | `reactor` | drives virtual clients over real sockets, on one thread |
//! | `fanout` | who was owed which message of a room, and who got it |
//! | `roster` | one worker's share of the clients |
//! | `worker` | one thread: its clients, its measurements, its end |
//! | `health` | whether there is a target at all, and when to give up |
//! | `control` | how a run is paused, scaled and ended while it goes on |
//! | `target` | what is tested, resolved once |
//! | `coordinator` | [`run`]: a whole run |
//!
//! A run ends in this order. After the last stage, or at [`Control::stop`], no client starts, loops without a bound end,
//! and flows may finish within the plan's graceful stop. What is left then, or at [`Control::interrupt`], is closed with
//! 1001. Whoever has not ended a second after the longest close timeout, or at [`Control::abort`], is cut off.

mod control;
mod coordinator;
mod fanout;
mod health;
pub mod pacer;
mod reactor;
pub mod roster;
mod target;
pub mod vclient;
mod worker;

pub use control::{Control, ControlState, MAX_SCALED_CLIENTS};
pub use coordinator::{LoadError, RunOptions, RunOutcome, check_open_files, default_workers, run};
pub use health::EarlyEnd;
pub use reactor::{Endpoint, TlsEndpoint};
pub use target::{ResolvedTarget, SetupError};
