//! By clause of RFC 6455, with literal bytes wherever they stay readable.

use proptest::prelude::*;

use super::*;
use crate::wire::MAX_CONTROL_PAYLOAD;
use crate::wire::encode::{LengthForm, RawFrame};

/// An event that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Message(MessageKind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, Vec<u8>)>),
    Violation(Violation),
}

/// Feeds `pieces` one after the other, each until the receiver needs more.
fn feed<'a>(receiver: &mut Receiver, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut events = Vec::new();
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut at = 0;
        loop {
            let (used, event) = receiver.receive(&mut bytes[at..]);
            at += used;
            events.push(match event {
                Received::NeedMore => break,
                Received::Message { kind, payload } => Event::Message(kind, payload.to_vec()),
                Received::Ping(payload) => Event::Ping(payload.to_vec()),
                Received::Pong(payload) => Event::Pong(payload.to_vec()),
                Received::Close(payload) => {
                    Event::Close(payload.map(|close| (close.code.0, close.reason.to_vec())))
                }
                Received::Violation(violation) => Event::Violation(violation),
            });
        }
        assert_eq!(at, piece.len(), "a receiver that needs more has taken everything");
    }
    events
}

fn client(rules: Rules, limit: u64) -> Receiver {
    Receiver::new(
        Role::Client,
        ReceiverConfig {
            max_message_size: limit,
            rules,
        },
        None,
    )
}

fn events_of(bytes: &[u8]) -> Vec<Event> {
    feed(&mut client(Rules::STRICT, 1 << 20), [bytes])
}

fn lenient_events_of(rules: Rules, bytes: &[u8]) -> Vec<Event> {
    feed(&mut client(Rules::STRICT.without(rules), 1 << 20), [bytes])
}

fn text(payload: &str) -> Event {
    Event::Message(MessageKind::Text, payload.as_bytes().to_vec())
}

fn binary(payload: &[u8]) -> Event {
    Event::Message(MessageKind::Binary, payload.to_vec())
}

fn frame(frame: RawFrame<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    frame.encode(&mut out);
    out
}

#[track_caller]
fn assert_violates(bytes: &[u8], violation: Violation, code: u16, section: &str) {
    assert_eq!(events_of(bytes).last(), Some(&Event::Violation(violation)));
    assert_eq!(violation.close_code(), CloseCode(code));
    assert_eq!(violation.section(), section);
}

#[test]
fn rfc6455_5_7_unmasked_and_masked_hello() {
    assert_eq!(events_of(b"\x81\x05Hello"), [text("Hello")]);
    let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    let mut server = Receiver::new(Role::Server, ReceiverConfig::default(), None);
    assert_eq!(feed(&mut server, [&masked[..]]), [text("Hello")]);
}

#[test]
fn rfc6455_5_1_masking_is_enforced_both_ways() {
    let mut server = Receiver::new(Role::Server, ReceiverConfig::default(), None);
    assert_eq!(
        feed(&mut server, [&b"\x81\x02hi"[..]]),
        [Event::Violation(Violation::Unmasked)]
    );
    assert_violates(b"\x81\x82\0\0\0\0hi", Violation::Masked, 1002, "RFC 6455 5.1");
    assert_eq!(
        lenient_events_of(Rules::MASKING, b"\x81\x82\0\0\0\0hi"),
        [text("hi")]
    );
}

#[test]
fn rfc6455_5_2_reserved_bits() {
    assert_violates(b"\xC1\x00", Violation::ReservedBits(0b100), 1002, "RFC 6455 5.2");
    assert_violates(b"\xB9\x00", Violation::ReservedBits(0b011), 1002, "RFC 6455 5.2");
    assert_eq!(
        lenient_events_of(Rules::RESERVED_BITS, b"\xF1\x02hi"),
        [text("hi")]
    );
}

#[test]
fn rfc6455_5_2_reserved_opcodes() {
    for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        assert_violates(
            &[0x80 | opcode, 0],
            Violation::ReservedOpcode(opcode),
            1002,
            "RFC 6455 5.2",
        );
        let skipped = [&[0x80 | opcode, 3, 1, 2, 3][..], b"\x81\x02hi"].concat();
        assert_eq!(
            lenient_events_of(Rules::RESERVED_OPCODES, &skipped),
            [text("hi")],
            "opcode {opcode}"
        );
    }
}

#[test]
fn rfc6455_5_2_lengths() {
    let overlong = frame(RawFrame {
        length_form: Some(LengthForm::Bits16),
        ..RawFrame::new(Opcode::Text, b"hi")
    });
    assert_violates(&overlong, Violation::NonMinimalLength, 1002, "RFC 6455 5.2");
    assert_eq!(lenient_events_of(Rules::MINIMAL_LENGTH, &overlong), [text("hi")]);

    let top_bit = b"\x82\x7F\x80\0\0\0\0\0\0\0";
    assert_violates(top_bit, Violation::LengthOverflow, 1002, "RFC 6455 5.2");
    let mut lenient = client(Rules::LENIENT, u64::MAX);
    assert_eq!(
        feed(&mut lenient, [&top_bit[..]]),
        [Event::Violation(Violation::LengthOverflow)]
    );
}

#[test]
fn rfc6455_5_4_fragments_with_control_frames_between_them() {
    let bytes = b"\x01\x03Hel\x89\x01p\x80\x02lo";
    assert_eq!(events_of(bytes), [Event::Ping(b"p".to_vec()), text("Hello")]);
}

#[test]
fn rfc6455_5_4_fragment_order() {
    assert_violates(
        b"\x80\x01x",
        Violation::UnexpectedContinuation,
        1002,
        "RFC 6455 5.4",
    );
    assert_violates(
        b"\x01\x01a\x81\x01b",
        Violation::InterleavedMessage,
        1002,
        "RFC 6455 5.4",
    );
    assert_eq!(
        lenient_events_of(Rules::FRAGMENT_ORDER, b"\x80\x01x"),
        [binary(b"x")]
    );
    assert_eq!(
        lenient_events_of(Rules::FRAGMENT_ORDER, b"\x01\x01a\x81\x01b"),
        [text("b")]
    );
    assert_eq!(
        lenient_events_of(Rules::FRAGMENT_ORDER, b"\x01\x01a\x01\x01b\x80\x01c"),
        [text("bc")]
    );
}

#[test]
fn rfc6455_5_5_control_frames() {
    assert_eq!(
        events_of(b"\x89\x00\x8A\x02hi"),
        [Event::Ping(vec![]), Event::Pong(b"hi".to_vec())]
    );
    assert_violates(b"\x09\x00", Violation::FragmentedControl, 1002, "RFC 6455 5.5");
    let long = frame(RawFrame::new(Opcode::Ping, &[b'x'; 126]));
    assert_violates(&long, Violation::LongControl(126), 1002, "RFC 6455 5.5");
    assert_eq!(
        lenient_events_of(Rules::SHORT_CONTROL, &long),
        [Event::Ping(vec![b'x'; 126])]
    );
    assert_eq!(
        lenient_events_of(Rules::UNFRAGMENTED_CONTROL, b"\x09\x01x"),
        [Event::Ping(b"x".to_vec())]
    );
}

#[test]
fn rfc6455_5_5_1_close_payloads() {
    assert_eq!(events_of(b"\x88\x00"), [Event::Close(None)]);
    assert_eq!(
        events_of(b"\x88\x05\x03\xe8bye"),
        [Event::Close(Some((1000, b"bye".to_vec())))]
    );
    assert_violates(b"\x88\x01\x03", Violation::TruncatedClose, 1002, "RFC 6455 5.5.1");
    assert_violates(
        b"\x88\x02\x03\xed",
        Violation::InvalidCloseCode(CloseCode(1005)),
        1002,
        "RFC 6455 7.4",
    );
    assert_violates(
        b"\x88\x03\x03\xe8\xFF",
        Violation::InvalidCloseReason,
        1007,
        "RFC 6455 5.5.1",
    );
    let reserved = lenient_events_of(Rules::CLOSE_PAYLOAD, b"\x88\x02\x03\xed");
    assert_eq!(reserved, [Event::Close(Some((1005, vec![])))]);
}

#[test]
fn rfc6455_1_4_nothing_counts_after_a_close_frame() {
    assert_eq!(events_of(b"\x88\x00\x81\x02hi\xFF\xFF"), [Event::Close(None)]);
}

#[test]
fn rfc6455_7_1_7_nothing_counts_after_a_violation() {
    assert_eq!(
        events_of(b"\x83\x00\x81\x02hi"),
        [Event::Violation(Violation::ReservedOpcode(3))]
    );
}

#[test]
fn rfc6455_8_1_text_fails_at_its_first_bad_byte() {
    assert_violates(b"\x81\x02\xC3\x28", Violation::InvalidUtf8, 1007, "RFC 6455 8.1");
    // The message is far from complete when its third byte is already wrong.
    assert_violates(
        b"\x01\x7E\x40\x00ok\xFF",
        Violation::InvalidUtf8,
        1007,
        "RFC 6455 8.1",
    );
    assert_violates(
        b"\x01\x01\xC3\x80\x00",
        Violation::InvalidUtf8,
        1007,
        "RFC 6455 8.1",
    );
    assert_eq!(events_of(b"\x01\x01\xC3\x80\x01\xA9"), [text("é")]);
    let lenient = lenient_events_of(Rules::UTF8, b"\x81\x02\xC3\x28");
    assert_eq!(lenient, [Event::Message(MessageKind::Text, vec![0xC3, 0x28])]);
}

#[test]
fn rfc6455_10_4_size_is_refused_from_the_header_on() {
    let too_big = || Event::Violation(Violation::TooBig { limit: 10 });
    let mut receiver = client(Rules::STRICT, 10);
    assert_eq!(
        feed(&mut receiver, [&b"\x82\x0B"[..]]),
        [too_big()],
        "no payload byte has come"
    );
    let mut receiver = client(Rules::STRICT, 10);
    assert_eq!(
        feed(&mut receiver, [&b"\x82\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"[..]]),
        [too_big()]
    );
    let mut receiver = client(Rules::STRICT, 10);
    let fragments = feed(&mut receiver, [&b"\x02\x06abcdef\x89\x0Bhello world\x80\x05"[..]]);
    assert_eq!(fragments, [Event::Ping(b"hello world".to_vec()), too_big()]);
    let mut receiver = client(Rules::STRICT, 10);
    assert_eq!(
        feed(&mut receiver, [&b"\x82\x0Aabcdefghij"[..]]),
        [binary(b"abcdefghij")]
    );
}

#[test]
fn an_announced_length_claims_no_memory_before_its_bytes_come() {
    let mut receiver = client(Rules::STRICT, u64::MAX);
    feed(&mut receiver, [&b"\x82\x7F\x00\x00\x00\xFF\xFF\xFF\xFF\xFF"[..]]);
    let capacity = receiver.partial.as_deref().map(|kept| kept.message.capacity());
    assert_eq!(capacity, Some(FIRST_RESERVATION as usize));
}

#[test]
fn between_messages_nothing_is_kept() {
    let mut receiver = client(Rules::STRICT, 1 << 20);
    for byte in b"\x01\x03Hel\x89\x01p\x80\x02lo" {
        feed(&mut receiver, [&[*byte][..]]);
    }
    assert!(receiver.partial.is_none());
    assert!(!receiver.is_mid_message());
}

#[test]
fn the_state_of_a_receiver_stays_small() {
    assert!(
        size_of::<Receiver>() <= 40,
        "{} bytes per connection",
        size_of::<Receiver>()
    );
}

/// Frames of all kinds, most of them legal.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => "\\PC{0,40}".prop_map(String::into_bytes),
        1 => Just(vec![0x03, 0xE8]),
        1 => proptest::collection::vec(any::<u8>(), 65_500..65_600),
    ];
    let opcode =
        prop_oneof![6 => Just(1_u8), 6 => Just(2), 4 => Just(0), 3 => Just(9), 2 => Just(10), 1 => 0..16_u8];
    let mask = proptest::option::of(any::<[u8; 4]>().prop_map(MaskKey));
    (
        any::<bool>(),
        prop_oneof![20 => Just(0_u8), 1 => 0..8_u8],
        opcode,
        mask,
        payload,
    )
        .prop_map(|(fin, rsv, opcode, mask, payload)| {
            let base = RawFrame::new(Opcode::Text, &payload);
            frame(RawFrame {
                fin,
                rsv,
                opcode,
                mask,
                ..base
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_split_gives_the_same_events(
        frames in proptest::collection::vec(any_frame(), 1..8),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        rules in (0..512_u16).prop_map(|bits| {
            (0..9).filter(|bit| bits >> bit & 1 != 0).fold(Rules::STRICT, |rules, bit| rules.without(Rules::nth(bit)))
        }),
    ) {
        let bytes = frames.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        let whole = feed(&mut client(rules, 1 << 20), [&bytes[..]]);
        let split = feed(&mut client(rules, 1 << 20), pieces);
        prop_assert_eq!(whole, split);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for role in [Role::Client, Role::Server] {
            for rules in [Rules::STRICT, Rules::LENIENT] {
                let mut receiver = Receiver::new(role, ReceiverConfig { max_message_size: 1000, rules }, None);
                feed(&mut receiver, bytes.chunks(7));
            }
        }
    }

    #[test]
    fn what_a_sender_writes_a_receiver_reads(payload in proptest::collection::vec(any::<u8>(), 0..70_000), key: [u8; 4]) {
        for (from, to) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            let mut out = Vec::new();
            let mut sender = crate::wire::Sender::new(from, None);
            sender.message(MessageKind::Binary, &payload, MaskKey(key), &mut out);
            sender.ping(&payload, MaskKey(key), &mut out);
            let mut receiver = Receiver::new(to, ReceiverConfig::default(), None);
            let ping = payload[..payload.len().min(MAX_CONTROL_PAYLOAD)].to_vec();
            prop_assert_eq!(feed(&mut receiver, [&out[..]]), [binary(&payload), Event::Ping(ping)]);
        }
    }
}
