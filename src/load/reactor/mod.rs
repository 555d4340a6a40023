//! The driver of virtual clients: sockets, time and memory for thousands of them on one thread.
//!
//! | file | purpose |
//! |---|---|
//! | `engine` | [`Reactor`]: clients in a slab, their timers in a wheel, one read and one write buffer for all |
//! | `io` | what sockets bring: connects that finish, bytes, room to write, ends |
//! | `dialer` | which clients connect next, how many at once, from and to which address |
//! | `socket` | one non-blocking socket with what it could not send yet |
//! | `tls` | rustls between a socket and a client |
//! | `poller` | waits for sockets until a moment, finer than a millisecond |
//!
//! Edge-triggered: a read that did not fill the buffer has emptied the socket, so it is not tried again. What a client
//! writes while it handles one event goes out in one write, and everything that a read brought is handled before the next.
//! The clock is read once per read and once per batch of timers.

mod dialer;
mod engine;
mod io;
mod poller;
mod socket;
mod tls;

pub use dialer::{Endpoint, TlsEndpoint};
pub(super) use engine::{Census, Reactor, ReactorConfig};
