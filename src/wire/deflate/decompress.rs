//! [`Inflater`]: decompresses the messages of one direction (RFC 7692 7.2.2), never beyond a limit.

use std::fmt;

use flate2::{Decompress, FlushDecompress, Status};

use super::TAIL;
use super::params::DeflateParams;
use super::spare;
use crate::wire::Role;

/// Why a message could not be inflated. The inflater must not be used again: the connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// The inflated message exceeds the limit; inflating stopped there.
    #[error("the message inflates to more than the limit")]
    TooBig,
    /// The payload is no DEFLATE data, or it stops inside a block.
    #[error("the compressed message is not valid DEFLATE data (RFC 7692 7.2.2)")]
    Corrupt,
}

/// Inflates the messages that the peer sends.
pub struct Inflater {
    takeover: bool,
    /// The state of the message under way and, with context takeover, of the stream.
    state: Option<Box<Decompress>>,
    /// The data so far ended in a block marked final, and nothing came after it.
    finished: bool,
}

impl Inflater {
    /// An inflater for the direction in which `role` receives.
    #[must_use]
    pub fn new(params: &DeflateParams, role: Role) -> Self {
        let (_, no_takeover) = params.receiving(role);
        Self {
            takeover: !no_takeover,
            state: None,
            finished: false,
        }
    }

    /// Appends what the next piece of a message's compressed payload inflates to. `last` marks the message's last
    /// piece (which may be empty); `out` holds the message's earlier pieces and nothing else.
    ///
    /// The size is checked before anything is appended, so `out` never exceeds `limit`, whatever `input` holds.
    ///
    /// A block marked final may stand anywhere in the message (RFC 7692 7.2.3.4). What follows it starts with an
    /// empty window, as it does in every sender that ends its DEFLATE stream; and a message that stops right after it,
    /// without the empty block that should follow, is accepted, since nothing of it is in doubt.
    ///
    /// # Errors
    /// [`InflateError::TooBig`] beyond `limit`, [`InflateError::Corrupt`] for anything that is no complete DEFLATE data.
    pub fn inflate(
        &mut self,
        input: &[u8],
        last: bool,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        let mut state = match self.state.take() {
            Some(state) => state,
            None if self.takeover => spare::new_inflate(),
            None => spare::take_inflate(),
        };
        self.feed(&mut state, input, limit, out)?;
        if last && !std::mem::take(&mut self.finished) {
            self.finish(&mut state)?;
        }
        if last && !self.takeover {
            spare::give_back_inflate(state);
        } else {
            self.state = Some(state);
        }
        Ok(())
    }

    fn feed(
        &mut self,
        state: &mut Decompress,
        mut input: &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), InflateError> {
        if input.is_empty() {
            return Ok(());
        }
        self.finished = false;
        spare::with_chunk(|chunk| {
            loop {
                let (taken, made, status) = step(state, input, chunk);
                // Before the status, so that the verdict on bad data is the same however it was cut.
                if made > limit.saturating_sub(out.len()) {
                    return Err(InflateError::TooBig);
                }
                let ended = status? == Status::StreamEnd;
                out.extend_from_slice(&chunk[..made]);
                input = &input[taken..];
                if ended {
                    state.reset(false);
                }
                if input.is_empty() && (ended || made < chunk.len()) {
                    self.finished = ended;
                    return Ok(());
                }
                if taken == 0 && made == 0 {
                    return Err(InflateError::Corrupt);
                }
            }
        })
    }

    /// Supplies the tail that the sender left out, and checks that it completed the message.
    ///
    /// Inflating in itself cannot tell a complete message from a cut one: it would read the tail as data. So an empty
    /// stored block follows the tail. In its place it changes nothing; where the data was cut, the nine bytes yield
    /// output or an error. Without context takeover the stream may end here, so that block is marked final and the
    /// answer is exact; with it, a cut inside the code tables of a block can still pass until the next message.
    fn finish(&self, state: &mut Decompress) -> Result<(), InflateError> {
        let [a, b, c, d] = TAIL;
        let mut rest: &[u8] = &[a, b, c, d, u8::from(!self.takeover), a, b, c, d];
        let mut room = [0; 16];
        let mut status = Status::Ok;
        while !rest.is_empty() {
            let (taken, made, now) = step(state, rest, &mut room);
            rest = &rest[taken..];
            status = now?;
            if made > 0 || taken == 0 || (status == Status::StreamEnd && !rest.is_empty()) {
                return Err(InflateError::Corrupt);
            }
        }
        if (status == Status::StreamEnd) == self.takeover {
            Err(InflateError::Corrupt)
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("takeover", &self.takeover)
            .field("allocated", &self.state.is_some())
            .finish_non_exhaustive()
    }
}

/// One call of zlib: bytes taken, bytes made, and its status. Bytes may have been made before an error.
fn step(
    state: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> (usize, usize, Result<Status, InflateError>) {
    let (taken, made) = (state.total_in(), state.total_out());
    let status = state
        .decompress(input, output, FlushDecompress::None)
        .map_err(|_| InflateError::Corrupt);
    (
        (state.total_in() - taken) as usize,
        (state.total_out() - made) as usize,
        status,
    )
}
