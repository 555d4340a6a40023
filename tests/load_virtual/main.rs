//! Virtual clients of the load engine in a world of virtual time.
//!
//! | file | purpose |
//! |---|---|
//! | `world` | the clients' driver, the network and a scripted server |
//! | `replies` | what is answered, lost, expected, exact to the nanosecond |
//! | `connections` | how they begin and end |
//! | `timing` | schedules, pings, stalls |
//! | `stages` | clients that come and go |
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
mod connections;
mod endings;
mod fanout;
mod language;
mod reading;
mod replies;
mod stages;
mod steering;
mod timing;
mod world;
