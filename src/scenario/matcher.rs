//! [`Matcher`]: what a message must look like, decided without allocating.

use regex::bytes::Regex;

use super::json_probe::JsonProbe;
use super::plan::PayloadKind;
use super::sequence::SequenceExtractor;
use super::template::{Known, Number, Part, Pattern, RenderContext, Template};

/// Decides whether a message is the one that is waited for.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// Every message.
    Any,
    /// What was sent, come back.
    Echo(EchoShape),
    /// A text message that is exactly this.
    Text(Pattern),
    /// A message with this in it, text or binary.
    Contains(Needle),
    /// A message in which the expression matches somewhere, text or binary.
    Regex(Regex),
    /// A binary message that begins with this.
    BinaryPrefix(Pattern),
    /// A JSON message, text or binary, with these values.
    Json(JsonProbe),
}

impl Matcher {
    /// Whether a message matches; `ctx` is the context of the message that it would answer.
    #[must_use]
    pub fn matches(&self, kind: PayloadKind, payload: &[u8], ctx: &RenderContext<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Echo(shape) => shape.matches(kind, payload, ctx),
            Self::Text(pattern) => kind == PayloadKind::Text && pattern.equals(payload, ctx),
            Self::Contains(needle) => needle.is_in(payload, ctx),
            Self::Regex(regex) => regex.is_match(payload),
            Self::BinaryPrefix(pattern) => kind == PayloadKind::Binary && pattern.begins(payload, ctx),
            Self::Json(probe) => probe.matches(payload, ctx),
        }
    }
}

/// How a reply finds the message that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Correlation {
    /// Replies come in the order of the messages.
    InOrder,
    /// The reply names the message's sequence number.
    BySequence(SequenceExtractor),
}

impl Correlation {
    pub(super) fn by(extractor: Option<SequenceExtractor>) -> Self {
        extractor.map_or(Self::InOrder, Self::BySequence)
    }
}

/// What is known of an echo without keeping what was sent: its kind, its length, and its sequence number if the
/// message carries one at a place that can be computed.
#[derive(Clone, Debug)]
pub struct EchoShape {
    kind: PayloadKind,
    /// Of everything but `numbers`: the fewest and the most bytes.
    length: (usize, usize),
    /// Numbers whose length depends on the message, with the width they are filled to.
    numbers: Box<[(Known, usize)]>,
    sequence: Option<SequenceExtractor>,
}

impl EchoShape {
    /// The shape of the echo of a message.
    pub(super) fn new(kind: PayloadKind, payload: &Template) -> Self {
        let mut length = (0_usize, 0_usize);
        let mut numbers = Vec::new();
        for part in payload.parts() {
            if let Part::Number {
                number: Number::Known(known),
                width,
            } = part
            {
                numbers.push((*known, *width));
            } else {
                let (shortest, longest) = part.length();
                length = (
                    length.0.saturating_add(shortest),
                    length.1.saturating_add(longest),
                );
            }
        }
        Self {
            kind,
            length,
            numbers: numbers.into(),
            sequence: SequenceExtractor::in_text(payload),
        }
    }

    fn matches(&self, kind: PayloadKind, payload: &[u8], ctx: &RenderContext<'_>) -> bool {
        let written = |(known, width): &(Known, usize)| decimal_digits(known.of(ctx)).max(*width);
        let numbers: usize = self.numbers.iter().map(written).sum();
        let (shortest, longest) = self.length;
        kind == self.kind
            && (shortest + numbers..=longest.saturating_add(numbers)).contains(&payload.len())
            && self
                .sequence
                .as_ref()
                .is_none_or(|sequence| sequence.extract(payload) == Some(ctx.seq))
    }

    pub(super) fn sequence(&self) -> Option<SequenceExtractor> {
        self.sequence.clone()
    }
}

fn decimal_digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Something to be found anywhere in a message.
#[derive(Clone, Debug)]
pub struct Needle(Search);

#[derive(Clone, Debug)]
enum Search {
    /// The same for every message: left to the vectorised search of the regex engine.
    Literal(Regex),
    Pattern(Pattern),
}

impl Needle {
    pub(super) fn new(pattern: Pattern) -> Result<Self, regex::Error> {
        let literal = pattern
            .as_literal()
            .and_then(|bytes| std::str::from_utf8(bytes).ok());
        Ok(Self(match literal {
            Some(text) => Search::Literal(Regex::new(&regex::escape(text))?),
            None => Search::Pattern(pattern),
        }))
    }

    fn is_in(&self, payload: &[u8], ctx: &RenderContext<'_>) -> bool {
        match &self.0 {
            Search::Literal(regex) => regex.is_match(payload),
            Search::Pattern(pattern) => pattern.is_in(payload, ctx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::{Scope, template};
    use super::*;

    fn ctx(seq: u64) -> RenderContext<'static> {
        RenderContext {
            client: 3,
            seq,
            ..RenderContext::default()
        }
    }

    fn pattern(text: &str) -> Pattern {
        Pattern::of(&template(text, &Scope::default()).unwrap()).unwrap()
    }

    fn matches(matcher: &Matcher, text: &str, seq: u64) -> bool {
        matcher.matches(PayloadKind::Text, text.as_bytes(), &ctx(seq))
    }

    #[test]
    fn an_echo_has_kind_length_and_number_of_what_was_sent() {
        let sent = template("${client}:${seq}:${random_int(1, 999)}", &Scope::default()).unwrap();
        let echo = Matcher::Echo(EchoShape::new(PayloadKind::Text, &sent));
        assert!(matches(&echo, "3:10:5", 10));
        assert!(matches(&echo, "3:10:555", 10));
        for wrong in ["3:11:5", "3:10:5555", "3:10:", "", "3:x:555"] {
            assert!(!matches(&echo, wrong, 10), "{wrong}");
        }
        assert!(!echo.matches(PayloadKind::Binary, b"3:10:5", &ctx(10)));
    }

    #[test]
    fn an_echo_without_number_goes_by_length() {
        let echo = Matcher::Echo(EchoShape::new(
            PayloadKind::Text,
            &Template::from_literal(b"hello"),
        ));
        assert!(matches(&echo, "hallo", 1));
        assert!(!matches(&echo, "hell", 1));
    }

    #[test]
    fn texts_are_held_against_the_message_they_answer() {
        let text = Matcher::Text(pattern("ok ${pad(seq, 4)}"));
        assert!(matches(&text, "ok 0012", 12));
        assert!(matches(&text, "ok 12345", 12_345));
        for wrong in ["ok 0013", "ok 12", "ok 00120", "ok 0012 "] {
            assert!(!matches(&text, wrong, 12), "{wrong}");
        }
        let contains = |text| Matcher::Contains(Needle::new(pattern(text)).unwrap());
        assert!(matches(&contains("#${seq}."), "this is #12.", 12));
        assert!(!matches(&contains("#${seq}."), "this is #13.", 12));
        assert!(matches(&contains("(a|b)*"), "literally (a|b)*, no regex", 12));
        assert!(!matches(&contains("(a|b)*"), "aabb", 12));
    }

    #[test]
    fn prefixes_are_for_binary_messages() {
        let prefix = Matcher::BinaryPrefix(Pattern::of(&Template::from_literal(&[0xca, 0xfe])).unwrap());
        assert!(prefix.matches(PayloadKind::Binary, &[0xca, 0xfe, 0x00], &ctx(1)));
        assert!(!prefix.matches(PayloadKind::Binary, &[0xca], &ctx(1)));
        assert!(!prefix.matches(PayloadKind::Text, &[0xca, 0xfe, 0x00], &ctx(1)));
    }

    #[test]
    fn digits_are_counted_as_they_are_written() {
        for number in [0, 1, 9, 10, 99, 100, u64::MAX] {
            assert_eq!(decimal_digits(number), number.to_string().len());
        }
    }
}
