//! What a route does with the messages of its clients: one file for each mode.
//!
//! | file | purpose |
//! |---|---|
//! | `api` | [`Mode`]: the interface |
//! | `gate` | [`Gate`]: a mode that has to ask somebody before it accepts a connection |
//! | `kind` | [`ModeConfig`]: the table of modes and their settings; [`Service`]: what is made from it |
//! | `probe` | the routes that gateways and clients are probed with |
//! | the others | a mode each |
//!
//! To add a mode, write its file and enter it into the table.

mod api;
mod broadcast;
mod echo;
mod gate;
mod iot;
mod kind;
mod prefixed_echo;
mod probe;
mod relay;

pub(crate) use api::{Message, Mode};
pub(crate) use gate::{Admitted, Denied, Gate};
pub use kind::ModeConfig;
pub(crate) use kind::Service;
pub use prefixed_echo::PrefixedEchoConfig;
pub use probe::ProbeKind;
pub(crate) use probe::ProbeRequest;
pub use relay::RelayRouteConfig;

#[cfg(test)]
mod testing;
