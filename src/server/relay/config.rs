//! [`RelayConfig`]: what a server is told of its processes. [`ProcessSpec`]: a kind of process that can be started.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::units::{ByteSize, Count};

/// What a server is told of its processes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelayConfig {
    /// Processes by the name under which a handler, a route or `ws.control` finds them. One is started when it is first
    /// asked for, and again when it is asked for after its end. `echo`, `room` and `recorder` exist unless they are
    /// defined otherwise.
    pub processes: BTreeMap<String, ProcessSpec>,
    /// Processes at a time, connections not counted.
    pub max_processes: Count,
    /// Letters that may wait for a process; then senders wait.
    pub mailbox_letters: Count,
    /// Bytes that may wait for a process; a single letter always may.
    pub mailbox_bytes: ByteSize,
    /// The NATS server that remote processes are reached through: `nats://127.0.0.1:4222`.
    pub nats: Option<String>,
}

/// A kind of process: `echo`, `room`, `recorder`, `{program: {command: [python3, bot.py]}}`, `{nats: subject}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessSpec {
    /// Sends every message back.
    Echo,
    /// Sends every message to each of its clients (seed E15).
    Room,
    /// Remembers the last letters and answers `recorder.read` with them.
    Recorder,
    /// A child program that reads and writes letters as lines of JSON.
    Program(ProgramSpec),
    /// Whatever listens on this NATS subject.
    Nats(String),
}

/// A child program.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramSpec {
    /// The program, and its arguments.
    pub command: Vec<String>,
    /// Where it runs; the server's own directory by default.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// Variables beside those that the server has.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            processes: BTreeMap::new(),
            max_processes: Count(1000),
            mailbox_letters: Count(256),
            mailbox_bytes: ByteSize::kib(4096),
            nats: None,
        }
    }
}

impl RelayConfig {
    /// What is wrong with it, and where.
    pub(crate) fn problem(&self) -> Option<(String, &'static str)> {
        self.processes.iter().find_map(|(name, spec)| {
            let place = || format!("relay: processes: {name}");
            if !is_name(name) {
                return Some((place(), "a process's name has letters, digits, `-` and `_` only"));
            }
            match spec {
                ProcessSpec::Program(program) if program.command.is_empty() => {
                    Some((place(), "`command` names the program first"))
                }
                ProcessSpec::Nats(subject) if !is_subject(subject) => Some((
                    place(),
                    "a NATS subject has no blanks, `*` or `>`, and no empty part",
                )),
                ProcessSpec::Nats(_) if self.nats.is_none() => {
                    Some((place(), "a remote process needs `relay: nats:`"))
                }
                _ => None,
            }
        })
    }
}

/// Whether a process may be called so: nothing that could be a PID or a subject.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
}

/// Whether one can publish to this subject.
pub(crate) fn is_subject(subject: &str) -> bool {
    let plain =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic() && c != '*' && c != '>');
    subject.split('.').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> RelayConfig {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn reads_every_kind_of_process() {
        let config = read(
            "{nats: 'nats://127.0.0.1:4222', processes: {a: echo, b: room, c: recorder, \
             d: {program: {command: [python3, bot.py]}}, e: {nats: app.chat}}}",
        );
        assert_eq!(config.problem(), None);
        assert_eq!(config.processes["b"], ProcessSpec::Room);
        assert_eq!(config.processes["e"], ProcessSpec::Nats("app.chat".to_owned()));
        let ProcessSpec::Program(program) = &config.processes["d"] else {
            panic!("d is a program")
        };
        assert_eq!(program.command, ["python3", "bot.py"]);
    }

    #[test]
    fn says_what_is_wrong() {
        for (yaml, place) in [
            ("processes: {'a.b': echo}", "relay: processes: a.b"),
            ("processes: {a: {program: {command: []}}}", "relay: processes: a"),
            (
                "{nats: 'nats://x', processes: {a: {nats: 'x.*'}}}",
                "relay: processes: a",
            ),
            ("processes: {a: {nats: x}}", "relay: processes: a"),
        ] {
            assert_eq!(
                read(yaml).problem().map(|(place, _)| place).as_deref(),
                Some(place),
                "{yaml}"
            );
        }
    }
}
