//! From a tree to `serde` types.
//!
//! An error is reported where it arises, with its position, and what asked for the value learns only that there is
//! none. Unknown keys are reported and skipped; wrong entries of a [`List`](super::List) or
//! [`Entries`](super::Entries) likewise. So one reading finds what is wrong in many places at once.
//!
//! A rule of the language lives here: a bare word where a mapping is expected stands for the mapping with only that
//! key, so `- connect` says `- connect:` and `reply: echo` says `reply: {echo: }`.

use std::cell::RefCell;
use std::fmt::{self, Display};
use std::slice;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::Position;
use super::located::{LOCATED, SCALAR_OR};
use super::tree::{Content, Node};
use crate::scenario::error::{Problem, nearest, quoted, suggestion};

/// Reads a `T` from the tree. `None` if there are problems that leave nothing to go on with; `Some` does not mean that
/// there were none.
pub(crate) fn decode<'de, T: Deserialize<'de>>(tree: &'de Node) -> (Option<T>, Vec<Problem>) {
    let problems = RefCell::new(Vec::new());
    let value = T::deserialize(Decoder {
        content: &tree.content,
        at: tree.at,
        problems: &problems,
    })
    .ok();
    (value, problems.into_inner())
}

/// What stands in for a key that is there without a value.
static NOTHING: Content = Content::Null;

#[derive(Clone, Copy)]
struct Decoder<'de, 'p> {
    content: &'de Content,
    at: Position,
    problems: &'p RefCell<Vec<Problem>>,
}

/// Why there is no value.
#[derive(Debug)]
enum Rejection {
    /// The problem is already in the list.
    Reported,
    /// A key that a mapping must have.
    Missing(&'static str),
    /// Anything else.
    Other(String),
}

impl Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => f.write_str("already reported"),
            Self::Missing(key) => write!(f, "the key `{key}` is missing"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Rejection {}

impl de::Error for Rejection {
    fn custom<T: Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

impl<'de, 'p> Decoder<'de, 'p> {
    fn of(self, node: &'de Node) -> Self {
        Self {
            content: &node.content,
            at: node.at,
            ..self
        }
    }

    fn report(self, at: Position, message: String) -> Rejection {
        self.problems.borrow_mut().push(Problem::new(at, message));
        Rejection::Reported
    }

    /// Reports a rejection that arose right here.
    fn settle<V>(self, result: Result<V, Rejection>) -> Result<V, Rejection> {
        result.map_err(|rejection| match rejection {
            Rejection::Reported => rejection,
            fresh => self.report(self.at, fresh.to_string()),
        })
    }

    fn mismatch(self, expected: impl Display) -> Rejection {
        self.report(
            self.at,
            format!("expected {expected}, found {}", self.content.describe()),
        )
    }

    /// The entries of a mapping whose keys are known; reports the others and returns the names that were meant.
    fn known_entries(self, name: &str, known: &'static [&'static str]) -> Result<Known<'de>, Rejection> {
        let mut found = Known::default();
        match self.content {
            Content::Null => {}
            Content::String(word) if known.contains(&word.as_str()) => {
                found.entries.push((self.content, self.at, &NOTHING, self.at));
            }
            Content::Mapping(entries) => {
                for (key, value) in entries {
                    match key.content.scalar() {
                        Some(text) if known.contains(&text) => {
                            found
                                .entries
                                .push((&key.content, key.at, &value.content, value.at));
                        }
                        _ => found.meant.extend(self.unknown_key(key, name, known)),
                    }
                }
            }
            Content::String(word) => {
                let meant = suggestion(nearest(word, known.iter().copied()));
                let keys = quoted(known.iter().copied());
                let message = format!("expected a {name}, found `{word}`{meant} (keys of a {name}: {keys})");
                return Err(self.report(self.at, message));
            }
            _ => return Err(self.mismatch(format_args!("a {name} (a mapping)"))),
        }
        Ok(found)
    }

    fn unknown_key(self, key: &Node, name: &str, known: &'static [&'static str]) -> Option<&'static str> {
        let written = key.content.scalar().unwrap_or("?");
        let meant = nearest(written, known.iter().copied());
        let all = if known.is_empty() {
            "none are".to_owned()
        } else {
            quoted(known.iter().copied())
        };
        let message = format!(
            "unknown key `{written}` in a {name}{}\n  expected: {all}",
            suggestion(meant)
        );
        self.problems
            .borrow_mut()
            .push(Problem::unknown_key(key.at, self.at, message));
        meant
    }
}

#[derive(Default)]
struct Known<'de> {
    /// Key and value, each with its position.
    entries: Vec<(&'de Content, Position, &'de Content, Position)>,
    /// Keys that a typo probably stands for: reporting them as missing as well would say the same twice.
    meant: Vec<&'static str>,
}

impl<'de> Deserializer<'de> for Decoder<'de, '_> {
    type Error = Rejection;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        match self.content {
            Content::Null => self.settle(visitor.visit_unit()),
            Content::Bool(value) => self.settle(visitor.visit_bool(*value)),
            Content::Number { value, .. } => {
                let number = value.clone().deserialize_any(visitor);
                self.settle(number.map_err(|error| Rejection::Other(error.to_string())))
            }
            Content::String(text) => self.settle(visitor.visit_borrowed_str(text)),
            Content::List(_) => self.deserialize_seq(visitor),
            Content::Mapping(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        match self.content.scalar() {
            Some(text) => self.settle(visitor.visit_borrowed_str(text)),
            None => Err(self.mismatch(&visitor as &dyn de::Expected)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        self.deserialize_str(visitor)
    }

    /// A key that is there has a value, even if it says nothing.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        match self.content {
            Content::List(items) => self.settle(visitor.visit_seq(Items {
                items: items.iter(),
                parent: self,
            })),
            _ => Err(self.mismatch(&visitor as &dyn de::Expected)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejection> {
        match self.content {
            Content::Mapping(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (&key.content, key.at, &value.content, value.at));
                self.settle(visitor.visit_map(Pairs {
                    entries,
                    value: None,
                    parent: self,
                }))
            }
            _ => Err(self.mismatch(&visitor as &dyn de::Expected)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Rejection> {
        let Known { entries, meant } = self.known_entries(name, fields)?;
        match visitor.visit_map(Pairs {
            entries: entries.into_iter(),
            value: None,
            parent: self,
        }) {
            Err(Rejection::Missing(key)) if meant.contains(&key) => Err(Rejection::Reported),
            Err(Rejection::Missing(key)) => {
                Err(self.report(self.at, format!("a {name} needs the key `{key}`")))
            }
            result => self.settle(result),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Rejection> {
        if name == LOCATED {
            visitor.visit_seq(PositionAndValue {
                decoder: self,
                next: 0,
            })
        } else {
            self.deserialize_seq(visitor)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Rejection> {
        if name == SCALAR_OR {
            visitor.visit_enum(ByKind(self))
        } else {
            Err(self.report(self.at, format!("{name} cannot be read here")))
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple
        ignored_any
    }
}

struct Items<'de, 'p> {
    items: slice::Iter<'de, Node>,
    parent: Decoder<'de, 'p>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Rejection;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Rejection> {
        self.items
            .next()
            .map(|item| seed.deserialize(self.parent.of(item)))
            .transpose()
    }
}

struct Pairs<'de, 'p, I> {
    entries: I,
    value: Option<(&'de Content, Position)>,
    parent: Decoder<'de, 'p>,
}

impl<'de, I> MapAccess<'de> for Pairs<'de, '_, I>
where
    I: Iterator<Item = (&'de Content, Position, &'de Content, Position)>,
{
    type Error = Rejection;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Rejection> {
        let Some((key, key_at, value, value_at)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((value, value_at));
        seed.deserialize(Decoder {
            content: key,
            at: key_at,
            ..self.parent
        })
        .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Rejection> {
        let (content, at) = self.value.take().unwrap_or((&NOTHING, self.parent.at));
        seed.deserialize(Decoder {
            content,
            at,
            ..self.parent
        })
    }
}

/// File, line, column and value, for [`Located`](super::Located).
struct PositionAndValue<'de, 'p> {
    decoder: Decoder<'de, 'p>,
    next: u8,
}

impl<'de> SeqAccess<'de> for PositionAndValue<'de, '_> {
    type Error = Rejection;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Rejection> {
        self.next += 1;
        match self.next {
            1 => seed
                .deserialize(self.decoder.at.file.into_deserializer())
                .map(Some),
            2 => seed
                .deserialize(self.decoder.at.line.into_deserializer())
                .map(Some),
            3 => seed
                .deserialize(self.decoder.at.column.into_deserializer())
                .map(Some),
            4 => seed.deserialize(self.decoder).map(Some),
            _ => Ok(None),
        }
    }
}

/// The kind of a value as a variant, for [`ScalarOr`](super::ScalarOr).
struct ByKind<'de, 'p>(Decoder<'de, 'p>);

impl<'de> EnumAccess<'de> for ByKind<'de, '_> {
    type Error = Rejection;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Rejection> {
        let other = matches!(self.0.content, Content::List(_) | Content::Mapping(_));
        let variant = if other { "Other" } else { "Scalar" };
        Ok((seed.deserialize(variant.into_deserializer())?, self))
    }
}

impl<'de> VariantAccess<'de> for ByKind<'de, '_> {
    type Error = Rejection;

    fn unit_variant(self) -> Result<(), Rejection> {
        Err(self.0.mismatch("a value"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Rejection> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Rejection> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Rejection> {
        self.0.deserialize_struct("mapping", fields, visitor)
    }
}
