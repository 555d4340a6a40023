//! Which requirements of the opening handshake are enforced.

/// A set of requirements. What is not in it is tolerated as each one says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeRules(u16);

impl HandshakeRules {
    /// HTTP/1.1 or later. Else HTTP/1.0 will do.
    pub const HTTP_VERSION: Self = Self(1);
    /// `Upgrade: websocket`. Else the header is not looked at.
    pub const UPGRADE: Self = Self(1 << 1);
    /// `Connection: Upgrade`. Else the header is not looked at.
    pub const CONNECTION: Self = Self(1 << 2);
    /// The client checks `Sec-WebSocket-Accept`. Else any value, or none, will do.
    pub const ACCEPT: Self = Self(1 << 3);
    /// The answer names only extensions that were offered, with valid parameters. Else others are ignored.
    pub const EXTENSIONS: Self = Self(1 << 4);
    /// The answer names only a subprotocol that was offered. Else any is taken.
    pub const SUBPROTOCOL: Self = Self(1 << 5);
    /// Headers that must stand alone do. Else the first one counts.
    pub const SINGLE_HEADERS: Self = Self(1 << 6);
    /// The client's key is base64 of sixteen bytes. Else any text that is there will do.
    pub const KEY: Self = Self(1 << 7);
    /// The client names version 13. Else the header is not looked at.
    pub const VERSION: Self = Self(1 << 8);
    /// The request has one `Host`. Else the header is not looked at.
    pub const HOST: Self = Self(1 << 9);

    /// Everything that RFC 6455 demands.
    pub const STRICT: Self = Self((1 << 10) - 1);
    /// Nothing but a head that can be read, with status 101 in an answer and a key in a request.
    pub const LENIENT: Self = Self(0);

    /// These rules without `rules`.
    #[must_use]
    pub const fn without(self, rules: Self) -> Self {
        Self(self.0 & !rules.0)
    }

    /// Whether all of `rules` are enforced.
    #[must_use]
    pub const fn enforces(self, rules: Self) -> bool {
        self.0 & rules.0 == rules.0
    }
}

impl Default for HandshakeRules {
    fn default() -> Self {
        Self::STRICT
    }
}
