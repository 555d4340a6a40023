//! The reference server over real sockets: one file for each part of its behaviour.

#![expect(clippy::unwrap_used, reason = "whatever does not work fails the test")]

mod admin;
mod broadcast;
mod compression;
mod echo;
mod health;
mod heartbeat;
mod http;
mod iot;
mod journal;
mod limits;
mod ops;
mod process;
mod reload;
mod shutdown;
mod slow;
mod support;
mod tls;
