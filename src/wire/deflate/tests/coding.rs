//! RFC 7692 7.2: compressing and decompressing messages.

use proptest::prelude::*;

use crate::wire::Role;
use crate::wire::deflate::{DeflateParams, Deflater, InflateError, Inflater, WindowBits};

const TAKEOVER: DeflateParams = DeflateParams {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: WindowBits::MAX,
    client_max_window_bits: WindowBits::MAX,
};
const NO_TAKEOVER: DeflateParams = DeflateParams {
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    ..TAKEOVER
};
/// `Hello` as one block with fixed codes (RFC 7692 7.2.3.1).
const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

fn inflate_with(inflater: &mut Inflater, payload: &[u8]) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    inflater.inflate(payload, true, 1 << 20, &mut out)?;
    Ok(out)
}

fn inflate(payload: &[u8]) -> Result<Vec<u8>, InflateError> {
    let kept = inflate_with(&mut Inflater::new(&TAKEOVER, Role::Server), payload);
    let forgotten = inflate_with(&mut Inflater::new(&NO_TAKEOVER, Role::Server), payload);
    assert_eq!(kept, forgotten);
    kept
}

fn deflate_with(deflater: &mut Deflater, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    deflater.deflate(payload, &mut out);
    out
}

#[test]
fn rfc7692_7_2_3_1_message_compressed_using_one_block() {
    assert_eq!(inflate(HELLO).unwrap(), b"Hello");
    assert_eq!(
        deflate_with(&mut Deflater::new(&TAKEOVER, Role::Client, 6), b"Hello"),
        HELLO
    );
}

#[test]
fn rfc7692_7_2_3_2_sharing_the_window_between_messages() {
    let second = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let mut inflater = Inflater::new(&TAKEOVER, Role::Server);
    assert_eq!(inflate_with(&mut inflater, HELLO).unwrap(), b"Hello");
    assert_eq!(inflate_with(&mut inflater, &second).unwrap(), b"Hello");

    let mut forgetful = Inflater::new(&NO_TAKEOVER, Role::Server);
    assert_eq!(inflate_with(&mut forgetful, HELLO).unwrap(), b"Hello");
    assert_eq!(inflate_with(&mut forgetful, &second), Err(InflateError::Corrupt));
}

#[test]
fn rfc7692_7_2_3_3_a_block_without_compression() {
    let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    assert_eq!(inflate(&stored).unwrap(), b"Hello");
}

#[test]
fn rfc7692_7_2_3_4_a_final_block_inside_the_message() {
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    assert_eq!(inflate(&last).unwrap(), b"Hello");
    let twice = [&last[..7], &last[..]].concat();
    assert_eq!(inflate(&twice).unwrap(), b"HelloHello");
    assert_eq!(
        inflate(&last[..7]).unwrap(),
        b"Hello",
        "without the empty block that should follow"
    );
}

#[test]
fn rfc7692_7_2_3_4_the_stream_goes_on_after_a_final_block() {
    let mut inflater = Inflater::new(&TAKEOVER, Role::Server);
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    for _ in 0..3 {
        assert_eq!(inflate_with(&mut inflater, &last).unwrap(), b"Hello");
        assert_eq!(inflate_with(&mut inflater, HELLO).unwrap(), b"Hello");
    }
}

#[test]
fn rfc7692_7_2_3_5_two_blocks_in_one_message() {
    let two = [
        0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
    ];
    assert_eq!(inflate(&two).unwrap(), b"Hello");
}

#[test]
fn rfc7692_7_2_3_6_an_empty_message() {
    assert_eq!(inflate(&[0x00]).unwrap(), b"");
    assert_eq!(inflate(&[0x02, 0x00]).unwrap(), b"");
    for params in [TAKEOVER, NO_TAKEOVER] {
        let mut deflater = Deflater::new(&params, Role::Server, 3);
        assert_eq!(deflate_with(&mut deflater, b""), [0x00]);
        assert_eq!(deflate_with(&mut deflater, b""), [0x00]);
    }
}

#[test]
fn rfc7692_7_2_2_an_empty_payload_is_no_deflate_data() {
    assert_eq!(inflate(b""), Err(InflateError::Corrupt));
}

#[test]
fn corrupt_data_is_refused() {
    for payload in [
        &[0x06][..],                     // reserved block type
        &[0x00, 0x05, 0x00, 0xfa, 0xfe], // stored block whose lengths disagree
        &[0xf2, 0x00, 0x11, 0x00, 0x00], // reaches back before the start
        &[0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(inflate(payload), Err(InflateError::Corrupt), "{payload:02x?}");
    }
}

#[test]
fn truncated_data_is_refused() {
    let text: Vec<u8> = (0..2_000_u32)
        .flat_map(|n| (n * n).to_string().into_bytes())
        .collect();
    let whole = deflate_with(&mut Deflater::new(&NO_TAKEOVER, Role::Client, 6), &text);
    for length in 0..whole.len() {
        let cut = inflate_with(&mut Inflater::new(&NO_TAKEOVER, Role::Server), &whole[..length]);
        assert_eq!(cut, Err(InflateError::Corrupt), "{length} of {}", whole.len());
    }
}

#[test]
fn truncated_stored_data_is_refused_with_takeover_too() {
    let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65];
    assert_eq!(
        inflate_with(&mut Inflater::new(&TAKEOVER, Role::Server), &stored),
        Err(InflateError::Corrupt)
    );
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let bomb = deflate_with(
        &mut Deflater::new(&NO_TAKEOVER, Role::Client, 9),
        &vec![0; 64 << 20],
    );
    assert!(bomb.len() < 100_000, "{} bytes", bomb.len());
    let mut out = Vec::new();
    let limit = 100_000;
    let result = Inflater::new(&NO_TAKEOVER, Role::Server).inflate(&bomb, true, limit, &mut out);
    assert_eq!(result, Err(InflateError::TooBig));
    assert!(out.len() <= limit, "{}", out.len());
}

#[test]
fn the_limit_counts_the_whole_message() {
    let payload = deflate_with(&mut Deflater::new(&NO_TAKEOVER, Role::Client, 3), &[7; 1000]);
    for (limit, fits) in [(1000, true), (999, false), (0, false)] {
        let mut inflater = Inflater::new(&NO_TAKEOVER, Role::Server);
        let mut out = Vec::new();
        let result = payload
            .chunks(3)
            .try_for_each(|piece| inflater.inflate(piece, false, limit, &mut out))
            .and_then(|()| inflater.inflate(&[], true, limit, &mut out));
        assert_eq!(result.is_ok(), fits, "limit {limit}");
    }
}

#[test]
fn connections_of_a_thread_share_one_state_without_takeover() {
    let mut first = Inflater::new(&NO_TAKEOVER, Role::Server);
    let mut second = Inflater::new(&NO_TAKEOVER, Role::Server);
    let (mut one, mut two) = (Vec::new(), Vec::new());
    first.inflate(&HELLO[..3], false, 100, &mut one).unwrap();
    second.inflate(&HELLO[..4], false, 100, &mut two).unwrap();
    first.inflate(&HELLO[3..], true, 100, &mut one).unwrap();
    second.inflate(&HELLO[4..], true, 100, &mut two).unwrap();
    assert_eq!((&one[..], &two[..]), (&b"Hello"[..], &b"Hello"[..]));
}

#[test]
fn each_direction_follows_its_own_parameters() {
    let params = DeflateParams {
        server_no_context_takeover: true,
        ..TAKEOVER
    };
    let mut client = Deflater::new(&params, Role::Client, 6);
    let mut server = Deflater::new(&params, Role::Server, 6);
    let repeated = |deflater: &mut Deflater| {
        let first = deflate_with(deflater, b"the same text again and again");
        (
            first.len(),
            deflate_with(deflater, b"the same text again and again").len(),
        )
    };
    let (first, second) = repeated(&mut client);
    assert!(second < first, "the client remembers its window");
    let (first, second) = repeated(&mut server);
    assert_eq!(second, first, "the server forgets it");
}

#[test]
fn an_idle_direction_is_small() {
    assert!(size_of::<Deflater>() <= 16, "{}", size_of::<Deflater>());
    assert!(size_of::<Inflater>() <= 16, "{}", size_of::<Inflater>());
}

fn any_params() -> impl Strategy<Value = DeflateParams> {
    (any::<bool>(), any::<bool>(), 8_u8..=15, 8_u8..=15).prop_map(
        |(server, client, server_bits, client_bits)| DeflateParams {
            server_no_context_takeover: server,
            client_no_context_takeover: client,
            server_max_window_bits: WindowBits::new(server_bits).unwrap(),
            client_max_window_bits: WindowBits::new(client_bits).unwrap(),
        },
    )
}

/// Payloads with something to refer back to.
fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        (proptest::collection::vec(0_u8..4, 1..80), 1_usize..600)
            .prop_map(|(word, times)| word.repeat(times)),
    ]
}

proptest! {
    #[test]
    fn messages_come_back_whole_however_they_are_cut(
        params in any_params(),
        level in 0_u8..=9,
        messages in proptest::collection::vec((any_payload(), 1_usize..200), 1..6),
    ) {
        for (sender, receiver) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            let mut deflater = Deflater::new(&params, sender, level);
            let mut inflater = Inflater::new(&params, receiver);
            for (message, cut) in &messages {
                let payload = deflate_with(&mut deflater, message);
                let mut out = Vec::new();
                for piece in payload.chunks(*cut) {
                    inflater.inflate(piece, false, message.len(), &mut out).unwrap();
                }
                inflater.inflate(&[], true, message.len(), &mut out).unwrap();
                prop_assert_eq!(&out, message);
            }
        }
    }

    #[test]
    fn any_bytes_are_inflated_or_refused_within_the_limit(
        params in any_params(),
        payload in proptest::collection::vec(any::<u8>(), 0..400),
        cut in 1_usize..400,
    ) {
        let run = |cut: usize| {
            let mut inflater = Inflater::new(&params, Role::Server);
            let mut out = Vec::new();
            let result = payload
                .chunks(cut)
                .try_for_each(|piece| inflater.inflate(piece, false, 10_000, &mut out))
                .and_then(|()| inflater.inflate(&[], true, 10_000, &mut out));
            assert!(out.len() <= 10_000);
            result.map(|()| out)
        };
        prop_assert_eq!(run(cut), run(payload.len().max(1)));
    }
}
