//! [`Pattern`]: a template read backwards, to hold a message against what it should be.

use super::part::{Content, Held, Known, MAX_DIGITS, Number, Part, RenderContext, Template, digits};

/// A template of which every part is known while the reply is awaited: literals, `client`, `seq` and `iteration`, and what the
/// client holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Box<[Piece]>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(Box<[u8]>),
    Number { known: Known, width: usize },
    Held(Held),
}

/// A template holds something that differs each time it is rendered, so nothing can be held against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} gives a new value each time, so no message can be held against it; only variables, `client`, `seq` and `iteration` can be expected"
)]
pub(crate) struct NotRepeatable(&'static str);

impl Pattern {
    /// Reads the template backwards, if that is possible.
    pub(crate) fn of(template: &Template) -> Result<Self, NotRepeatable> {
        let piece = |part: &Part| match part {
            Part::Literal(bytes) => Ok(Piece::Literal(bytes.clone())),
            Part::Number {
                number: Number::Known(known),
                width,
            } => Ok(Piece::Number {
                known: *known,
                width: *width,
            }),
            Part::Number {
                number: Number::Random { .. },
                ..
            } => Err(NotRepeatable("`random_int`")),
            Part::Number { .. } => Err(NotRepeatable("the time")),
            Part::RandomFloat { .. } => Err(NotRepeatable("`random_float`")),
            Part::Filled(Content::Characters(_), _) => Err(NotRepeatable("a random string")),
            Part::Filled(..) => Err(NotRepeatable("a random payload")),
            Part::Held(held, _) => Ok(Piece::Held(held.clone())),
            Part::Uuid => Err(NotRepeatable("`uuid`")),
            Part::Mark => Err(NotRepeatable("`mark`")),
            Part::Choice(_) => Err(NotRepeatable("`choice`")),
        };
        template
            .parts()
            .iter()
            .map(piece)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The whole content, if it is the same for every message.
    #[must_use]
    pub fn as_literal(&self) -> Option<&[u8]> {
        match &*self.0 {
            [] => Some(&[]),
            [Piece::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// Whether `payload` is what the template renders to.
    #[must_use]
    pub fn equals(&self, payload: &[u8], ctx: &RenderContext<'_>) -> bool {
        self.strip(payload, ctx).is_some_and(<[u8]>::is_empty)
    }

    /// Whether `payload` begins with what the template renders to.
    #[must_use]
    pub fn begins(&self, payload: &[u8], ctx: &RenderContext<'_>) -> bool {
        self.strip(payload, ctx).is_some()
    }

    /// Whether what the template renders to stands anywhere in `payload`.
    #[must_use]
    pub fn is_in(&self, payload: &[u8], ctx: &RenderContext<'_>) -> bool {
        (0..=payload.len()).any(|start| self.begins(&payload[start..], ctx))
    }

    /// What follows in `payload` after what the template renders to.
    fn strip<'a>(&self, payload: &'a [u8], ctx: &RenderContext<'_>) -> Option<&'a [u8]> {
        self.0.iter().try_fold(payload, |rest, piece| match piece {
            Piece::Literal(bytes) => rest.strip_prefix(&**bytes),
            Piece::Number { known, width } => {
                let mut buffer = [0; MAX_DIGITS];
                let digits = digits(known.of(ctx), &mut buffer);
                let (zeros, rest) = rest.split_at_checked(width.saturating_sub(digits.len()))?;
                zeros.iter().all(|zero| *zero == b'0').then_some(())?;
                rest.strip_prefix(digits)
            }
            Piece::Held(held) => rest.strip_prefix(held.of(ctx).0),
        })
    }
}
