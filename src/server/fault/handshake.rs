//! [`BadHandshake`]: answers to an upgrade that are wrong.

use http::{HeaderMap, HeaderName, header};

use crate::wire::handshake::accept_key;

/// What is wrong with the answer. After it the server goes on as if all were well, so that a client or a gateway which does not
/// look can be caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHandshake {
    /// `Sec-WebSocket-Accept` belongs to another key.
    WrongAccept,
    /// It is missing.
    NoAccept,
    /// It is there twice.
    TwoAccepts,
    /// `Upgrade` is missing.
    NoUpgrade,
    /// `Upgrade: h2c`.
    WrongUpgrade,
    /// `Connection` is missing.
    NoConnection,
    /// `Connection: close`.
    WrongConnection,
    /// `200 OK` with all headers of a 101.
    Status200,
    /// `HTTP/1.0 101`.
    Http10,
    /// `Sec-WebSocket-Version: 8`, as if the version had been negotiated.
    BadVersion,
    /// An extension that the client cannot have offered.
    UnsolicitedExtension,
    /// A subprotocol that the client cannot have offered.
    UnsolicitedProtocol,
    /// A header of 64 KiB.
    HugeHeader,
    /// Half of a head, then the end of TCP.
    Truncated,
    /// A good head, then bytes that are no frame.
    Garbage,
}

const BY_NAME: [(&str, BadHandshake); 15] = [
    ("wrong-accept", BadHandshake::WrongAccept),
    ("no-accept", BadHandshake::NoAccept),
    ("two-accepts", BadHandshake::TwoAccepts),
    ("no-upgrade", BadHandshake::NoUpgrade),
    ("wrong-upgrade", BadHandshake::WrongUpgrade),
    ("no-connection", BadHandshake::NoConnection),
    ("wrong-connection", BadHandshake::WrongConnection),
    ("status-200", BadHandshake::Status200),
    ("http-10", BadHandshake::Http10),
    ("bad-version", BadHandshake::BadVersion),
    ("unsolicited-extension", BadHandshake::UnsolicitedExtension),
    ("unsolicited-protocol", BadHandshake::UnsolicitedProtocol),
    ("huge-header", BadHandshake::HugeHeader),
    ("truncated", BadHandshake::Truncated),
    ("garbage", BadHandshake::Garbage),
];

/// All four high bits and an opcode that does not exist: no frame begins like that.
const NO_FRAME: &[u8] = b"\xff\xff\xff\xffthis is no frame";
/// More than any client should keep of one header.
const HUGE: usize = 64 * 1024;

impl BadHandshake {
    /// The names of all.
    pub(super) const NAMES: &'static str = "`wrong-accept`, `no-accept`, `two-accepts`, `no-upgrade`, `wrong-upgrade`, \
         `no-connection`, `wrong-connection`, `status-200`, `http-10`, `bad-version`, `unsolicited-extension`, \
         `unsolicited-protocol`, `huge-header`, `truncated` or `garbage`";

    pub(super) fn by_name(name: &str) -> Option<Self> {
        BY_NAME
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, mode)| *mode)
    }

    /// The bytes in place of the 101 with these headers.
    fn spoil(self, mut headers: HeaderMap) -> Vec<u8> {
        let mut status = "HTTP/1.1 101 Switching Protocols";
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        };
        match self {
            Self::WrongAccept => put(header::SEC_WEBSOCKET_ACCEPT, &accept_key("another key")),
            Self::TwoAccepts => {
                if let Ok(value) = accept_key("another key").parse() {
                    headers.append(header::SEC_WEBSOCKET_ACCEPT, value);
                }
            }
            Self::WrongUpgrade => put(header::UPGRADE, "h2c"),
            Self::WrongConnection => put(header::CONNECTION, "close"),
            Self::BadVersion => put(header::SEC_WEBSOCKET_VERSION, "8"),
            Self::UnsolicitedExtension => put(header::SEC_WEBSOCKET_EXTENSIONS, "x-unsolicited"),
            Self::UnsolicitedProtocol => put(header::SEC_WEBSOCKET_PROTOCOL, "x-unsolicited"),
            Self::HugeHeader => put(HeaderName::from_static("x-huge"), &"x".repeat(HUGE)),
            Self::NoAccept => drop(headers.remove(header::SEC_WEBSOCKET_ACCEPT)),
            Self::NoUpgrade => drop(headers.remove(header::UPGRADE)),
            Self::NoConnection => drop(headers.remove(header::CONNECTION)),
            Self::Status200 => status = "HTTP/1.1 200 OK",
            Self::Http10 => status = "HTTP/1.0 101 Switching Protocols",
            Self::Truncated | Self::Garbage => {}
        }
        let mut head = write_head(status, &headers);
        match self {
            Self::Truncated => head.truncate(head.len() / 2),
            Self::Garbage => head.extend_from_slice(NO_FRAME),
            _ => {}
        }
        head
    }
}

/// The bytes of the answer to an upgrade with these headers, spoilt if asked for.
pub(super) fn answer(headers: &HeaderMap, spoilt: Option<BadHandshake>) -> Vec<u8> {
    match spoilt {
        None => write_head("HTTP/1.1 101 Switching Protocols", headers),
        Some(mode) => mode.spoil(headers.clone()),
    }
}

fn write_head(status: &str, headers: &HeaderMap) -> Vec<u8> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(status.as_bytes());
    for (name, value) in headers {
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
    }
    head.extend_from_slice(b"\r\n\r\n");
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> HeaderMap {
        [
            (header::UPGRADE, "websocket"),
            (header::CONNECTION, "Upgrade"),
            (header::SEC_WEBSOCKET_ACCEPT, "right"),
        ]
        .map(|(name, value)| (name, value.parse().unwrap()))
        .into_iter()
        .collect()
    }

    fn text(spoilt: Option<BadHandshake>) -> String {
        String::from_utf8_lossy(&answer(&good(), spoilt)).into_owned()
    }

    #[test]
    fn a_good_answer_is_whole() {
        assert_eq!(
            text(None),
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-accept: right\r\n\r\n"
        );
    }

    #[test]
    fn each_mode_differs_from_it_and_from_every_other() {
        let mut answers: Vec<_> = BY_NAME.iter().map(|(_, mode)| text(Some(*mode))).collect();
        answers.push(text(None));
        for (index, answer) in answers.iter().enumerate() {
            assert!(!answers[..index].contains(answer), "{answer}");
        }
    }

    #[test]
    fn every_mode_is_named_in_the_hint() {
        for (name, _) in BY_NAME {
            assert!(BadHandshake::NAMES.contains(&format!("`{name}`")), "{name}");
        }
    }
}
