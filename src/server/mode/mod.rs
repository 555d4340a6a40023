//! What a route does with the messages of its clients: one file for each mode.
//!
//! | file | purpose |
//! |---|---|
//! | `api` | [`Mode`]: the interface |
//! | `kind` | [`ModeConfig`]: the table of modes and their settings; [`Service`]: what is made from it |
//! | the others | a mode each |
//!
//! To add a mode, write its file and enter it into the table.

mod api;
mod broadcast;
mod echo;
mod iot;
mod kind;
mod prefixed_echo;

pub(crate) use api::{Message, Mode};
pub use kind::ModeConfig;
pub(crate) use kind::Service;
pub use prefixed_echo::PrefixedEchoConfig;

#[cfg(test)]
mod testing;
