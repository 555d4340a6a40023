//! The HTTP upgrade of one connection.

use crate::metrics::ErrorClass;
use crate::scenario::ConnectionPlan;
use crate::wire::deflate::{ClientWindow, DeflateOffer, DeflateParams, Deflater, Inflater};
use crate::wire::handshake::{ClientHandshake, ClientRequest, HandshakeError, HandshakeProgress};
use crate::wire::{Receiver, ReceiverConfig, Role, Rules, Sender};

use super::client::VClient;
use super::link::Link;
use super::turn::Turn;

/// zlib's own default: the best ratio that is still fast.
const DEFLATE_LEVEL: u8 = 6;

/// What the upgrade leaves behind.
#[derive(Debug)]
pub(super) struct Upgraded {
    pub(super) receiver: Receiver,
    pub(super) sender: Sender,
}

impl VClient {
    /// Writes the upgrade request of the attempt under way.
    pub(super) fn begin_upgrade(&mut self, turn: &mut Turn<'_>) {
        let request = self.upgrade_request(turn);
        match ClientHandshake::new(&request, turn.out) {
            Ok(handshake) => {
                if let Link::Opening(opening) = &mut self.link {
                    opening.upgrade = Some(Box::new(handshake));
                }
            }
            Err(error) => {
                self.fail_connect(turn, Link::Discarded, ErrorClass::UpgradeInvalid, || {
                    error.to_string()
                });
            }
        }
    }

    fn upgrade_request(&mut self, turn: &mut Turn<'_>) -> ClientRequest {
        let plan = &self.plan(turn.script).connection;
        let context = self.context(turn, self.seq);
        let authorization = turn.script.authorization.iter();
        let mut headers: Vec<_> = authorization
            .map(|value| ("Authorization".to_owned(), value.clone()))
            .collect();
        for (name, value) in &plan.headers {
            let mut rendered = Vec::new();
            value.render(&context, &mut self.random, &mut rendered);
            headers.push((name.clone(), String::from_utf8_lossy(&rendered).into_owned()));
        }
        let mut key = [0; 16];
        for half in key.chunks_exact_mut(8) {
            half.copy_from_slice(&turn.scratch.random().to_le_bytes());
        }
        ClientRequest {
            authority: turn.script.authority.clone(),
            path: turn.script.paths[usize::from(self.group.0)].clone(),
            headers,
            subprotocols: plan.subprotocols.clone(),
            deflate_offer: plan.compression.then(|| DeflateOffer {
                client_max_window_bits: ClientWindow::Limitable,
                ..DeflateOffer::default()
            }),
            key,
        }
    }

    /// Takes bytes of the answer; returns how many belong to it.
    pub(super) fn receive_upgrade(&mut self, turn: &mut Turn<'_>, input: &[u8]) -> usize {
        let Link::Opening(opening) = &mut self.link else {
            return 0;
        };
        let Some(handshake) = &mut opening.upgrade else {
            return 0;
        };
        match handshake.receive(input) {
            Ok(HandshakeProgress::NeedMore) => input.len(),
            Ok(HandshakeProgress::Done { consumed, response }) => {
                let upgraded = Upgraded::new(&self.plan(turn.script).connection, response.deflate);
                self.opened(turn, upgraded);
                consumed
            }
            Err(error) => {
                let class = match error {
                    HandshakeError::Refused(_) => ErrorClass::UpgradeRefused,
                    _ => ErrorClass::UpgradeInvalid,
                };
                self.fail_connect(turn, Link::Discarded, class, || error.to_string());
                input.len()
            }
        }
    }
}

impl Upgraded {
    fn new(plan: &ConnectionPlan, deflate: Option<DeflateParams>) -> Self {
        let config = ReceiverConfig {
            max_message_size: plan.max_message_size.0,
            rules: Rules::STRICT,
        };
        let inflater = deflate
            .as_ref()
            .map(|params| Box::new(Inflater::new(params, Role::Client)));
        let deflater = deflate
            .as_ref()
            .map(|params| Box::new(Deflater::new(params, Role::Client, DEFLATE_LEVEL)));
        Self {
            receiver: Receiver::new(Role::Client, config, inflater),
            sender: Sender::new(Role::Client, deflater),
        }
    }
}
