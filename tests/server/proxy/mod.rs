//! The WebSocket proxy of seed C, before upstreams that are servers of their own.
//!
//! | file | purpose |
//! |---|---|
//! | `world` | upstreams, a proxy before them, and what they say |
//! | `upgrading` | how an upgrade reaches an upstream, and its answer the client |
//! | `messages` | what passes between client and upstream, and how both end |
//! | `balance` | which upstream gets a connection while all are up |
//! | `health` | which upstreams are up |

mod balance;
mod health;
mod messages;
mod upgrading;
mod world;

pub(crate) use world::{until, up};
