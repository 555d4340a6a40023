//! The thread's spare DEFLATE states, lent to one message at a time.
//!
//! A message without context takeover needs a state only while it is coded. Creating one per message would cost
//! hundreds of kilobytes of allocation and zeroing, keeping one per connection would cost them for ever; so each
//! thread keeps one of each kind and connections borrow it. When it is out (a fragmented message still incomplete),
//! a further one is created and whichever comes back second is dropped.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress};

use super::params::WindowBits;

/// Bytes coded at a time: large enough that calls do not matter, small enough to stay in the first-level cache.
const CHUNK: usize = 16 * 1024;

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare { inflate: None, deflate: None, chunk: None }) };
}

struct Spare {
    inflate: Option<Box<Decompress>>,
    deflate: Option<(DeflateShape, Box<Compress>)>,
    chunk: Option<Box<[u8; CHUNK]>>,
}

/// What distinguishes one deflate state from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeflateShape {
    pub(super) window: WindowBits,
    pub(super) level: u8,
}

/// A raw inflate state at the start of a stream.
pub(super) fn take_inflate() -> Box<Decompress> {
    match SPARE.with_borrow_mut(|spare| spare.inflate.take()) {
        Some(mut state) => {
            state.reset(false);
            state
        }
        None => new_inflate(),
    }
}

/// A raw inflate state of its own. The window is always the largest: the backend allocates no less, and what a peer
/// may refer back to then does not depend on how its message was cut.
pub(super) fn new_inflate() -> Box<Decompress> {
    Box::new(Decompress::new(false))
}

pub(super) fn give_back_inflate(state: Box<Decompress>) {
    SPARE.with_borrow_mut(|spare| spare.inflate = Some(state));
}

/// A raw deflate state of that shape at the start of a stream.
pub(super) fn take_deflate(shape: DeflateShape) -> Box<Compress> {
    match SPARE.with_borrow_mut(|spare| spare.deflate.take()) {
        Some((kept, mut state)) if kept == shape => {
            state.reset();
            state
        }
        _ => new_deflate(shape),
    }
}

/// A raw deflate state of its own.
///
/// zlib cannot deflate raw with an 8-bit window. At 9 bits it never refers back further than
/// `512 - 262 = 250` bytes, which an 8-bit window of 256 bytes can follow.
pub(super) fn new_deflate(shape: DeflateShape) -> Box<Compress> {
    let level = Compression::new(u32::from(shape.level.min(9)));
    Box::new(Compress::new_with_window_bits(
        level,
        false,
        shape.window.get().max(9),
    ))
}

pub(super) fn give_back_deflate(shape: DeflateShape, state: Box<Compress>) {
    SPARE.with_borrow_mut(|spare| spare.deflate = Some((shape, state)));
}

/// Lends the thread's scratch chunk, so that coded bytes need no zeroed room in the caller's buffer.
pub(super) fn with_chunk<R>(work: impl FnOnce(&mut [u8; CHUNK]) -> R) -> R {
    let mut chunk = SPARE
        .with_borrow_mut(|spare| spare.chunk.take())
        .unwrap_or_else(|| Box::new([0; CHUNK]));
    let result = work(&mut chunk);
    SPARE.with_borrow_mut(|spare| spare.chunk = Some(chunk));
    result
}
