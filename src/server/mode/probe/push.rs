//! `/push`: messages at a rate, without drift.

use std::fmt::Write;
use std::time::Duration;

use crate::clock::{self, Moment};
use crate::server::http::Refusal;
use crate::server::journal::WallClock;
use crate::server::mode::{Message, Mode};
use crate::server::query::Query;
use crate::server::session::Peer;
use crate::units::{ByteSize, Count, Rate};
use crate::wire::{CloseCode, MessageKind};

/// Sends `{"type":"push","seq":1,"time":1763680304.123456,"instance":"..."}`, filled up to a size by `"pad"`. What the client
/// sends is only counted.
#[derive(Debug)]
pub(super) struct Push {
    /// Per second.
    rate: f64,
    /// Bytes of a message; a message is never shorter than its fields.
    size: usize,
    /// Messages in all; 0 is without end.
    count: u64,
    kind: MessageKind,
    instance: Box<str>,
    clock: WallClock,
    opened: Moment,
    sent: u64,
}

/// Largest message.
const MAX_SIZE: u64 = 64 << 20;
/// Highest rate, messages per second.
const MAX_RATE: f64 = 1e6;
/// Bytes after which others have their turn; the rest is sent at the next tick.
const BYTES_AT_ONCE: usize = 1 << 20;

impl Push {
    /// # Errors
    /// A parameter that makes no sense.
    pub(super) fn new(query: Query<'_>, instance: &str, clock: WallClock) -> Result<Self, Refusal> {
        let size = query.read("size", 0, "a size up to 64MiB", |text| {
            text.parse::<ByteSize>()
                .ok()
                .filter(|size| size.0 <= MAX_SIZE)
                .map(|size| size.0 as usize)
        })?;
        let rate = query.read(
            "rate",
            1.0,
            "messages per second up to 1000000, as `20` or `600/m`",
            |text| {
                let rate = text
                    .parse()
                    .ok()
                    .or_else(|| text.parse::<Rate>().ok().map(Rate::get));
                rate.filter(|rate: &f64| *rate > 0.0 && *rate <= MAX_RATE)
            },
        )?;
        let count = query.read("count", 0, "a number of messages; 0 is without end", |text| {
            text.parse::<Count>().ok().map(|count| count.0)
        })?;
        let kind = query.read(
            "binary",
            MessageKind::Text,
            "`true` or `false`",
            |text| match text {
                "true" | "1" | "" => Some(MessageKind::Binary),
                "false" | "0" => Some(MessageKind::Text),
                _ => None,
            },
        )?;
        Ok(Self {
            rate,
            size,
            count,
            kind,
            instance: serde_json::Value::from(instance).to_string().into(),
            clock,
            opened: Moment::NEVER,
            sent: 0,
        })
    }

    /// Messages that are due after this time: the first at once.
    fn due_after(&self, elapsed: Duration) -> u64 {
        let due = (elapsed.as_secs_f64() * self.rate).floor() as u64 + 1;
        if self.count == 0 { due } else { due.min(self.count) }
    }

    /// When the next message is due, from the opening on.
    fn next_at(&self) -> Duration {
        Duration::from_secs_f64(self.sent as f64 / self.rate)
    }

    fn write(&self, now: Moment, out: &mut Vec<u8>) {
        let mut text = String::with_capacity(self.size.max(128));
        let (seq, time) = (self.sent + 1, self.clock.seconds(now));
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"{{"type":"push","seq":{seq},"time":{time:.6},"instance":{}"#,
            self.instance
        );
        const PAD: &str = r#","pad":""#;
        let missing = self.size.saturating_sub(text.len() + PAD.len() + 2);
        if missing > 0 {
            text.push_str(PAD);
            text.extend(std::iter::repeat_n('x', missing));
            text.push('"');
        }
        text.push('}');
        out.extend_from_slice(text.as_bytes());
    }

    fn push(&mut self, now: Moment, peer: &mut Peer<'_>) {
        let due = self.due_after(now - self.opened);
        let mut bytes = 0;
        while self.sent < due && bytes < BYTES_AT_ONCE {
            peer.compose(self.kind, |out| {
                self.write(now, out);
                bytes += out.len();
            });
            self.sent += 1;
        }
        if self.count > 0 && self.sent == self.count {
            peer.close(CloseCode::NORMAL, "all are sent");
        } else {
            peer.wake_after(self.next_at().saturating_sub(now - self.opened));
        }
    }
}

impl Mode for Push {
    fn opened(&mut self, peer: &mut Peer<'_>) {
        self.opened = clock::now();
        self.push(self.opened, peer);
    }

    fn message(&mut self, _: Message<'_>, _: &mut Peer<'_>) {}

    fn woken(&mut self, peer: &mut Peer<'_>) {
        self.push(clock::now(), peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(query: &str) -> Push {
        Push::new(Query::new(query), "a", WallClock::new(Moment::ZERO)).unwrap()
    }

    #[test]
    fn the_rate_does_not_drift() {
        let mut push = push("rate=30");
        assert_eq!(push.due_after(Duration::ZERO), 1);
        assert_eq!(push.due_after(Duration::from_secs(100)), 3001);
        push.sent = 3000;
        assert_eq!(push.next_at(), Duration::from_secs(100));
        assert_eq!(
            super::tests::push("rate=30&count=7").due_after(Duration::from_secs(9)),
            7
        );
    }

    #[test]
    fn a_message_has_its_number_its_time_and_its_size() {
        for size in [0, 10, 200, 65_536] {
            let mut out = Vec::new();
            push(&format!("size={size}")).write(Moment::ZERO, &mut out);
            let message: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!((&message["seq"], &message["instance"]), (&1.into(), &"a".into()));
            assert!(message["time"].as_f64().unwrap() > 1.6e9);
            if size > 100 {
                assert_eq!(out.len(), size);
            }
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (query, reason) in [
            (
                "rate=0",
                "`rate=0`: expected messages per second up to 1000000, as `20` or `600/m`",
            ),
            (
                "rate=inf",
                "`rate=inf`: expected messages per second up to 1000000, as `20` or `600/m`",
            ),
            ("size=65MiB", "`size=65MiB`: expected a size up to 64MiB"),
            (
                "count=x",
                "`count=x`: expected a number of messages; 0 is without end",
            ),
            ("binary=maybe", "`binary=maybe`: expected `true` or `false`"),
        ] {
            let refusal = Push::new(Query::new(query), "a", WallClock::new(Moment::ZERO)).unwrap_err();
            assert_eq!(refusal.message, reason);
        }
    }
}
