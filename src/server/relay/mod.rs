//! Connections as processes (seed E): each has a PID, gets letters, can be monitored, linked and moved to another process.
//!
//! A client's message goes from its session (a worker's thread) through an inlet to the connection's process, and as a
//! letter to the target's mailbox; what the target sends goes to the connection's mailbox and from there to the session.
//!
//! | file | purpose |
//! |---|---|
//! | `system` | [`Relay`]: a server's processes and the thread that runs them |
//! | `config` | [`RelayConfig`]: which processes can be started |
//! | `directory` | from a name to its process, which may have to be started |
//! | `processes` | starting, finding, watching and ending processes |
//! | `table` | which there are and who wants to know of their end |
//! | `pid`, `exit` | [`Pid`], [`ExitReason`] |
//! | `letter`, `json` | what processes send each other, and its JSON |
//! | `mailbox`, `postbox`, `me` | where letters wait; the way to a process; a process as its own code sees it |
//! | `inlet`, `connection`, `outgoing` | a client's connection as a process |
//! | `target` | what it can be bound to: echo, room, recorder, programs |
//! | `remote` | processes elsewhere, over NATS |
//! | `ops` | what a program can ask of the process system |
//! | `handler`, `header`, `origin` | who decides where a connection goes |

mod config;
mod connection;
mod directory;
mod exit;
mod handler;
mod header;
mod inlet;
mod json;
mod letter;
mod mailbox;
mod me;
mod ops;
mod origin;
mod outgoing;
mod pid;
mod postbox;
mod processes;
mod remote;
mod system;
mod table;
mod target;

#[cfg(test)]
mod testing;

pub use config::{ProcessSpec, ProgramSpec, RelayConfig};
pub use handler::HandlerUrl;
pub use origin::AllowedOrigins;

pub(crate) use connection::{Assignment, connect};
pub(crate) use directory::{Directory, ResolveError};
pub(crate) use exit::ExitReason;
pub(crate) use handler::{Handler, HandlerAnswer, HandlerError};
pub(crate) use header::{RelayHeader, default_topic};
pub(crate) use inlet::{Inlet, Parting};
pub(crate) use json::Envelope;
pub(crate) use letter::{Content, Data, Letter};
pub(crate) use pid::Pid;
pub(crate) use processes::SendError;
pub(crate) use system::{Relay, RelayError};
pub(crate) use table::Kind;
