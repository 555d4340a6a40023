//! [`SequenceExtractor`]: where a reply carries the number of the message that it answers.

use super::json_probe::JsonField;
use super::template::{Known, Number, Part, Template};

/// Digits of the largest `u64`: more of them cannot carry more of a number.
const MAX_DIGITS: usize = 20;

/// Reads the sequence number out of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceExtractor(Source);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// At a place of the payload itself.
    Payload(TextPlace),
    /// The number at a JSON path, or a place within the string there.
    Json(JsonField, Option<TextPlace>),
}

impl SequenceExtractor {
    /// Where `template` puts `${seq}`, if that can be found again.
    pub(super) fn in_text(template: &Template) -> Option<Self> {
        TextPlace::of(template).map(|place| Self(Source::Payload(place)))
    }

    /// The number at `field`.
    pub(super) fn in_json_number(field: JsonField) -> Self {
        Self(Source::Json(field, None))
    }

    /// Where `template` puts `${seq}` within the string at `field`, if that can be found again.
    pub(super) fn in_json_string(field: JsonField, template: &Template) -> Option<Self> {
        TextPlace::of(template).map(|place| Self(Source::Json(field, Some(place))))
    }

    /// The sequence number in `payload`, or `None` if there is none where it should be.
    #[must_use]
    pub fn extract(&self, payload: &[u8]) -> Option<u64> {
        match &self.0 {
            Source::Payload(place) => place.read(payload),
            Source::Json(field, None) => field.number(payload),
            Source::Json(field, Some(place)) => field.string(payload, |text| place.read(text)).flatten(),
        }
    }
}

/// A place in a text that a template describes: what to pass over, and then the digits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TextPlace {
    before: Box<[Skip]>,
    digits: Digits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    Bytes(usize),
    /// A number of unknown length, up to the first byte that is no digit.
    Run,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    /// Digits follow that do not belong to it.
    Exactly(usize),
    /// Up to the first byte that is no digit; so many zeros of padding in front are not even looked at.
    Run { padding: usize },
}

impl TextPlace {
    fn of(template: &Template) -> Option<Self> {
        let parts = template.parts();
        let mut before = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let digit_follows = parts.get(index + 1).is_some_and(Part::may_begin_with_digit);
            if let Part::Number {
                number: Number::Known(Known::Seq),
                width,
            } = part
            {
                let digits = match (digit_follows, *width) {
                    (false, width) => Digits::Run {
                        padding: width.saturating_sub(MAX_DIGITS),
                    },
                    (true, width) if width >= MAX_DIGITS => Digits::Exactly(width),
                    (true, _) => return None,
                };
                return Some(Self {
                    before: before.into(),
                    digits,
                });
            }
            let (shortest, longest) = part.length();
            match (part, before.last_mut()) {
                (_, Some(Skip::Bytes(bytes))) if shortest == longest => *bytes += shortest,
                (_, _) if shortest == longest => before.push(Skip::Bytes(shortest)),
                (Part::Number { number, .. }, _) if !digit_follows && !number.may_be_negative() => {
                    before.push(Skip::Run);
                }
                _ => return None,
            }
        }
        None
    }

    fn read(&self, text: &[u8]) -> Option<u64> {
        let at = self.before.iter().try_fold(text, |rest, skip| match skip {
            Skip::Bytes(count) => rest.get(*count..),
            Skip::Run => Some(&rest[run(rest)..]),
        })?;
        match self.digits {
            Digits::Exactly(width) => {
                let digits = at.get(width - MAX_DIGITS..width)?;
                (run(digits) == MAX_DIGITS).then(|| number(digits))?
            }
            Digits::Run { padding } => number(at.get(padding..)?),
        }
    }
}

/// How many digits `text` begins with.
fn run(text: &[u8]) -> usize {
    text.iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len())
}

/// The number that `text` begins with.
fn number(text: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (index, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (index > 0).then_some(number);
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    (!text.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::super::template::{Scope, template};
    use super::*;

    fn extractor(text: &str) -> Option<SequenceExtractor> {
        SequenceExtractor::in_text(&template(text, &Scope::default()).unwrap())
    }

    #[test]
    fn finds_the_number_where_the_template_puts_it() {
        for (template, payload, seq) in [
            ("${seq}", "7", 7),
            ("ack ${seq}", "ack 42", 42),
            ("ack ${seq};", "ack 42;", 42),
            ("${client}:${seq}", "90210:42", 42),
            (
                "${pad(client, 20)}${pad(seq, 20)}",
                "0000000000000000000900000000000000000042",
                42,
            ),
            (
                "${uuid} ${pad(seq, 4)} ${seq}",
                "67e55044-10b1-426f-9247-bb680e5fe0c8 0042 42",
                42,
            ),
            ("${pad(seq, 4)}.", "12345.", 12_345),
            ("${pad(seq, 24)}", "000000000000000000000042", 42),
            (
                "${pad(seq, 24)}${random_hex(2)}",
                "000000000000000000000042a7",
                42,
            ),
            ("${seq}", "18446744073709551615", u64::MAX),
        ] {
            assert_eq!(
                extractor(template).unwrap().extract(payload.as_bytes()),
                Some(seq),
                "{template}"
            );
        }
    }

    #[test]
    fn reports_nothing_where_the_payload_does_not_fit() {
        let ack = extractor("ack ${seq}").unwrap();
        for payload in ["", "ac", "ack ", "ack x", "ack 18446744073709551616"] {
            assert_eq!(ack.extract(payload.as_bytes()), None, "{payload}");
        }
        assert_eq!(extractor("${pad(seq, 24)}${uuid}").unwrap().extract(b"42"), None);
    }

    #[test]
    fn gives_up_on_a_place_that_cannot_be_computed() {
        for template in [
            "no number",
            "${client}${seq}",
            "${choice(a, bb)} ${seq}",
            "${seq}${uuid}",
            "${random_int(-5, 500)} ${seq}",
        ] {
            assert_eq!(extractor(template), None, "{template}");
        }
    }
}
