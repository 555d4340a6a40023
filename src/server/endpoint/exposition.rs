//! [`Page`]: Prometheus' text format 0.0.4, and sums over workers.

use std::fmt::{Display, Write};

use crate::server::metrics::{Counter, Histogram, RouteMetrics, WorkerMetrics};
use crate::server::mode::Service;
use crate::server::worker::{Shared, Worker};

/// A page in the making.
pub(super) struct Page<'a> {
    text: String,
    pub(super) worker: &'a Worker,
    pub(super) shared: &'a Shared,
}

impl<'a> Page<'a> {
    /// An empty one.
    pub(super) fn new(worker: &'a Worker) -> Self {
        Self {
            text: String::new(),
            worker,
            shared: &worker.shared,
        }
    }

    /// The whole page.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// A counter or gauge of each route.
    pub(super) fn by_route(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        read: impl Fn(&RouteMetrics) -> u64,
    ) {
        self.head(name, kind, help);
        for (index, path) in self.websocket_routes() {
            let workers = self.shared.metrics.iter();
            let total: u64 = workers.map(|worker| read(&worker.routes[index])).sum();
            self.sample(name, &[("route", &path)], total);
        }
    }

    /// A histogram of each route.
    pub(super) fn histogram_by_route(
        &mut self,
        name: &str,
        help: &str,
        of: impl Fn(&RouteMetrics) -> &Histogram,
    ) {
        self.head(name, "histogram", help);
        for (index, path) in self.websocket_routes() {
            let workers = self.shared.metrics.iter();
            let parts: Vec<_> = workers.map(|worker| of(&worker.routes[index])).collect();
            self.distribution(name, Some(("route", &path)), &parts);
        }
    }

    /// A histogram of the whole server.
    pub(super) fn histogram(&mut self, name: &str, help: &str, of: impl Fn(&WorkerMetrics) -> &Histogram) {
        self.head(name, "histogram", help);
        let parts: Vec<_> = self.shared.metrics.iter().map(of).collect();
        self.distribution(name, None, &parts);
    }

    /// The sum of histograms with the same bounds.
    fn distribution(&mut self, name: &str, label: Option<(&str, &str)>, parts: &[&Histogram]) {
        let bounds = parts.first().into_iter().flat_map(|part| part.bounds());
        let bounds = bounds.map(|bound| bound.to_string()).chain(["+Inf".to_owned()]);
        let mut counts: Vec<_> = parts.iter().map(|part| part.counts()).collect();
        let (bucket, mut total) = (format!("{name}_bucket"), 0);
        for bound in bounds {
            total += counts.iter_mut().filter_map(Iterator::next).sum::<u64>();
            let labels: Vec<_> = label.into_iter().chain([("le", bound.as_str())]).collect();
            self.sample(&bucket, &labels, total);
        }
        let sum: f64 = parts.iter().map(|part| part.sum()).sum();
        let labels: Vec<_> = label.into_iter().collect();
        self.sample(&format!("{name}_sum"), &labels, sum);
        self.sample(&format!("{name}_count"), &labels, total);
    }

    /// The routes that have connections to count.
    pub(super) fn websocket_routes(&self) -> Vec<(usize, String)> {
        let services = self.worker.services.iter().zip(&self.shared.paths);
        let numbered = services.enumerate();
        numbered
            .filter(|(_, (service, _))| !matches!(service, Service::Http(_)))
            .map(|(index, (_, path))| (index, path.clone()))
            .collect()
    }

    /// A counter over all workers.
    pub(super) fn sum(&self, counter: impl Fn(&WorkerMetrics) -> &Counter) -> u64 {
        let workers = self.shared.metrics.iter();
        workers.map(|worker| counter(worker).get()).sum()
    }

    /// A counter without labels.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.sample(name, &[], value);
    }

    /// A gauge without labels.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// Announces a family; its samples follow.
    pub(super) fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One line.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
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
    use std::time::Duration;

    use super::*;
    use crate::server::testing;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escape("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }

    #[test]
    fn a_histogram_is_cumulative_and_ends_in_its_count() {
        let worker = testing::worker();
        for micros in [7, 8, 5_000_000] {
            worker.metrics().turns.add(Duration::from_micros(micros));
        }
        let mut page = Page::new(&worker);
        page.histogram("t_seconds", "T.", |worker| &worker.turns);
        let text = page.into_text();
        for line in [
            "# TYPE t_seconds histogram",
            "t_seconds_bucket{le=\"0.000005\"} 0",
            "t_seconds_bucket{le=\"0.00001\"} 2",
            "t_seconds_bucket{le=\"1\"} 2",
            "t_seconds_bucket{le=\"+Inf\"} 3",
            "t_seconds_sum 5.000015",
            "t_seconds_count 3",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is missing in\n{text}"
            );
        }
    }
}
