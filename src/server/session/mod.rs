//! A WebSocket connection after its upgrade.
//!
//! | file | purpose |
//! |---|---|
//! | `task` | [`Session`]: the task, and all that it keeps |
//! | `turn` | what it does each time it is polled: read, answer, write |
//! | `life` | how far it has come and how it ends |
//! | `deadlines` | everything that depends on time, without a clock |
//! | `output` | what is said in a turn, gathered and written at once |
//! | `peer` | [`Peer`]: the client as a mode sees it |
//! | `transport` | [`Transport`]: TCP, or TLS over it |

mod deadlines;
mod life;
mod output;
mod peer;
mod task;
#[cfg(test)]
mod tests;
mod transport;
mod turn;

#[cfg(test)]
pub(crate) use output::Output;
pub(crate) use peer::{Peer, Room};
pub(crate) use task::{Admission, Places, Session, Upgraded};
pub(crate) use transport::Transport;
