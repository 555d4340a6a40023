//! [`Template`]: the compiled form, and rendering it.

use std::sync::Arc;

use rand::Rng;

use crate::scenario::mark::Mark;
use crate::scenario::size::Size;
use crate::scenario::values::{MAX_CAPTURE, Table, Values};

/// Generator of a client's random choices: 16 bytes of state, nothing shared.
pub type ClientRng = rand_pcg::Pcg64Mcg;

/// The generator of one client. The same seed and client give the same sequence, on every machine.
#[must_use]
pub fn client_rng(seed: u64, client: u64) -> ClientRng {
    let first = mix(seed ^ mix(client));
    let second = mix(first);
    ClientRng::new(u128::from(first) << 64 | u128::from(second))
}

/// The finalizer of SplitMix64: neighbouring numbers come out unrelated.
const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What a template may refer to about the message that it is rendered for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenderContext<'a> {
    /// Number of the client within the run.
    pub client: u64,
    /// Number of the message within its client.
    pub seq: u64,
    /// How often the client has begun its flow before.
    pub iteration: u64,
    /// Wall-clock time, in nanoseconds since 1970.
    pub unix_nanos: u64,
    /// The identity of a message for the members of a room; all zeros for others.
    pub mark: Mark,
    /// What the client has captured and its row, if it has any memory of that kind.
    pub values: Option<&'a Values>,
}

/// Text or bytes with places that are filled in for each message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// Literals are never empty and never stand next to each other.
    parts: Box<[Part]>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Literal(Box<[u8]>),
    /// A whole number, filled with zeros to at least `width`.
    Number {
        number: Number,
        width: usize,
    },
    /// A number between `low` and `high`, both counted in units of the last of the `decimals`.
    RandomFloat {
        low: i64,
        high: i64,
        decimals: u32,
    },
    /// So much of some content.
    Filled(Content, Size),
    /// What the client holds.
    Held(Held, Form),
    Uuid,
    /// The message's [`Mark`].
    Mark,
    /// Never empty.
    Choice(Box<[Box<[u8]>]>),
}

/// What fills a payload of some size.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// Characters of an alphabet.
    Characters(&'static [u8]),
    /// Bytes of any value.
    Bytes,
    /// A stretch of these bytes that begins anywhere, and again at the front after their end; never empty.
    Stretch(Arc<[u8]>),
}

/// Where a client holds a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Held {
    /// A captured value.
    Slot(u16),
    /// A column of its row.
    Column { table: Arc<Table>, column: u16 },
}

/// How a held value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is.
    Plain,
    /// Within a JSON string.
    Escaped,
    /// As a JSON value of the type that it was captured with.
    Json,
    /// As a JSON number if it is one, as a JSON string otherwise.
    Number,
}

impl Held {
    /// The value, and whether JSON takes it without quotes.
    pub(crate) fn of<'a>(&'a self, ctx: &RenderContext<'a>) -> (&'a [u8], bool) {
        let Some(values) = ctx.values else {
            return (&[], false);
        };
        match self {
            Self::Slot(slot) => values.get(*slot),
            Self::Column { table, column } => {
                let cell = values.row().map(|row| table.cell(row, *column));
                (cell.unwrap_or_default(), false)
            }
        }
    }

    fn render(&self, form: Form, ctx: &RenderContext<'_>, out: &mut Vec<u8>) {
        let (text, bare) = self.of(ctx);
        let quoted = match form {
            Form::Plain => return out.extend_from_slice(text),
            Form::Escaped => return push_escaped(out, text),
            Form::Json => !bare,
            Form::Number => !is_json_number(text),
        };
        if quoted {
            out.push(b'"');
            push_escaped(out, text);
            out.push(b'"');
        } else {
            out.extend_from_slice(text);
        }
    }

    fn length(&self, form: Form) -> (usize, usize) {
        let (shortest, longest) = match self {
            Self::Slot(_) => (0, MAX_CAPTURE),
            Self::Column { table, column } => table.lengths(*column),
        };
        match form {
            Form::Plain => (shortest, longest),
            // The longest escape is `\u001f`.
            Form::Escaped | Form::Json | Form::Number => (shortest, longest * 6 + 2),
        }
    }
}

/// Escapes the content of a JSON string (RFC 8259 7) without allocating.
fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            ..0x20 => {
                let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
            }
            _ => out.push(*byte),
        }
    }
}

/// Whether the text is a number as JSON writes them (RFC 8259 6).
fn is_json_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent
            .strip_prefix(b"+")
            .or_else(|| exponent.strip_prefix(b"-"))
            .unwrap_or(exponent);
        let length = digits(exponent);
        return length > 0 && length == exponent.len();
    }
    rest.is_empty()
}

/// A whole number that is worked out when it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Known(Known),
    TimeMillis,
    TimeMicros,
    Random { low: i64, high: i64 },
}

/// A number that stays the same while a message is waiting for its reply, so that a reply can be held against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Client,
    Seq,
    Iteration,
}

impl Known {
    pub(crate) const fn of(self, ctx: &RenderContext<'_>) -> u64 {
        match self {
            Self::Client => ctx.client,
            Self::Seq => ctx.seq,
            Self::Iteration => ctx.iteration,
        }
    }
}

impl Template {
    /// Joins neighbouring literals.
    pub(crate) fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut joined: Vec<Part> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (_, Part::Literal(text)) if text.is_empty() => {}
                (Some(Part::Literal(before)), Part::Literal(text)) => {
                    *before = [before.as_ref(), text.as_ref()].concat().into();
                }
                (_, part) => joined.push(part),
            }
        }
        Self { parts: joined.into() }
    }

    /// A template without expressions.
    #[must_use]
    pub fn from_literal(bytes: &[u8]) -> Self {
        Self::new([Part::Literal(bytes.into())])
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The whole content, if nothing in it is to be filled in.
    #[must_use]
    pub fn as_literal(&self) -> Option<&[u8]> {
        match &*self.parts {
            [] => Some(&[]),
            [Part::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// Whether it has the message's [`Mark`] in it.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.parts.contains(&Part::Mark)
    }

    /// Appends the rendered content to `out`; allocates only where `out` has to grow.
    pub fn render(&self, ctx: &RenderContext<'_>, rng: &mut ClientRng, out: &mut Vec<u8>) {
        for part in &self.parts {
            part.render(ctx, rng, out);
        }
    }

    /// The most bytes that it can render to.
    #[must_use]
    pub fn max_length(&self) -> usize {
        self.length().1
    }

    /// The fewest and the most bytes that it can render to.
    #[must_use]
    pub fn length(&self) -> (usize, usize) {
        let add = |sum: (usize, usize), length: (usize, usize)| {
            (sum.0.saturating_add(length.0), sum.1.saturating_add(length.1))
        };
        self.parts.iter().map(Part::length).fold((0, 0), add)
    }
}

impl Part {
    fn render(&self, ctx: &RenderContext<'_>, rng: &mut ClientRng, out: &mut Vec<u8>) {
        match self {
            Self::Literal(bytes) => out.extend_from_slice(bytes),
            Self::Number { number, width } => {
                let (negative, magnitude) = number.value(ctx, rng);
                push_number(out, negative, magnitude, *width);
            }
            Self::RandomFloat { low, high, decimals } => {
                let value = random_between(rng, *low, *high);
                push_decimal(out, value, *decimals);
            }
            Self::Filled(content, size) => {
                let length = size.draw(rng);
                content.push(out, rng, length);
            }
            Self::Held(held, form) => held.render(*form, ctx, out),
            Self::Uuid => push_uuid(out, rng),
            Self::Mark => ctx.mark.write(out),
            Self::Choice(options) => {
                let chosen = below(rng, options.len() as u64) as usize;
                out.extend_from_slice(&options[chosen]);
            }
        }
    }

    /// The fewest and the most bytes that it renders to.
    pub(crate) fn length(&self) -> (usize, usize) {
        match self {
            Self::Literal(bytes) => (bytes.len(), bytes.len()),
            Self::Number { number, width } => {
                let (shortest, longest) = number.length();
                (shortest.max(*width), longest.max(*width))
            }
            Self::RandomFloat { low, high, decimals } => {
                let fraction = *decimals as usize;
                let length = |value: i64| decimal_length(value, fraction);
                let shortest = if (*low..=*high).contains(&0) {
                    length(0)
                } else {
                    length(*low).min(length(*high))
                };
                (shortest, length(*low).max(length(*high)))
            }
            Self::Filled(_, size) => size.bounds(),
            Self::Held(held, form) => held.length(*form),
            Self::Uuid => (36, 36),
            Self::Mark => (Mark::LENGTH, Mark::LENGTH),
            Self::Choice(options) => {
                let lengths = || options.iter().map(|option| option.len());
                (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0))
            }
        }
    }

    /// Whether its first byte can be an ASCII digit.
    pub(crate) fn may_begin_with_digit(&self) -> bool {
        match self {
            Self::Literal(bytes) => bytes.first().is_some_and(u8::is_ascii_digit),
            _ => true,
        }
    }
}

impl Content {
    fn push(&self, out: &mut Vec<u8>, rng: &mut ClientRng, length: usize) {
        match self {
            Self::Characters(alphabet) => push_random_text(out, rng, alphabet, length),
            Self::Bytes => {
                let start = out.len();
                out.resize(start + length, 0);
                rng.fill_bytes(&mut out[start..]);
            }
            Self::Stretch(bytes) => {
                let begin = below(rng, bytes.len() as u64) as usize;
                let mut rest = &bytes[begin..];
                let end = out.len() + length;
                while out.len() < end && !bytes.is_empty() {
                    let taken = rest.len().min(end - out.len());
                    out.extend_from_slice(&rest[..taken]);
                    rest = bytes;
                }
            }
        }
    }
}

impl Number {
    fn value(self, ctx: &RenderContext<'_>, rng: &mut ClientRng) -> (bool, u64) {
        match self {
            Self::Known(known) => (false, known.of(ctx)),
            Self::TimeMillis => (false, ctx.unix_nanos / 1_000_000),
            Self::TimeMicros => (false, ctx.unix_nanos / 1_000),
            Self::Random { low, high } => {
                let value = random_between(rng, low, high);
                (value < 0, value.unsigned_abs())
            }
        }
    }

    fn length(self) -> (usize, usize) {
        match self {
            Self::Known(_) => (1, MAX_DIGITS),
            // Thirteen digits of milliseconds last from 2001 to 2286.
            Self::TimeMillis => (13, 13),
            Self::TimeMicros => (16, 16),
            Self::Random { low, high } => {
                let length = |value: i64| decimal_length(value, 0);
                let shortest = if (low..=high).contains(&0) {
                    1
                } else {
                    length(low).min(length(high))
                };
                (shortest, length(low).max(length(high)))
            }
        }
    }

    /// Whether it can be less than zero.
    pub(crate) const fn may_be_negative(self) -> bool {
        matches!(self, Self::Random { low, .. } if low < 0)
    }
}

/// Digits of the largest `u64`.
pub(crate) const MAX_DIGITS: usize = 20;

/// Writes decimal digits to the end of `buffer` and returns them.
pub(crate) fn digits(mut number: u64, buffer: &mut [u8; MAX_DIGITS]) -> &[u8] {
    let mut start = MAX_DIGITS;
    loop {
        start -= 1;
        buffer[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &buffer[start..];
        }
    }
}

fn push_number(out: &mut Vec<u8>, negative: bool, magnitude: u64, width: usize) {
    let mut buffer = [0; MAX_DIGITS];
    let digits = digits(magnitude, &mut buffer);
    if negative {
        out.push(b'-');
    }
    let zeros = width.saturating_sub(digits.len() + usize::from(negative));
    out.resize(out.len() + zeros, b'0');
    out.extend_from_slice(digits);
}

fn push_decimal(out: &mut Vec<u8>, value: i64, decimals: u32) {
    let unit = 10_u64.pow(decimals);
    let magnitude = value.unsigned_abs();
    push_number(out, value < 0, magnitude / unit, 0);
    if decimals > 0 {
        out.push(b'.');
        push_number(out, false, magnitude % unit, decimals as usize);
    }
}

fn decimal_length(value: i64, fraction: usize) -> usize {
    let mut buffer = [0; MAX_DIGITS];
    let whole = value.unsigned_abs() / 10_u64.pow(fraction as u32);
    usize::from(value < 0) + digits(whole, &mut buffer).len() + if fraction > 0 { 1 + fraction } else { 0 }
}

/// A number in `0..bound`, by multiplication instead of division: the bias is below `bound / 2^64`.
fn below(rng: &mut ClientRng, bound: u64) -> u64 {
    ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u64
}

fn random_between(rng: &mut ClientRng, low: i64, high: i64) -> i64 {
    let span = high.abs_diff(low);
    let offset = match span.checked_add(1) {
        Some(bound) => below(rng, bound),
        None => rng.next_u64(),
    };
    low.wrapping_add_unsigned(offset)
}

/// Six characters from each 64-bit draw: ten bits each keep the bias of the alphabet under 2 %.
fn push_random_text(out: &mut Vec<u8>, rng: &mut ClientRng, alphabet: &[u8], length: usize) {
    let mut missing = length;
    while missing > 0 {
        let mut bits = rng.next_u64();
        for _ in 0..missing.min(6) {
            out.push(alphabet[((bits & 0x3ff) as usize * alphabet.len()) >> 10]);
            bits >>= 10;
        }
        missing -= missing.min(6);
    }
}

/// RFC 9562 5.4: random but for the version and the variant.
fn push_uuid(out: &mut Vec<u8>, rng: &mut ClientRng) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = [0; 16];
    rng.fill_bytes(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 0x0f)]);
    }
}
