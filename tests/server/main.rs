//! The reference server over real sockets: one file for each part of its behaviour.

#![expect(clippy::unwrap_used, reason = "whatever does not work fails the test")]

mod broadcast;
mod compression;
mod echo;
mod faults;
mod http;
mod iot;
mod journal;
mod limits;
mod probes;
mod raw;
mod shutdown;
mod slow;
mod support;
mod tls;
