//! permessage-deflate (RFC 7692): its negotiation, and the compression of messages.
//!
//! - [`DeflateOffer`], [`DeflateConfig`], [`DeflateParams`]: what a client asks for, what a server allows, what both agreed on.
//! - [`Inflater`], [`Deflater`]: one direction each, over raw DEFLATE.
//!
//! **Memory.** A connection that does not compress holds nothing of this module. A direction *without* context takeover
//! holds a few bytes: the DEFLATE state (about 45 KiB to inflate, up to 370 KiB to deflate) belongs to the thread and is
//! lent to one message at a time. A direction *with* context takeover must remember its window and so owns such a
//! state from its first compressed message on; with thousands of connections, negotiate it away.

mod compress;
mod decompress;
mod negotiation;
mod params;
mod spare;
#[cfg(test)]
mod tests;

pub use compress::{DEFAULT_LEVEL, Deflater};
pub use decompress::{InflateError, Inflater};
pub use negotiation::{AcceptedDeflate, DeflateConfig, negotiate_deflate};
pub use params::{
    ClientWindow, DeflateOffer, DeflateParamError, DeflateParams, DeflateResponseError, WindowBits,
};

/// The extension's registered name (RFC 7692 7).
pub const EXTENSION_NAME: &str = "permessage-deflate";

/// What ends a message's DEFLATE data on the way through zlib and is left out on the wire (RFC 7692 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
