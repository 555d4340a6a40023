//! `notifications`: events from a NATS JetStream stream are pushed to every client of the route (seeds D6, D22).
//!
//! | file | purpose |
//! |---|---|
//! | `config` | [`NotificationsConfig`]: the settings |
//! | `event` | an event as clients see it |
//! | `recent` | which events were pushed lately |
//! | `feed` | [`Feed`]: what the workers share of a route |
//! | `consumer` | pulls events, pushes them, acknowledges them |
//! | `session` | [`Listener`]: the mode |

mod config;
mod consumer;
mod event;
mod feed;
mod recent;
mod session;

pub use config::{Deliver, NotificationsConfig};
pub(crate) use consumer::run;
pub(crate) use feed::Feed;
pub(super) use session::Listener;
