//! [`ServerFigures`]: what a server did so far, by route, for whoever shows it while it runs.

use super::metrics::{CLOSE_CLASSES, Counter, RouteMetrics, WorkerMetrics};

/// Who sent the first Close frame, in the order in which routes count.
const INITIATORS: [&str; 3] = ["server", "client", "nobody"];

/// What a server did so far. All counts are since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFigures {
    /// Its routes, in the order of its configuration.
    pub routes: Vec<RouteFigures>,
    /// Failures to accept a connection.
    pub accept_errors: u64,
    /// TLS handshakes that failed.
    pub tls_failures: u64,
    /// Connections that ended or timed out before a complete request.
    pub request_failures: u64,
    /// WebSocket connections that were cut.
    pub cut: u64,
}

/// What happened on a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteFigures {
    /// Its path.
    pub path: String,
    /// Connections that opened.
    pub opened: u64,
    /// Those that ended.
    pub ended: u64,
    /// Upgrades that were refused.
    pub refused: u64,
    /// Messages from clients.
    pub messages_in: u64,
    /// Messages to clients.
    pub messages_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// Messages that slow consumers did not get.
    pub dropped: u64,
    /// Clients that were disconnected for being slow.
    pub slow_consumers: u64,
    /// Ends that happened: who sent the first Close frame (`server`, `client`, `nobody`), the class of its code, how many.
    pub closed: Vec<(&'static str, &'static str, u64)>,
}

impl ServerFigures {
    pub(super) fn new(paths: &[String], workers: &[WorkerMetrics]) -> Self {
        let sum = |counter: fn(&WorkerMetrics) -> &Counter| {
            workers.iter().map(|worker| counter(worker).get()).sum()
        };
        Self {
            routes: paths
                .iter()
                .enumerate()
                .map(|(route, path)| RouteFigures::new(path, route, workers))
                .collect(),
            accept_errors: sum(|worker| &worker.accept_errors),
            tls_failures: sum(|worker| &worker.tls_failures),
            request_failures: sum(|worker| &worker.request_failures),
            cut: sum(|worker| &worker.cut),
        }
    }
}

impl RouteFigures {
    fn new(path: &str, route: usize, workers: &[WorkerMetrics]) -> Self {
        let parts = || workers.iter().filter_map(move |worker| worker.routes.get(route));
        let sum = |read: fn(&RouteMetrics) -> u64| parts().map(read).sum::<u64>();
        let mut closed = Vec::new();
        for (by, name) in INITIATORS.into_iter().enumerate() {
            for (class, code) in CLOSE_CLASSES.into_iter().enumerate() {
                let n: u64 = parts().map(|part| part.closed[by][class].get()).sum();
                if n > 0 {
                    closed.push((name, code, n));
                }
            }
        }
        Self {
            path: path.to_owned(),
            opened: sum(|part| part.opened.get()),
            ended: sum(RouteMetrics::closed_total),
            refused: sum(|part| part.refused.total()),
            messages_in: sum(|part| part.messages_in.get()),
            messages_out: sum(|part| part.messages_out.get()),
            bytes_in: sum(|part| part.bytes_in.get()),
            bytes_out: sum(|part| part.bytes_out.get()),
            dropped: sum(|part| part.dropped.get()),
            slow_consumers: sum(|part| part.slow_consumers.get()),
            closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::CloseCode;

    #[test]
    fn the_workers_are_added_up_by_route() {
        let workers = [WorkerMetrics::new(2), WorkerMetrics::new(2)];
        for (worker, n) in workers.iter().zip([3, 4]) {
            worker.routes[1].opened.add(n);
            worker.routes[1].slow_consumers.add(1);
            worker.routes[1].closed[2][super::super::metrics::close_class(CloseCode(1006))].add(n - 2);
            worker.tls_failures.add(1);
        }
        let figures = ServerFigures::new(&["/a".to_owned(), "/b".to_owned()], &workers);
        assert_eq!(figures.routes[0].opened, 0);
        let route = &figures.routes[1];
        assert_eq!((route.opened, route.ended, route.slow_consumers), (7, 3, 2));
        assert_eq!(route.closed, [("nobody", "1006", 3)]);
        assert_eq!(figures.tls_failures, 2);
    }
}
