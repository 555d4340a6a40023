//! A virtual client without input or output: bytes and time in, bytes and the next deadline out.
//!
//! | file | purpose |
//! |---|---|
//! | `turn` | what a client is given: script, time, where to write and record |
//! | `client` | [`VClient`]: its state, its deadlines, how it begins, stops and starts again |
//! | `flow` | the interpreter of a plan's operations; intended moments |
//! | `loops` | rounds, schedules, jitter |
//! | `link` | the connection from attempt to end, and the books of it |
//! | `upgrade` | the HTTP upgrade |
//! | `inbound` | messages, pings, pongs and Close frames of the peer |
//! | `reading` | how fast it reads |
//! | `pending` | what is owed an answer |
//! | `hold` | what a pause of the run means to a client |
//! | `memory` | captured values, rows, branches |
//! | `probe` | the search for the largest message that is accepted |
//! | `rooms` | what it says to a room and hears of it |
//! | `stream` | messages that the target numbers itself |
//! | `reconnect` | what becomes of a client whose flow failed |
//!
//! What a plan leaves open is decided here. A flow that ends closes its connection with 1000, once the replies under way
//! have come or timed out; a closed model then starts it again at once. A flow fails when its connection ends under it,
//! when a connect fails or an expectation is not met; it starts again after a pause that grows with each failure,
//! unless its scenario has a policy of its own. A lost
//! reply or pong is counted and fails nothing. Messages that come while nobody waits for them are not kept: an expectation
//! sees what comes after it was reached.
//!
//! A new kind of step is an operation in the plan, an arm in `flow` and, if it waits for something, a
//! variant of `Wait` with its deadline in `client`.

mod client;
mod flow;
mod hold;
mod inbound;
mod link;
mod loops;
mod memory;
mod pending;
mod probe;
mod reading;
mod reconnect;
mod rooms;
mod stream;
mod turn;
mod upgrade;

pub use client::{Command, VClient};
pub use link::TransportEnd;
pub use turn::{Scratch, Script, Turn};
