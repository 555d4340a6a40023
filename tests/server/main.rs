//! The reference server over real sockets: one file for each part of its behaviour.

#![expect(clippy::unwrap_used, reason = "whatever does not work fails the test")]

mod admin;
mod auth;
mod broadcast;
mod chat;
mod command;
mod compression;
mod dashboard;
mod echo;
mod faults;
mod game;
mod health;
mod heartbeat;
mod http;
mod iot;
mod issuer;
mod journal;
mod limits;
mod limits_table;
mod misbehaving;
#[path = "../shared/nats_server.rs"]
mod nats_server;
mod notifications;
mod ops;
#[path = "../shared/port.rs"]
mod port;
mod probes;
mod process;
mod proxy;
mod raw;
mod reload;
mod rooms;
mod shutdown;
mod slow;
mod support;
mod tls;
mod upload;
