//! The reference server over real sockets: one file for each part of its behaviour.

mod broadcast;
mod compression;
mod echo;
mod http;
mod iot;
mod journal;
mod limits;
mod shutdown;
mod slow;
mod support;
mod tls;
