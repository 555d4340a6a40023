//! Routes that answer plain HTTP: one file each.

mod admin;
mod api;
mod features;
mod health;
mod journal;
mod metrics;
mod page;
mod relay;

pub(crate) use admin::Admin;
pub(crate) use api::{Answer, Endpoint};
pub(crate) use health::Health;
pub(crate) use journal::Journal;
pub(crate) use metrics::Metrics;
pub(crate) use relay::RelayAdmin;
pub use relay::RelayAdminConfig;
