//! One HTTP/1.1 head, arriving in any pieces, within limits.

use std::mem::{self, MaybeUninit};

use httparse::{Header, Status};

/// No limit on headers may be higher: so many fit on the stack while a head is parsed.
const MAX_HEADERS: usize = 128;

/// How much of a head is read before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes, from the first line to the empty one.
    pub max_bytes: usize,
    /// Header fields, 128 at most.
    pub max_headers: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self {
            max_bytes: 16 * 1024,
            max_headers: 100,
        }
    }
}

/// Why a head cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// More bytes than allowed without an end in sight.
    #[error("the head exceeds {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// More header fields than allowed.
    #[error("the head has more than {limit} headers")]
    TooManyHeaders {
        /// The limit.
        limit: usize,
    },
    /// Not an HTTP/1.1 head.
    #[error("the head is malformed: {0}")]
    Malformed(httparse::Error),
}

impl HeadError {
    pub(super) fn from_parser(error: httparse::Error, limits: &HeadLimits) -> Self {
        match error {
            httparse::Error::TooManyHeaders => Self::TooManyHeaders {
                limit: limits.header_slots(),
            },
            other => Self::Malformed(other),
        }
    }
}

impl HeadLimits {
    /// The number of headers that the parser is given room for.
    pub(super) const fn header_slots(&self) -> usize {
        if self.max_headers < MAX_HEADERS {
            self.max_headers
        } else {
            MAX_HEADERS
        }
    }
}

/// Room for parsed headers, to be cut to [`HeadLimits::header_slots`].
pub(super) type HeaderSlots<'a> = [MaybeUninit<Header<'a>>; MAX_HEADERS];

pub(super) const fn header_slots<'a>() -> HeaderSlots<'a> {
    [const { MaybeUninit::uninit() }; MAX_HEADERS]
}

/// What a parser made of the bytes so far: a complete head's length and value, or not enough bytes yet.
pub(super) type Parsed<T> = Option<(usize, T)>;

/// Collects a head. It keeps bytes only while the head is incomplete.
#[derive(Debug, Default)]
pub(super) struct HeadBuffer {
    limits: HeadLimits,
    kept: Vec<u8>,
}

impl HeadBuffer {
    pub(super) const fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            kept: Vec::new(),
        }
    }

    /// How many bytes came so far without completing a head.
    pub(super) const fn received(&self) -> usize {
        self.kept.len()
    }

    /// Hands all bytes so far, `input` included, to `parse`. Returns how many bytes of `input` belong to the head.
    ///
    /// The parser sees no byte beyond the limit, so that the verdict does not depend on how the bytes were cut.
    pub(super) fn receive<T, E: From<HeadError>>(
        &mut self,
        input: &[u8],
        parse: impl FnOnce(&[u8], &HeadLimits) -> Result<Parsed<T>, E>,
    ) -> Result<Parsed<T>, E> {
        let limit = self.limits.max_bytes;
        let before = self.kept.len();
        let input = &input[..input.len().min(limit.saturating_sub(before))];
        let mut kept = mem::take(&mut self.kept);
        let head = if before == 0 {
            input
        } else {
            kept.extend_from_slice(input);
            &kept
        };
        match parse(head, &self.limits)? {
            Some((length, value)) => Ok(Some((length - before, value))),
            None if head.len() >= limit => Err(HeadError::TooLarge { limit }.into()),
            None => {
                if before == 0 {
                    kept.extend_from_slice(input);
                }
                self.kept = kept;
                Ok(None)
            }
        }
    }
}

/// Turns httparse's answer into ours.
pub(super) fn head_length(
    status: httparse::Result<usize>,
    limits: &HeadLimits,
) -> Result<Option<usize>, HeadError> {
    match status {
        Ok(Status::Complete(length)) => Ok(Some(length)),
        Ok(Status::Partial) => Ok(None),
        Err(error) => Err(HeadError::from_parser(error, limits)),
    }
}

/// The headers as text. Bytes that are not UTF-8 become replacement characters, which no header of the handshake
/// may contain anyway.
pub(super) fn owned_headers(headers: &[Header<'_>]) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|header| {
            (
                header.name.to_owned(),
                String::from_utf8_lossy(header.value).into_owned(),
            )
        })
        .collect()
}

/// The values of all headers called `name`, in order.
pub(super) fn values<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Whether a comma-separated list contains `token`, compared without regard to case.
pub(super) fn list_contains(value: &str, token: &str) -> bool {
    value
        .split(',')
        .any(|element| element.trim().eq_ignore_ascii_case(token))
}
