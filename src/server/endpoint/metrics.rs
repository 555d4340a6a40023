//! `/metrics`: the server's figures as Prometheus reads them (text format 0.0.4).

use std::fmt::{Display, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::api::{Answer, Endpoint};
use crate::clock;
use crate::net::system;
use crate::server::fault::FaultKind;
use crate::server::http::{EndpointRequest, Reply};
use crate::server::metrics::{CLOSE_CLASSES, Counter, Refused, RouteMetrics, WorkerMetrics};
use crate::server::mode::{Feed, Service};
use crate::server::proxy::{Pool, Upstream};
use crate::server::worker::{Shared, Worker};

pub(crate) struct Metrics;

impl Endpoint for Metrics {
    fn answer(&self, _: EndpointRequest, worker: Rc<Worker>) -> Answer {
        Box::pin(async move {
            let routes = worker
                .services
                .iter()
                .map(|service| !matches!(service, Service::Http(_)));
            let page = render(&worker.shared, &routes.collect::<Vec<_>>());
            Reply::ok("text/plain; version=0.0.4; charset=utf-8", page.into_bytes())
        })
    }
}

/// The page; `websocket` says of each route whether it has connections to count.
fn render(shared: &Shared, websocket: &[bool]) -> String {
    let mut page = Page {
        text: String::new(),
        shared,
        websocket,
    };
    page.build_info();
    page.connections();
    page.traffic();
    page.notifications();
    page.proxies();
    page.http();
    page.backplane();
    page.matches();
    if shared.faults {
        page.faults();
    }
    page.process();
    page.text
}

struct Page<'a> {
    text: String,
    shared: &'a Shared,
    websocket: &'a [bool],
}

impl Page<'_> {
    fn build_info(&mut self) {
        self.head(
            "wsbench_build_info",
            "gauge",
            "Version and instance of the server.",
        );
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("instance_id", &self.shared.instance),
        ];
        self.sample("wsbench_build_info", &labels, 1);
        let uptime = self.shared.wall_clock.uptime(clock::now()).as_secs_f64();
        self.gauge("wsbench_uptime_seconds", "Time since the server started.", uptime);
    }

    fn connections(&mut self) {
        self.by_route(
            "wsbench_connections_opened_total",
            "counter",
            "WebSocket connections opened.",
            |route| route.opened.get(),
        );
        self.by_route(
            "wsbench_connections_active",
            "gauge",
            "WebSocket connections open now.",
            |route| {
                // The closings are read first: a connection that closes in between must not make the difference negative.
                let closed = route.closed_total();
                route.opened.get().saturating_sub(closed)
            },
        );
        self.closings();
        let name = "wsbench_connection_open_seconds_total";
        self.head(
            name,
            "counter",
            "Time that ended WebSocket connections were open, all together.",
        );
        for (index, path) in self.websocket_routes() {
            let millis = self.sum(|worker| &worker.routes[index].open_millis);
            self.sample(name, &[("route", &path)], millis as f64 / 1e3);
        }
        self.refusals();
    }

    fn refusals(&mut self) {
        let name = "wsbench_upgrades_refused_total";
        self.head(name, "counter", "Upgrade requests that were refused, by reason.");
        for (index, path) in self.websocket_routes() {
            for (place, reason) in Refused::reasons().enumerate() {
                let count = self.sum(|worker| &worker.routes[index].refused.counters()[place]);
                if count > 0 {
                    self.sample(name, &[("route", &path), ("reason", reason)], count);
                }
            }
        }
    }

    fn closings(&mut self) {
        let name = "wsbench_connections_closed_total";
        self.head(
            name,
            "counter",
            "WebSocket connections that ended, by who closed and with which code.",
        );
        for (index, path) in self.websocket_routes() {
            for (by, initiator) in ["server", "client", "nobody"].into_iter().enumerate() {
                for (class, code) in CLOSE_CLASSES.into_iter().enumerate() {
                    let count = self.sum(|worker| &worker.routes[index].closed[by][class]);
                    if count > 0 {
                        self.sample(
                            name,
                            &[("route", &path), ("initiator", initiator), ("code", code)],
                            count,
                        );
                    }
                }
            }
        }
    }

    fn traffic(&mut self) {
        type Read = fn(&RouteMetrics) -> u64;
        let families: [(&str, &str, Read); 10] = [
            ("messages_received", "Messages from clients.", |route| {
                route.messages_in.get()
            }),
            ("messages_sent", "Messages to clients.", |route| {
                route.messages_out.get()
            }),
            (
                "received_bytes",
                "Bytes from clients after the upgrade.",
                |route| route.bytes_in.get(),
            ),
            ("sent_bytes", "Bytes to clients after the upgrade.", |route| {
                route.bytes_out.get()
            }),
            ("pings_received", "Pings from clients.", |route| {
                route.pings_in.get()
            }),
            ("pings_sent", "Pings to clients.", |route| route.pings_out.get()),
            ("pongs_received", "Pongs from clients.", |route| {
                route.pongs_in.get()
            }),
            ("pongs_sent", "Pongs to clients.", |route| route.pongs_out.get()),
            (
                "messages_dropped",
                "Messages that slow consumers did not get.",
                |route| route.dropped.get(),
            ),
            (
                "slow_consumers",
                "Clients disconnected for being slow.",
                |route| route.slow_consumers.get(),
            ),
        ];
        for (name, help, read) in families {
            self.by_route(&format!("wsbench_{name}_total"), "counter", help, read);
        }
    }

    fn notifications(&mut self) {
        let shared = self.shared;
        let mut feeds: Vec<_> = shared
            .feeds
            .iter()
            .filter(|(_, feed)| feed.is_configured())
            .map(|(&route, feed)| (shared.path(route), feed))
            .collect();
        if feeds.is_empty() {
            return;
        }
        feeds.sort_by_key(|(path, _)| *path);
        type Read = fn(&Feed) -> u64;
        let families: [(&str, &str, &str, Read); 4] = [
            (
                "broker_up",
                "gauge",
                "Whether events can come from the broker.",
                |feed| u64::from(feed.is_up()),
            ),
            (
                "delivered_total",
                "counter",
                "Events that at least one client got.",
                |feed| feed.delivered.get(),
            ),
            (
                "returned_total",
                "counter",
                "Events that no client was there for.",
                |feed| feed.returned.get(),
            ),
            (
                "repeated_total",
                "counter",
                "Events that came again although they had been delivered.",
                |feed| feed.repeated.get(),
            ),
        ];
        for (name, kind, help, read) in families {
            let name = format!("wsbench_notifications_{name}");
            self.head(&name, kind, help);
            for (path, feed) in &feeds {
                self.sample(&name, &[("route", path)], read(feed));
            }
        }
    }

    fn proxies(&mut self) {
        type Read = fn(&Upstream) -> u64;
        let now = clock::now();
        let pools = self.shared.pools.iter();
        let of_pool = |pool: &Arc<Pool>| {
            let named = |upstream: &Arc<Upstream>| (pool.route.clone(), upstream.clone());
            pool.upstreams.iter().map(named).collect::<Vec<_>>()
        };
        let upstreams: Vec<_> = pools.flat_map(of_pool).collect();
        if upstreams.is_empty() {
            return;
        }
        let name = "wsbench_proxy_upstream_up";
        self.head(name, "gauge", "Whether the upstream gets connections.");
        for (route, upstream) in &upstreams {
            let labels = [("route", route.as_str()), ("upstream", &upstream.name)];
            self.sample(name, &labels, u8::from(upstream.is_up(now)));
        }
        let families: [(&str, &str, &str, Read); 5] = [
            (
                "upstream_connections",
                "gauge",
                "Connections to the upstream that are open or being opened.",
                |upstream| upstream.connections() as u64,
            ),
            (
                "upstream_accepted_total",
                "counter",
                "Upgrades that the upstream accepted.",
                |upstream| upstream.accepted.load(Relaxed),
            ),
            (
                "upstream_refused_total",
                "counter",
                "Upgrades that the upstream refused.",
                |upstream| upstream.refused.load(Relaxed),
            ),
            (
                "upstream_failures_total",
                "counter",
                "Connections to the upstream that failed, or to which it gave no answer.",
                |upstream| upstream.failures.load(Relaxed),
            ),
            (
                "health_checks_failed_total",
                "counter",
                "Health checks that the upstream failed.",
                |upstream| upstream.checks_failed.load(Relaxed),
            ),
        ];
        for (name, kind, help, read) in families {
            let name = format!("wsbench_proxy_{name}");
            self.head(&name, kind, help);
            for (route, upstream) in &upstreams {
                let labels = [("route", route.as_str()), ("upstream", &upstream.name)];
                self.sample(&name, &labels, read(upstream));
            }
        }
    }

    fn http(&mut self) {
        let name = "wsbench_http_responses_total";
        self.head(
            name,
            "counter",
            "HTTP responses by class of status, upgrades included.",
        );
        for (class, label) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().enumerate() {
            let count = self.sum(|worker| &worker.responses[class]);
            self.sample(name, &[("status", label)], count);
        }
        let accepted = self.sum(|worker| &worker.accepted);
        self.counter(
            "wsbench_tcp_accepted_total",
            "TCP connections accepted.",
            accepted,
        );
        let errors = self.sum(|worker| &worker.accept_errors);
        self.counter(
            "wsbench_tcp_accept_errors_total",
            "Failures to accept a TCP connection.",
            errors,
        );
        let failures = self.sum(|worker| &worker.tls_failures);
        self.counter(
            "wsbench_tls_handshake_failures_total",
            "TLS handshakes that failed.",
            failures,
        );
        let failures = self.sum(|worker| &worker.request_failures);
        self.counter(
            "wsbench_request_failures_total",
            "Connections without a complete request.",
            failures,
        );
        let dropped = self.shared.journal.dropped();
        self.counter(
            "wsbench_journal_dropped_total",
            "Journal entries that gave way to later ones.",
            dropped,
        );
    }

    fn faults(&mut self) {
        let name = "wsbench_faults_total";
        self.head(name, "counter", "Faults applied on request.");
        for kind in FaultKind::ALL {
            let count = self.sum(|worker| &worker.faults[kind.index()]);
            self.sample(name, &[("fault", kind.name())], count);
        }
    }

    fn backplane(&mut self) {
        let Some(backplane) = &self.shared.backplane else {
            return;
        };
        let figures = backplane.figures();
        self.gauge(
            "wsbench_backplane_up",
            "Whether rooms are shared with other servers now.",
            u8::from(figures.up.load(Relaxed)),
        );
        for (name, help, counter) in [
            ("published", "Messages given to the broker.", &figures.published),
            ("received", "Messages from other servers.", &figures.received),
            (
                "dropped",
                "Messages not given to the broker or not taken from it.",
                &figures.dropped,
            ),
            ("losses", "Times that the broker was lost.", &figures.lost),
        ] {
            let name = format!("wsbench_backplane_{name}_total");
            self.counter(&name, help, counter.load(Relaxed));
        }
    }

    fn matches(&mut self) {
        let matches = &self.shared.matches;
        self.gauge(
            "wsbench_game_matches",
            "Matches with players on this server.",
            matches.count(),
        );
        self.counter(
            "wsbench_game_ticks_total",
            "Ticks of all matches.",
            matches.ticks.load(Relaxed),
        );
        self.counter(
            "wsbench_game_ticks_skipped_total",
            "Ticks that found no room on their way to a worker's players.",
            matches.skipped.load(Relaxed),
        );
    }

    fn process(&mut self) {
        let Ok(usage) = system::usage_of_self() else {
            return;
        };
        let cpu = usage.cpu().as_secs_f64();
        self.counter(
            "process_cpu_seconds_total",
            "Processor time in user code and kernel.",
            cpu,
        );
        if let Some(resident) = usage.resident {
            self.gauge("process_resident_memory_bytes", "Memory in use.", resident.0);
        }
        if let Some(files) = usage.open_files {
            self.gauge("process_open_fds", "Open files, sockets included.", files);
        }
    }

    fn by_route(&mut self, name: &str, kind: &str, help: &str, read: impl Fn(&RouteMetrics) -> u64) {
        self.head(name, kind, help);
        for (index, path) in self.websocket_routes() {
            let total: u64 = self
                .shared
                .metrics
                .iter()
                .map(|worker| read(&worker.routes[index]))
                .sum();
            self.sample(name, &[("route", &path)], total);
        }
    }

    fn websocket_routes(&self) -> Vec<(usize, String)> {
        let routes = self.shared.routes.iter().enumerate();
        routes
            .filter(|(index, _)| self.websocket[*index])
            .map(|(index, route)| (index, route.path.clone()))
            .collect()
    }

    fn sum(&self, counter: impl Fn(&WorkerMetrics) -> &Counter) -> u64 {
        self.shared
            .metrics
            .iter()
            .map(|worker| counter(worker).get())
            .sum()
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.sample(name, &[], value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{open}{label}=\"{}\"", escape(text));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{close} {value}");
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::refusal::RefusalCode;
    use crate::server::testing;

    fn page() -> String {
        let worker = testing::worker();
        let websocket = vec![true; worker.shared.routes.len()];
        let broadcast = &worker.metrics().routes[worker.shared.route_ids["/broadcast"].index()];
        broadcast.opened.add(3);
        broadcast.messages_in.add(7);
        broadcast.refused.add(Some(RefusalCode::OriginRefused));
        broadcast.refused.add(None);
        render(&worker.shared, &websocket)
    }

    #[test]
    fn counts_appear_under_their_route() {
        let page = page();
        for line in [
            "wsbench_connections_opened_total{route=\"/broadcast\"} 3",
            "wsbench_messages_received_total{route=\"/broadcast\"} 7",
            "wsbench_upgrades_refused_total{route=\"/broadcast\",reason=\"origin_refused\"} 1",
            "wsbench_upgrades_refused_total{route=\"/broadcast\",reason=\"refused_by_handler\"} 1",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "{line} is missing in\n{page}"
            );
        }
    }

    #[test]
    fn every_sample_belongs_to_the_family_announced_before_it() {
        let page = page();
        let mut family = "";
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split_once(' ').unwrap().0;
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(name, family);
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            } else {
                let name = line.split(['{', ' ']).next().unwrap();
                assert_eq!(name, family, "{line}");
                assert!(line.rsplit_once(' ').unwrap().1.parse::<f64>().is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escape("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
