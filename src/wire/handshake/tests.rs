//! Tests of the opening handshake by section of RFC 6455.

mod client;
mod request;
mod server;
mod splits;
