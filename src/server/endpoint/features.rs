//! What the metrics page has of parts that not every server uses: events, proxies, backplane, matches, faults.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::page::Page;
use crate::clock;
use crate::server::fault::FaultKind;
use crate::server::mode::Feed;
use crate::server::proxy::{Pool, Upstream};

impl Page<'_> {
    /// The families of the parts that this server uses.
    pub(super) fn features(&mut self) {
        self.notifications();
        self.proxies();
        self.backplane();
        self.matches();
        if self.shared.faults {
            self.faults();
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
            self.text.head(&name, kind, help);
            for (path, feed) in &feeds {
                self.text.sample(&name, &[("route", path)], read(feed));
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
        self.text
            .head(name, "gauge", "Whether the upstream gets connections.");
        for (route, upstream) in &upstreams {
            let labels = [("route", route.as_str()), ("upstream", &upstream.name)];
            self.text.sample(name, &labels, u8::from(upstream.is_up(now)));
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
            self.text.head(&name, kind, help);
            for (route, upstream) in &upstreams {
                let labels = [("route", route.as_str()), ("upstream", &upstream.name)];
                self.text.sample(&name, &labels, read(upstream));
            }
        }
    }

    fn backplane(&mut self) {
        let Some(backplane) = &self.shared.backplane else {
            return;
        };
        let figures = backplane.figures();
        self.text.gauge(
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
            self.text.counter(&name, help, counter.load(Relaxed));
        }
    }

    fn matches(&mut self) {
        let matches = &self.shared.matches;
        self.text.gauge(
            "wsbench_game_matches",
            "Matches with players on this server.",
            matches.count(),
        );
        self.text.counter(
            "wsbench_game_ticks_total",
            "Ticks of all matches.",
            matches.ticks.load(Relaxed),
        );
        self.text.counter(
            "wsbench_game_ticks_skipped_total",
            "Ticks that found no room on their way to a worker's players.",
            matches.skipped.load(Relaxed),
        );
    }

    fn faults(&mut self) {
        let name = "wsbench_faults_total";
        self.text.head(name, "counter", "Faults applied on request.");
        for kind in FaultKind::ALL {
            let count = self.sum(|worker| &worker.faults[kind.index()]);
            self.text.sample(name, &[("fault", kind.name())], count);
        }
    }
}
