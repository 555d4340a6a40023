//! What a route does with the messages of its clients: one file for each mode.
//!
//! | file | purpose |
//! |---|---|
//! | `api` | [`Mode`]: the interface |
//! | `gate` | [`Gate`]: a mode that has to ask somebody before it accepts a connection |
//! | `kind` | [`ModeConfig`]: the table of modes and their settings; [`Service`]: what is made from it |
//! | the others | a mode each |
//!
//! To add a mode, write its file and enter it into the table.

mod api;
mod broadcast;
mod echo;
mod gate;
mod health_ws;
mod iot;
mod kind;
mod prefixed_echo;
mod relay;

pub(crate) use api::{Message, Mode};
pub(crate) use gate::{Admitted, Denied, Gate};
pub use kind::ModeConfig;
pub(crate) use kind::Service;
pub use prefixed_echo::PrefixedEchoConfig;
pub use relay::RelayRouteConfig;

#[cfg(test)]
mod testing;
