//! What a run costs: the usage of this process and of the embedded server, between the run's begin and its end.

use std::time::Duration;

use crate::metrics::{ProcessUsage, Processes};
use crate::net::system::{self, usage_of, usage_of_self};

/// The server's figures are kept this fresh, for the case that it dies; asking costs a look at each of its open files.
const SAMPLE_EVERY: Duration = Duration::from_secs(2);

/// First and latest usage of the processes of a run.
#[derive(Debug)]
pub(super) struct UsageLog {
    generator: Span,
    server: Option<(u32, Span)>,
    next: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    first: Option<system::ProcessUsage>,
    last: Option<system::ProcessUsage>,
    most_files: Option<u32>,
}

impl Span {
    fn add(&mut self, usage: Option<system::ProcessUsage>) {
        let Some(usage) = usage else { return };
        self.first.get_or_insert(usage);
        self.last = Some(usage);
        self.most_files = self.most_files.max(usage.open_files);
    }

    fn figures(&self) -> ProcessUsage {
        let (first, last) = (self.first.unwrap_or_default(), self.last.unwrap_or_default());
        ProcessUsage {
            cpu_user_s: last.user.saturating_sub(first.user).as_secs_f64(),
            cpu_system_s: last.system.saturating_sub(first.system).as_secs_f64(),
            rss_start_bytes: first.resident.map(|size| size.0),
            rss_peak_bytes: last.peak_resident.map(|size| size.0),
            open_files: self.most_files.map(u64::from),
        }
    }
}

impl UsageLog {
    /// Now, before the first connection.
    pub(super) fn begin(server: Option<u32>) -> Self {
        let mut log = Self {
            generator: Span::default(),
            server: server.map(|pid| (pid, Span::default())),
            next: SAMPLE_EVERY,
        };
        log.add_all();
        log
    }

    /// Now and then during the run.
    pub(super) fn sample(&mut self, elapsed: Duration) {
        if elapsed >= self.next {
            self.next = elapsed + SAMPLE_EVERY;
            self.add_all();
        }
    }

    /// Open files of this process when they were last counted.
    pub(super) fn open_files(&self) -> Option<u64> {
        self.generator.last?.open_files.map(u64::from)
    }

    /// After the last connection, with the server still there.
    pub(super) fn end(mut self) -> Processes {
        self.add_all();
        Processes {
            generator: self.generator.figures(),
            server: self.server.map(|(_, span)| span.figures()),
        }
    }

    fn add_all(&mut self) {
        // A system that does not tell, or a server that is gone, leaves the figures as they are.
        self.generator.add(usage_of_self().ok());
        if let Some((pid, span)) = &mut self.server {
            span.add(usage_of(*pid).ok());
        }
    }
}
