//! [`Page`]: the metrics page, and sums over workers.

use crate::exposition::Exposition;
use crate::server::metrics::{Counter, Histogram, RouteMetrics, WorkerMetrics};
use crate::server::worker::{Shared, Worker};

/// A page in the making.
pub(super) struct Page<'a> {
    pub(super) text: Exposition,
    pub(super) worker: &'a Worker,
    pub(super) shared: &'a Shared,
}

impl<'a> Page<'a> {
    /// An empty one.
    pub(super) fn new(worker: &'a Worker) -> Self {
        Self {
            text: Exposition::default(),
            worker,
            shared: &worker.shared,
        }
    }

    /// The whole page.
    pub(super) fn into_text(self) -> String {
        self.text.into_text()
    }

    /// A counter or gauge of each route.
    pub(super) fn by_route(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        read: impl Fn(&RouteMetrics) -> u64,
    ) {
        self.text.head(name, kind, help);
        for (index, path) in self.websocket_routes() {
            let workers = self.shared.metrics.iter();
            let total: u64 = workers.map(|worker| read(&worker.routes[index])).sum();
            self.text.sample(name, &[("route", &path)], total);
        }
    }

    /// A histogram of each route.
    pub(super) fn histogram_by_route(
        &mut self,
        name: &str,
        help: &str,
        of: impl Fn(&RouteMetrics) -> &Histogram,
    ) {
        self.text.head(name, "histogram", help);
        for (index, path) in self.websocket_routes() {
            let workers = self.shared.metrics.iter();
            let parts: Vec<_> = workers.map(|worker| of(&worker.routes[index])).collect();
            self.distribution(name, &[("route", &path)], &parts);
        }
    }

    /// A histogram of the whole server.
    pub(super) fn histogram(&mut self, name: &str, help: &str, of: impl Fn(&WorkerMetrics) -> &Histogram) {
        self.text.head(name, "histogram", help);
        let parts: Vec<_> = self.shared.metrics.iter().map(of).collect();
        self.distribution(name, &[], &parts);
    }

    /// The sum of histograms with the same bounds.
    fn distribution(&mut self, name: &str, labels: &[(&str, &str)], parts: &[&Histogram]) {
        let bounds = parts.first().into_iter().flat_map(|part| part.bounds());
        let mut counts: Vec<_> = parts.iter().map(|part| part.counts()).collect();
        let buckets = bounds.chain([f64::INFINITY]).map(|bound| {
            let count = counts.iter_mut().filter_map(Iterator::next).sum();
            (bound, count)
        });
        let sum = parts.iter().map(|part| part.sum()).sum();
        self.text.histogram(name, labels, buckets, sum);
    }

    /// The routes that have connections to count.
    pub(super) fn websocket_routes(&self) -> Vec<(usize, String)> {
        let services = self.worker.services.iter().zip(&self.shared.paths);
        let numbered = services.enumerate();
        numbered
            .filter(|(_, (service, _))| service.has_connections())
            .map(|(index, (_, path))| (index, path.clone()))
            .collect()
    }

    /// A counter over all workers.
    pub(super) fn sum(&self, counter: impl Fn(&WorkerMetrics) -> &Counter) -> u64 {
        let workers = self.shared.metrics.iter();
        workers.map(|worker| counter(worker).get()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::testing;

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
