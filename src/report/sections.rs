//! The sections of the end-of-run text that show one set of [`Figures`].

use crate::metrics::{Counter, Figures, Side, SizeRange, Trend, TrendFigures};

use super::codes::close_code_name;
use super::format::{bytes, count, memory, millis, percent, rate};
use super::page::Row;

/// From this width on, every column of a trend fits.
const WIDE: usize = 100;

/// Headings and rows; a section without rows has nothing to tell.
pub(super) fn sections(figures: &Figures, width: usize) -> [(&'static str, Vec<Row>); 11] {
    View {
        figures,
        trends: Trends::Shown { wide: width >= WIDE },
    }
    .sections()
}

/// The same without durations, for those who show them in a table of their own, and without errors.
pub(super) fn counts(figures: &Figures) -> Vec<(&'static str, Vec<Row>)> {
    let view = View {
        figures,
        trends: Trends::Left,
    };
    let mut sections = Vec::from(view.sections());
    sections.pop();
    sections
}

struct View<'a> {
    figures: &'a Figures,
    trends: Trends,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trends {
    Shown { wide: bool },
    Left,
}

impl View<'_> {
    fn sections(&self) -> [(&'static str, Vec<Row>); 11] {
        [
            ("connections", self.connections()),
            ("connections ended", self.endings()),
            (
                "close codes, by who sent the first Close frame",
                self.close_codes(),
            ),
            ("close reasons", self.close_reasons()),
            ("message size", self.size_limits()),
            ("messages", self.messages()),
            ("fan-out", self.fan_out()),
            ("numbered messages", self.stream()),
            ("pings", self.pings()),
            ("flows", self.flows()),
            ("errors", self.errors()),
        ]
    }

    fn connections(&self) -> Vec<Row> {
        use Counter::{ArrivalsDropped, ConnectAbandoned, ConnectAttempted, ConnectFailed, ConnectOpened};
        let mut rows = vec![
            self.plain("attempted", ConnectAttempted),
            self.rated("opened", ConnectOpened),
            self.plain("failed", ConnectFailed),
        ];
        rows.extend(self.nonzero("abandoned", ConnectAbandoned));
        rows.extend(self.nonzero("not started", ArrivalsDropped));
        let phases = [
            Trend::Resolve,
            Trend::Tcp,
            Trend::Tls,
            Trend::Upgrade,
            Trend::Connect,
            Trend::Session,
            Trend::CloseAnswer,
            Trend::Close,
        ];
        rows.extend(self.trends(&phases));
        rows
    }

    fn endings(&self) -> Vec<Row> {
        let opened = self.figures.counter(Counter::ConnectOpened);
        let causes = self.figures.closed.iter().filter(|(_, n)| **n > 0);
        let mut rows = Vec::new();
        rows.extend(self.share_of("clean", Counter::ClosedClean, opened));
        rows.extend(causes.map(|(cause, &n)| Row::new(cause.label(), share(n, opened))));
        rows
    }

    fn close_codes(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for side in Side::ALL {
            let counts = self.figures.close_codes.by(side);
            rows.extend(counts.codes.iter().map(|(&code, &n)| {
                Row::new(
                    format!("{} {code} {}", side.label(), close_code_name(code)),
                    count(n),
                )
            }));
            if counts.other > 0 {
                rows.push(Row::new(
                    format!("{} other codes", side.label()),
                    count(counts.other),
                ));
            }
        }
        rows
    }

    fn close_reasons(&self) -> Vec<Row> {
        let reasons = &self.figures.close_reasons;
        let sides = [(Side::Client, &reasons.client), (Side::Server, &reasons.server)];
        let mut rows = Vec::new();
        for (side, given) in sides {
            let given = given.iter();
            rows.extend(given.map(|(reason, &n)| {
                let (code, reason) = reason.split_once(' ').unwrap_or((reason, ""));
                Row::new(
                    format!("{} {code}", side.label()),
                    format!("{}  {reason}", count(n)),
                )
            }));
        }
        if reasons.other > 0 {
            rows.push(Row::new("other reasons", count(reasons.other)));
        }
        rows
    }

    fn size_limits(&self) -> Vec<Row> {
        let Some(limits) = &self.figures.size_limits else {
            return Vec::new();
        };
        let range = |range: Option<SizeRange>| match range {
            None => "none".to_owned(),
            Some(SizeRange { min, max }) if min == max => size(min),
            Some(SizeRange { min, max }) => format!("{} to {}", size(min), size(max)),
        };
        let mut rows = vec![
            Row::new("probes", count(limits.probes)),
            Row::new("accepted up to", range(limits.accepted)),
            Row::new("refused from", range(limits.refused)),
        ];
        rows.extend(
            limits
                .refusals
                .iter()
                .map(|(look, &n)| Row::new("refusal", format!("{look}  ({} times)", count(n)))),
        );
        if limits.other > 0 {
            rows.push(Row::new("other refusals", count(limits.other)));
        }
        rows
    }

    fn messages(&self) -> Vec<Row> {
        let figures = self.figures;
        let (sent, received) = (
            figures.counter(Counter::MessagesSent),
            figures.counter(Counter::MessagesReceived),
        );
        if sent + received == 0 {
            return Vec::new();
        }
        let mut rows = vec![self.rated("sent", Counter::MessagesSent)];
        let fates = [
            ("answered", Counter::SentAnswered),
            ("one-way", Counter::SentOneWay),
            ("timed out", Counter::SentLostTimeout),
            ("lost", Counter::SentLostConnection),
            ("in flight", Counter::SentInFlight),
        ];
        rows.extend(
            fates
                .into_iter()
                .filter_map(|(label, counter)| self.share_of(label, counter, sent)),
        );
        rows.push(self.rated("received", Counter::MessagesReceived));
        rows.extend(self.nonzero("late replies", Counter::RepliesLate));
        rows.extend(self.nonzero("unmatched", Counter::MessagesUnmatched));
        rows.push(self.volume("bytes out", Counter::BytesSent, Counter::PayloadSent));
        rows.push(self.volume("bytes in", Counter::BytesReceived, Counter::PayloadReceived));
        rows.extend(self.trends(&[Trend::Response, Trend::Service, Trend::SendLag]));
        rows
    }

    fn fan_out(&self) -> Vec<Row> {
        let (received, owed) = (Counter::FanOutReceived, self.figures.counter(Counter::FanOutOwed));
        let expected = self.figures.fan_out_expected();
        let mut rows = Vec::new();
        rows.extend(self.nonzero("sent to rooms", Counter::FanOutSent));
        rows.extend(self.nonzero("memberships", Counter::RoomsJoined));
        if expected > 0 {
            rows.push(Row::new("expected", count(expected)));
            rows.push(Row::new("reach", share(self.figures.counter(received), expected)));
        }
        let whole = self.figures.counter(received);
        rows.extend(self.share_of("lost", Counter::FanOutLost, expected));
        rows.extend(self.share_of("replaced", Counter::FanOutReplaced, owed));
        rows.extend(self.share_of("unsettled", Counter::FanOutUnsettled, owed));
        rows.extend(self.share_of("out of order", Counter::FanOutDisordered, whole));
        rows.extend(self.share_of("duplicates", Counter::FanOutDuplicated, whole));
        rows.extend(self.nonzero("late", Counter::FanOutLate));
        rows.extend(self.nonzero("outside", Counter::FanOutOutside));
        rows.extend(self.nonzero("stray", Counter::FanOutStray));
        rows.extend(self.nonzero("foreign", Counter::FanOutForeign));
        rows.extend(self.trends(&[Trend::Delivery]));
        rows
    }

    fn stream(&self) -> Vec<Row> {
        let received = self.figures.counter(Counter::StreamReceived);
        let expected = received + self.figures.counter(Counter::StreamLost);
        let mut rows = Vec::new();
        rows.extend(self.share_of("received", Counter::StreamReceived, expected));
        rows.extend(self.share_of("lost", Counter::StreamLost, expected));
        rows.extend(self.share_of("out of order", Counter::StreamDisordered, received));
        rows.extend(self.share_of("duplicates", Counter::StreamDuplicated, received));
        rows.extend(self.nonzero("begun anew", Counter::StreamRestarted));
        rows.extend(self.trends(&[Trend::StreamInterval, Trend::StreamAge]));
        rows
    }

    fn pings(&self) -> Vec<Row> {
        let sent = self.figures.counter(Counter::PingsSent);
        let mut rows = Vec::new();
        rows.extend(self.nonzero("sent", Counter::PingsSent));
        rows.extend(self.share_of("answered", Counter::PingsAnswered, sent));
        rows.extend(self.share_of("unanswered", Counter::PingsUnanswered, sent));
        rows.extend(self.share_of("in flight", Counter::PingsInFlight, sent));
        rows.extend(self.nonzero("from peer", Counter::PingsReceived));
        rows.extend(self.nonzero("stray pongs", Counter::PongsUnsolicited));
        rows.extend(
            self.trends(&[Trend::Ping])
                .map(|row| Row::new("round trip", row.value)),
        );
        rows.extend(
            self.figures
                .trend(Trend::PeerPing)
                .map(|trend| Row::new("peer every", self.trend(trend))),
        );
        rows
    }

    fn flows(&self) -> Vec<Row> {
        let started = self.figures.counter(Counter::FlowsStarted);
        let expects = self.figures.counter(Counter::ExpectsStarted);
        let mut rows = Vec::new();
        rows.extend(self.nonzero("started", Counter::FlowsStarted));
        rows.extend(self.share_of("completed", Counter::FlowsCompleted, started));
        rows.extend(self.share_of("failed", Counter::FlowsFailed, started));
        rows.extend(self.share_of("interrupted", Counter::FlowsInterrupted, started));
        rows.extend(self.nonzero("reconnects", Counter::Reconnects));
        rows.extend(self.nonzero("reconnected", Counter::ReconnectsOpened));
        rows.extend(self.nonzero("retry-after", Counter::RetriesDeferred));
        rows.extend(self.nonzero("gave up", Counter::ReconnectsGivenUp));
        rows.extend(self.nonzero("out of rows", Counter::FeederExhausted));
        rows.extend(self.share_of("expects met", Counter::ExpectsMet, expects));
        rows.extend(self.share_of("not met", Counter::ExpectsFailed, expects));
        rows
    }

    fn errors(&self) -> Vec<Row> {
        let errors = self.figures.errors.iter();
        errors
            .map(|(class, error)| {
                let example = error
                    .examples
                    .first()
                    .map(|text| format!("  {text}"))
                    .unwrap_or_default();
                Row::new(class.label(), count(error.count) + &example)
            })
            .collect()
    }

    fn plain(&self, label: &str, counter: Counter) -> Row {
        Row::new(label, count(self.figures.counter(counter)))
    }

    fn nonzero(&self, label: &str, counter: Counter) -> Option<Row> {
        (self.figures.counter(counter) > 0).then(|| self.plain(label, counter))
    }

    fn rated(&self, label: &str, counter: Counter) -> Row {
        Row::new(
            label,
            format!(
                "{}  {}",
                count(self.figures.counter(counter)),
                rate(self.figures.rate(counter))
            ),
        )
    }

    fn share_of(&self, label: &str, counter: Counter, whole: u64) -> Option<Row> {
        let n = self.figures.counter(counter);
        (n > 0).then(|| Row::new(label, share(n, whole)))
    }

    fn volume(&self, label: &str, wire: Counter, payload: Counter) -> Row {
        let on_wire = bytes(self.figures.counter(wire) as f64);
        let payload = bytes(self.figures.counter(payload) as f64);
        Row::new(
            label,
            format!(
                "{on_wire}  {}/s  (payload {payload})",
                bytes(self.figures.rate(wire))
            ),
        )
    }

    fn trends(&self, trends: &[Trend]) -> impl Iterator<Item = Row> {
        let shown = if self.trends == Trends::Left { &[] } else { trends };
        shown
            .iter()
            .filter_map(|&trend| Some(Row::new(trend.label(), self.trend(self.figures.trend(trend)?))))
    }

    /// `avg=1.2ms  min=…  med=…  max=…  p(90)=…  p(95)=…  p(99)=…`; without `min` and `p(90)` where space is short.
    fn trend(&self, trend: &TrendFigures) -> String {
        let wide = self.trends == Trends::Shown { wide: true };
        let columns = [
            (true, "avg", trend.avg),
            (wide, "min", trend.min),
            (true, "med", trend.med),
            (true, "max", trend.max),
            (wide, "p(90)", trend.p90),
            (true, "p(95)", trend.p95),
            (true, "p(99)", trend.p99),
        ];
        let cells = columns
            .into_iter()
            .filter(|(shown, ..)| *shown)
            .map(|(_, name, value)| {
                // Six columns hold every duration that `millis` writes.
                format!("{name}={:<6}", millis(value))
            });
        cells.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    }
}

/// `65,536 bytes (64 KiB)`.
fn size(bytes: u64) -> String {
    format!("{} bytes ({})", count(bytes), memory(bytes as f64))
}

/// `1,990  (99.5%)`.
fn share(n: u64, whole: u64) -> String {
    format!("{}  ({})", count(n), percent(n, whole))
}
