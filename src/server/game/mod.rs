//! Matches: rooms whose members get the state of all of them at a fixed rate (seed A25).
//!
//! A match lives while this server has a player in it. One task ticks it, on the worker of the player who began it: it puts
//! together what every player said last, encodes that once, and hands it to all workers. Inputs go into the match under its
//! own lock, which is held to copy one input in or all of them out, never for longer, and never with another of its kind.
//! Nothing waits in a queue: an input replaces the one before, and a tick for which a worker has no room is skipped.
//!
//! Over a backplane, each server ticks for its own players. It tells the others, at most once a tick, which of its players
//! said something new, and every few seconds about all of them; who is not heard of any more is gone.
//!
//! | file | purpose |
//! |---|---|
//! | `board` | [`Board`](board::Board): the players and what they said last, without a clock |
//! | `schedule` | [`Schedule`](schedule::Schedule): when which tick is due |
//! | `matches` | [`Matches`]: the matches of a server; [`Match`]: one of them |
//! | `ticker` | the task of a match |

mod board;
mod matches;
mod schedule;
mod ticker;

pub(crate) use board::{Input, JoinError, Notice, PlayerId};
pub(crate) use matches::{Match, MatchKey, MatchRules, Matches};
