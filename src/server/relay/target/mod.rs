//! What a connection can be bound to: one file for each kind of process.

mod echo;
mod program;
mod recorder;
mod room;

pub(crate) use echo::echo;
pub(crate) use program::Program;
pub(crate) use recorder::recorder;
pub(crate) use room::room;
