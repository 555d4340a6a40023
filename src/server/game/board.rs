//! [`Board`]: the players of a match and what they said last, without a clock.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Moment;

/// A player, on whichever server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct PlayerId(Arc<str>);

/// What a player says.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) seq: u64,
    /// All fields, `seq` included.
    pub(crate) fields: Map<String, Value>,
}

/// What the players are told beside the state.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Notice<'a> {
    PlayerJoined { id: &'a PlayerId },
    PlayerLeft { id: &'a PlayerId },
}

/// Who came and who went on other servers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) joined: Vec<PlayerId>,
    pub(super) left: Vec<PlayerId>,
}

/// What servers tell each other about a match.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Update {
    players: BTreeMap<String, Map<String, Value>>,
    left: Vec<String>,
}

/// Why somebody cannot join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JoinError {
    #[error("the match is full")]
    Full,
}

/// The players and what they said last.
#[derive(Debug, Default)]
pub(super) struct Board {
    players: BTreeMap<PlayerId, Player>,
    /// Those of this server.
    here: usize,
}

#[derive(Debug)]
struct Player {
    home: Home,
    seq: Option<u64>,
    received: u64,
    /// What every state says of it: a JSON object.
    shown: Vec<u8>,
}

#[derive(Debug)]
enum Home {
    /// This server.
    Here {
        /// The other servers do not know what it said last.
        changed: bool,
    },
    /// Another one, that was last heard of it at this moment.
    Afar { heard: Moment },
}

/// A player of another server is gone if nothing is heard of it for this long; servers tell about every player more often.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);
/// How often an input may be longer when it is written again: `1e15` becomes `1000000000000000.0`.
const GROWTH: usize = 5;
/// What the server adds to an input.
const ADDED_BYTES: usize = 128;

impl Board {
    /// A player of this server comes.
    pub(super) fn join(&mut self, id: PlayerId, max_players: usize) -> Result<(), JoinError> {
        if self.players.len() >= max_players {
            return Err(JoinError::Full);
        }
        let player = Player {
            home: Home::Here { changed: true },
            seq: None,
            received: 0,
            shown: br#"{"seq":null,"received":0}"#.to_vec(),
        };
        self.players.insert(id, player);
        self.here += 1;
        Ok(())
    }

    /// A player of this server goes; says whether it was the last.
    pub(super) fn leave(&mut self, id: &PlayerId) -> bool {
        if self.players.remove(id).is_some() {
            self.here -= 1;
        }
        self.here == 0
    }

    /// A player of this server says something. What is older than what it said before is counted only.
    pub(super) fn input(&mut self, id: &PlayerId, input: Input, unix_millis: u64) {
        let Some(player) = self.players.get_mut(id) else {
            return;
        };
        player.received += 1;
        let Input { seq, mut fields } = input;
        if player.seq.is_some_and(|last| seq <= last) {
            return;
        }
        player.seq = Some(seq);
        fields.insert("received".to_owned(), player.received.into());
        fields.insert("at".to_owned(), unix_millis.into());
        player.shown.clear();
        write(&mut player.shown, &fields);
        player.home = Home::Here { changed: true };
    }

    /// Appends the state at a tick.
    pub(super) fn render(&self, tick: u64, unix_millis: u64, out: &mut Vec<u8>) {
        // Writing to memory cannot fail.
        let _ = write!(
            out,
            r#"{{"type":"state","tick":{tick},"t":{unix_millis},"players":{{"#
        );
        list(out, self.players.iter());
        out.extend_from_slice(b"}}");
    }

    /// What the other servers have to know: what this server's players said since the last call, or last if `all`.
    pub(super) fn changes(&mut self, all: bool) -> Option<Vec<u8>> {
        let mut told = Vec::new();
        for (id, player) in &mut self.players {
            if let Home::Here { changed } = &mut player.home
                && (std::mem::take(changed) || all)
            {
                told.push((id, &*player));
            }
        }
        if told.is_empty() {
            return None;
        }
        let mut update = br#"{"players":{"#.to_vec();
        list(&mut update, told.into_iter());
        update.extend_from_slice(b"}}");
        Some(update)
    }

    /// Another server told something.
    pub(super) fn apply(
        &mut self,
        update: Update,
        max_players: usize,
        max_input: usize,
        now: Moment,
    ) -> News {
        let mut news = News::default();
        for (id, fields) in update.players {
            let id = PlayerId::from(id);
            let mut shown = Vec::new();
            write(&mut shown, &fields);
            if shown.len() > GROWTH * max_input + ADDED_BYTES {
                continue;
            }
            let home = Home::Afar { heard: now };
            // Servers that fill the last places at the same time may exceed the limit, but not by how much they like.
            let is_room = self.players.len() < 2 * max_players;
            match self.players.get_mut(&id) {
                Some(Player {
                    home: Home::Here { .. },
                    ..
                }) => {}
                Some(player) => (player.home, player.shown) = (home, shown),
                None if is_room => {
                    let player = Player {
                        home,
                        seq: None,
                        received: 0,
                        shown,
                    };
                    self.players.insert(id.clone(), player);
                    news.joined.push(id);
                }
                None => {}
            }
        }
        for id in update.left.into_iter().map(PlayerId::from) {
            self.forget(id, &mut news);
        }
        news
    }

    /// Forgets players of servers that fell silent.
    pub(super) fn expire(&mut self, now: Moment) -> News {
        let mut news = News::default();
        let silent =
            |player: &Player| matches!(player.home, Home::Afar { heard } if heard + FORGOTTEN_AFTER <= now);
        let gone: Vec<_> = self
            .players
            .iter()
            .filter(|(_, player)| silent(player))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.forget(id, &mut news);
        }
        news
    }

    fn forget(&mut self, id: PlayerId, news: &mut News) {
        if matches!(
            self.players.get(&id),
            Some(Player {
                home: Home::Afar { .. },
                ..
            })
        ) {
            self.players.remove(&id);
            news.left.push(id);
        }
    }
}

/// The update that says of one player that it went.
pub(super) fn left(id: &PlayerId) -> Vec<u8> {
    let mut update = br#"{"left":["#.to_vec();
    write(&mut update, id);
    update.extend_from_slice(b"]}");
    update
}

/// Appends `"id":{...},...`.
fn list<'a>(out: &mut Vec<u8>, players: impl Iterator<Item = (&'a PlayerId, &'a Player)>) {
    for (index, (id, player)) in players.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, id);
        out.push(b':');
        out.extend_from_slice(&player.shown);
    }
}

/// Writing a value with string keys to memory cannot fail.
fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    let _ = serde_json::to_writer(out, value);
}

impl From<String> for PlayerId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl Deref for PlayerId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> PlayerId {
        PlayerId::from(name.to_owned())
    }

    fn input(seq: u64, x: i64) -> Input {
        let fields = serde_json::json!({"seq": seq, "x": x, "at": "forged"});
        Input {
            seq,
            fields: fields.as_object().unwrap().clone(),
        }
    }

    fn board(players: &[&str]) -> Board {
        let mut board = Board::default();
        for player in players {
            board.join(id(player), 10).unwrap();
        }
        board
    }

    fn state(board: &Board) -> Value {
        let mut out = Vec::new();
        board.render(7, 1000, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    fn at(seconds: u64) -> Moment {
        Moment::ZERO + Duration::from_secs(seconds)
    }

    fn tell(from: &mut Board, to: &mut Board, now: Moment) -> News {
        let update = serde_json::from_slice(&from.changes(false).unwrap()).unwrap();
        to.apply(update, 10, 100, now)
    }

    #[test]
    fn a25_a_state_has_every_players_last_input() {
        let mut board = board(&["a", "b"]);
        board.input(&id("a"), input(1, 5), 900);
        board.input(&id("a"), input(3, 6), 950);
        board.input(&id("a"), input(2, 4), 960);
        let expected = serde_json::json!({
            "type": "state", "tick": 7, "t": 1000,
            "players": {"a": {"seq": 3, "x": 6, "received": 2, "at": 950}, "b": {"seq": null, "received": 0}},
        });
        assert_eq!(
            state(&board),
            expected,
            "the late input is counted with the next one"
        );
        board.input(&id("a"), input(4, 7), 970);
        assert_eq!(state(&board)["players"]["a"]["received"], 4);
    }

    #[test]
    fn a25_a_match_has_a_limit_of_players() {
        let mut board = board(&["a"]);
        assert_eq!(board.join(id("b"), 1), Err(JoinError::Full));
        assert!(board.leave(&id("a")));
        assert_eq!(board.join(id("b"), 1), Ok(()));
        assert!(board.leave(&id("b")));
    }

    #[test]
    fn servers_tell_each_other_only_what_changed() {
        let (mut here, mut afar) = (board(&["a"]), board(&["b"]));
        assert_eq!(tell(&mut here, &mut afar, at(0)).joined, [id("a")]);
        assert_eq!(here.changes(false), None);
        assert!(here.changes(true).is_some());
        here.input(&id("a"), input(1, 5), 900);
        assert_eq!(tell(&mut here, &mut afar, at(0)), News::default());
        assert_eq!(state(&afar)["players"]["a"]["x"], 5);
        assert!(
            !afar
                .changes(true)
                .unwrap()
                .windows(3)
                .any(|part| part == br#""a""#)
        );
    }

    #[test]
    fn players_of_other_servers_leave_by_word_or_by_silence() {
        let mut afar = board(&["c"]);
        tell(&mut board(&["a", "b"]), &mut afar, at(0));
        let word = serde_json::from_slice(&left(&id("a"))).unwrap();
        assert_eq!(afar.apply(word, 10, 100, at(1)).left, [id("a")]);
        assert_eq!(afar.expire(at(9)), News::default());
        assert_eq!(afar.expire(at(10)).left, [id("b")]);
        assert_eq!(state(&afar)["players"].as_object().unwrap().len(), 1);
        let word = serde_json::from_slice(&left(&id("c"))).unwrap();
        assert_eq!(
            afar.apply(word, 10, 100, at(11)),
            News::default(),
            "its own player"
        );
        assert!(
            afar.leave(&id("c")),
            "players of other servers do not keep a match alive"
        );
    }

    #[test]
    fn what_other_servers_tell_is_bounded() {
        let mut board = board(&["a"]);
        let players: Map<String, Value> = (0..50).map(|n| (n.to_string(), serde_json::json!({}))).collect();
        let update = serde_json::json!({ "players": players });
        board.apply(serde_json::from_value(update).unwrap(), 10, 100, at(0));
        assert_eq!(board.players.len(), 20);
        let update = serde_json::json!({"players": {"0": {"x": "y".repeat(700)}}});
        board.apply(serde_json::from_value(update).unwrap(), 10, 100, at(0));
        assert_eq!(state(&board)["players"]["0"], serde_json::json!({}));
    }
}
