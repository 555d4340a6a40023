//! `iot`: telemetry in JSON is acknowledged (seed A24).
//!
//! `{"seq": 7, ...}` is answered by `{"type":"ack","seq":7,"bytes":N}`; without an integer `seq` it is `"seq":null`.
//! Anything but a JSON object is answered by `{"type":"error","message":"..."}`, and the connection stays.

use std::fmt;
use std::io::Write;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Message, Mode};
use crate::server::session::Peer;
use crate::wire::MessageKind;

#[derive(Debug)]
pub(super) struct Iot;

impl Mode for Iot {
    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        let bytes = message.payload.len();
        peer.compose(MessageKind::Text, |reply| {
            // Writing to memory cannot fail.
            let _ = match serde_json::from_slice::<Telemetry>(message.payload) {
                Ok(Telemetry { seq: Some(seq) }) => {
                    write!(reply, r#"{{"type":"ack","seq":{seq},"bytes":{bytes}}}"#)
                }
                Ok(Telemetry { seq: None }) => {
                    write!(reply, r#"{{"type":"ack","seq":null,"bytes":{bytes}}}"#)
                }
                Err(error) => {
                    let reason = serde_json::Value::from(format!("telemetry is a JSON object: {error}"));
                    write!(reply, r#"{{"type":"error","message":{reason}}}"#)
                }
            };
        });
    }
}

/// All that matters of a telemetry message. Reading it checks the whole text and allocates nothing.
struct Telemetry {
    seq: Option<u64>,
}

impl<'de> Deserialize<'de> for Telemetry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Telemetry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Telemetry, A::Error> {
        let mut seq = None;
        while let Some(IsSeq(is_seq)) = map.next_key()? {
            if is_seq {
                seq = map.next_value::<Integer>()?.0;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Telemetry { seq })
    }
}

/// Whether a key is `seq`.
struct IsSeq(bool);

impl<'de> Deserialize<'de> for IsSeq {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl Visitor<'_> for Key {
            type Value = IsSeq;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E: de::Error>(self, key: &str) -> Result<IsSeq, E> {
                Ok(IsSeq(key == "seq"))
            }
        }
        deserializer.deserialize_identifier(Key)
    }
}

/// A non-negative integer, or `None` for any other value.
struct Integer(Option<u64>);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Integer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Integer, E> {
        Ok(Integer(Some(number)))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Integer, E> {
        Ok(Integer(None))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Integer, E> {
        Ok(Integer(None))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Integer, E> {
        Ok(Integer(None))
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Integer, E> {
        Ok(Integer(None))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Integer, E> {
        Ok(Integer(None))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Integer, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Integer(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Integer, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Integer(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::mode::testing::Bench;

    fn answer(telemetry: &str) -> String {
        let frame = Bench::new(Iot).text(telemetry);
        let head = if frame[1] == 126 { 4 } else { 2 };
        String::from_utf8(frame[head..].to_vec()).unwrap()
    }

    #[test]
    fn a24_acknowledges_the_sequence_number() {
        assert_eq!(
            answer(r#"{"seq":7,"t":21.5}"#),
            r#"{"type":"ack","seq":7,"bytes":18}"#
        );
        assert_eq!(
            answer(r#" {"a":{"seq":1},"b":[2],"seq":3} "#),
            r#"{"type":"ack","seq":3,"bytes":33}"#
        );
    }

    #[test]
    fn a24_acknowledges_without_a_sequence_number() {
        for telemetry in [
            "{}",
            r#"{"seq":"7"}"#,
            r#"{"seq":-1}"#,
            r#"{"seq":1.5}"#,
            r#"{"seq":[1]}"#,
            r#"{"seq":{}}"#,
        ] {
            assert!(
                answer(telemetry).contains(r#""type":"ack","seq":null"#),
                "{telemetry}"
            );
        }
    }

    #[test]
    fn b9_answers_what_is_no_object_by_an_error() {
        for telemetry in ["", "hello", "[1]", "7", r#"{"seq":1"#, r#"{"seq":1} x"#, "null"] {
            let answer: serde_json::Value = serde_json::from_str(&answer(telemetry)).unwrap();
            assert_eq!(answer["type"], "error", "{telemetry}");
            assert!(
                answer["message"]
                    .as_str()
                    .unwrap()
                    .starts_with("telemetry is a JSON object: "),
                "{telemetry}"
            );
        }
    }
}
