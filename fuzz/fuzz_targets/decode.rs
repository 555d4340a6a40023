//! The receiver: any bytes give the same events however they are cut; and whatever our sender writes, our receiver
//! reads back.
//!
//! Input: one byte of flags, one of rules, two of piece sizes, then the peer's bytes, or messages.

#![no_main]

mod bytes;

use bytes::{Bytes, cut};
use libfuzzer_sys::fuzz_target;
use wsbench_fuzz::wire::deflate::{DeflateParams, Deflater, Inflater};
use wsbench_fuzz::wire::{
    CloseCode, MaskKey, MessageKind, Received, Receiver, ReceiverConfig, Role, Rules, Sender, Violation,
};

const LIMIT: u64 = 4096;
const MASK: MaskKey = MaskKey([0x37, 0xfa, 0x21, 0x3d]);
const RULES: [Rules; 8] = [
    Rules::MASKING,
    Rules::RESERVED_BITS,
    Rules::RESERVED_OPCODES,
    Rules::UNFRAGMENTED_CONTROL,
    Rules::SHORT_CONTROL,
    Rules::MINIMAL_LENGTH,
    Rules::FRAGMENT_ORDER,
    Rules::UTF8,
];

#[derive(Debug, PartialEq)]
enum Event {
    Message(MessageKind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(CloseCode, Vec<u8>)>),
    Violation(Violation),
}

struct Setup {
    role: Role,
    rules: Rules,
    deflate: Option<DeflateParams>,
}

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes(data);
    let flags = input.byte();
    let lenient = input.byte();
    let sizes = [input.byte(), input.byte()];
    let rules = RULES.iter().enumerate().filter(|(at, _)| lenient >> at & 1 != 0);
    let params = DeflateParams {
        client_no_context_takeover: flags & 8 != 0,
        server_no_context_takeover: flags & 8 != 0,
        ..DeflateParams::default()
    };
    let setup = Setup {
        role: if flags & 1 == 0 {
            Role::Server
        } else {
            Role::Client
        },
        rules: rules.fold(Rules::STRICT, |rules, (_, &rule)| rules.without(rule)),
        deflate: (flags & 4 != 0).then_some(params),
    };
    if flags & 2 == 0 {
        same_however_cut(&setup, input.0, &sizes);
    } else {
        round_trip(&setup, &sizes, input);
    }
});

fn same_however_cut(setup: &Setup, stream: &[u8], sizes: &[u8]) {
    let mut whole = events(setup, &[stream]);
    let mut pieces = events(setup, &cut(stream, sizes));
    if setup.deflate.is_some() {
        // How far a broken compressed message was inflated when it was found broken depends on the cut, and with it
        // which of its faults comes first.
        for events in [&mut whole, &mut pieces] {
            if let Some(Event::Violation(violation)) = events.last_mut() {
                *violation = Violation::CorruptDeflate;
            }
        }
    }
    assert_eq!(whole, pieces);
}

fn events(setup: &Setup, pieces: &[&[u8]]) -> Vec<Event> {
    let inflater = setup
        .deflate
        .map(|params| Box::new(Inflater::new(&params, setup.role)));
    let config = ReceiverConfig {
        max_message_size: LIMIT,
        rules: setup.rules,
    };
    let mut receiver = Receiver::new(setup.role, config, inflater);
    let mut events = Vec::new();
    for piece in pieces {
        let mut buffer = piece.to_vec();
        let mut at = 0;
        loop {
            let (used, event) = receiver.receive(&mut buffer[at..]);
            at += used;
            events.push(match event {
                Received::NeedMore => break,
                Received::Message { kind, payload } => {
                    assert!(payload.len() as u64 <= LIMIT);
                    Event::Message(kind, payload.to_vec())
                }
                Received::Ping(payload) => Event::Ping(payload.to_vec()),
                Received::Pong(payload) => Event::Pong(payload.to_vec()),
                Received::Close(payload) => {
                    Event::Close(payload.map(|payload| (payload.code, payload.reason.to_vec())))
                }
                Received::Violation(violation) => {
                    events.push(Event::Violation(violation));
                    return events;
                }
            });
        }
        assert_eq!(at, buffer.len(), "nothing may be left when more is needed");
    }
    events
}

fn round_trip(setup: &Setup, sizes: &[u8], mut input: Bytes<'_>) {
    let peer = match setup.role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    let deflater = setup
        .deflate
        .map(|params| Box::new(Deflater::new(&params, peer, 3)));
    let mut sender = Sender::new(peer, deflater);
    let mut stream = Vec::new();
    let mut sent = Vec::new();
    while !input.0.is_empty() {
        let what = input.byte();
        let length = usize::from(input.byte()) * if what & 8 == 0 { 1 } else { 16 };
        let payload = input.take(length.min(LIMIT as usize)).to_vec();
        match what & 3 {
            0 => {
                let text = String::from_utf8_lossy(&payload).into_owned().into_bytes();
                let text = if text.len() as u64 <= LIMIT {
                    text
                } else {
                    Vec::new()
                };
                sender.message(MessageKind::Text, &text, MASK, &mut stream);
                sent.push(Event::Message(MessageKind::Text, text));
            }
            1 => {
                sender.message(MessageKind::Binary, &payload, MASK, &mut stream);
                sent.push(Event::Message(MessageKind::Binary, payload));
            }
            2 => {
                let payload = payload[..payload.len().min(125)].to_vec();
                sender.ping(&payload, MASK, &mut stream);
                sent.push(Event::Ping(payload));
            }
            _ => {
                let payload = payload[..payload.len().min(125)].to_vec();
                sender.pong(&payload, MASK, &mut stream);
                sent.push(Event::Pong(payload));
            }
        }
    }
    sender.close(Some(CloseCode::NORMAL), "bye", MASK, &mut stream);
    sent.push(Event::Close(Some((CloseCode::NORMAL, b"bye".to_vec()))));
    assert_eq!(events(setup, &cut(&stream, sizes)), sent);
}
