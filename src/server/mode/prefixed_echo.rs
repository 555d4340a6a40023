//! `prefixed-echo`: every message comes back behind a prefix (seed B2).

use std::rc::Rc;

use serde::Deserialize;

use super::{Message, Mode};
use crate::server::session::Peer;

/// Settings of the mode.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrefixedEchoConfig {
    /// What is put before each message.
    pub prefix: String,
}

impl Default for PrefixedEchoConfig {
    fn default() -> Self {
        Self {
            prefix: "Server hat empfangen: ".to_owned(),
        }
    }
}

#[derive(Debug)]
pub(super) struct PrefixedEcho {
    pub(super) prefix: Rc<str>,
}

impl Mode for PrefixedEcho {
    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        peer.compose(message.kind, |reply| {
            reply.extend_from_slice(self.prefix.as_bytes());
            reply.extend_from_slice(message.payload);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::mode::testing::Bench;

    #[test]
    fn b2_puts_the_prefix_before_the_message() {
        let prefix = PrefixedEchoConfig::default().prefix.into();
        let mut bench = Bench::new(PrefixedEcho { prefix });
        assert_eq!(bench.text("Hallo"), b"\x81\x1bServer hat empfangen: Hallo");
        assert_eq!(bench.binary(b"\xff"), b"\x82\x17Server hat empfangen: \xff");
    }
}
