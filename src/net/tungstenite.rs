//! What tokio-tungstenite does that whoever speaks by it has to know.

use crate::wire::CloseCode;

/// What it makes of a Close frame with a code that it does not allow (RFC 6455 7.4; it counts 1014 among them): it answers
/// with this and hands it out as if it had come from the peer, whose own code and reason are lost.
pub const REFUSED_CLOSE: (CloseCode, &str) = (CloseCode::PROTOCOL_ERROR, "Protocol violation");
