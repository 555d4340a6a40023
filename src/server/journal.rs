//! [`Journal`]: what the server saw of each connection, in bounded memory.

use std::collections::VecDeque;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::fault::FaultRecord;
use super::ids::{ConnectionId, RouteId};
use super::record::{Ending, Traffic, initiator_name};
use crate::clock::Moment;

/// One line of the journal.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// A WebSocket connection, open or ended.
    Connection(ConnectionEntry),
    /// An upgrade that was refused.
    Refusal(RefusalEntry),
}

/// What is known of a WebSocket connection.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionEntry {
    pub(crate) id: ConnectionId,
    pub(crate) route: RouteId,
    pub(crate) peer: SocketAddr,
    pub(crate) remarks: Option<Box<Remarks>>,
    pub(crate) opened: Moment,
    pub(crate) traffic: Traffic,
    /// When it ended and how; `None` while it is open.
    pub(crate) ended: Option<(Moment, Box<Ending>)>,
}

impl ConnectionEntry {
    /// The client's own name for the connection.
    pub(crate) fn tag(&self) -> Option<&str> {
        self.remarks.as_deref()?.tag.as_deref()
    }
}

/// What there is to say of some connections only: the others pay for a thin pointer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remarks {
    pub(crate) tag: Option<Box<str>>,
    /// Who the client is, if the route asks for it.
    pub(crate) subject: Option<Box<str>>,
    pub(crate) faults: Option<Arc<FaultRecord>>,
}

impl Remarks {
    /// Nothing if nothing is said.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        let Self { tag, subject, faults } = &self;
        let any = tag.is_some() || subject.is_some() || faults.is_some();
        any.then(|| Box::new(self))
    }
}

/// An upgrade that was refused.
#[derive(Clone, Debug)]
pub(crate) struct RefusalEntry {
    pub(crate) path: Box<str>,
    pub(crate) peer: SocketAddr,
    pub(crate) tag: Option<Box<str>>,
    pub(crate) at: Moment,
    /// 0: it was never answered.
    pub(crate) status: u16,
    /// The name of the refusal's code; none if another answered.
    pub(crate) error: Option<&'static str>,
    pub(crate) reason: Box<str>,
}

/// The last ended connections and refusals, in the order of their end.
#[derive(Debug)]
pub(crate) struct Journal {
    ring: Mutex<Ring>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<Entry>,
    dropped: u64,
}

impl Journal {
    /// Remembers `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            ring: Mutex::default(),
            capacity,
        }
    }

    /// Adds an entry in place of the oldest if there is no room.
    pub(crate) fn push(&self, entry: Entry) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.entries.push_back(entry);
        if ring.entries.len() > self.capacity {
            ring.entries.pop_front();
            ring.dropped += 1;
        }
    }

    /// The entries, oldest first.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.ring
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entries
            .iter()
            .cloned()
            .collect()
    }

    /// How many entries gave way to later ones.
    pub(crate) fn dropped(&self) -> u64 {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).dropped
    }
}

/// Turns moments into the time of day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    moment: Moment,
    unix: Duration,
}

impl WallClock {
    /// Ties the present moment to the present time of day.
    pub(crate) fn new(now: Moment) -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { moment: now, unix }
    }

    /// Time since then.
    pub(crate) fn uptime(self, now: Moment) -> Duration {
        now - self.moment
    }

    /// When that was, since 1970.
    pub(crate) const fn start(self) -> Duration {
        self.unix
    }

    /// Milliseconds since 1970.
    pub(crate) fn unix_millis(self, at: Moment) -> u64 {
        let unix = self.unix + (at - self.moment);
        u64::try_from(unix.as_millis()).unwrap_or(u64::MAX)
    }

    /// Seconds since 1970, to the microsecond.
    pub(crate) fn seconds(self, at: Moment) -> f64 {
        let micros = self.unix.as_micros() + (at - self.moment).as_micros() - (self.moment - at).as_micros();
        micros as f64 / 1e6
    }
}

/// What is needed to write entries down.
#[derive(Debug)]
pub(crate) struct Scribe<'a, F> {
    pub(crate) instance: &'a str,
    pub(crate) clock: WallClock,
    pub(crate) path_of: F,
}

#[derive(Serialize)]
struct ConnectionLine<'a> {
    r#type: &'static str,
    id: ConnectionId,
    instance: &'a str,
    route: &'a str,
    peer: SocketAddr,
    tag: Option<&'a str>,
    subject: Option<&'a str>,
    opened_at: f64,
    closed_at: Option<f64>,
    #[serde(flatten)]
    traffic: Traffic,
    closed_by: Option<&'static str>,
    code: Option<u16>,
    reason: Option<&'a str>,
    clean: Option<bool>,
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faults: Option<&'a FaultRecord>,
}

#[derive(Serialize)]
struct RefusalLine<'a> {
    r#type: &'static str,
    instance: &'a str,
    path: &'a str,
    peer: SocketAddr,
    tag: Option<&'a str>,
    at: f64,
    status: u16,
    error: Option<&'a str>,
    reason: &'a str,
}

/// The last line: how complete the journal is.
#[derive(Serialize)]
struct SummaryLine<'a> {
    r#type: &'static str,
    instance: &'a str,
    listed: usize,
    dropped: u64,
}

impl<'a, F: Fn(RouteId) -> &'a str> Scribe<'a, F> {
    /// Appends `entry` as a line of JSON.
    pub(crate) fn write(&self, entry: &Entry, out: &mut Vec<u8>) {
        match entry {
            Entry::Connection(entry) => self.write_connection(entry, out),
            Entry::Refusal(entry) => append(
                out,
                &RefusalLine {
                    r#type: "refusal",
                    instance: self.instance,
                    path: &entry.path,
                    peer: entry.peer,
                    tag: entry.tag.as_deref(),
                    at: self.clock.seconds(entry.at),
                    status: entry.status,
                    error: entry.error,
                    reason: &entry.reason,
                },
            ),
        }
    }

    fn write_connection(&self, entry: &ConnectionEntry, out: &mut Vec<u8>) {
        let ending = entry.ended.as_ref().map(|(_, ending)| ending);
        let remarks = entry.remarks.as_deref();
        let line = ConnectionLine {
            r#type: "connection",
            id: entry.id,
            instance: self.instance,
            route: (self.path_of)(entry.route),
            peer: entry.peer,
            tag: entry.tag(),
            subject: remarks.and_then(|remarks| remarks.subject.as_deref()),
            opened_at: self.clock.seconds(entry.opened),
            closed_at: entry.ended.as_ref().map(|(at, _)| self.clock.seconds(*at)),
            traffic: entry.traffic,
            closed_by: ending.map(|ending| initiator_name(ending.outcome.by)),
            code: ending.map(|ending| ending.outcome.code.0),
            reason: ending.map(|ending| ending.reason.as_deref().unwrap_or_default()),
            clean: ending.map(|ending| ending.outcome.clean),
            cause: ending.map(|ending| ending.cause.to_string()),
            faults: remarks.and_then(|remarks| remarks.faults.as_deref()),
        };
        append(out, &line);
    }

    /// Appends the last line.
    pub(crate) fn write_summary(&self, listed: usize, dropped: u64, out: &mut Vec<u8>) {
        append(
            out,
            &SummaryLine {
                r#type: "summary",
                instance: self.instance,
                listed,
                dropped,
            },
        );
    }
}

fn append(out: &mut Vec<u8>, line: &impl Serialize) {
    // Writing to memory cannot fail, and none of the lines has a key that JSON does not know.
    let _ = serde_json::to_writer(&mut *out, line);
    let _ = out.write_all(b"\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::record::Cause;
    use crate::wire::{CloseCode, CloseInitiator, CloseOutcome};

    fn peer() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 5000))
    }

    fn refusal(reason: &str) -> Entry {
        Entry::Refusal(RefusalEntry {
            path: "/iot".into(),
            peer: peer(),
            tag: None,
            at: Moment::ZERO,
            status: 401,
            error: Some("invalid_api_key"),
            reason: reason.into(),
        })
    }

    fn scribe() -> Scribe<'static, impl Fn(RouteId) -> &'static str> {
        let clock = WallClock {
            moment: Moment::from_nanos(5_000_000_000),
            unix: Duration::from_secs(1_000),
        };
        Scribe {
            instance: "a",
            clock,
            path_of: |_| "/echo",
        }
    }

    fn lines(entries: &[Entry]) -> Vec<serde_json::Value> {
        let mut out = Vec::new();
        for entry in entries {
            scribe().write(entry, &mut out);
        }
        String::from_utf8(out)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn memory_is_bounded_and_what_was_dropped_is_counted() {
        let journal = Journal::new(2);
        for reason in ["a", "b", "c"] {
            journal.push(refusal(reason));
        }
        let reasons: Vec<_> = lines(&journal.entries())
            .iter()
            .map(|line| line["reason"].clone())
            .collect();
        assert_eq!(reasons, ["b", "c"]);
        assert_eq!(journal.dropped(), 1);
    }

    #[test]
    fn a_connection_is_written_with_its_ending() {
        let ending = Ending {
            outcome: CloseOutcome {
                by: CloseInitiator::Peer,
                code: CloseCode(4001),
                clean: true,
            },
            cause: Cause::ClientClosed,
            reason: Some("bye".into()),
        };
        let mut entry = ConnectionEntry {
            id: ConnectionId(7),
            route: RouteId(0),
            peer: peer(),
            remarks: Remarks {
                tag: Some("probe-1".into()),
                subject: Some("alice".into()),
                faults: None,
            }
            .boxed(),
            opened: Moment::from_nanos(4_500_000_000),
            traffic: Traffic {
                messages_in: 3,
                ..Traffic::default()
            },
            ended: None,
        };
        let open = lines(&[Entry::Connection(entry.clone())]).remove(0);
        assert_eq!(
            (&open["closed_at"], &open["code"]),
            (&serde_json::Value::Null, &serde_json::Value::Null)
        );

        entry.ended = Some((Moment::from_nanos(6_000_000_000), Box::new(ending)));
        let ended = lines(&[Entry::Connection(entry)]).remove(0);
        let expected = serde_json::json!({
            "type": "connection", "id": 7, "instance": "a", "route": "/echo", "peer": "127.0.0.1:5000",
            "tag": "probe-1", "subject": "alice", "opened_at": 999.5, "closed_at": 1001.0, "messages_in": 3, "messages_out": 0,
            "bytes_in": 0, "bytes_out": 0, "pings_in": 0, "pings_out": 0, "pongs_in": 0, "pongs_out": 0,
            "closed_by": "client", "code": 4001, "reason": "bye", "clean": true, "cause": "client closed",
        });
        assert_eq!(ended, expected);
    }
}
