//! Two servers that share their rooms through a real Redis and a real NATS (seed B18).
//!
//! They need what `scripts/install-test-tools` installs, so they are built with the feature `real-tests` only. Each test has a
//! broker of its own on a free port.
//!
//! | file | purpose |
//! |---|---|
//! | `broker` | a broker's process: started, ended, stopped in its tracks |
//! | `world` | two servers and their clients |
//! | `sharing` | what passes between servers while all is well |
//! | `losing` | what happens while the broker is gone, and after it came back |

#![expect(clippy::unwrap_used, reason = "a world that cannot be set up fails its test")]

mod broker;
mod losing;
#[path = "../shared/nats_server.rs"]
mod nats_server;
#[path = "../shared/port.rs"]
mod port;
mod sharing;
mod world;
