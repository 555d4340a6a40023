//! Compressed messages through [`Receiver`] and [`Sender`], by clause of RFC 7692.

use proptest::prelude::*;

use super::deflate::{DeflateParams, Deflater, Inflater, WindowBits};
use super::{
    MaskKey, MessageKind, Opcode, RawFrame, Received, Receiver, ReceiverConfig, Role, Rules, Sender,
    Violation,
};

fn receiver(role: Role, params: &DeflateParams, limit: u64) -> Receiver {
    let config = ReceiverConfig {
        max_message_size: limit,
        rules: Rules::STRICT,
    };
    Receiver::new(role, config, Some(Box::new(Inflater::new(params, role))))
}

fn sender(role: Role, params: &DeflateParams) -> Sender {
    Sender::new(role, Some(Box::new(Deflater::new(params, role, 3))))
}

/// Messages and the violation, if any, that `bytes` amount to when they arrive in pieces of `size`.
fn receive(receiver: &mut Receiver, bytes: &[u8], size: usize) -> (Vec<Vec<u8>>, Option<Violation>) {
    let mut messages = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        let mut piece = piece.to_vec();
        let mut at = 0;
        loop {
            let (used, event) = receiver.receive(&mut piece[at..]);
            at += used;
            match event {
                Received::NeedMore => break,
                Received::Message { payload, .. } => messages.push(payload.to_vec()),
                Received::Violation(violation) => return (messages, Some(violation)),
                other => panic!("unexpected {other:?}"),
            }
        }
    }
    (messages, None)
}

#[test]
fn rfc7692_7_2_3_1_compressed_hello() {
    let mut receiver = receiver(Role::Client, &DeflateParams::default(), 100);
    let whole = [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(
        receive(&mut receiver, &whole, 100),
        (vec![b"Hello".to_vec()], None)
    );
    let fragments = [0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(
        receive(&mut receiver, &fragments, 1),
        (vec![b"Hello".to_vec()], None)
    );
}

#[test]
fn rfc7692_6_an_uncompressed_message_passes_beside_compressed_ones() {
    let mut receiver = receiver(Role::Client, &DeflateParams::default(), 100);
    assert_eq!(
        receive(&mut receiver, b"\x81\x02hi", 100),
        (vec![b"hi".to_vec()], None)
    );
}

#[test]
fn rfc7692_6_1_rsv1_belongs_on_the_first_frame_only() {
    let params = DeflateParams::default();
    for bytes in [&b"\x41\x03\xf2\x48\xcd\xC0\x04\xc9\xc9\x07\x00"[..], b"\xC9\x00"] {
        let (_, violation) = receive(&mut receiver(Role::Client, &params, 100), bytes, 100);
        assert_eq!(
            violation,
            Some(Violation::MisplacedCompressionBit),
            "{bytes:02x?}"
        );
    }
    let (_, violation) = receive(&mut receiver(Role::Client, &params, 100), b"\xE1\x00", 100);
    assert_eq!(
        violation,
        Some(Violation::ReservedBits(0b010)),
        "RSV2 has no meaning"
    );
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let params = DeflateParams::default();
    let mut bytes = Vec::new();
    sender(Role::Server, &params).message(
        MessageKind::Binary,
        &vec![0; 64 << 20],
        MaskKey::default(),
        &mut bytes,
    );
    assert!(bytes.len() < 500_000, "64 MiB in {} bytes", bytes.len());
    let mut receiver = receiver(Role::Client, &params, 1 << 20);
    let (messages, violation) = receive(&mut receiver, &bytes, usize::MAX);
    assert!(messages.is_empty());
    assert_eq!(violation, Some(Violation::TooBig { limit: 1 << 20 }));
}

#[test]
fn the_limit_is_that_of_the_message_not_of_its_compressed_form() {
    let params = DeflateParams::default();
    let mut noise = vec![0; 1000];
    rand_pcg::Pcg64Mcg::new(1).fill_bytes(&mut noise);
    let mut bytes = Vec::new();
    sender(Role::Server, &params).message(MessageKind::Binary, &noise, MaskKey::default(), &mut bytes);
    assert!(bytes.len() > 1000, "noise grows a little");
    let fits = receive(&mut receiver(Role::Client, &params, 1000), &bytes, usize::MAX);
    assert_eq!(fits, (vec![noise.clone()], None));
    let (_, violation) = receive(&mut receiver(Role::Client, &params, 999), &bytes, usize::MAX);
    assert_eq!(violation, Some(Violation::TooBig { limit: 999 }));
}

#[test]
fn what_does_not_inflate_is_a_violation() {
    let params = DeflateParams::default();
    let (_, violation) = receive(
        &mut receiver(Role::Client, &params, 100),
        b"\xC2\x03\xFF\xFF\xFF",
        100,
    );
    assert_eq!(violation, Some(Violation::CorruptDeflate));
    let mut bytes = Vec::new();
    sender(Role::Server, &params).message(MessageKind::Text, b"\xC3\x28", MaskKey::default(), &mut bytes);
    let (_, violation) = receive(&mut receiver(Role::Client, &params, 100), &bytes, 100);
    assert_eq!(violation, Some(Violation::InvalidUtf8));
}

fn params() -> impl Strategy<Value = DeflateParams> {
    let bits = || (8..=15_u8).prop_map(|bits| WindowBits::new(bits).unwrap_or_default());
    (any::<bool>(), any::<bool>(), bits(), bits()).prop_map(
        |(server_forgets, client_forgets, server, client)| DeflateParams {
            server_no_context_takeover: server_forgets,
            client_no_context_takeover: client_forgets,
            server_max_window_bits: server,
            client_max_window_bits: client,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_series_of_messages_survives_any_parameters_and_any_split(
        params in params(),
        messages in proptest::collection::vec("(ab|cd|wsbench|[a-z]{1,9}){0,200}", 1..6),
        cut in any::<prop::sample::Index>(),
        size in 1..300_usize,
    ) {
        for (from, to) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            let mut bytes = Vec::new();
            let mut sender = sender(from, &params);
            for message in &messages {
                sender.message(MessageKind::Text, message.as_bytes(), MaskKey([7, 1, 3, 9]), &mut bytes);
            }
            let mut body = Vec::new();
            let mut deflater = Deflater::new(&params, from, 3);
            let mut receiver = receiver(to, &params, 1 << 20);
            let (got, violation) = receive(&mut receiver, &bytes, size);
            prop_assert_eq!(violation, None);
            prop_assert_eq!(got, messages.iter().map(|message| message.clone().into_bytes()).collect::<Vec<_>>());

            deflater.deflate(messages[0].as_bytes(), &mut body);
            let (head, tail) = body.split_at(cut.index(body.len()));
            let mask = (from == Role::Client).then_some(MaskKey([1, 2, 3, 4]));
            let mut fragments = Vec::new();
            RawFrame { fin: false, rsv: 0b100, mask, ..RawFrame::new(Opcode::Text, head) }.encode(&mut fragments);
            RawFrame { mask, ..RawFrame::new(Opcode::Continuation, tail) }.encode(&mut fragments);
            let mut fresh = self::receiver(to, &params, 1 << 20);
            let (got, violation) = receive(&mut fresh, &fragments, size);
            prop_assert_eq!(violation, None);
            prop_assert_eq!(got, vec![messages[0].clone().into_bytes()]);
        }
    }
}
