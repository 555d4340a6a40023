//! permessage-deflate: any bytes are inflated or refused within the limit, however they are cut, and whatever is
//! deflated with any parameters inflates to itself.
//!
//! Input: one byte of flags, one of window bits, two of piece sizes, then messages, each after its length (one byte).

#![no_main]

mod bytes;

use bytes::{Bytes, cut};
use libfuzzer_sys::fuzz_target;
use wsbench_fuzz::wire::Role;
use wsbench_fuzz::wire::deflate::{DeflateParams, Deflater, InflateError, Inflater, WindowBits};

fuzz_target!(|data: &[u8]| {
    let mut input = Bytes(data);
    let flags = input.byte();
    let window = input.byte();
    let sizes = [input.byte(), input.byte()];
    let bits = |nibble: u8| WindowBits::new(8 + nibble % 8).expect("8..=15 is valid");
    let params = DeflateParams {
        server_no_context_takeover: flags & 1 != 0,
        client_no_context_takeover: flags & 2 != 0,
        server_max_window_bits: bits(window >> 4),
        client_max_window_bits: bits(window & 15),
    };
    if flags & 4 != 0 {
        round_trip(&params, flags >> 4, &sizes, input);
    } else {
        any_bytes(&params, usize::from(flags >> 3) * 1000, &sizes, input);
    }
});

fn round_trip(params: &DeflateParams, level: u8, sizes: &[u8], mut input: Bytes<'_>) {
    let mut deflater = Deflater::new(params, Role::Client, level);
    let mut inflater = Inflater::new(params, Role::Server);
    while !input.0.is_empty() {
        // Repeated, so that there is something to refer back to, across windows of every size.
        let repeats = usize::from(input.byte()) + 1;
        let length = usize::from(input.byte());
        let message = input.take(length).repeat(repeats);
        let mut payload = Vec::new();
        deflater.deflate(&message, &mut payload);
        let inflated = inflate(&mut inflater, &payload, sizes, message.len());
        assert_eq!(inflated.as_deref(), Ok(&message[..]));
    }
}

fn any_bytes(params: &DeflateParams, limit: usize, sizes: &[u8], mut input: Bytes<'_>) {
    let mut cut = Inflater::new(params, Role::Server);
    let mut whole = Inflater::new(params, Role::Server);
    while !input.0.is_empty() {
        let length = usize::from(input.byte()) * 16;
        let payload = input.take(length);
        let result = inflate(&mut cut, payload, sizes, limit);
        assert_eq!(result, inflate(&mut whole, payload, &[], limit));
        if result.is_err() {
            return;
        }
    }
}

/// Inflates one message in pieces of these sizes, or in one without any.
fn inflate(
    inflater: &mut Inflater,
    payload: &[u8],
    sizes: &[u8],
    limit: usize,
) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    if sizes.is_empty() {
        inflater.inflate(payload, true, limit, &mut out)?;
    } else {
        for piece in cut(payload, sizes) {
            inflater.inflate(piece, false, limit, &mut out)?;
            assert!(out.len() <= limit);
        }
        inflater.inflate(&[], true, limit, &mut out)?;
    }
    assert!(out.len() <= limit);
    Ok(out)
}
