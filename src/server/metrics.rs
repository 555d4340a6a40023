//! Counters of a worker. Its thread alone writes them; any thread reads them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::fault::FaultKind;
use super::outbox::Offered;
use super::record::{Cause, Ending, Traffic};
use super::refusal::RefusalCode;
use crate::wire::{CloseCode, CloseInitiator};

/// A number that one thread writes and others read.
///
/// Since there is one writer, adding is a load and a store, without the locked instruction of a shared counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How often durations fell between bounds, with their sum, as Prometheus has it.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// In nanoseconds, ascending.
    bounds: &'static [u64],
    /// By bound; the last is for what lies beyond.
    buckets: Box<[Counter]>,
    sum_nanos: Counter,
}

impl Histogram {
    fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| Counter::default()).collect(),
            sum_nanos: Counter::default(),
        }
    }

    /// One more.
    pub(crate) fn add(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.bounds.partition_point(|&bound| bound < nanos);
        self.buckets[bucket].add(1);
        self.sum_nanos.add(nanos);
    }

    /// The bounds, in seconds.
    pub(crate) fn bounds(&self) -> impl Iterator<Item = f64> {
        self.bounds.iter().map(|&nanos| nanos as f64 / 1e9)
    }

    /// How many fell into each bucket: not cumulative, and one more than there are bounds.
    pub(crate) fn counts(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().map(Counter::get)
    }

    /// All durations together, in seconds.
    pub(crate) fn sum(&self) -> f64 {
        self.sum_nanos.get() as f64 / 1e9
    }
}

const MICROS: u64 = 1_000;
const MILLIS: u64 = 1_000 * MICROS;
const SECONDS: u64 = 1_000 * MILLIS;

/// From a probe to a game that lasts for hours (seed A27).
const LIFETIMES: &[u64] = &[
    100 * MILLIS,
    SECONDS,
    5 * SECONDS,
    15 * SECONDS,
    60 * SECONDS,
    300 * SECONDS,
    900 * SECONDS,
    3_600 * SECONDS,
    7_200 * SECONDS,
    21_600 * SECONDS,
];
/// From the loopback interface to a client that takes the whole handshake timeout.
const HANDSHAKES: &[u64] = &[
    100 * MICROS,
    250 * MICROS,
    MILLIS,
    5 * MILLIS,
    25 * MILLIS,
    100 * MILLIS,
    250 * MILLIS,
    SECONDS,
    2_500 * MILLIS,
    10 * SECONDS,
];
/// From one small message to a worker that is far behind.
const TURNS: &[u64] = &[
    5 * MICROS,
    10 * MICROS,
    25 * MICROS,
    50 * MICROS,
    100 * MICROS,
    250 * MICROS,
    MILLIS,
    5 * MILLIS,
    25 * MILLIS,
    100 * MILLIS,
    SECONDS,
];

/// One turn in this many is measured: reading the clock for each would be felt.
const TURNS_PER_MEASUREMENT: u64 = 64;

/// All counters of one worker, on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct WorkerMetrics {
    /// By route.
    pub(crate) routes: Vec<RouteMetrics>,
    /// TCP connections accepted.
    pub(crate) accepted: Counter,
    /// Accepting failed, for want of file descriptors for instance.
    pub(crate) accept_errors: Counter,
    /// TLS handshakes that failed.
    pub(crate) tls_failures: Counter,
    /// Connections that ended or timed out before a complete request.
    pub(crate) request_failures: Counter,
    /// Upgrades to a path that no route has.
    pub(crate) upgrades_astray: Counter,
    /// HTTP responses by hundreds of their status: 1xx to 5xx.
    pub(crate) responses: [Counter; 5],
    /// WebSocket connections cut at the end of a graceful stop, or by the administrator.
    pub(crate) cut: Counter,
    /// From the read of a client's messages to the written answers; of some turns only.
    pub(crate) turns: Histogram,
    /// How much later than wanted the worker's timer fired.
    pub(crate) lateness: Histogram,
    polled: Counter,
    /// Faults applied, by [`FaultKind::index`].
    pub(crate) faults: [Counter; FaultKind::COUNT],
}

/// Counters of one route.
#[derive(Debug, Default)]
pub(crate) struct RouteMetrics {
    pub(crate) opened: Counter,
    /// By initiator (server, client, nobody) and [`close_class`].
    pub(crate) closed: [[Counter; CLOSE_CLASSES.len()]; 3],
    /// By [`Cause::index`].
    pub(crate) causes: [Counter; Cause::KINDS.len()],
    /// Upgrades that were refused.
    pub(crate) refused: Refused,
    pub(crate) messages_in: Counter,
    pub(crate) messages_out: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) pings_in: Counter,
    pub(crate) pings_out: Counter,
    pub(crate) pongs_in: Counter,
    pub(crate) pongs_out: Counter,
    /// Messages that slow consumers did not get.
    pub(crate) dropped: Counter,
    /// Clients disconnected for being slow.
    pub(crate) slow_consumers: Counter,
    pub(crate) times: RouteTimes,
}

/// How long things took on a route.
#[derive(Debug)]
pub(crate) struct RouteTimes {
    /// Time that ended connections were open.
    pub(crate) lifetime: Histogram,
    /// From the acceptance of TCP to the upgrade, TLS and authentication included.
    pub(crate) handshake: Histogram,
}

impl Default for RouteTimes {
    fn default() -> Self {
        Self {
            lifetime: Histogram::new(LIFETIMES),
            handshake: Histogram::new(HANDSHAKES),
        }
    }
}

/// Refused upgrades by reason: a code, or the answer of somebody whom the route asked.
#[derive(Debug)]
pub(crate) struct Refused([Counter; REASONS]);

const REASONS: usize = RefusalCode::ALL.len() + 1;

impl Default for Refused {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl Refused {
    /// One more; `None` is the answer of somebody else.
    pub(crate) fn add(&self, code: Option<RefusalCode>) {
        self.0[code.map_or(REASONS - 1, RefusalCode::index)].add(1);
    }

    /// The name of each reason, in the order of [`Refused::counters`].
    pub(crate) fn reasons() -> impl Iterator<Item = &'static str> {
        let codes = RefusalCode::ALL.iter().map(|code| code.name());
        codes.chain(["refused_by_handler"])
    }

    pub(crate) const fn counters(&self) -> &[Counter; REASONS] {
        &self.0
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(Counter::get).sum()
    }
}

/// Close codes as the metrics tell them apart, so that a client's choice of code cannot make new series.
pub(crate) const CLOSE_CLASSES: [&str; 19] = [
    "1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009", "1010", "1011", "1012",
    "1013", "1014", "1015", "3xxx", "4xxx", "other",
];

/// The index of `code` in [`CLOSE_CLASSES`].
pub(crate) const fn close_class(code: CloseCode) -> usize {
    match code.0 {
        1000..=1015 => (code.0 - 1000) as usize,
        3000..=3999 => 16,
        4000..=4999 => 17,
        _ => 18,
    }
}

impl WorkerMetrics {
    /// Upgrades that were refused, on whatever path.
    pub(crate) fn refused_total(&self) -> u64 {
        let routes = self.routes.iter().map(|route| route.refused.total());
        routes.sum::<u64>() + self.upgrades_astray.get()
    }

    pub(crate) fn new(routes: usize) -> Self {
        Self {
            routes: (0..routes).map(|_| RouteMetrics::default()).collect(),
            accepted: Counter::default(),
            accept_errors: Counter::default(),
            tls_failures: Counter::default(),
            request_failures: Counter::default(),
            upgrades_astray: Counter::default(),
            responses: Default::default(),
            cut: Counter::default(),
            turns: Histogram::new(TURNS),
            lateness: Histogram::new(TURNS),
            polled: Counter::default(),
            faults: Default::default(),
        }
    }

    /// Whether this turn is one of those that are measured.
    #[inline]
    pub(crate) fn measures_turn(&self) -> bool {
        self.polled.add(1);
        self.polled.get().is_multiple_of(TURNS_PER_MEASUREMENT)
    }

    /// A response was sent.
    pub(crate) fn responded(&self, status: u16) {
        if let Some(counter) = self.responses.get(usize::from(status / 100).wrapping_sub(1)) {
            counter.add(1);
        }
    }
}

impl RouteMetrics {
    /// A session ended a turn.
    #[inline]
    pub(crate) fn passed(&self, traffic: &Traffic) {
        let Traffic {
            messages_in,
            messages_out,
            bytes_in,
            bytes_out,
            ..
        } = *traffic;
        self.messages_in.add(messages_in);
        self.messages_out.add(messages_out);
        self.bytes_in.add(bytes_in);
        self.bytes_out.add(bytes_out);
        let controls = traffic.pings_in | traffic.pings_out | traffic.pongs_in | traffic.pongs_out;
        if controls != 0 {
            self.pings_in.add(u64::from(traffic.pings_in));
            self.pings_out.add(u64::from(traffic.pings_out));
            self.pongs_in.add(u64::from(traffic.pongs_in));
            self.pongs_out.add(u64::from(traffic.pongs_out));
        }
    }

    /// A connection ended after `open`.
    pub(crate) fn ended(&self, ending: &Ending, open: Duration) {
        let outcome = ending.outcome;
        self.times.lifetime.add(open);
        let by = match outcome.by {
            CloseInitiator::Us => 0,
            CloseInitiator::Peer => 1,
            CloseInitiator::Nobody => 2,
        };
        self.closed[by][close_class(outcome.code)].add(1);
        self.causes[ending.cause.index()].add(1);
    }

    /// A message was offered to a session's outbox.
    pub(crate) fn offered(&self, offered: Offered) {
        match offered {
            Offered::Queued => {}
            Offered::DroppedOldest(n) => self.dropped.add(n),
            Offered::DroppedNewest => self.dropped.add(1),
            Offered::Overflow(n) => {
                self.dropped.add(n);
                self.slow_consumers.add(1);
            }
        }
    }

    /// Connections that ended.
    pub(crate) fn closed_total(&self) -> u64 {
        self.closed.iter().flatten().map(Counter::get).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_class() {
        for (code, class) in [
            (1000, "1000"),
            (1015, "1015"),
            (3001, "3xxx"),
            (4999, "4xxx"),
            (7, "other"),
            (5000, "other"),
        ] {
            assert_eq!(CLOSE_CLASSES[close_class(CloseCode(code))], class);
        }
    }

    #[test]
    fn a_histogram_counts_each_duration_once_and_bounds_are_inclusive() {
        let histogram = Histogram::new(TURNS);
        for micros in [0, 5, 6, 2_000_000] {
            histogram.add(Duration::from_micros(micros));
        }
        let counts: Vec<_> = histogram.counts().collect();
        assert_eq!((counts[0], counts[1], counts[TURNS.len()]), (2, 1, 1));
        assert_eq!(counts.iter().sum::<u64>(), 4);
        assert_eq!(histogram.bounds().next(), Some(5e-6));
        assert!((histogram.sum() - 2.000_011).abs() < 1e-12);
    }

    #[test]
    fn responses_count_by_hundreds() {
        let metrics = WorkerMetrics::new(0);
        for status in [101, 200, 404, 426, 503, 0, 999] {
            metrics.responded(status);
        }
        assert_eq!(metrics.responses.each_ref().map(Counter::get), [1, 1, 0, 2, 1]);
    }
}
