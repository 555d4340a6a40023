//! The interactive client against real servers on loopback sockets, each built on tokio-tungstenite.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "connect/support.rs"]
mod support;

#[path = "connect/closing.rs"]
mod closing;
#[path = "connect/conversation.rs"]
mod conversation;
#[path = "connect/input.rs"]
mod input;
#[path = "connect/opening.rs"]
mod opening;
