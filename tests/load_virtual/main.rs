//! Virtual clients of the load engine in a world of virtual time.
//!
//! | file | purpose |
//! |---|---|
//! | `world` | the clients' driver, the network and a scripted server |
//! | `simulation` | what a client does and measures, exact to the nanosecond |
//! | `language` | captures, branches, rows, credentials, reconnects, sizes |
//! | `accuracy` | reported percentiles against those that are known |
//! | `steering` | runs that are paused, scaled and ended while they go on |
//! | `endings` | pings of the peer, closes, sizes |
//! | `fanout` | rooms whose server loses, doubles and disorders |
//! | `reading` | clients that read slowly |
//! | `books` | whatever happens, the books balance |

#![expect(clippy::unwrap_used, reason = "a world that cannot be set up fails its test")]

mod accuracy;
mod books;
mod endings;
mod fanout;
mod language;
mod reading;
mod simulation;
mod steering;
mod world;
