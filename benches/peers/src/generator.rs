//! What the generators measure, and the JSON line that they print.

use std::process;
use std::time::Instant;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::process::{cpu_seconds, resident_bytes};

/// Messages that each connection exchanges in memory mode before memory is read again.
pub const MEMORY_MESSAGES: u64 = 10;

/// Result of a throughput or handshake run: what happened between two readings of the clock and of both CPU meters.
#[derive(Serialize)]
pub struct Throughput {
    /// Round trips, or handshakes.
    pub messages: u64,
    pub seconds: f64,
    pub own_cpu_seconds: f64,
    pub server_cpu_seconds: f64,
    pub p50_us: f64,
    pub p99_us: f64,
}

/// One reading of the clock and of both CPU meters.
pub struct Meter {
    at: Instant,
    own: f64,
    server: f64,
    server_pid: u32,
}

impl Meter {
    /// Reads now.
    pub fn start(server_pid: u32) -> Self {
        Self {
            at: Instant::now(),
            own: cpu_seconds(process::id()).unwrap_or(f64::NAN),
            server: cpu_seconds(server_pid).unwrap_or(f64::NAN),
            server_pid,
        }
    }

    /// Reads again, and reports the difference. `latencies` are in nanoseconds.
    pub fn finish(self, messages: u64, latencies: &Histogram<u64>) -> Throughput {
        let now = Self::start(self.server_pid);
        Throughput {
            messages,
            seconds: (now.at - self.at).as_secs_f64(),
            own_cpu_seconds: now.own - self.own,
            server_cpu_seconds: now.server - self.server,
            p50_us: latencies.value_at_quantile(0.5) as f64 / 1e3,
            p99_us: latencies.value_at_quantile(0.99) as f64 / 1e3,
        }
    }
}

/// Resident bytes of both ends at the three moments of a memory run.
#[derive(Default, Serialize)]
pub struct Memory {
    pub connections: usize,
    pub own: Vec<u64>,
    pub server: Vec<u64>,
}

impl Memory {
    /// Reads both ends' memory once more.
    pub fn read(&mut self, server_pid: u32) {
        self.own.push(resident_bytes(process::id()).unwrap_or(0));
        self.server.push(resident_bytes(server_pid).unwrap_or(0));
    }
}

/// Prints a result as one line of JSON.
pub fn print(result: &impl Serialize) -> serde_json::Result<()> {
    println!("{}", serde_json::to_string(result)?);
    Ok(())
}

/// Latencies from 1 us to a minute, three significant digits, in nanoseconds.
pub fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("the bounds are constant and valid")
}
