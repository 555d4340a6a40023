//! The building blocks of document types: values with positions, and lists that survive a wrong entry.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Position;

/// Name by which [`Located`] asks [`decode`](super::decode) for the position of a value.
pub(super) const LOCATED: &str = "$located";
/// Name by which [`ScalarOr`] asks [`decode`](super::decode) for the kind of a value.
pub(super) const SCALAR_OR: &str = "$scalar-or-other";

/// A value and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) at: Position,
    pub(crate) value: T,
}

/// A scalar taken as it is written.
pub(crate) type Text = Located<String>;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Located<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its position")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Located<T>, A::Error> {
                let missing = || A::Error::custom("this type is read with positions only");
                let file = parts.next_element()?.ok_or_else(missing)?;
                let line = parts.next_element()?.ok_or_else(missing)?;
                let column = parts.next_element()?.ok_or_else(missing)?;
                let value = parts.next_element()?.ok_or_else(missing)?;
                Ok(Located {
                    at: Position { file, line, column },
                    value,
                })
            }
        }
        deserializer.deserialize_tuple_struct(LOCATED, 4, Parts(PhantomData))
    }
}

/// Something that is written as one scalar.
pub(crate) trait Quantity: Sized {
    /// What to write, for error messages: "a duration such as 250ms, 30s or 1h30m".
    const EXPECTED: &'static str;

    /// Reads it; the error says what is wrong and what is expected.
    fn read(text: &str) -> Result<Self, String>;
}

/// A scalar that will be a `T` as soon as the variables in it are known.
#[derive(Clone, Debug)]
pub(crate) struct Field<T> {
    pub(crate) at: Position,
    pub(crate) text: String,
    kind: PhantomData<fn() -> T>,
}

impl<'de, T: Quantity> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Located {
            at,
            value: Scalar(text, kind),
        } = Located::<Scalar<T>>::deserialize(deserializer)?;
        Ok(Self { at, text, kind })
    }
}

struct Scalar<T>(String, PhantomData<fn() -> T>);

impl<'de, T: Quantity> Deserialize<'de> for Scalar<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor<T>(PhantomData<fn() -> T>);
        impl<T: Quantity> Visitor<'_> for ScalarVisitor<T> {
            type Value = Scalar<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar<T>, E> {
                Ok(Scalar(text.to_owned(), self.0))
            }
        }
        deserializer.deserialize_str(ScalarVisitor(PhantomData))
    }
}

/// Either a scalar or a list or mapping: the short and the long form of a key.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename = "$scalar-or-other")]
pub(crate) enum ScalarOr<S, T> {
    Scalar(S),
    Other(T),
}

/// A list whose wrong entries were reported and left out.
#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    /// Whether entries are missing, so that what follows from their absence is no error of its own.
    pub(crate) damaged: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            damaged: false,
        }
    }
}

impl<T> List<T> {
    /// Whether the file says nothing here.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && !self.damaged
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<List<T>, A::Error> {
                let mut list = List::default();
                loop {
                    match access.next_element() {
                        Ok(Some(item)) => list.items.push(item),
                        Ok(None) => return Ok(list),
                        Err(_reported) => list.damaged = true,
                    }
                }
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// A mapping with free keys, in the order of the file; wrong values were reported and left out.
#[derive(Clone, Debug)]
pub(crate) struct Entries<V>(pub(crate) Vec<(Text, V)>);

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
            type Value = Entries<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Entries<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = access.next_key()? {
                    if let Ok(value) = access.next_value() {
                        entries.push((key, value));
                    }
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}
