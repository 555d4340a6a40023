//! `wire` against tungstenite, which nobody here wrote: random conversations and random frames, cut at random places,
//! must mean the same to both.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite;
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode as PeerCode;
use tungstenite::protocol::{CloseFrame, Role as PeerRole, WebSocket};
use wsbench::wire::{
    CloseCode, CloseInitiator, Closing, ClosingState, MaskKey, MessageKind, Opcode, RawFrame, Received,
    Receiver, ReceiverConfig, Role, Sender, Violation,
};

/// A transport in memory: what is queued can be read, then it would block; what is written is kept.
#[derive(Default)]
struct Pipe {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            self.incoming.read(buf)
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.outgoing.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What an endpoint heard, in the terms of both.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, Vec<u8>)>),
    Failure,
}

/// Our end: answers pings and closes, notes what it heard.
struct Ours {
    receiver: Receiver,
    sender: Sender,
    closing: Closing,
    heard: Vec<Heard>,
    violation: Option<Violation>,
}

impl Ours {
    fn new(role: Role) -> Self {
        Self {
            receiver: Receiver::new(role, ReceiverConfig::default(), None),
            sender: Sender::new(role, None),
            closing: Closing::default(),
            heard: Vec::new(),
            violation: None,
        }
    }

    fn receive(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mask = MaskKey([9, 8, 7, 6]);
        let mut bytes = bytes.to_vec();
        let mut at = 0;
        loop {
            let (used, event) = self.receiver.receive(&mut bytes[at..]);
            at += used;
            match event {
                Received::NeedMore => return,
                Received::Message {
                    kind: MessageKind::Text,
                    payload,
                } => self.heard.push(Heard::Text(payload.to_vec())),
                Received::Message {
                    kind: MessageKind::Binary,
                    payload,
                } => {
                    self.heard.push(Heard::Binary(payload.to_vec()));
                }
                Received::Ping(payload) => {
                    self.heard.push(Heard::Ping(payload.to_vec()));
                    self.sender.pong(payload, mask, out);
                }
                Received::Pong(payload) => self.heard.push(Heard::Pong(payload.to_vec())),
                Received::Close(close) => {
                    self.heard.push(Heard::Close(
                        close.map(|close| (close.code.0, close.reason.to_vec())),
                    ));
                    let code = close.map(|close| close.code);
                    self.closing.received(code);
                    if self.closing.state() == ClosingState::Received {
                        self.sender.close(code, "", mask, out);
                        self.closing.sent(code);
                    }
                }
                Received::Violation(violation) => {
                    self.heard.push(Heard::Failure);
                    self.violation = Some(violation);
                }
            }
        }
    }
}

fn hear(peer: &mut WebSocket<Pipe>) -> Vec<Heard> {
    let mut heard = Vec::new();
    loop {
        heard.push(match peer.read() {
            Ok(Message::Text(text)) => Heard::Text(text.as_bytes().to_vec()),
            Ok(Message::Binary(bytes)) => Heard::Binary(bytes.to_vec()),
            Ok(Message::Ping(bytes)) => Heard::Ping(bytes.to_vec()),
            Ok(Message::Pong(bytes)) => Heard::Pong(bytes.to_vec()),
            Ok(Message::Close(close)) => {
                Heard::Close(close.map(|close| (u16::from(close.code), close.reason.as_bytes().to_vec())))
            }
            Ok(Message::Frame(_)) => unreachable!("never returned by read"),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return heard,
            Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => return heard,
            Err(_) => {
                heard.push(Heard::Failure);
                return heard;
            }
        });
    }
}

/// Something one of the two says.
#[derive(Clone, Debug)]
enum Say {
    Text(String),
    Binary(Vec<u8>),
    Fragments(Vec<Vec<u8>>),
    Ping(Vec<u8>),
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        "\\PC{0,60}".prop_map(Say::Text),
        proptest::collection::vec(any::<u8>(), 0..3000).prop_map(Say::Binary),
        proptest::collection::vec(any::<u8>(), 65_530..65_540).prop_map(Say::Binary),
        proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..5)
            .prop_map(Say::Fragments),
        proptest::collection::vec(any::<u8>(), 0..=124).prop_map(Say::Ping),
    ]
}

fn expected(say: &Say) -> Heard {
    match say {
        Say::Text(text) => Heard::Text(text.clone().into_bytes()),
        Say::Binary(bytes) => Heard::Binary(bytes.clone()),
        Say::Fragments(parts) => Heard::Binary(parts.concat()),
        Say::Ping(bytes) => Heard::Ping(bytes.clone()),
    }
}

fn say_ours(ours: &mut Ours, role: Role, said: &Say, out: &mut Vec<u8>) {
    let mask = MaskKey([1, 2, 3, 4]);
    match said {
        Say::Text(text) => ours.sender.message(MessageKind::Text, text.as_bytes(), mask, out),
        Say::Binary(bytes) => ours.sender.message(MessageKind::Binary, bytes, mask, out),
        Say::Fragments(parts) => {
            for (i, part) in parts.iter().enumerate() {
                let opcode = if i == 0 {
                    Opcode::Binary
                } else {
                    Opcode::Continuation
                };
                let mask = (role == Role::Client).then_some(mask);
                RawFrame {
                    fin: i + 1 == parts.len(),
                    mask,
                    ..RawFrame::new(opcode, part)
                }
                .encode(out);
            }
        }
        Say::Ping(bytes) => ours.sender.ping(bytes, mask, out),
    }
}

fn say_peer(peer: &mut WebSocket<Pipe>, said: &Say) {
    let message = match said {
        Say::Text(text) => Message::text(text.clone()),
        Say::Binary(bytes) => Message::binary(bytes.clone()),
        Say::Fragments(parts) => Message::binary(parts.concat()),
        Say::Ping(bytes) => Message::Ping(bytes.clone().into()),
    };
    peer.write(message).expect("a pipe in memory takes everything");
    peer.flush().expect("a pipe in memory takes everything");
}

/// Moves bytes both ways in pieces of the given sizes until neither has anything left to say.
fn exchange(
    ours: &mut Ours,
    peer: &mut WebSocket<Pipe>,
    mut out: Vec<u8>,
    sizes: &[usize],
    heard: &mut Vec<Heard>,
) {
    let mut sizes = sizes.iter().copied().cycle();
    while !out.is_empty() || !peer.get_ref().outgoing.is_empty() {
        let mut rest = std::mem::take(&mut out);
        while !rest.is_empty() {
            let tail = rest.split_off(sizes.next().unwrap_or(1).min(rest.len()));
            peer.get_mut().incoming.extend(&rest);
            heard.extend(hear(peer));
            rest = tail;
        }
        let _ = peer.flush();
        let mut rest = std::mem::take(&mut peer.get_mut().outgoing);
        while !rest.is_empty() {
            let tail = rest.split_off(sizes.next().unwrap_or(1).min(rest.len()));
            ours.receive(&rest, &mut out);
            rest = tail;
        }
    }
}

fn not_pongs(heard: &[Heard]) -> Vec<Heard> {
    heard
        .iter()
        .filter(|heard| !matches!(heard, Heard::Pong(_)))
        .cloned()
        .collect()
}

fn pongs(heard: &[Heard]) -> usize {
    heard
        .iter()
        .filter(|heard| matches!(heard, Heard::Pong(_)))
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn conversations_arrive_as_they_were_said(
        turns in proptest::collection::vec((any::<bool>(), say()), 1..12),
        sizes in proptest::collection::vec(1..5000_usize, 1..6),
        our_role in prop_oneof![Just(Role::Client), Just(Role::Server)],
        we_close in any::<bool>(),
        code in prop_oneof![Just(1000_u16), Just(1001), Just(3000), Just(4999)],
    ) {
        let peer_role = if our_role == Role::Client { PeerRole::Server } else { PeerRole::Client };
        let mut ours = Ours::new(our_role);
        let mut peer = WebSocket::from_raw_socket(Pipe::default(), peer_role, None);
        let mut peer_heard = Vec::new();
        for (by_us, said) in &turns {
            let mut out = Vec::new();
            if *by_us { say_ours(&mut ours, our_role, said, &mut out) } else { say_peer(&mut peer, said) }
            exchange(&mut ours, &mut peer, out, &sizes, &mut peer_heard);
        }
        let mut out = Vec::new();
        if we_close {
            ours.sender.close(Some(CloseCode(code)), "done", MaskKey([5; 4]), &mut out);
            ours.closing.sent(Some(CloseCode(code)));
        } else {
            peer.close(Some(CloseFrame { code: PeerCode::from(code), reason: "done".into() })).unwrap();
        }
        exchange(&mut ours, &mut peer, out, &sizes, &mut peer_heard);

        let said_by = |us: bool| turns.iter().filter(move |(by_us, _)| *by_us == us).map(|(_, said)| expected(said));
        let mut expect_peer: Vec<Heard> = said_by(true).collect();
        let mut expect_us: Vec<Heard> = said_by(false).collect();
        let pings = |heard: &[Heard]| heard.iter().filter(|heard| matches!(heard, Heard::Ping(_))).count();
        prop_assert_eq!(pongs(&peer_heard), pings(&expect_us), "every ping of the peer is answered");
        prop_assert_eq!(pongs(&ours.heard), pings(&expect_peer), "every ping of ours is answered");
        let close = Heard::Close(Some((code, b"done".to_vec())));
        (if we_close { &mut expect_peer } else { &mut expect_us }).push(close);
        let mut we_heard = not_pongs(&ours.heard);
        if we_close {
            prop_assert!(matches!(we_heard.pop(), Some(Heard::Close(Some((answered, _)))) if answered == code));
        } else {
            prop_assert!(matches!(peer_heard.pop(), Some(Heard::Close(Some((answered, _)))) if answered == code));
        }
        prop_assert_eq!(not_pongs(&peer_heard), expect_peer);
        prop_assert_eq!(we_heard, expect_us);
        let outcome = ours.closing.outcome();
        prop_assert!(outcome.clean);
        prop_assert_eq!(outcome.code, CloseCode(code));
        prop_assert_eq!(outcome.by, if we_close { CloseInitiator::Us } else { CloseInitiator::Peer });
    }

    /// Frames with any header bits. Where tungstenite is known to be laxer, ours must say exactly that it was stricter.
    #[test]
    fn frames_mean_the_same_to_both(
        frames in proptest::collection::vec(
            (
                any::<bool>(),
                prop_oneof![12 => Just(0_u8), 1 => 1..8_u8],
                prop_oneof![5 => Just(1_u8), 5 => Just(2), 6 => Just(0), 2 => Just(8), 3 => Just(9), 2 => Just(10), 1 => 0..16_u8],
                prop_oneof![
                    3 => proptest::collection::vec(any::<u8>(), 0..130),
                    2 => "\\PC{0,30}".prop_map(String::into_bytes),
                    1 => (any::<u16>(), "[a-z]{0,10}").prop_map(|(code, reason)| [&code.to_be_bytes()[..], reason.as_bytes()].concat()),
                    1 => (990..1020_u16).prop_map(|code| code.to_be_bytes().to_vec()),
                ],
            ),
            1..10,
        ),
        sizes in proptest::collection::vec(1..400_usize, 1..6),
    ) {
        let mut bytes = Vec::new();
        for (fin, rsv, opcode, payload) in &frames {
            let base = RawFrame::new(Opcode::Text, payload);
            RawFrame { fin: *fin, rsv: *rsv, opcode: *opcode, mask: Some(MaskKey([3, 1, 4, 1])), ..base }.encode(&mut bytes);
        }
        let mut ours = Ours::new(Role::Server);
        let mut peer = WebSocket::from_raw_socket(Pipe::default(), PeerRole::Server, None);
        let mut peer_heard = Vec::new();
        let mut sizes = sizes.iter().copied().cycle();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(sizes.next().unwrap_or(1).min(rest.len()));
            ours.receive(piece, &mut Vec::new());
            if !peer_heard.contains(&Heard::Failure) {
                peer.get_mut().incoming.extend(piece);
                peer_heard.extend(hear(&mut peer));
            }
            rest = tail;
        }
        match ours.violation {
            // It answers a forbidden close code with 1002 and reports that code, a broken payload likewise, and it
            // checks text only as a whole message.
            Some(Violation::InvalidCloseCode(_) | Violation::InvalidUtf8 | Violation::TruncatedClose | Violation::InvalidCloseReason) => {
                let before = &ours.heard[..ours.heard.len() - 1];
                prop_assert!(peer_heard.starts_with(before), "{:?} / {:?}", ours.heard, peer_heard);
            }
            _ => prop_assert_eq!(&ours.heard, &peer_heard, "{:?}", ours.violation),
        }
    }
}
