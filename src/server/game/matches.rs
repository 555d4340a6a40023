//! [`Matches`]: the matches of a server. [`Match`]: one of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use super::board::{Board, Input, JoinError, News, Notice, PlayerId, left};
use super::ticker;
use crate::clock::{self, Moment};
use crate::server::hub::Publication;
use crate::server::ids::RouteId;
use crate::server::journal::WallClock;
use crate::server::message::SharedMessage;
use crate::server::room::RoomName;
use crate::server::worker::Shared;
use crate::wire::MessageKind;

/// Where a match takes place.
pub(crate) type MatchKey = (RouteId, RoomName);

/// The matches in which this server has players. Locked when players come and go, and for what other servers tell.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    running: Mutex<HashMap<MatchKey, Arc<Match>>>,
    pub(crate) ticks: AtomicU64,
    /// Ticks that did not reach the players of a worker, because it had no room for them.
    pub(crate) skipped: AtomicU64,
}

/// What holds for a match from its begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MatchRules {
    pub(crate) hz: u32,
    pub(crate) max_players: usize,
    pub(crate) max_input: usize,
}

/// A match.
#[derive(Debug)]
pub(crate) struct Match {
    pub(super) key: MatchKey,
    pub(crate) rules: MatchRules,
    pub(super) began: Moment,
    pub(super) tick: AtomicU64,
    pub(super) ended: Notify,
    wall_clock: WallClock,
    board: Mutex<Board>,
}

impl Matches {
    /// A player of this server joins the match, which begins with the first. Its task then runs on the calling worker.
    ///
    /// # Errors
    /// The match is full.
    pub(crate) fn join(
        &self,
        shared: &Arc<Shared>,
        key: MatchKey,
        rules: MatchRules,
        player: &PlayerId,
    ) -> Result<Arc<Match>, JoinError> {
        let mut running = self.running();
        if let Some(game) = running.get(&key) {
            game.board().join(player.clone(), game.rules.max_players)?;
            return Ok(game.clone());
        }
        let game = Arc::new(Match::new(key.clone(), rules, shared.wall_clock));
        game.board().join(player.clone(), rules.max_players)?;
        running.insert(key, game.clone());
        drop(running);
        tokio::task::spawn_local(ticker::run(shared.clone(), game.clone()));
        Ok(game)
    }

    /// A player of this server leaves; the match ends with the last.
    pub(crate) fn leave(&self, shared: &Shared, game: &Match, player: &PlayerId) {
        let mut running = self.running();
        let publish = shared
            .backplane
            .as_ref()
            .map(|backplane| |word| backplane.publish_match(&game.key, word));
        if game.leave(player, publish) {
            running.remove(&game.key);
            game.ended.notify_one();
        }
    }

    /// What another server tells about a match. Returns what the players here are to be told at once.
    pub(crate) fn hear(&self, key: &MatchKey, update: &[u8]) -> Vec<Publication> {
        let Some(game) = self.running().get(key).cloned() else {
            return Vec::new();
        };
        match serde_json::from_slice(update) {
            Ok(update) => {
                let MatchRules {
                    max_players,
                    max_input,
                    ..
                } = game.rules;
                let news = game.board().apply(update, max_players, max_input, clock::now());
                game.announce(&news)
            }
            Err(error) => {
                tracing::debug!(%error, "another server's word about a match cannot be read");
                Vec::new()
            }
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.running().len()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<MatchKey, Arc<Match>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Match {
    fn new(key: MatchKey, rules: MatchRules, wall_clock: WallClock) -> Self {
        Self {
            key,
            rules,
            began: clock::now(),
            tick: AtomicU64::new(0),
            ended: Notify::new(),
            wall_clock,
            board: Mutex::default(),
        }
    }

    /// The last tick.
    pub(crate) fn tick(&self) -> u64 {
        self.tick.load(Relaxed)
    }

    /// A player says something.
    pub(crate) fn input(&self, player: &PlayerId, input: Input) {
        let now = self.wall_clock.unix_millis(clock::now());
        self.board().input(player, input, now);
    }

    /// The state at a tick.
    pub(super) fn state(&self, tick: u64, now: Moment) -> Publication {
        let mut state = Vec::new();
        self.board()
            .render(tick, self.wall_clock.unix_millis(now), &mut state);
        self.publication(&state)
    }

    /// Has the other servers told what they have to know, or about all players of this one. `publish` must not wait.
    pub(super) fn tell(&self, all: bool, publish: impl FnOnce(Vec<u8>)) {
        // Under the lock, as the word about who left, lest that one is overtaken by an older one.
        let mut board = self.board();
        if let Some(update) = board.changes(all) {
            publish(update);
        }
    }

    /// A player of this server goes, and the other servers are told; says whether it was the last. `publish` must not
    /// wait.
    fn leave(&self, player: &PlayerId, publish: Option<impl FnOnce(Vec<u8>)>) -> bool {
        let mut board = self.board();
        if let Some(publish) = publish {
            publish(left(player));
        }
        board.leave(player)
    }

    /// Forgets players of servers that fell silent; returns what the players here are to be told.
    pub(super) fn expire(&self, now: Moment) -> Vec<Publication> {
        let news = self.board().expire(now);
        self.announce(&news)
    }

    fn announce(&self, news: &News) -> Vec<Publication> {
        let joined = news.joined.iter().map(|id| Notice::PlayerJoined { id });
        let left = news.left.iter().map(|id| Notice::PlayerLeft { id });
        let text = |notice: Notice<'_>| self.publication(&encode(&notice));
        joined.chain(left).map(text).collect()
    }

    fn publication(&self, text: &[u8]) -> Publication {
        let (route, room) = self.key.clone();
        Publication {
            route,
            room,
            message: SharedMessage::new(MessageKind::Text, text),
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    // A value with string keys can always be written.
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else a player could leave, and the others be told so, between the making of an older word about it and its sending.
    #[test]
    fn the_board_stands_still_until_a_word_about_it_is_sent() {
        let rules = MatchRules {
            hz: 20,
            max_players: 8,
            max_input: 100,
        };
        let key = (RouteId(0), RoomName::default());
        let game = Match::new(key, rules, WallClock::new(clock::now()));
        let player = PlayerId::from("p".to_owned());
        game.board().join(player.clone(), rules.max_players).unwrap();
        let mut words = Vec::new();
        let mut publish = |word: Vec<u8>| {
            assert!(
                game.board.try_lock().is_err(),
                "others could change the board now"
            );
            words.push(String::from_utf8(word).unwrap());
        };
        game.tell(false, &mut publish);
        game.tell(true, &mut publish);
        assert!(game.leave(&player, Some(&mut publish)), "it was the last");
        game.tell(true, &mut publish);
        let shown = r#"{"players":{"p":{"seq":null,"received":0}}}"#;
        assert_eq!(words, [shown, shown, r#"{"left":["p"]}"#]);
    }
}
