//! Connections as processes, over the network: real clients, a real server, real handlers and programs.
//!
//! | file | purpose |
//! |---|---|
//! | `world` | a server, its clients, its administrator |
//! | `handler` | an upstream handler that the test scripts |
//! | `choosing` | who decides where a connection goes: handlers, origins |
//! | `talking` | what passes between clients and processes |
//! | `living` | ends, links, transfers, programs |
//! | `steering` | the administrator's endpoint |
//! | `nats` | remote processes (feature `real-tests`) |
//! | `examples` | the handlers and the program under `scenarios/relay` |

#![expect(clippy::unwrap_used, reason = "a world that cannot be set up fails its test")]

mod choosing;
mod examples;
mod handler;
mod living;
#[cfg(feature = "real-tests")]
mod nats;
#[cfg(feature = "real-tests")]
#[path = "../shared/nats_server.rs"]
mod nats_server;
#[path = "../shared/port.rs"]
mod port;
mod steering;
mod talking;
mod world;
