//! The HTTP upgrade of one connection.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::metrics::ErrorClass;
use crate::scenario::{ConnectionPlan, CredentialPlace, Template};
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
        let handshake = self
            .upgrade_request(turn)
            .and_then(|request| ClientHandshake::new(&request, turn.out).map_err(|error| error.to_string()));
        match handshake {
            Ok(handshake) => {
                if let Link::Opening(opening) = &mut self.link {
                    opening.upgrade = Some(Box::new(handshake));
                }
            }
            Err(error) => {
                self.fail_connect(turn, Link::Discarded, ErrorClass::UpgradeInvalid, || error);
            }
        }
    }

    /// The request, or why there can be none.
    fn upgrade_request(&mut self, turn: &mut Turn<'_>) -> Result<ClientRequest, String> {
        let plan = &self.plan(turn.script).connection;
        self.mint_token(turn, plan)?;
        let context = self.who.context(turn, self.seq);
        let mut render = |template: &Template| {
            let mut rendered = Vec::new();
            template.render(&context, &mut self.random, &mut rendered);
            String::from_utf8_lossy(&rendered).into_owned()
        };
        let authorization = turn.script.authorization.iter();
        let mut headers: Vec<_> = authorization
            .map(|value| ("Authorization".to_owned(), value.clone()))
            .collect();
        for (name, value) in &plan.headers {
            headers.push((name.clone(), render(value)));
        }
        let mut path = turn.script.path(self.group, || escaped(&render(&plan.path)));
        let mut subprotocols = plan.subprotocols.clone();
        match plan.credentials.as_ref().map(|credentials| &credentials.place) {
            None => {}
            Some(CredentialPlace::Bearer(token)) => {
                headers.push(("Authorization".to_owned(), format!("Bearer {}", render(token))));
            }
            Some(CredentialPlace::Basic(user)) => {
                let encoded = STANDARD.encode(render(user));
                headers.push(("Authorization".to_owned(), format!("Basic {encoded}")));
            }
            Some(CredentialPlace::Query(entries)) => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                for (name, value) in entries {
                    query.append_pair(name, &render(value));
                }
                path.push(if path.contains('?') { '&' } else { '?' });
                path.push_str(&query.finish());
            }
            Some(CredentialPlace::Headers(entries)) => {
                headers.extend(entries.iter().map(|(name, value)| (name.clone(), render(value))));
            }
            Some(CredentialPlace::Subprotocols(names)) => subprotocols.extend(names.iter().map(render)),
        }
        let mut key = [0; 16];
        for half in key.chunks_exact_mut(8) {
            half.copy_from_slice(&turn.scratch.random().to_le_bytes());
        }
        Ok(ClientRequest {
            authority: turn.script.authority.clone(),
            path,
            headers,
            subprotocols,
            deflate_offer: plan.compression.then(|| DeflateOffer {
                client_max_window_bits: ClientWindow::Limitable,
                ..DeflateOffer::default()
            }),
            key,
        })
    }

    /// Puts a token of the connection's own where its templates find it.
    fn mint_token(&mut self, turn: &Turn<'_>, plan: &ConnectionPlan) -> Result<(), String> {
        let minter = plan
            .credentials
            .as_ref()
            .and_then(|credentials| credentials.minter.as_ref());
        let Some((slot, minter)) = minter else {
            return Ok(());
        };
        let context = self.who.context(turn, self.seq);
        let token = minter
            .mint(&context, &mut self.random)
            .map_err(|error| error.to_string())?;
        if let Some(memory) = &mut self.who.memory {
            memory.values.set(*slot, token.as_bytes(), false);
        }
        Ok(())
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
                let class = match &error {
                    HandshakeError::Refused(refusal) => {
                        self.heed(turn, refusal);
                        ErrorClass::UpgradeRefused
                    }
                    _ => ErrorClass::UpgradeInvalid,
                };
                self.fail_connect(turn, Link::Discarded, class, || error.to_string());
                input.len()
            }
        }
    }
}

/// A path in which what was filled in may be anything.
fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && byte != b'#' {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
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
