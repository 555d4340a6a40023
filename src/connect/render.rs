//! [`Renderer`]: what an event looks like, and on which stream it belongs.
//!
//! Standard output carries received messages and nothing else; what is said about the connection goes to standard
//! error. On a terminal, control characters in what the server sent are shown and not obeyed.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use super::command::HELP;
use super::config::Show;
use super::ending::{Ending, Verdict};
use super::event::{Control, Direction, Event, Opened};
use super::hexdump::hexdump;
use super::json;
use crate::units::Span;

/// So much of a binary message is dumped unless all is asked for.
const DUMP_LIMIT: usize = 1024;

/// Where text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    Output,
    Errors,
}

/// Turns events into bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renderer {
    pub(super) show: Show,
    pub(super) output_is_terminal: bool,
    pub(super) errors_is_terminal: bool,
}

#[derive(Clone, Copy)]
enum Colour {
    Dim,
    Red,
    Green,
    Cyan,
}

impl Renderer {
    /// What to write and where; `None` if the event is not to be seen. `now` is for the time of day.
    pub(super) fn render(&self, event: &Event, now: SystemTime) -> Option<(Channel, Vec<u8>)> {
        let note = |text: String, colour| Some(self.note(&text, colour, now));
        match event {
            Event::Text(text) => Some((Channel::Output, self.message(text.as_str(), now).into_bytes())),
            Event::Binary(bytes) => Some(self.binary(bytes, now)),
            Event::Control(direction, control) if self.show.control_frames => {
                note(control_line(*direction, control), Colour::Green)
            }
            Event::Opened(opened) if !self.show.quiet => note(self.opened(opened), Colour::Dim),
            Event::Help => note(HELP.to_owned(), Colour::Dim),
            Event::Refused(error) => note(error.to_string(), Colour::Red),
            Event::Ended(ending) => self.ended(ending, now),
            Event::Control(..) | Event::Opened(_) => None,
        }
    }

    fn message(&self, text: &str, now: SystemTime) -> String {
        let text = match self.show.pretty_json {
            true => json::indent(text),
            false => Cow::Borrowed(text),
        };
        let mut line = self.time(now);
        if self.output_is_terminal {
            line.push_str(&self.paint("< ", Colour::Cyan, true));
            line.push_str(&printable(&text));
        } else {
            line.push_str(&text);
        }
        line.push('\n');
        line
    }

    fn binary(&self, bytes: &[u8], now: SystemTime) -> (Channel, Vec<u8>) {
        if self.show.raw {
            return (Channel::Output, bytes.to_vec());
        }
        let (channel, terminal) = match self.output_is_terminal {
            true => (Channel::Output, true),
            false => (Channel::Errors, self.errors_is_terminal),
        };
        let limit = if self.show.verbose { usize::MAX } else { DUMP_LIMIT };
        let size = bytes.len();
        let head = self.paint(
            &format!("< binary message of {size} bytes"),
            Colour::Cyan,
            terminal,
        );
        let text = format!("{}{head}\n{}", self.time(now), hexdump(bytes, limit));
        (channel, text.into_bytes())
    }

    fn opened(&self, opened: &Opened) -> String {
        let total = Span(opened.timings.total());
        let mut text = format!("connected to {} in {total}", opened.url);
        if let Some(name) = &opened.subprotocol {
            // Writing into a String cannot fail, here and below.
            let _ = write!(text, ", subprotocol {name}");
        }
        if opened.interactive {
            text.push_str("; /help lists the commands, Ctrl-D closes");
        }
        if self.show.verbose {
            let timings = &opened.timings;
            let _ = write!(
                text,
                "\n  {}: name {}, TCP {}",
                opened.remote,
                Span(timings.resolve),
                Span(timings.tcp)
            );
            if let Some(tls) = timings.tls {
                let _ = write!(text, ", TLS {}", Span(tls));
            }
            let _ = write!(text, ", upgrade {}", Span(timings.upgrade));
            for (name, value) in &opened.headers {
                let _ = write!(text, "\n  {name}: {value}");
            }
        }
        text
    }

    fn ended(&self, ending: &Ending, now: SystemTime) -> Option<(Channel, Vec<u8>)> {
        let is_fine = ending.verdict() == Verdict::Fine;
        if is_fine && self.show.quiet {
            return None;
        }
        let colour = if is_fine { Colour::Dim } else { Colour::Red };
        Some(self.note(&ending.to_string(), colour, now))
    }

    fn note(&self, text: &str, colour: Colour, now: SystemTime) -> (Channel, Vec<u8>) {
        let text = if self.errors_is_terminal {
            self.paint(&printable(text), colour, true)
        } else {
            text.to_owned()
        };
        (
            Channel::Errors,
            format!("{}{text}\n", self.time(now)).into_bytes(),
        )
    }

    fn paint(&self, text: &str, colour: Colour, terminal: bool) -> String {
        if !self.show.colour || !terminal {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Dim => 2,
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Cyan => 36,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// The time of day in UTC and a blank, if it is wanted.
    fn time(&self, now: SystemTime) -> String {
        if !self.show.timestamps {
            return String::new();
        }
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let second = since.as_secs() % 86_400;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{hour:02}:{minute:02}:{second:02}.{:03}Z ", since.subsec_millis())
    }
}

fn control_line(direction: Direction, control: &Control) -> String {
    let arrow = match direction {
        Direction::Sent => '>',
        Direction::Received => '<',
    };
    match control {
        Control::Ping(payload) => format!("{arrow} ping{}", quoted(payload)),
        Control::Pong(payload) => format!("{arrow} pong{}", quoted(payload)),
        Control::Close(None) => format!("{arrow} close"),
        Control::Close(Some((code, reason))) => format!("{arrow} close {code}{}", quoted(reason.as_bytes())),
    }
}

/// A blank and the payload in quotes, or as hexadecimal digits if it is no text; nothing for an empty one.
fn quoted(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok("") => String::new(),
        Ok(text) => format!(" {text:?}"),
        Err(_) => payload
            .iter()
            .fold(" 0x".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    }
}

/// Shows control characters but tabs and line feeds as escapes, so that a server cannot steer the terminal.
fn printable(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if obeyed(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
