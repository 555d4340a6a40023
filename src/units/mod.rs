//! Quantities as people write them: `1h30m`, `64KiB`, `10k`, `250/s`.
//!
//! Each type parses from and prints to that form and deserialises from it, so that YAML, flags and reports agree.

mod address;
mod bytes;
mod count;
mod duration;
mod rate;

pub use address::{AddressRange, PortRange};
pub use bytes::ByteSize;
pub use count::Count;
pub use duration::Span;
pub use rate::Rate;

/// Why a quantity could not be read: what was written and what is expected instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct UnitError {
    text: String,
    expected: &'static str,
}

impl UnitError {
    fn new(text: &str, expected: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            expected,
        }
    }
}

/// Splits `12.5kB` into the number `12.5` and the suffix `kB`.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let number: f64 = text[..end].replace('_', "").parse().ok()?;
    Some((number, text[end..].trim_start()))
}

/// Deserialises from a string in the type's own notation or, where the type has one, from a bare number.
macro_rules! deserialize_from_notation {
    ($type:ty, $expecting:literal, from_integer: $from_integer:expr) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Notation;
                impl serde::de::Visitor<'_> for Notation {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$type, E> {
                        let convert: fn(u64) -> Option<$type> = $from_integer;
                        convert(number)
                            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
                    }
                }
                deserializer.deserialize_any(Notation)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}
use deserialize_from_notation;
