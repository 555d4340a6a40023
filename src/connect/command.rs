//! Slash commands: what a line of input asks for.
//!
//! A line that begins with `/` is a command, `//` sends a literal slash, everything else is a text message.

use std::fs::File;
use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::action::Action;
use crate::units::ByteSize;
use crate::wire::{CloseCode, MAX_CLOSE_REASON, MAX_CONTROL_PAYLOAD};

/// What `/help` shows.
pub(super) const HELP: &str = "\
/ping [TEXT]              send a Ping frame
/pong [TEXT]              send a Pong frame
/close [CODE [REASON]]    send a Close frame (1000 unless given) and end
/binary HEX|base64:DATA   send a binary message
/text [TEXT]              send a text message, an empty one too
/file [--binary] PATH     send a file as one message
/quit                     close with 1000 and end
/help                     show this
//TEXT                    send a text that begins with /";

/// Why a line of input could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// Not one of ours.
    #[error("unknown command /{0}: /help lists the commands, // sends a literal slash")]
    Unknown(String),
    /// RFC 6455 5.5.
    #[error("a control frame carries at most {MAX_CONTROL_PAYLOAD} bytes, this text has {0}")]
    ControlTooLong(usize),
    /// RFC 6455 5.5.1.
    #[error("a reason has at most {MAX_CLOSE_REASON} bytes, this one has {0}")]
    ReasonTooLong(usize),
    /// Not a number, or one that no endpoint may send.
    #[error("`{0}` is not a code that may be sent: 1000 to 1003, 1007 to 1014 or 3000 to 4999")]
    CloseCode(String),
    /// Neither hexadecimal nor base64.
    #[error("cannot read `{0}` as bytes: give pairs of hexadecimal digits, or base64: and base64")]
    Bytes(String),
    /// `/file` without a path.
    #[error("/file needs a path: /file [--binary] PATH")]
    MissingPath,
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The path as given.
        path: String,
        /// What failed.
        source: io::Error,
    },
    /// Text messages are UTF-8 (RFC 6455 5.6).
    #[error("{0} is not UTF-8 and cannot be a text message: send it with --binary")]
    NotText(String),
    /// Beyond `--max-message-size`.
    #[error("{what} is larger than {}: raise --max-message-size", ByteSize(*.limit as u64))]
    TooLarge {
        /// What was read.
        what: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The input stream failed.
    #[error("cannot read the input: {0}")]
    Input(#[source] io::Error),
}

/// Turns a line into what is to be done, with messages of at most `limit` bytes. Files are read here, so a thread that
/// may block calls it.
pub(super) fn interpret(line: String, limit: usize) -> Result<Action, CommandError> {
    let action = parse(line, limit)?;
    let size = match &action {
        Action::Text(text) => text.len(),
        Action::Binary(bytes) => bytes.len(),
        _ => 0,
    };
    if size > limit {
        return Err(CommandError::TooLarge {
            what: format!("a message of {size} bytes"),
            limit,
        });
    }
    Ok(action)
}

fn parse(line: String, limit: usize) -> Result<Action, CommandError> {
    let Some(command) = line.strip_prefix('/') else {
        return Ok(Action::Text(line));
    };
    if command.starts_with('/') {
        return Ok(Action::Text(command.to_owned()));
    }
    let (name, argument) = match command.split_once(char::is_whitespace) {
        Some((name, argument)) => (name, argument),
        None => (command, ""),
    };
    Ok(match name {
        "ping" => Action::Ping(control_payload(argument)?),
        "pong" => Action::Pong(control_payload(argument)?),
        "close" => close(argument)?,
        "binary" => Action::Binary(bytes(argument)?),
        "text" => Action::Text(argument.to_owned()),
        "file" => file(argument, limit)?,
        "quit" => Action::Quit,
        "help" => Action::Help,
        _ => return Err(CommandError::Unknown(name.to_owned())),
    })
}

fn control_payload(text: &str) -> Result<Vec<u8>, CommandError> {
    if text.len() > MAX_CONTROL_PAYLOAD {
        return Err(CommandError::ControlTooLong(text.len()));
    }
    Ok(text.as_bytes().to_vec())
}

fn close(argument: &str) -> Result<Action, CommandError> {
    let (code, reason) = match argument.trim().split_once(char::is_whitespace) {
        Some((code, reason)) => (code, reason.trim()),
        None => (argument.trim(), ""),
    };
    let code = match code {
        "" => CloseCode::NORMAL,
        text => text
            .parse()
            .ok()
            .map(CloseCode)
            .filter(|code| code.is_sendable())
            .ok_or_else(|| CommandError::CloseCode(text.to_owned()))?,
    };
    if reason.len() > MAX_CLOSE_REASON {
        return Err(CommandError::ReasonTooLong(reason.len()));
    }
    Ok(Action::Close {
        code,
        reason: reason.to_owned(),
    })
}

/// Reads `base64:aGk=`, or hexadecimal digits with blanks and colons anywhere.
fn bytes(text: &str) -> Result<Vec<u8>, CommandError> {
    let refused = || CommandError::Bytes(text.to_owned());
    if let Some(encoded) = text.trim().strip_prefix("base64:") {
        return STANDARD.decode(encoded.trim()).map_err(|_| refused());
    }
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()
        .ok_or_else(refused)?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(refused());
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn file(argument: &str, limit: usize) -> Result<Action, CommandError> {
    let argument = argument.trim();
    let (path, binary) = match argument.strip_prefix("--binary") {
        Some(rest) if rest.is_empty() || rest.starts_with(char::is_whitespace) => (rest.trim(), true),
        _ => (argument, false),
    };
    if path.is_empty() {
        return Err(CommandError::MissingPath);
    }
    let failed = |source| CommandError::File {
        path: path.to_owned(),
        source,
    };
    let content = read_whole(&mut File::open(path).map_err(failed)?, limit).map_err(failed)?;
    whole_message(content, path, binary, limit)
}

/// Reads to the end, but not more than one byte beyond `limit`: enough to tell that it is too much.
pub(super) fn read_whole(input: &mut dyn Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    input.take(limit as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

/// Makes one message of `content`, which came from `what`.
pub(super) fn whole_message(
    content: Vec<u8>,
    what: &str,
    binary: bool,
    limit: usize,
) -> Result<Action, CommandError> {
    if content.len() > limit {
        return Err(CommandError::TooLarge {
            what: what.to_owned(),
            limit,
        });
    }
    if binary {
        return Ok(Action::Binary(content));
    }
    match String::from_utf8(content) {
        Ok(text) => Ok(Action::Text(text)),
        Err(_) => Err(CommandError::NotText(what.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1000;

    fn action(line: &str) -> Action {
        interpret(line.to_owned(), LIMIT).unwrap()
    }

    fn error(line: &str) -> String {
        interpret(line.to_owned(), LIMIT).unwrap_err().to_string()
    }

    #[test]
    fn lines_without_a_slash_and_with_two_are_texts() {
        for (line, text) in [
            ("hello", "hello"),
            ("", ""),
            (" /ping", " /ping"),
            ("//etc/passwd", "/etc/passwd"),
            ("///", "//"),
            ("/text", ""),
            ("/text  a ", " a "),
        ] {
            assert_eq!(action(line), Action::Text(text.to_owned()), "{line}");
        }
    }

    #[test]
    fn d17_control_frames_by_hand() {
        assert_eq!(action("/ping"), Action::Ping(Vec::new()));
        assert_eq!(
            action("/ping are you there"),
            Action::Ping(b"are you there".to_vec())
        );
        assert_eq!(action("/pong x"), Action::Pong(b"x".to_vec()));
        let close = |code, reason: &str| Action::Close {
            code: CloseCode(code),
            reason: reason.to_owned(),
        };
        assert_eq!(action("/close"), close(1000, ""));
        assert_eq!(action("/close 1001"), close(1001, ""));
        assert_eq!(action("/close 4001 see you later"), close(4001, "see you later"));
    }

    #[test]
    fn bytes_by_hand() {
        for line in [
            "/binary 00ff10",
            "/binary 00:FF:10",
            "/binary 00 ff 1 0",
            "/binary base64:AP8Q",
        ] {
            assert_eq!(action(line), Action::Binary(vec![0, 255, 16]), "{line}");
        }
        assert_eq!(action("/binary"), Action::Binary(Vec::new()));
    }

    #[test]
    fn files_are_one_message_and_held_to_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str, content: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.display().to_string()
        };
        let text = path("a text.txt", b"two\nlines\n");
        let bytes = path("bytes", b"\xff\x00");
        let large = path("large", &[b'x'; LIMIT + 1]);
        assert_eq!(
            action(&format!("/file {text}")),
            Action::Text("two\nlines\n".to_owned())
        );
        assert_eq!(
            action(&format!("/file --binary {bytes}")),
            Action::Binary(vec![255, 0])
        );
        assert!(error(&format!("/file {bytes}")).contains("is not UTF-8"));
        assert!(error(&format!("/file {large}")).contains("is larger than 1000B"));
        assert!(error("/file nowhere.txt").starts_with("cannot read nowhere.txt: "));
        assert!(error("/file --binary").contains("needs a path"));
    }

    #[test]
    fn messages_by_hand_are_held_to_the_limit() {
        let text = "x".repeat(LIMIT);
        let bytes = "00".repeat(LIMIT);
        for (fits, too_large) in [
            (text.clone(), format!("{text}x")),
            (format!("//{}", &text[1..]), format!("//{text}")),
            (format!("/text {text}"), format!("/text {text}x")),
            (format!("/binary {bytes}"), format!("/binary {bytes}00")),
        ] {
            action(&fits);
            assert_eq!(
                error(&too_large),
                "a message of 1001 bytes is larger than 1000B: raise --max-message-size"
            );
        }
    }

    #[test]
    fn errors_say_what_is_possible_instead() {
        assert_eq!(
            error("/hello there"),
            "unknown command /hello: /help lists the commands, // sends a literal slash"
        );
        assert!(error(&format!("/ping {}", "x".repeat(126))).contains("at most 125 bytes"));
        assert!(error(&format!("/close 1000 {}", "x".repeat(124))).contains("at most 123 bytes"));
        for code in ["1005", "1006", "999", "5000", "abc"] {
            assert!(
                error(&format!("/close {code}")).contains("3000 to 4999"),
                "{code}"
            );
        }
        for bytes in ["0", "0g", "base64:!", "-1"] {
            assert!(
                error(&format!("/binary {bytes}")).contains("hexadecimal"),
                "{bytes}"
            );
        }
    }
}
