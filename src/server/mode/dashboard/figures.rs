//! [`Figures`]: what a tick tells, put together once per worker and moment.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use super::series::{self, Members};
use crate::clock::Moment;
use crate::net::system;
use crate::server::metrics::{RouteMetrics, WorkerMetrics};
use crate::server::worker::Shared;

/// How long the figures of the process are good for: asking the system takes a few files.
const PROCESS_AGE: Duration = Duration::from_millis(250);
/// Most series fit a small number.
const MAX_SERIES: usize = u16::MAX as usize;

/// The figures of a server, shared by the clients of a worker.
#[derive(Debug)]
pub(super) struct Figures {
    names: Vec<String>,
    latest: RefCell<Latest>,
}

#[derive(Debug)]
struct Latest {
    at: Moment,
    /// The server's own figures, as JSON members with commas between.
    own: String,
    members: Members,
    process: Process,
}

/// What the process uses.
#[derive(Debug)]
struct Process {
    sampled: Moment,
    spent: Duration,
    /// Bytes, if the system tells.
    memory: Option<u64>,
    /// Percent of one core, since the sample before.
    cpu: f64,
}

/// What is different from client to client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick<'a> {
    pub(super) seq: u64,
    pub(super) skipped: u64,
    pub(super) interval: Duration,
    /// The series that the client wants; all, unless it said so.
    pub(super) chosen: Option<&'a [u16]>,
}

impl Figures {
    /// With this many series.
    pub(super) fn new(series: u64) -> Self {
        let count = usize::try_from(series).unwrap_or(MAX_SERIES).min(MAX_SERIES);
        Self {
            names: (0..count).map(series::name).collect(),
            latest: RefCell::new(Latest {
                at: Moment::NEVER,
                own: String::new(),
                members: Members::default(),
                process: Process {
                    sampled: Moment::NEVER,
                    spent: Duration::ZERO,
                    memory: None,
                    cpu: 0.0,
                },
            }),
        }
    }

    /// The names of the series.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Appends the message of a tick at `now`.
    pub(super) fn write(&self, shared: &Shared, now: Moment, tick: Tick<'_>, out: &mut Vec<u8>) {
        let latest = &mut *self.latest.borrow_mut();
        if latest.at != now {
            latest.at = now;
            latest.process.sample(now);
            let millis = shared.wall_clock.unix_millis(now);
            latest.members.update(&self.names, millis);
            latest.own.clear();
            write_own(&mut latest.own, shared, now, millis, &latest.process);
        }
        let head = format!(
            r#"{{"type":"metrics","seq":{},"skipped":{},"interval_ms":{},"#,
            tick.seq,
            tick.skipped,
            tick.interval.as_millis()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(latest.own.as_bytes());
        out.extend_from_slice(br#","series":{"#);
        match tick.chosen {
            None => out.extend_from_slice(latest.members.all()),
            Some(chosen) => latest.members.append(chosen, out),
        }
        out.extend_from_slice(b"}}");
    }
}

fn write_own(out: &mut String, shared: &Shared, now: Moment, millis: u64, process: &Process) {
    let over_routes = |figure: fn(&RouteMetrics) -> u64| -> u64 {
        let routes = shared.metrics.iter().flat_map(|worker| &worker.routes);
        routes.map(figure).sum()
    };
    let closed = over_routes(RouteMetrics::closed_total);
    let opened = over_routes(|route| route.opened.get());
    let uptime = shared.wall_clock.uptime(now).as_millis();
    let memory = process.memory.map_or(Value::Null, Value::from);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        r#""t":{millis},"instance":{},"uptime_ms":{uptime},"connections":{},"opened":{opened},"closed":{closed},"#,
        Value::from(shared.instance.as_str()),
        opened.saturating_sub(closed),
    );
    let _ = write!(
        out,
        r#""refused":{},"messages_in":{},"messages_out":{},"bytes_in":{},"bytes_out":{},"dropped":{},"memory":{memory},"cpu":{:.1}"#,
        shared
            .metrics
            .iter()
            .map(WorkerMetrics::refused_total)
            .sum::<u64>(),
        over_routes(|route| route.messages_in.get()),
        over_routes(|route| route.messages_out.get()),
        over_routes(|route| route.bytes_in.get()),
        over_routes(|route| route.bytes_out.get()),
        over_routes(|route| route.dropped.get()),
        process.cpu,
    );
}

impl Process {
    /// Asks the system, unless that was done lately.
    fn sample(&mut self, now: Moment) {
        let first = self.sampled == Moment::NEVER;
        if !first && now - self.sampled < PROCESS_AGE {
            return;
        }
        let Ok(usage) = system::load_of_self() else {
            return;
        };
        if !first {
            let spent = usage.cpu().saturating_sub(self.spent);
            self.cpu = 100.0 * spent.as_secs_f64() / (now - self.sampled).as_secs_f64();
        }
        self.sampled = now;
        self.spent = usage.cpu();
        self.memory = usage.resident.map(|bytes| bytes.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing;

    fn tick(seq: u64) -> Tick<'static> {
        Tick {
            seq,
            skipped: 2,
            interval: Duration::from_millis(250),
            chosen: None,
        }
    }

    fn write(figures: &Figures, shared: &Shared, millis: u64, tick: Tick<'_>) -> Value {
        let mut out = Vec::new();
        let now = Moment::ZERO + Duration::from_millis(millis);
        figures.write(shared, now, tick, &mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a23_a_tick_has_the_servers_own_figures() {
        let worker = testing::worker();
        let metrics = &worker.metrics().routes[0];
        metrics.opened.add(3);
        metrics.messages_in.add(70);
        metrics.bytes_out.add(500);
        let figures = Figures::new(2);
        let told = write(&figures, &worker.shared, 5_000, tick(9));
        for (name, value) in [
            ("seq", 9),
            ("skipped", 2),
            ("interval_ms", 250),
            ("connections", 3),
            ("opened", 3),
            ("closed", 0),
            ("messages_in", 70),
            ("bytes_out", 500),
        ] {
            assert_eq!(told[name], value, "{name}");
        }
        assert_eq!(told["type"], "metrics");
        assert_eq!(told["instance"], worker.shared.instance.as_str());
        assert_eq!(told["series"].as_object().unwrap().len(), 2);
        assert!(told["t"].as_u64().unwrap() > 1_700_000_000_000);
        assert!(cfg!(not(target_os = "linux")) || told["memory"].as_u64().unwrap() > 1 << 20);
    }

    #[test]
    fn figures_are_put_together_once_per_moment() {
        let worker = testing::worker();
        let figures = Figures::new(0);
        let before = write(&figures, &worker.shared, 1, tick(1));
        worker.metrics().routes[0].opened.add(1);
        assert_eq!(
            before["opened"],
            write(&figures, &worker.shared, 1, tick(1))["opened"]
        );
        assert_eq!(write(&figures, &worker.shared, 2, tick(2))["opened"], 1);
    }

    #[test]
    fn the_processor_time_is_that_since_the_last_sample() {
        let mut process = Figures::new(0).latest.into_inner().process;
        process.sample(Moment::ZERO);
        assert_eq!(process.cpu, 0.0);
        process.spent = Duration::ZERO;
        let spent = system::load_of_self().unwrap().cpu().as_secs_f64();
        process.sample(Moment::ZERO + Duration::from_secs(1));
        assert!(process.cpu >= 100.0 * spent, "{} {spent}", process.cpu);
        let kept = process.cpu;
        process.spent = Duration::ZERO;
        process.sample(Moment::ZERO + Duration::from_millis(1_100));
        assert_eq!(process.cpu, kept);
    }
}
