//! The rooms of several servers, made one by a message broker (seed B18).
//!
//! A server delivers to its own clients at once, whatever the broker does; beside that it gives every publication of a room
//! to the broker, tagged with its origin, and delivers what comes from other origins. So a message reaches each client once,
//! and messages of one sender keep their order. While the broker is gone, publications stay on their server and are counted.
//!
//! All traffic with the broker is on a thread of its own. Nothing waits without bound: what does not fit into a queue in
//! either direction is dropped and counted.
//!
//! | file | purpose |
//! |---|---|
//! | `config` | [`BackplaneConfig`]: which broker |
//! | `parcel` | [`Parcel`](parcel::Parcel): what passes between servers, and its encoding |
//! | `outlet` | [`Backplane`]: what the workers see of it; its figures |
//! | `thread` | its thread: connect, both ways, reconnect |
//! | `inlet` | from the broker to the workers |
//! | `link` | a connection to a broker, whichever |
//! | `redis`, `nats` | the brokers |

mod config;
mod inlet;
mod link;
mod nats;
mod outlet;
mod parcel;
mod redis;
mod thread;

pub use config::{BackplaneConfig, BrokerConfig, BrokerUrl, NoBackplane};

pub(crate) use outlet::Backplane;
