//! The server's configuration: plain structs with defaults, and the YAML that they are read from.
//!
//! | file | purpose |
//! |---|---|
//! | `server` | [`ServerConfig`]: listeners, workers, TLS, connection limits |
//! | `route` | [`RouteConfig`]: what a file says of a route; [`RouteLimits`]: what follows from it and the defaults |
//! | `load` | reading YAML, [`ConfigError`] |

mod load;
mod route;
mod server;

pub use load::ConfigError;
pub use route::{RouteConfig, RouteLimits, SlowConsumer};
pub use server::{AdminConfig, ConnectionLimits, ServerConfig, TlsConfig};

pub(crate) use route::{RoutePlan, plan_routes};
