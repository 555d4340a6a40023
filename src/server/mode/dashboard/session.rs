//! [`Dashboard`]: a client that gets figures.

use std::rc::Rc;
use std::time::Duration;

use http::{StatusCode, request};
use serde_json::{Value, json};

use super::command::Command;
use super::config::{DashboardConfig, check_interval};
use super::figures::{Figures, Tick};
use super::schedule::Schedule;
use crate::clock::Moment;
use crate::server::http::Refusal;
use crate::server::mode::{Message, Mode};
use crate::server::query::Query;
use crate::server::session::Peer;
use crate::units::Span;
use crate::wire::MessageKind;

/// The dashboards of a worker's route.
#[derive(Debug)]
pub(in crate::server::mode) struct Dashboards {
    interval: Duration,
    figures: Rc<Figures>,
}

impl Dashboards {
    pub(in crate::server::mode) fn new(config: &DashboardConfig) -> Self {
        Self {
            interval: config.interval.0,
            figures: Rc::new(Figures::new(config.series.0)),
        }
    }

    /// The dashboard that a request asks for: by `interval` in its query.
    pub(in crate::server::mode) fn open(&self, head: &request::Parts) -> Result<Dashboard, Refusal> {
        let interval = match Query::of(&head.uri).value("interval") {
            None => self.interval,
            Some(text) => read_interval(&text)
                .map_err(|reason| Refusal::new(StatusCode::BAD_REQUEST, format!("interval: {reason}")))?,
        };
        Ok(Dashboard::new(self.figures.clone(), interval))
    }
}

fn read_interval(text: &str) -> Result<Duration, String> {
    let Span(interval) = text.parse().map_err(|error| format!("{error}"))?;
    check_interval(interval).map_err(|error| error.to_string())
}

/// A client that gets figures.
///
/// While the client takes nothing, the session does not wake the mode, so what it misses meanwhile is skipped rather than queued.
#[derive(Debug)]
pub(in crate::server::mode) struct Dashboard {
    figures: Rc<Figures>,
    schedule: Schedule,
    /// Of the last tick, sent or not.
    seq: u64,
    skipped: u64,
    /// The series that the client wants; all, unless it said so.
    chosen: Option<Vec<u16>>,
}

impl Dashboard {
    fn new(figures: Rc<Figures>, interval: Duration) -> Self {
        Self {
            figures,
            schedule: Schedule::new(interval, Moment::ZERO),
            seq: 0,
            skipped: 0,
            chosen: None,
        }
    }

    fn send(&self, peer: &mut Peer<'_>) {
        let (shared, now) = (peer.shared(), peer.now());
        let tick = Tick {
            seq: self.seq,
            skipped: self.skipped,
            interval: self.schedule.interval(),
            chosen: self.chosen.as_deref(),
        };
        peer.compose(MessageKind::Text, |out| {
            self.figures.write(shared, now, tick, out);
        });
    }

    fn set_interval(&mut self, interval: Duration, peer: &mut Peer<'_>) {
        self.schedule = Schedule::new(interval, peer.now());
        peer.wake_after(self.schedule.wait(peer.now()));
    }

    /// Does what the client asks for; says how things are after it.
    fn obey(&mut self, command: Command, peer: &mut Peer<'_>) -> Value {
        let series = match command {
            Command::Interval(interval) => {
                self.set_interval(interval, peer);
                let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
                return json!({"type": "ack", "interval_ms": millis});
            }
            Command::Subscribe(series) => series,
            Command::Unsubscribe(series) => {
                let mut kept = self.chosen.take().unwrap_or_else(|| self.all());
                kept.retain(|index| !series.contains(index));
                kept
            }
            Command::UnsubscribeAll => Vec::new(),
        };
        let names = self.figures.names();
        let chosen: Vec<&str> = series
            .iter()
            .map(|&index| names[usize::from(index)].as_str())
            .collect();
        let answer = json!({"type": "ack", "series": chosen});
        self.chosen = Some(series);
        answer
    }

    fn all(&self) -> Vec<u16> {
        (0..).take(self.figures.names().len()).collect()
    }
}

impl Mode for Dashboard {
    fn opened(&mut self, peer: &mut Peer<'_>) {
        self.set_interval(self.schedule.interval(), peer);
        self.seq = 1;
        self.send(peer);
    }

    fn message(&mut self, message: Message<'_>, peer: &mut Peer<'_>) {
        let answer = match Command::read(message, self.figures.names()) {
            Ok(command) => self.obey(command, peer),
            Err(error) => json!({"type": "error", "message": error.to_string()}),
        };
        peer.send(MessageKind::Text, answer.to_string().as_bytes());
    }

    fn woken(&mut self, peer: &mut Peer<'_>) {
        let due = self.schedule.due(peer.now());
        if due > 0 {
            self.seq += due;
            self.skipped += due - 1;
            peer.dropped(due - 1);
            self.send(peer);
        }
        peer.wake_after(self.schedule.wait(peer.now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::mode::testing::{Bench, texts};

    fn dashboard(query: &str) -> Result<Dashboard, Refusal> {
        let (head, ()) = http::Request::get(format!("/dashboard{query}"))
            .body(())
            .unwrap()
            .into_parts();
        Dashboards::new(&DashboardConfig::default()).open(&head)
    }

    fn only(sent: &[u8]) -> Value {
        let texts = texts(sent);
        assert_eq!(texts.len(), 1, "{texts:?}");
        serde_json::from_str(&texts[0]).unwrap()
    }

    #[test]
    fn a23_the_interval_is_the_querys_or_a_second() {
        for (query, millis) in [
            ("", 1_000),
            ("?interval=250ms", 250),
            ("?tag=x&interval=10ms", 10),
            ("?interval=1%30ms", 10),
            ("?interval=60s", 60_000),
        ] {
            let dashboard = dashboard(query).unwrap();
            assert_eq!(
                dashboard.schedule.interval(),
                Duration::from_millis(millis),
                "{query}"
            );
        }
    }

    #[test]
    fn a23_a_wrong_interval_is_refused_by_400() {
        for (query, reason) in [
            ("?interval=9ms", "interval: an interval is from 10ms to 60s"),
            ("?interval=61s", "interval: an interval is from 10ms to 60s"),
            ("?interval=0", "interval: an interval is from 10ms to 60s"),
            (
                "?interval=",
                "interval: `` is not a duration (examples: 250ms, 30s, 1h30m)",
            ),
            (
                "?interval=fast",
                "interval: `fast` is not a duration (examples: 250ms, 30s, 1h30m)",
            ),
        ] {
            let refusal = dashboard(query).unwrap_err();
            assert_eq!((refusal.status(), &*refusal.message), (400, reason), "{query}");
        }
    }

    #[test]
    fn a23_the_first_tick_comes_at_once() {
        let mut bench = Bench::new(dashboard("").unwrap());
        let told = only(&bench.open());
        assert_eq!((&told["type"], &told["seq"]), (&"metrics".into(), &1.into()));
        assert_eq!(told["series"].as_object().unwrap().len(), 16);
    }

    #[test]
    fn a_client_chooses_series() {
        let mut bench = Bench::new(dashboard("").unwrap());
        let ack = only(&bench.text(r#"{"type":"subscribe","series":["net.in","cpu.user"]}"#));
        assert_eq!(ack, json!({"type": "ack", "series": ["cpu.user", "net.in"]}));
        let series = only(&bench.open())["series"].clone();
        assert_eq!(
            series.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["cpu.user", "net.in"]
        );
        let ack = only(&bench.text(r#"{"type":"unsubscribe","series":["net.in"]}"#));
        assert_eq!(ack["series"], json!(["cpu.user"]));
        only(&bench.text(r#"{"type":"unsubscribe"}"#));
        assert_eq!(only(&bench.open())["series"], json!({}));
    }

    #[test]
    fn b9_nonsense_is_answered_by_an_error() {
        let mut bench = Bench::new(dashboard("").unwrap());
        let answer = only(&bench.text("nonsense"));
        assert_eq!(answer["type"], "error");
        let answer = only(&bench.text(r#"{"type":"interval","ms":5}"#));
        assert_eq!(
            answer,
            json!({"type": "error", "message": "an interval is from 10ms to 60s"})
        );
        let answer = only(&bench.text(r#"{"type":"interval","ms":5000}"#));
        assert_eq!(answer, json!({"type": "ack", "interval_ms": 5000}));
    }
}
