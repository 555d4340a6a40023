//! The server's choice among a client's offers (RFC 7692 5 and 7.1).

use super::params::{Answer, ClientWindow, DeflateOffer, DeflateParams, WindowBits};
use super::{DEFAULT_LEVEL, EXTENSION_NAME};
use crate::wire::extension::Extension;

/// How a server compresses, and what it asks of its clients.
///
/// The default keeps no window on either side, as in the seed (B12): it costs a little compression and saves up to
/// 400 KiB a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateConfig {
    /// Forget our window after each message even if the client does not demand it.
    pub server_no_context_takeover: bool,
    /// Ask every client to forget its window after each message.
    pub client_no_context_takeover: bool,
    /// Our largest window.
    pub server_max_window_bits: WindowBits,
    /// The client's largest window, as far as it lets itself be limited.
    pub client_max_window_bits: WindowBits,
    /// zlib's level, 0 (store) to 9 (smallest).
    pub level: u8,
}

impl Default for DeflateConfig {
    fn default() -> Self {
        Self {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: WindowBits::MAX,
            client_max_window_bits: WindowBits::MAX,
            level: DEFAULT_LEVEL,
        }
    }
}

/// An accepted offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedDeflate {
    /// What holds on the connection.
    pub params: DeflateParams,
    /// The value of the response's `Sec-WebSocket-Extensions`.
    pub response: String,
}

/// Accepts the first valid offer of permessage-deflate among `offers`, in the client's order of preference.
///
/// Other extensions and invalid offers (unknown, repeated or out-of-range parameters) are passed over; with no valid
/// offer the answer is `None` and the connection goes on uncompressed (RFC 7692 7.1).
#[must_use]
pub fn negotiate_deflate(offers: &[Extension<'_>], config: &DeflateConfig) -> Option<AcceptedDeflate> {
    offers
        .iter()
        .filter(|extension| extension.name == EXTENSION_NAME)
        .find_map(|extension| DeflateOffer::from_extension(extension).ok())
        .map(|offer| answer(&offer, config))
}

fn answer(offer: &DeflateOffer, config: &DeflateConfig) -> AcceptedDeflate {
    let server_window = config
        .server_max_window_bits
        .min(offer.server_max_window_bits.unwrap_or(WindowBits::MAX));
    let client_window = match offer.client_max_window_bits {
        ClientWindow::Fixed => WindowBits::MAX,
        ClientWindow::Limitable => config.client_max_window_bits,
        ClientWindow::AtMost(bits) => config.client_max_window_bits.min(bits),
    };
    let params = DeflateParams {
        server_no_context_takeover: config.server_no_context_takeover || offer.server_no_context_takeover,
        client_no_context_takeover: config.client_no_context_takeover || offer.client_no_context_takeover,
        server_max_window_bits: server_window,
        client_max_window_bits: client_window,
    };
    let answer = Answer {
        params,
        // A demand is accepted by repeating it; what nobody asked for is named only where it differs from the default,
        // because some clients refuse parameters that they did not expect.
        names_server_window: offer.server_max_window_bits.is_some() || server_window < WindowBits::MAX,
        names_client_window: client_window < WindowBits::MAX,
    };
    AcceptedDeflate {
        params,
        response: answer.to_string(),
    }
}
