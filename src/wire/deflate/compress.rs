//! [`Deflater`]: compresses the messages of one direction (RFC 7692 7.2.1).

use std::fmt;

use flate2::{Compress, FlushCompress};

use super::TAIL;
use super::params::{DeflateParams, WindowBits};
use super::spare::{self, DeflateShape};
use crate::wire::Role;

/// The compression level used unless configured otherwise (seed B12).
pub const DEFAULT_LEVEL: u8 = 3;

/// Compresses the messages that we send.
pub struct Deflater {
    shape: DeflateShape,
    takeover: bool,
    /// Only with context takeover, from the first message on.
    own: Option<Box<Compress>>,
}

impl Deflater {
    /// A deflater for the direction in which `role` sends. `level` is zlib's, 0 (store) to 9 (smallest); above is 9.
    #[must_use]
    pub fn new(params: &DeflateParams, role: Role, level: u8) -> Self {
        let (window, no_takeover) = params.sending(role);
        Self {
            shape: DeflateShape {
                window,
                level: level.min(9),
            },
            takeover: !no_takeover,
            own: None,
        }
    }

    /// The window that this direction was granted.
    #[must_use]
    pub fn window(&self) -> WindowBits {
        self.shape.window
    }

    /// Appends the compressed payload of one message to `out`, without the tail `00 00 ff ff`.
    pub fn deflate(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if payload.is_empty() {
            // RFC 7692 7.2.3.6. zlib itself would emit nothing: it refuses to flush twice without input.
            out.push(0x00);
            return;
        }
        if !self.takeover {
            let mut state = spare::take_deflate(self.shape);
            run(&mut state, payload, out);
            spare::give_back_deflate(self.shape, state);
            return;
        }
        let state = self.own.get_or_insert_with(|| spare::new_deflate(self.shape));
        run(state, payload, out);
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deflater")
            .field("shape", &self.shape)
            .field("takeover", &self.takeover)
            .finish_non_exhaustive()
    }
}

fn run(state: &mut Compress, payload: &[u8], out: &mut Vec<u8>) {
    let mut rest = payload;
    spare::with_chunk(|chunk| {
        loop {
            let (taken, made) = (state.total_in(), state.total_out());
            state
                .compress(rest, chunk, FlushCompress::Sync)
                .expect("zlib refuses to compress only with a state that was never initialised");
            let made = (state.total_out() - made) as usize;
            rest = &rest[(state.total_in() - taken) as usize..];
            out.extend_from_slice(&chunk[..made]);
            // Room left over means that the flush is complete, tail included.
            if rest.is_empty() && made < chunk.len() {
                break;
            }
        }
    });
    debug_assert!(out.ends_with(&TAIL), "a sync flush ends in the tail");
    out.truncate(out.len() - TAIL.len());
}
