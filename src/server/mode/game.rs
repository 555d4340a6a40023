//! `game`: the players of a match send inputs, and all get the state of the match at a fixed rate (seed A25).
//!
//! `?room=` is the match, `?hz=` its ticks per second if this connection begins it. See [`crate::server::game`].

use std::rc::Rc;
use std::sync::Arc;

use http::{StatusCode, request};
use serde::{Deserialize, Serialize};

use super::json::{Object, send, send_error};
use super::{Message, Mode};
use crate::server::game::{Input, JoinError, Match, MatchRules, Notice, PlayerId};
use crate::server::http::Refusal;
use crate::server::query::Query;
use crate::server::session::{Peer, Room};
use crate::units::{ByteSize, Count};
use crate::wire::{CloseCode, MessageKind};

/// Settings of the mode.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GameConfig {
    /// Ticks per second of a match that is begun without `?hz=`: 1 to 120.
    pub hz: u32,
    /// Players of a match, those of other servers included.
    pub max_players: Count,
    /// Largest input message, because every tick repeats the inputs of all players.
    pub max_input: ByteSize,
}

impl Default for GameConfig {
    fn default() -> Self {
        Self {
            hz: 20,
            max_players: Count(64),
            max_input: ByteSize::kib(1),
        }
    }
}

impl GameConfig {
    /// What contradicts itself, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        if !HZ.contains(&self.hz) {
            Some("`hz` is a number from 1 to 120")
        } else if !(1..=1000).contains(&self.max_players.0) {
            Some("`max_players` is a number from 1 to 1000")
        } else if !(16..=65_536).contains(&self.max_input.0) {
            Some("`max_input` is a size from 16 bytes to 64 KiB")
        } else if self.max_players.0 * self.max_input.0 > MAX_STATE {
            Some("`max_players` times `max_input` is at most 4 MiB, for every tick repeats all inputs")
        } else {
            None
        }
    }
}

/// Ticks per second that a match may have.
const HZ: std::ops::RangeInclusive<u32> = 1..=120;
/// What the inputs of all players may come to, in bytes.
const MAX_STATE: u64 = 4 << 20;
/// RFC 6455 calls it reserved, the registry "Try Again Later".
const TRY_AGAIN_LATER: CloseCode = CloseCode(1013);

/// A connection to a match.
#[derive(Debug)]
pub(super) struct Game {
    config: Rc<GameConfig>,
    hz: u32,
    seat: Option<Seat>,
}

/// A player's place in a match.
#[derive(Debug)]
struct Seat {
    game: Arc<Match>,
    player: PlayerId,
}

/// What a player is told first.
#[derive(Serialize)]
struct Joined<'a> {
    r#type: &'static str,
    id: &'a PlayerId,
    r#match: &'a str,
    /// Ticks per second of the match, whoever began it.
    hz: u32,
    /// The last tick.
    tick: u64,
}

impl Mode for Game {
    fn publishes(&self) -> bool {
        true
    }

    fn opened(&mut self, peer: &mut Peer<'_>) {
        let room = peer.room();
        let player = PlayerId::from(room.member_name());
        let rules = MatchRules {
            hz: self.hz,
            max_players: bounded(self.config.max_players.0),
            max_input: bounded(self.config.max_input.0),
        };
        let key = (room.route(), room.name());
        let game = match room.shared().matches.join(room.shared(), key, rules, &player) {
            Ok(game) => game,
            Err(error @ JoinError::Full) => {
                send_error(peer, &error.to_string());
                return peer.close(TRY_AGAIN_LATER, "match is full");
            }
        };
        publish_here(&room, &Notice::PlayerJoined { id: &player });
        send(
            peer,
            &Joined {
                r#type: "joined",
                id: &player,
                r#match: room.name().as_str(),
                hz: game.rules.hz,
                tick: game.tick(),
            },
        );
        self.seat = Some(Seat { game, player });
    }

    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        let Some(Seat { game, player }) = &self.seat else {
            return;
        };
        let done = read_input(message, &self.config).map(|input| game.input(player, input));
        if let Err(problem) = done {
            send_error(peer, &problem);
        }
    }

    fn closed(&mut self, room: &Room<'_>) {
        let Some(Seat { game, player }) = self.seat.take() else {
            return;
        };
        room.shared().matches.leave(room.shared(), &game, &player);
        publish_here(room, &Notice::PlayerLeft { id: &player });
    }
}

impl Game {
    /// For a connection that asks for these ticks per second.
    ///
    /// # Errors
    /// `?hz=` is out of range.
    pub(super) fn from_request(config: Rc<GameConfig>, head: &request::Parts) -> Result<Self, Refusal> {
        let hz = match Query::of(&head.uri).value("hz") {
            None => config.hz,
            Some(hz) => hz
                .parse()
                .ok()
                .filter(|hz| HZ.contains(hz))
                .ok_or_else(|| Refusal::new(StatusCode::BAD_REQUEST, "`hz` is a number from 1 to 120"))?,
        };
        Ok(Self {
            config,
            hz,
            seat: None,
        })
    }
}

/// The input in a message.
fn read_input(message: Message<'_>, config: &GameConfig) -> Result<Input, String> {
    let limit = config.max_input.0;
    if message.payload.len() as u64 > limit {
        return Err(format!("an input has at most {limit} bytes"));
    }
    let object = Object::read(message)?;
    if object.kind != "input" {
        return Err(format!("unknown type `{}`", object.short_kind()));
    }
    let seq = object.fields.get("seq").and_then(serde_json::Value::as_u64);
    match seq {
        Some(seq) => Ok(Input {
            seq,
            fields: object.fields,
        }),
        None => Err("`input` needs `seq`: an integer that grows from 0".to_owned()),
    }
}

fn bounded(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Tells this server's members; the other servers find out by themselves.
fn publish_here(room: &Room<'_>, said: &Notice<'_>) {
    // A value with string keys can always be written.
    if let Ok(text) = serde_json::to_vec(said) {
        room.publish_here(MessageKind::Text, &text);
    }
}
