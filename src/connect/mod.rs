//! The interactive client: `wsbench connect`, in the place of `wscat` and `websocat`.
//!
//! | file | purpose |
//! |---|---|
//! | `config` | [`ConnectConfig`]: everything that was asked for |
//! | `request` | the opening request: the URL and what flags add to it |
//! | `client` | [`connect`]: dials, converses, tells how it ended |
//! | `action` | what the input asks of the conversation |
//! | `command` | slash commands, files, limits |
//! | `feed` | piped input to actions |
//! | `editor` | a person at a terminal: line editing and history |
//! | `session` | the conversation: speaking, listening, lingering, closing |
//! | `listener` | what the server says, until it is over |
//! | `ending` | [`Ending`]: who closed, with what, and what to make of it |
//! | `event` | everything that may be shown |
//! | `render` | what an event looks like, and on which stream |
//! | `json`, `hexdump` | messages for people |
//! | `console` | the thread that writes; [`Streams`] |
//! | `error` | [`ConnectError`]: why there was no conversation |
//!
//! tokio-tungstenite speaks the protocol once the connection is open: an ordinary client is enough here, and one that
//! shares no code with the load engine can contradict it.

mod action;
mod client;
mod command;
mod config;
mod console;
mod editor;
mod ending;
mod error;
mod event;
mod feed;
mod hexdump;
mod json;
mod listener;
mod render;
mod request;
mod session;

pub use client::connect;
pub use config::{ConnectConfig, Input, RequestOptions, Show, TokenPlace, Wait};
pub use console::Streams;
pub use ending::{Ending, Problem, Verdict};
pub use error::ConnectError;
