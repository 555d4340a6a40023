//! What a route does with the messages of its clients: one file for each mode.
//!
//! | file | purpose |
//! |---|---|
//! | `api` | [`Mode`]: the interface |
//! | `gate` | [`Gate`]: a mode that has to ask somebody before it accepts a connection |
//! | `kind` | [`ModeConfig`]: the table of modes and their settings; [`Service`]: what is made from it |
//! | `json` | what modes that speak JSON have in common |
//! | `probe` | the routes that gateways and clients are probed with |
//! | the others | a mode each |
//!
//! To add a mode, write its file and enter it into the table.

mod api;
mod broadcast;
mod chat;
mod dashboard;
mod echo;
mod game;
mod gate;
mod health_ws;
mod iot;
mod json;
mod kind;
mod notifications;
mod prefixed_echo;
mod probe;
mod proxy;
mod relay;
mod upload;

pub(crate) use api::{Message, Mode};
pub use chat::ChatConfig;
pub use dashboard::DashboardConfig;
pub use game::GameConfig;
pub(crate) use gate::{Admitted, Denied, Gate};
pub use kind::ModeConfig;
pub(crate) use kind::Service;
pub use notifications::{Deliver, NotificationsConfig};
pub(crate) use notifications::{Feed, run as run_notifications};
pub use prefixed_echo::PrefixedEchoConfig;
pub use probe::ProbeKind;
pub(crate) use probe::ProbeRequest;
pub use relay::RelayRouteConfig;
pub use upload::UploadConfig;
pub(crate) use upload::Uploads;

#[cfg(test)]
mod testing;
