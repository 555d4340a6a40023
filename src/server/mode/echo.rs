//! `echo`: every message comes back as it is.

use super::{Message, Mode};
use crate::server::session::Peer;

#[derive(Debug)]
pub(super) struct Echo;

impl Mode for Echo {
    #[inline]
    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        peer.send(message.kind, message.payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::mode::testing::Bench;

    #[test]
    fn returns_text_as_text_and_binary_as_binary() {
        let mut bench = Bench::new(Echo);
        assert_eq!(bench.text("hello"), b"\x81\x05hello");
        assert_eq!(bench.binary(b"\x00\xff"), b"\x82\x02\x00\xff");
    }
}
