//! Processes that are not in this server: remote ones, reached over a message bus.
//!
//! Each node listens on the subject `wsbench.relay.<node>`. A letter is one message: its JSON with `to`, the PID that it is
//! for, and `reply_to`, the subject of the node that it comes from.
//!
//! | file | purpose |
//! |---|---|
//! | `bus` | [`Bus`]: what a message bus has to be able to do |
//! | `nats` | NATS as a bus |
//! | `uplink` | [`Uplink`]: letters over the bus, both ways |
//! | `stand_in` | the local process that stands in for a remote one |

mod bus;
mod nats;
mod stand_in;
mod uplink;

pub(crate) use bus::BusError;
pub(crate) use nats::NatsBus;
pub(crate) use stand_in::{Remote, stand_in};
pub(crate) use uplink::{MONITOR, Uplink};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
