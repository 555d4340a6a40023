//! An event as clients see it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::IgnoredAny;
use serde_json::Value;

/// An event of the stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<'a> {
    /// Its number in the stream. It stays the same when the event comes again.
    pub(super) seq: u64,
    pub(super) subject: &'a str,
    pub(super) payload: &'a [u8],
    /// When the stream took it: milliseconds since 1970.
    pub(super) time: i64,
}

impl Event<'_> {
    /// `{"type":"event","seq":..,"subject":"..","time":..,"encoding":"..","data":..}`. The data are the payload's JSON as it
    /// stands, else a string of its text, else of its bytes in base64; `encoding` says which.
    pub(super) fn to_json(self) -> String {
        let (encoding, data) = match std::str::from_utf8(self.payload) {
            Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => ("json", text.to_owned()),
            Ok(text) => ("text", Value::from(text).to_string()),
            Err(_) => ("base64", Value::from(STANDARD.encode(self.payload)).to_string()),
        };
        let subject = Value::from(self.subject);
        format!(
            r#"{{"type":"event","seq":{},"subject":{subject},"time":{},"encoding":"{encoding}","data":{data}}}"#,
            self.seq, self.time
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn d22_an_event_carries_its_payload_whatever_that_is() {
        for (payload, encoding, data) in [
            (&br#"{"a": [1, 2]}"#[..], "json", json!({"a": [1, 2]})),
            (b"7", "json", json!(7)),
            (b"hello \"you\"", "text", json!("hello \"you\"")),
            (b"", "text", json!("")),
            (b"\xff\x00", "base64", json!("/wA=")),
            (b"\"\xff\"", "base64", json!("Iv8i")),
        ] {
            let event = Event {
                seq: 3,
                subject: "notifications.a",
                payload,
                time: 1_763_680_304_123,
            };
            let told: Value = serde_json::from_str(&event.to_json()).unwrap();
            assert_eq!(
                told,
                json!({
                    "type": "event", "seq": 3, "subject": "notifications.a", "time": 1_763_680_304_123_i64,
                    "encoding": encoding, "data": data,
                })
            );
        }
    }
}
