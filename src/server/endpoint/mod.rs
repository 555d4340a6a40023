//! Routes that answer plain HTTP: one file each.

mod api;
mod health;
mod journal;
mod metrics;

pub(crate) use api::Endpoint;
pub(crate) use health::Health;
pub(crate) use journal::Journal;
pub(crate) use metrics::Metrics;
