//! The WebSocket protocol without input or output (RFC 6455, RFC 7692): bytes in, events and bytes out.

pub mod deflate;
pub mod extension;
pub mod role;

pub use role::Role;
