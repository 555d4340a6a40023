//! The opening handshake (RFC 6455 4), both ends, without input or output.
//!
//! | file | purpose |
//! |---|---|
//! | `accept` | `Sec-WebSocket-Key` and the answer to it |
//! | `head` | one HTTP/1.1 head, arriving in any pieces, within limits |
//! | `rules` | which requirements are enforced |
//! | `request` | [`ClientRequest`]: what a client asks for, written as bytes |
//! | `client` | [`ClientHandshake`]: the request goes out, the answer is judged |
//! | `client_error` | [`HandshakeError`]: everything that can be wrong with an answer |
//! | `upgrade` | [`parse_upgrade`]: a request judged by a server, whoever parsed it; the 101 |
//! | `refusal` | [`UpgradeRefusal`]: why a server says no, and the answer that says so |
//! | `server` | [`ServerHandshake`]: a server's handshake over raw bytes |

mod accept;
mod client;
mod client_error;
mod head;
mod refusal;
mod request;
mod rules;
mod server;
#[cfg(test)]
mod tests;
mod upgrade;

pub use accept::{accept_key, is_valid_key, key_text};
pub use client::{ClientHandshake, HandshakeProgress, ServerResponse};
pub use client_error::{HandshakeError, Refusal};
pub use head::{HeadError, HeadLimits};
pub use refusal::UpgradeRefusal;
pub use request::{ClientRequest, RequestError};
pub use rules::HandshakeRules;
pub use server::{RequestHead, ServerHandshake, ServerProgress};
pub use upgrade::{UpgradeRequest, UpgradeResponse, parse_upgrade};
