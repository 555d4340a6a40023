//! `/metrics`: the server's figures as Prometheus reads them.

use std::rc::Rc;

use super::api::{Answer, Endpoint};
use super::page::Page;
use crate::clock;
use crate::exposition::CONTENT_TYPE;
use crate::net::system;
use crate::server::conditions::Check;
use crate::server::handle::Order;
use crate::server::http::{EndpointRequest, Reply};
use crate::server::ids::RouteId;
use crate::server::metrics::{CLOSE_CLASSES, Refused, RouteMetrics};
use crate::server::record::Cause;
use crate::server::refusal::RefusalCode;
use crate::server::registry::Waiting;
use crate::server::worker::Worker;

pub(crate) struct Metrics;

impl Endpoint for Metrics {
    fn answer(&self, _: EndpointRequest, worker: Rc<Worker>) -> Answer {
        Box::pin(async move {
            let page = render(&worker).await;
            Reply::ok(CONTENT_TYPE, page.into_bytes())
        })
    }
}

async fn render(worker: &Worker) -> String {
    let mut waiting = vec![Waiting::default(); worker.shared.paths.len()];
    for of_worker in worker.shared.ask_all(Order::Waiting).await {
        for (sum, part) in waiting.iter_mut().zip(of_worker) {
            *sum += part;
        }
    }
    render_with(worker, &waiting)
}

fn render_with(worker: &Worker, waiting: &[Waiting]) -> String {
    let mut page = Page::new(worker);
    page.server();
    page.connections();
    page.traffic();
    page.outboxes(waiting);
    page.features();
    page.http();
    page.workers();
    page.process();
    page.into_text()
}

impl Page<'_> {
    fn server(&mut self) {
        self.text.head(
            "wsbench_build_info",
            "gauge",
            "Version and instance of the server.",
        );
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("instance_id", &self.shared.instance),
        ];
        self.text.sample("wsbench_build_info", &labels, 1);
        let uptime = self.shared.wall_clock.uptime(clock::now()).as_secs_f64();
        self.text
            .gauge("wsbench_uptime_seconds", "Time since the server started.", uptime);
        let conditions = &self.shared.conditions;
        let name = "wsbench_healthy";
        self.text
            .head(name, "gauge", "Whether a health check of this kind succeeds now.");
        for (check, label) in Check::ALL {
            let healthy = self.worker.ailment(check).is_none();
            self.text.sample(name, &[("check", label)], u8::from(healthy));
        }
        self.text.gauge(
            "wsbench_draining",
            "Whether upgrades are refused until open connections have gone.",
            u8::from(conditions.is_draining()),
        );
        let (succeeded, failed) = conditions.reloads().counts();
        let name = "wsbench_config_reloads_total";
        self.text.head(name, "counter", "Reloads of the configuration.");
        self.text.sample(name, &[("result", "success")], succeeded);
        self.text.sample(name, &[("result", "failure")], failed);
        self.text.gauge(
            "wsbench_config_last_reload_successful",
            "Whether the last reload succeeded, or there was none.",
            u8::from(conditions.reloads().last_succeeded()),
        );
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
        self.causes();
        let limit = self.shared.settings().limits.max_connections.0;
        self.text.gauge(
            "wsbench_connections_limit",
            "WebSocket connections that may be open.",
            limit,
        );
        self.histogram_by_route(
            "wsbench_connection_duration_seconds",
            "Time that ended WebSocket connections were open.",
            |route| &route.times.lifetime,
        );
        self.histogram_by_route(
            "wsbench_handshake_duration_seconds",
            "Time from the acceptance of TCP to the upgrade, TLS and authentication included.",
            |route| &route.times.handshake,
        );
        self.refusals();
    }

    fn refusals(&mut self) {
        let name = "wsbench_upgrades_refused_total";
        self.text
            .head(name, "counter", "Upgrade requests that were refused, by reason.");
        for (index, path) in self.websocket_routes() {
            for (place, reason) in Refused::reasons().enumerate() {
                let count = self.sum(|worker| &worker.routes[index].refused.counters()[place]);
                if count > 0 {
                    self.text
                        .sample(name, &[("route", &path), ("reason", reason)], count);
                }
            }
        }
        // The path is the client's to choose, and each would be a series of its own.
        let astray = self.sum(|worker| &worker.upgrades_astray);
        if astray > 0 {
            let reason = RefusalCode::NoSuchRoute.name();
            self.text
                .sample(name, &[("route", ""), ("reason", reason)], astray);
        }
    }

    fn closings(&mut self) {
        let name = "wsbench_connections_closed_total";
        self.text.head(
            name,
            "counter",
            "WebSocket connections that ended, by who closed and with which code.",
        );
        for (index, path) in self.websocket_routes() {
            for (by, initiator) in ["server", "client", "nobody"].into_iter().enumerate() {
                for (class, code) in CLOSE_CLASSES.into_iter().enumerate() {
                    let count = self.sum(|worker| &worker.routes[index].closed[by][class]);
                    if count > 0 {
                        self.text.sample(
                            name,
                            &[("route", &path), ("initiator", initiator), ("code", code)],
                            count,
                        );
                    }
                }
            }
        }
    }

    fn causes(&mut self) {
        let name = "wsbench_connection_ends_total";
        self.text.head(
            name,
            "counter",
            "WebSocket connections that ended, by what happened first.",
        );
        for (index, path) in self.websocket_routes() {
            for (kind, cause) in Cause::KINDS.into_iter().enumerate() {
                let count = self.sum(|worker| &worker.routes[index].causes[kind]);
                if count > 0 {
                    self.text
                        .sample(name, &[("route", &path), ("cause", cause)], count);
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

    fn outboxes(&mut self, waiting: &[Waiting]) {
        type Read = fn(&Waiting) -> u64;
        let families: [(&str, &str, Read); 3] = [
            (
                "wsbench_outbox_connections",
                "Connections whose client does not take what waits for it now.",
                |waiting| waiting.sessions,
            ),
            (
                "wsbench_outbox_messages",
                "Messages that wait for slow clients now.",
                |waiting| waiting.messages,
            ),
            (
                "wsbench_outbox_bytes",
                "Bytes that wait for slow clients now.",
                |waiting| waiting.bytes,
            ),
        ];
        for (name, help, read) in families {
            self.text.head(name, "gauge", help);
            for (index, path) in self.websocket_routes() {
                self.text.sample(name, &[("route", &path)], read(&waiting[index]));
            }
        }
        let name = "wsbench_reads_paused";
        self.text.head(
            name,
            "gauge",
            "Whether the clients of the route are not read for now.",
        );
        for (index, path) in self.websocket_routes() {
            let paused = self.worker.reads_paused(RouteId(index as u16));
            self.text.sample(name, &[("route", &path)], u8::from(paused));
        }
    }

    fn workers(&mut self) {
        self.histogram(
            "wsbench_turn_duration_seconds",
            "Time from reading a client's messages to the written answers; one turn in 64 is measured.",
            |worker| &worker.turns,
        );
        self.histogram(
            "wsbench_timer_lateness_seconds",
            "How much later than wanted a worker's timer fired: how long whatever is due has to wait.",
            |worker| &worker.lateness,
        );
        let workers = self.shared.metrics.len();
        self.text.gauge("wsbench_workers", "Worker threads.", workers);
    }

    fn http(&mut self) {
        let name = "wsbench_http_responses_total";
        self.text.head(
            name,
            "counter",
            "HTTP responses by class of status, upgrades included.",
        );
        for (class, label) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().enumerate() {
            let count = self.sum(|worker| &worker.responses[class]);
            self.text.sample(name, &[("status", label)], count);
        }
        let accepted = self.sum(|worker| &worker.accepted);
        self.text.counter(
            "wsbench_tcp_accepted_total",
            "TCP connections accepted.",
            accepted,
        );
        let errors = self.sum(|worker| &worker.accept_errors);
        self.text.counter(
            "wsbench_tcp_accept_errors_total",
            "Failures to accept a TCP connection.",
            errors,
        );
        let failures = self.sum(|worker| &worker.tls_failures);
        self.text.counter(
            "wsbench_tls_handshake_failures_total",
            "TLS handshakes that failed.",
            failures,
        );
        let failures = self.sum(|worker| &worker.request_failures);
        self.text.counter(
            "wsbench_request_failures_total",
            "Connections without a complete request.",
            failures,
        );
        let dropped = self.shared.journal.dropped();
        self.text.counter(
            "wsbench_journal_dropped_total",
            "Journal entries that gave way to later ones.",
            dropped,
        );
    }

    fn process(&mut self) {
        let Ok(usage) = system::usage_of_self() else {
            return;
        };
        let cpu = usage.cpu().as_secs_f64();
        self.text.counter(
            "process_cpu_seconds_total",
            "Processor time in user code and kernel.",
            cpu,
        );
        if let Some(resident) = usage.resident {
            self.text
                .gauge("process_resident_memory_bytes", "Memory in use.", resident.0);
        }
        let start = self.shared.wall_clock.start().as_secs_f64();
        self.text.gauge(
            "process_start_time_seconds",
            "When the server started, since 1970.",
            start,
        );
        if let Ok(limit) = system::open_file_limit() {
            self.text
                .gauge("process_max_fds", "Open files that there may be.", limit.soft);
        }
        if let Some(files) = usage.open_files {
            self.text
                .gauge("process_open_fds", "Open files, sockets included.", files);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposition;
    use crate::server::testing;

    fn page() -> String {
        let worker = testing::worker();
        let broadcast = worker.shared.route_ids["/broadcast"].index();
        worker.metrics().routes[broadcast].opened.add(3);
        worker.metrics().routes[broadcast].messages_in.add(7);
        let refused = &worker.metrics().routes[broadcast].refused;
        refused.add(Some(RefusalCode::OriginRefused));
        refused.add(None);
        worker.metrics().upgrades_astray.add(2);
        let waiting = vec![Waiting::default(); worker.shared.paths.len()];
        render_with(&worker, &waiting)
    }

    #[test]
    fn counts_appear_under_their_route() {
        let page = page();
        for line in [
            "wsbench_connections_opened_total{route=\"/broadcast\"} 3",
            "wsbench_messages_received_total{route=\"/broadcast\"} 7",
            "wsbench_upgrades_refused_total{route=\"/broadcast\",reason=\"origin_refused\"} 1",
            "wsbench_upgrades_refused_total{route=\"/broadcast\",reason=\"refused_by_handler\"} 1",
            "wsbench_upgrades_refused_total{route=\"\",reason=\"no_such_route\"} 2",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "{line} is missing in\n{page}"
            );
        }
    }

    #[test]
    fn every_sample_belongs_to_the_family_announced_before_it() {
        exposition::check(&page());
    }
}
