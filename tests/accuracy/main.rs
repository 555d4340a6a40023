//! `wsbench run` as a program against `wsbench serve` as another: what the one counts is what the other saw, and who steers
//! the one over HTTP gets what was asked for.
//!
//! | file | purpose |
//! |---|---|
//! | `process` | the two programs, and HTTP by hand |
//! | `journal` | counts against the server's own journal |
//! | `generator` | when the generator itself is the bottleneck |
//! | `control` | the control interface of a run |

#![expect(
    clippy::unwrap_used,
    reason = "a program that does not do its part fails the test"
)]

mod control;
mod generator;
mod journal;
mod process;
