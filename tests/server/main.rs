//! The reference server over real sockets: one file for each part of its behaviour.

#![expect(clippy::unwrap_used, reason = "whatever does not work fails the test")]

mod admin;
mod auth;
mod broadcast;
mod command;
mod compression;
mod echo;
mod health;
mod heartbeat;
mod http;
mod iot;
mod issuer;
mod journal;
mod limits;
mod limits_table;
mod ops;
mod process;
mod reload;
mod shutdown;
mod slow;
mod support;
mod tls;
