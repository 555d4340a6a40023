//! The parameters of permessage-deflate (RFC 7692 7.1): as offered, as answered, as agreed on.

use std::fmt;

use super::EXTENSION_NAME;
use crate::wire::Role;
use crate::wire::extension::Extension;

const SERVER_NO_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_WINDOW: &str = "server_max_window_bits";
const CLIENT_WINDOW: &str = "client_max_window_bits";

/// The base-2 logarithm of a compression window: 8 (256 bytes) to 15 (32 KiB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// The smallest window: 256 bytes.
    pub const MIN: Self = Self(8);
    /// The largest window, and the one used where none is named: 32 KiB.
    pub const MAX: Self = Self(15);

    /// `bits` as a window, unless it is outside 8..=15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits >= Self::MIN.0 && bits <= Self::MAX.0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The number of bits, 8..=15.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// A decimal number without leading zeros (RFC 7692 7.1.2.1).
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Self::new(text.parse().ok()?)
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What client and server agreed on for one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeflateParams {
    /// The server forgets its window after each message.
    pub server_no_context_takeover: bool,
    /// The client forgets its window after each message.
    pub client_no_context_takeover: bool,
    /// The window the server compresses with, at most.
    pub server_max_window_bits: WindowBits,
    /// The window the client compresses with, at most.
    pub client_max_window_bits: WindowBits,
}

impl DeflateParams {
    /// Window and no-context-takeover of the direction in which `role` sends.
    pub(super) fn sending(&self, role: Role) -> (WindowBits, bool) {
        match role {
            Role::Client => (self.client_max_window_bits, self.client_no_context_takeover),
            Role::Server => (self.server_max_window_bits, self.server_no_context_takeover),
        }
    }

    /// Window and no-context-takeover of the direction in which `role` receives.
    pub(super) fn receiving(&self, role: Role) -> (WindowBits, bool) {
        self.sending(match role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        })
    }
}

/// What a client says of its own window in an offer (RFC 7692 7.1.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientWindow {
    /// Not mentioned: the server must not limit it.
    #[default]
    Fixed,
    /// `client_max_window_bits`: the server may limit it.
    Limitable,
    /// `client_max_window_bits=N`: the server may limit it further, and the client will not use more anyway.
    AtMost(WindowBits),
}

/// What a client offers in one `permessage-deflate` element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeflateOffer {
    /// Demands that the server forget its window after each message.
    pub server_no_context_takeover: bool,
    /// Says that the client will forget its own.
    pub client_no_context_takeover: bool,
    /// Demands that the server's window be no larger.
    pub server_max_window_bits: Option<WindowBits>,
    /// What the client can do with its own window.
    pub client_max_window_bits: ClientWindow,
}

/// A parameter that permessage-deflate does not allow: an offer with it is declined, a response with it fails the
/// connection (RFC 7692 7.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeflateParamError {
    /// Not a parameter of permessage-deflate.
    #[error("unknown parameter `{0}`")]
    Unknown(String),
    /// The same parameter twice.
    #[error("parameter `{0}` appears twice")]
    Duplicate(&'static str),
    /// A value where none belongs, none where one belongs, or a window outside 8..=15.
    #[error("parameter `{name}` {}", Found(.value.as_deref()))]
    Value {
        /// The parameter.
        name: &'static str,
        /// The value that it came with.
        value: Option<String>,
    },
}

struct Found<'a>(Option<&'a str>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(f, "cannot be `{value}`"),
            None => f.write_str("lacks its value"),
        }
    }
}

/// A response that does not answer the offer: the client must fail the connection (RFC 7692 7.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeflateResponseError {
    /// The response's own parameters are invalid.
    #[error(transparent)]
    Param(#[from] DeflateParamError),
    /// The offer demanded this parameter, and the response lacks it.
    #[error("the offer demanded `{0}`, which the response lacks")]
    Missing(&'static str),
    /// The response limits the client's window though the offer did not allow it.
    #[error("the response contains `client_max_window_bits`, which was not offered")]
    ClientWindowNotOffered,
    /// A window larger than the offer allows.
    #[error("the response raises `{name}` to {answered}, the offer said {offered} at most")]
    WindowTooLarge {
        /// Which window.
        name: &'static str,
        /// What the offer allowed.
        offered: WindowBits,
        /// What the response says.
        answered: WindowBits,
    },
}

impl DeflateOffer {
    /// Reads one `permessage-deflate` element of a client's offer.
    ///
    /// # Errors
    /// The first parameter that makes the offer invalid; the server declines it.
    pub fn from_extension(extension: &Extension<'_>) -> Result<Self, DeflateParamError> {
        let raw = RawParams::read(extension)?;
        let server_max_window_bits = match raw.server_window {
            Some(None) => {
                return Err(DeflateParamError::Value {
                    name: SERVER_WINDOW,
                    value: None,
                });
            }
            other => other.flatten(),
        };
        Ok(Self {
            server_no_context_takeover: raw.server_no_takeover,
            client_no_context_takeover: raw.client_no_takeover,
            server_max_window_bits,
            client_max_window_bits: match raw.client_window {
                None => ClientWindow::Fixed,
                Some(None) => ClientWindow::Limitable,
                Some(Some(bits)) => ClientWindow::AtMost(bits),
            },
        })
    }

    /// Checks a server's answer against this offer (RFC 7692 7.1).
    ///
    /// # Errors
    /// Why the client must fail the connection.
    pub fn accept_response(&self, extension: &Extension<'_>) -> Result<DeflateParams, DeflateResponseError> {
        let raw = RawParams::read(extension)?;
        if self.server_no_context_takeover && !raw.server_no_takeover {
            return Err(DeflateResponseError::Missing(SERVER_NO_TAKEOVER));
        }
        Ok(DeflateParams {
            server_no_context_takeover: raw.server_no_takeover,
            // The client's word holds whether or not the server repeats it (RFC 7692 7.1.1.2).
            client_no_context_takeover: raw.client_no_takeover || self.client_no_context_takeover,
            server_max_window_bits: self.answered_server_window(raw.server_window)?,
            client_max_window_bits: self.answered_client_window(raw.client_window)?,
        })
    }

    fn answered_server_window(
        &self,
        answer: Option<Option<WindowBits>>,
    ) -> Result<WindowBits, DeflateResponseError> {
        match (self.server_max_window_bits, answer) {
            (_, Some(None)) => Err(DeflateParamError::Value {
                name: SERVER_WINDOW,
                value: None,
            }
            .into()),
            (None, None) => Ok(WindowBits::MAX),
            (Some(_), None) => Err(DeflateResponseError::Missing(SERVER_WINDOW)),
            (Some(offered), Some(Some(answered))) if answered > offered => {
                Err(DeflateResponseError::WindowTooLarge {
                    name: SERVER_WINDOW,
                    offered,
                    answered,
                })
            }
            (_, Some(Some(answered))) => Ok(answered),
        }
    }

    fn answered_client_window(
        &self,
        answer: Option<Option<WindowBits>>,
    ) -> Result<WindowBits, DeflateResponseError> {
        match (self.client_max_window_bits, answer) {
            (_, Some(None)) => Err(DeflateParamError::Value {
                name: CLIENT_WINDOW,
                value: None,
            }
            .into()),
            (ClientWindow::Fixed, Some(_)) => Err(DeflateResponseError::ClientWindowNotOffered),
            (ClientWindow::AtMost(offered), Some(Some(answered))) if answered > offered => {
                Err(DeflateResponseError::WindowTooLarge {
                    name: CLIENT_WINDOW,
                    offered,
                    answered,
                })
            }
            (_, Some(Some(answered))) => Ok(answered),
            (ClientWindow::AtMost(offered), None) => Ok(offered),
            (_, None) => Ok(WindowBits::MAX),
        }
    }
}

/// Prints the offer as an element of `Sec-WebSocket-Extensions`.
impl fmt::Display for DeflateOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_flags(
            f,
            self.server_no_context_takeover,
            self.client_no_context_takeover,
        )?;
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; {SERVER_WINDOW}={bits}")?;
        }
        match self.client_max_window_bits {
            ClientWindow::Fixed => Ok(()),
            ClientWindow::Limitable => write!(f, "; {CLIENT_WINDOW}"),
            ClientWindow::AtMost(bits) => write!(f, "; {CLIENT_WINDOW}={bits}"),
        }
    }
}

/// A server's answer: the agreed parameters, and which windows it names.
pub(super) struct Answer {
    pub(super) params: DeflateParams,
    pub(super) names_server_window: bool,
    pub(super) names_client_window: bool,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params = &self.params;
        write_flags(
            f,
            params.server_no_context_takeover,
            params.client_no_context_takeover,
        )?;
        if self.names_server_window {
            write!(f, "; {SERVER_WINDOW}={}", params.server_max_window_bits)?;
        }
        if self.names_client_window {
            write!(f, "; {CLIENT_WINDOW}={}", params.client_max_window_bits)?;
        }
        Ok(())
    }
}

fn write_flags(f: &mut fmt::Formatter<'_>, server: bool, client: bool) -> fmt::Result {
    f.write_str(EXTENSION_NAME)?;
    for (set, name) in [(server, SERVER_NO_TAKEOVER), (client, CLIENT_NO_TAKEOVER)] {
        if set {
            write!(f, "; {name}")?;
        }
    }
    Ok(())
}

/// The four parameters as they stand, each at most once. A window is `Some(None)` when it came without a value.
#[derive(Default)]
struct RawParams {
    server_no_takeover: bool,
    client_no_takeover: bool,
    server_window: Option<Option<WindowBits>>,
    client_window: Option<Option<WindowBits>>,
}

impl RawParams {
    fn read(extension: &Extension<'_>) -> Result<Self, DeflateParamError> {
        let mut raw = Self::default();
        for param in &extension.params {
            let value = param.value.as_deref();
            match param.name {
                SERVER_NO_TAKEOVER => set_flag(&mut raw.server_no_takeover, SERVER_NO_TAKEOVER, value)?,
                CLIENT_NO_TAKEOVER => set_flag(&mut raw.client_no_takeover, CLIENT_NO_TAKEOVER, value)?,
                SERVER_WINDOW => set_window(&mut raw.server_window, SERVER_WINDOW, value)?,
                CLIENT_WINDOW => set_window(&mut raw.client_window, CLIENT_WINDOW, value)?,
                unknown => return Err(DeflateParamError::Unknown(unknown.to_owned())),
            }
        }
        Ok(raw)
    }
}

fn set_flag(flag: &mut bool, name: &'static str, value: Option<&str>) -> Result<(), DeflateParamError> {
    if let Some(value) = value {
        return Err(DeflateParamError::Value {
            name,
            value: Some(value.to_owned()),
        });
    }
    if std::mem::replace(flag, true) {
        Err(DeflateParamError::Duplicate(name))
    } else {
        Ok(())
    }
}

fn set_window(
    window: &mut Option<Option<WindowBits>>,
    name: &'static str,
    value: Option<&str>,
) -> Result<(), DeflateParamError> {
    let bits = match value {
        None => None,
        Some(text) => Some(WindowBits::parse(text).ok_or_else(|| DeflateParamError::Value {
            name,
            value: Some(text.to_owned()),
        })?),
    };
    if window.replace(bits).is_some() {
        Err(DeflateParamError::Duplicate(name))
    } else {
        Ok(())
    }
}
