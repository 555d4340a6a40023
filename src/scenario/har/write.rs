//! Steps to YAML.
//!
//! Every text is written as a JSON string, which YAML reads as it stands.

use std::fmt::Write;

use serde_json::Value;

use super::flow::{Look, Step, steps};
use super::recording::{Header, Message, Socket};
use super::secrets::{Secrets, literal};
use crate::scenario::quantity::is_token;

/// Headers that the handshake, the connection or the browser's cache brings along.
const LEFT_OUT: [&str; 14] = [
    "host",
    "connection",
    "upgrade",
    "pragma",
    "cache-control",
    "accept-encoding",
    "content-length",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
];

/// What stands for a secret until somebody says it.
const PLACEHOLDER: &str = "replace-me";
/// Beyond the longest conversation: connecting and closing.
const MARGIN_SECONDS: u64 = 10;

pub(super) struct Writer {
    secrets: Secrets,
    text: String,
}

impl Writer {
    pub(super) fn new(keep_secrets: bool) -> Self {
        Self {
            secrets: Secrets::new(keep_secrets),
            text: String::new(),
        }
    }

    fn line(&mut self, indent: usize, content: impl AsRef<str>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:indent$}{}", "", content.as_ref());
    }

    /// The whole file. One run has one target, so sockets to other servers than the first one's are only named.
    pub(super) fn scenario(mut self, name: &str, sockets: &[Socket]) -> String {
        let Some(first) = sockets.first() else {
            return String::new();
        };
        let (here, elsewhere): (Vec<&Socket>, Vec<&Socket>) =
            sockets.iter().partition(|socket| socket.origin == first.origin);
        self.line(0, "");
        self.line(0, "scenarios:");
        let mut names: Vec<String> = Vec::new();
        for socket in &here {
            let name = unique(&kind_name(&socket.path), &names);
            self.socket(&name, socket);
            names.push(name);
        }
        for socket in elsewhere {
            self.line(
                0,
                format!(
                    "# Left out, for a run has one target: {}{}",
                    socket.origin,
                    one_line(&socket.path)
                ),
            );
        }
        let longest = here
            .iter()
            .filter_map(|socket| socket.messages.last())
            .map(|message| message.at)
            .max();
        let seconds = longest.unwrap_or(0).div_ceil(1000) + MARGIN_SECONDS;
        let body = std::mem::take(&mut self.text);
        self.head(name, &first.origin, here.len(), seconds);
        self.text + &body
    }

    fn head(&mut self, name: &str, origin: &str, sockets: usize, seconds: u64) {
        self.line(
            0,
            "# Made from a browser's recording. Pauses are those of the recording; replies are guessed.",
        );
        self.line(0, format!("name: {}", quoted(&literal(name))));
        self.line(0, format!("target: {}", quoted(&literal(origin))));
        self.line(0, "");
        self.line(0, "variables:");
        self.line(2, format!("clients: {sockets}"));
        self.line(2, format!("duration: {seconds}s"));
        let variables: Vec<String> = self.secrets.variables().map(str::to_owned).collect();
        if !variables.is_empty() {
            self.line(
                2,
                "# Secrets of the recording were left out: set them here, by -e or in the environment.",
            );
        }
        for variable in variables {
            let environment = variable.to_uppercase();
            self.line(2, format!("{variable}: ${{env.{environment}:-{PLACEHOLDER}}}"));
        }
        self.line(0, "");
        self.line(0, "stages:");
        self.line(2, "- {duration: 0s, clients: \"${clients}\"}");
        self.line(2, "- {duration: \"${duration}\", clients: \"${clients}\"}");
    }

    fn socket(&mut self, name: &str, socket: &Socket) {
        self.line(2, format!("- name: {}", quoted(&literal(name))));
        self.line(4, "connection:");
        let path = self.path(socket);
        self.line(6, format!("path: {}", quoted(&path)));
        let headers: Vec<(&Header, String)> = socket
            .headers
            .iter()
            .filter(|header| is_wanted(header))
            .map(|header| (header, self.secrets.guard(&header.name, &header.value)))
            .collect();
        if !headers.is_empty() {
            self.line(6, "headers:");
            let mut written: Vec<String> = Vec::new();
            for (header, value) in headers {
                let name = header.name.to_lowercase();
                if !written.contains(&name) {
                    self.line(8, format!("{}: {}", quoted(&header.name), quoted(&value)));
                    written.push(name);
                }
            }
        }
        let subprotocols: Vec<String> = socket
            .subprotocols
            .iter()
            .filter(|name| is_token(name))
            .map(|name| quoted(&self.secrets.guard("subprotocol", name)))
            .collect();
        if !subprotocols.is_empty() {
            self.line(6, format!("subprotocols: [{}]", subprotocols.join(", ")));
        }
        if socket.compression {
            self.line(6, "compression: true");
        }
        self.line(6, "max_message_size: 64MiB");
        self.line(4, "flow:");
        self.line(6, "- connect");
        for step in steps(&socket.messages) {
            self.step(&step);
        }
        self.line(6, "- close");
    }

    fn path(&mut self, socket: &Socket) -> String {
        let mut path = literal(&socket.path);
        let Some(query) = &socket.query else { return path };
        for (index, pair) in query.split('&').enumerate() {
            path.push(if index == 0 { '?' } else { '&' });
            match pair.split_once('=') {
                Some((name, value)) => {
                    let value = self.secrets.guard(name, value);
                    path.push_str(&format!("{}={value}", literal(name)));
                }
                None => path.push_str(&literal(pair)),
            }
        }
        path
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Think(millis) => self.line(6, format!("- think: {millis}ms")),
            Step::Receive(millis) => self.line(6, format!("- receive: {{for: {millis}ms}}")),
            Step::Expect(look) => self.line(6, format!("- expect: {}", looks(look))),
            Step::Send(message, reply) => self.send(6, message, reply.as_ref()),
            Step::Rounds {
                interval,
                rounds,
                message,
                reply,
            } => {
                self.line(6, format!("- every: {interval}ms"));
                self.line(8, format!("repeat: {rounds}"));
                self.line(8, "do:");
                self.send(10, message, reply.as_ref());
            }
        }
    }

    fn send(&mut self, indent: usize, message: &Message, reply: Option<&Look>) {
        self.line(indent, "- send:");
        if message.binary {
            self.line(
                indent + 4,
                format!("binary: {{base64: {}}}", quoted(&message.data)),
            );
        } else {
            let text = self.secrets.guard_message(&message.data);
            self.line(indent + 4, format!("text: {}", quoted(&text)));
        }
        let reply = reply.map_or_else(|| "none".to_owned(), looks);
        self.line(indent + 4, format!("reply: {reply}"));
    }
}

fn looks(look: &Look) -> String {
    match look {
        Look::Echo => "echo".to_owned(),
        Look::Any => "any".to_owned(),
        Look::Json(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| {
                    let value = match value {
                        Value::String(text) => quoted(&literal(text)),
                        other => other.to_string(),
                    };
                    format!("{name}: {value}")
                })
                .collect();
            format!("{{json: {{{}}}}}", members.join(", "))
        }
    }
}

fn is_wanted(header: &Header) -> bool {
    let name = header.name.to_lowercase();
    let clean = header.value.chars().all(|c| c == '\t' || !c.is_control());
    is_token(&name) && clean && !LEFT_OUT.contains(&name.as_str())
}

/// `/chat/room` to `chat-room`.
fn kind_name(path: &str) -> String {
    let name: String = path
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        })
        .collect();
    match name.trim_matches('-') {
        "" => "socket".to_owned(),
        name => name.chars().take(40).collect(),
    }
}

fn unique(name: &str, taken: &[String]) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while taken.contains(&candidate) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A JSON string in which YAML finds nothing to stumble over.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    let mut quoted = String::with_capacity(json.len());
    for c in json.chars() {
        let plain = !matches!(
            c,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        );
        if plain {
            quoted.push(c);
        } else {
            quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
        }
    }
    quoted
}
