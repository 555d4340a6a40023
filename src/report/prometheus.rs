//! A run that goes on, as Prometheus reads it.
//!
//! Counters only grow, durations are histograms in seconds, every family says what it is. `group` is the scenario's
//! group; what is not known by group has no such label.

use crate::exposition::Exposition;
use crate::metrics::{
    CloseCause, Counter, ErrorClass, GeneratorSnapshot, Histogram, Side, Snapshot, Tally, Trend,
};

use super::names::name;

/// What tells a run from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunLabels {
    /// Name of the scenario.
    pub scenario: String,
    /// What is tested, without secrets.
    pub target: String,
}

/// Upper bounds of the buckets, in seconds: three for each magnitude from 100 µs to a minute, and no bound.
const BOUNDS: [f64; 19] = [
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    f64::INFINITY,
];

/// Everything that is known of the run up to `snapshot`; `groups` are the tallies since its begin.
#[must_use]
pub fn render<'a>(
    labels: &RunLabels,
    snapshot: &Snapshot,
    groups: impl IntoIterator<Item = (&'a str, &'a Tally)>,
) -> String {
    let mut page = Page {
        text: Exposition::default(),
        groups: groups.into_iter().collect(),
    };
    page.run(labels, snapshot);
    page.generator(&snapshot.generator);
    page.counters();
    page.endings();
    page.errors();
    page.durations();
    page.text.into_text()
}

struct Page<'a> {
    text: Exposition,
    groups: Vec<(&'a str, &'a Tally)>,
}

impl Page<'_> {
    fn run(&mut self, labels: &RunLabels, snapshot: &Snapshot) {
        let info = [
            ("scenario", labels.scenario.as_str()),
            ("target", &labels.target),
            ("version", env!("CARGO_PKG_VERSION")),
        ];
        self.text
            .head("wsbench_run_info", "gauge", "The run that goes on; always 1.");
        self.text.sample("wsbench_run_info", &info, 1);
        let elapsed = snapshot.elapsed.as_secs_f64();
        self.text.gauge(
            "wsbench_run_elapsed_seconds",
            "Time since the run began.",
            elapsed,
        );
        let gauges = snapshot.gauges;
        for (name, help, value) in [
            (
                "wsbench_run_clients_wanted",
                "Clients that the load model asks for.",
                gauges.clients_wanted,
            ),
            (
                "wsbench_run_clients_active",
                "Clients that run a flow.",
                gauges.clients_active,
            ),
            (
                "wsbench_run_connections_open",
                "Open connections.",
                gauges.connections_open,
            ),
        ] {
            self.text.gauge(name, help, value);
        }
    }

    /// Whether the generator keeps up: what is measured says something about the target only as long as it does.
    fn generator(&mut self, generator: &GeneratorSnapshot) {
        let busiest = generator.busiest().map_or(0.0, |worker| worker.cpu);
        for (name, help, value) in [
            (
                "wsbench_run_generator_busy_ratio",
                "Share of a core that the busiest worker had in the last second.",
                busiest,
            ),
            (
                "wsbench_run_generator_late_seconds",
                "For how long workers have been late at their limit without a break.",
                generator.late_for.as_secs_f64(),
            ),
            (
                "wsbench_run_generator_problems",
                "Reasons for which the run would be invalid so far.",
                generator.problems.len() as f64,
            ),
        ] {
            self.text.gauge(name, help, value);
        }
    }

    fn counters(&mut self) {
        for counter in Counter::ALL {
            let name = counter_name(counter);
            let help = format!("Counter `{}` of the summary.", super::names::name(counter));
            self.text.head(&name, "counter", &help);
            for (group, tally) in self.groups.clone() {
                self.text
                    .sample(&name, &[("group", group)], tally.counter(counter));
            }
        }
    }

    fn endings(&mut self) {
        let family = "wsbench_run_connections_ended_total";
        self.text
            .head(family, "counter", "Opened connections that ended, by cause.");
        for (group, tally) in self.groups.clone() {
            for cause in CloseCause::ALL {
                self.text.sample(
                    family,
                    &[("group", group), ("cause", &name(cause))],
                    tally.cause(cause),
                );
            }
        }
        let family = "wsbench_run_close_codes_total";
        self.text.head(
            family,
            "counter",
            "Close codes by who sent the first Close frame; `other` beyond the codes that are told apart.",
        );
        for (group, tally) in self.groups.clone() {
            for side in Side::ALL {
                let initiator = name(side);
                let mut sample = |code: &str, count| {
                    self.text.sample(
                        family,
                        &[("group", group), ("initiator", &initiator), ("code", code)],
                        count,
                    );
                };
                for (code, count) in tally.codes().counts(side) {
                    sample(&code.to_string(), count);
                }
                let other = tally.codes().other(side);
                if other > 0 {
                    sample("other", other);
                }
            }
        }
    }

    fn errors(&mut self) {
        let family = "wsbench_run_errors_total";
        self.text.head(family, "counter", "Errors by class.");
        for (group, tally) in self.groups.clone() {
            for class in ErrorClass::ALL {
                let count = tally.errors().count(class);
                self.text
                    .sample(family, &[("group", group), ("class", &name(class))], count);
            }
        }
    }

    fn durations(&mut self) {
        for trend in Trend::ALL {
            let family = format!("wsbench_run_{}_seconds", name(trend));
            let help = format!("Trend `{}` of the summary.", name(trend));
            self.text.head(&family, "histogram", &help);
            for (group, tally) in self.groups.clone() {
                // A series that exists from the begin has a rate from the begin.
                let empty = Histogram::new();
                self.histogram(&family, group, tally.trend(trend).unwrap_or(&empty));
            }
        }
    }

    fn histogram(&mut self, family: &str, group: &str, histogram: &Histogram) {
        let mut counts = [0_u64; BOUNDS.len()];
        for bucket in histogram.buckets() {
            let seconds = bucket.highest.as_secs_f64();
            if let Some(index) = BOUNDS.iter().position(|bound| seconds <= *bound) {
                counts[index] += bucket.count;
            }
        }
        let sum = histogram.mean().as_secs_f64() * histogram.count() as f64;
        let buckets = BOUNDS.into_iter().zip(counts);
        self.text.histogram(family, &[("group", group)], buckets, sum);
    }
}

/// Prometheus wants the unit last: `bytes_sent` is `sent_bytes`.
fn counter_name(counter: Counter) -> String {
    let name = name(counter);
    let name = match name.as_str() {
        "bytes_sent" => "sent_bytes",
        "bytes_received" => "received_bytes",
        "payload_sent" => "sent_payload_bytes",
        "payload_received" => "received_payload_bytes",
        name => name,
    };
    format!("wsbench_run_{name}_total")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::clock::Moment;
    use crate::exposition;
    use crate::metrics::{Gauges, GroupId, Recorder};
    use crate::report::text::tests::busy;

    fn page() -> String {
        let (mut recorder, mut senders) = Recorder::new(&["sensors", "gate\"ways"], 1, Moment::ZERO);
        busy(senders[0].shard(), GroupId(0));
        let now = Moment::ZERO + Duration::from_millis(1_500);
        let gauges = Gauges {
            clients_active: 7,
            ..Gauges::default()
        };
        senders[0].flush(now, gauges);
        let snapshot = recorder.tick(now);
        let labels = RunLabels {
            scenario: "iot".to_owned(),
            target: "ws://127.0.0.1:9/".to_owned(),
        };
        render(&labels, &snapshot, recorder.groups())
    }

    fn families(page: &str) -> BTreeSet<String> {
        page.lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .filter_map(|rest| rest.split_once(' '))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    #[test]
    fn figures_appear_under_their_group() {
        let page = page();
        for line in [
            "wsbench_run_info{scenario=\"iot\",target=\"ws://127.0.0.1:9/\",version=\"0.1.0\"} 1",
            "wsbench_run_elapsed_seconds 1.5",
            "wsbench_run_clients_active 7",
            "wsbench_run_messages_sent_total{group=\"sensors\"} 59800",
            "wsbench_run_sent_bytes_total{group=\"sensors\"} 5930000",
            "wsbench_run_messages_sent_total{group=\"gate\\\"ways\"} 0",
            "wsbench_run_connections_ended_total{group=\"sensors\",cause=\"peer_eof\"} 30",
            "wsbench_run_close_codes_total{group=\"sensors\",initiator=\"server\",code=\"1001\"} 15",
            "wsbench_run_errors_total{group=\"sensors\",class=\"connection_lost\"} 30",
            "wsbench_run_tcp_seconds_count{group=\"sensors\"} 100",
        ] {
            assert!(
                page.lines().any(|found| found == line),
                "{line} is missing in\n{page}"
            );
        }
    }

    #[test]
    fn buckets_add_up_to_the_count() {
        let page = page();
        let values = |prefix: &str| -> Vec<u64> {
            page.lines()
                .filter(|line| line.starts_with(prefix))
                .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
                .collect()
        };
        let buckets = values("wsbench_run_connect_seconds_bucket{group=\"sensors\"");
        assert_eq!(buckets.len(), BOUNDS.len());
        assert!(buckets.is_sorted());
        // The sample has 10 ms, 20 ms, ... 1 s; a bucket of the histogram that reaches over a bound counts above it.
        assert_eq!(buckets[BOUNDS.iter().position(|bound| *bound == 0.1).unwrap()], 9);
        assert_eq!(buckets.last(), Some(&100));
    }

    #[test]
    fn every_sample_belongs_to_the_family_announced_before_it() {
        exposition::check(&page());
    }

    #[test]
    fn the_dashboard_asks_for_metrics_that_exist() {
        let dashboard: Value =
            serde_json::from_str(include_str!("../../deploy/grafana/wsbench-run.json")).unwrap();
        let families = families(&page());
        let mut asked = 0;
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let query = target["expr"].as_str().unwrap();
                for word in query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                    if let Some(rest) = word.strip_prefix("wsbench_run_") {
                        let rest = ["_bucket", "_sum", "_count"]
                            .into_iter()
                            .find_map(|suffix| rest.strip_suffix(suffix))
                            .unwrap_or(rest);
                        let name = format!("wsbench_run_{rest}");
                        assert!(families.contains(&name), "{name} in {query}");
                        asked += 1;
                    }
                }
            }
        }
        assert!(asked > 10, "the dashboard asks for {asked} metrics only");
    }
}
