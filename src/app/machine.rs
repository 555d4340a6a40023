//! What the generator's process and its machine have left: ports, files, memory, and whether the wall clock was set.

use std::time::{Duration, SystemTime};

use crate::clock::{Moment, now};
use crate::metrics::{ProcessPulse, Snapshot};
use crate::net::system::{available_memory, ephemeral_ports, open_file_limit, time_wait_sockets};
use crate::scenario::Plan;

/// Often enough to see a shortage before it does harm, and seldom enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Clocks that are slewed go wrong by half a millisecond a second at most; this is a clock that was set.
const CLOCK_JUMP: Duration = Duration::from_millis(50);
/// Two clocks that were read further apart than this cannot be compared.
const READ_AT_ONCE: Duration = Duration::from_millis(5);

/// Looks at the machine now and then.
#[derive(Debug)]
pub(super) struct Machine {
    ports: Option<u64>,
    file_limit: Option<u64>,
    clocks: Option<Clocks>,
    next: Duration,
}

/// The wall clock and the monotonic one, read at the same time.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    wall: SystemTime,
    monotonic: Moment,
}

impl Machine {
    /// Before the run of a plan.
    pub(super) fn new(plan: &Plan) -> Self {
        let sources = plan.transport.source_addresses.len().max(1) as u64;
        Self {
            ports: ephemeral_ports().map(|ports| ports * sources),
            file_limit: open_file_limit().ok().map(|limit| limit.soft),
            clocks: Clocks::read(),
            next: Duration::ZERO,
        }
    }

    /// What there is, if it is time to look again. `open_files` were counted by someone else, since counting takes long.
    pub(super) fn look(&mut self, snapshot: &Snapshot, open_files: Option<u64>) -> Option<ProcessPulse> {
        if snapshot.elapsed < self.next {
            return None;
        }
        self.next = snapshot.elapsed + LOOK_EVERY;
        let time_wait = time_wait_sockets();
        let taken = snapshot.gauges.connections_open + time_wait.unwrap_or(0);
        Some(ProcessPulse {
            open_files,
            file_limit: self.file_limit,
            ports_left: self.ports.map(|ports| ports.saturating_sub(taken)),
            ports: self.ports,
            time_wait,
            available_bytes: available_memory().map(|size| size.0),
            clock_jump: self.clock_jump(),
        })
    }

    fn clock_jump(&mut self) -> Duration {
        let Some(present) = Clocks::read() else {
            return Duration::ZERO;
        };
        let last = self.clocks.replace(present);
        last.map_or(Duration::ZERO, |last| present.jump_since(last))
    }
}

impl Clocks {
    fn read() -> Option<Self> {
        let monotonic = now();
        let wall = SystemTime::now();
        (now() - monotonic < READ_AT_ONCE).then_some(Self { wall, monotonic })
    }

    /// By how much the wall clock was set.
    fn jump_since(self, earlier: Self) -> Duration {
        let passed = self.monotonic - earlier.monotonic;
        let shown = self.wall.duration_since(earlier.wall);
        let jump = match shown {
            Ok(shown) => shown.abs_diff(passed),
            Err(backwards) => backwards.duration() + passed,
        };
        if jump < CLOCK_JUMP { Duration::ZERO } else { jump }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_jumps_and_one_that_is_slewed_does_not() {
        let at = |wall: u64, monotonic: u64| Clocks {
            wall: SystemTime::UNIX_EPOCH + Duration::from_millis(wall),
            monotonic: Moment::ZERO + Duration::from_millis(monotonic),
        };
        let first = at(50_000, 0);
        assert_eq!(at(51_001, 1_000).jump_since(first), Duration::ZERO);
        assert_eq!(at(61_000, 1_000).jump_since(first), Duration::from_secs(10));
        assert_eq!(at(41_000, 1_000).jump_since(first), Duration::from_secs(10));
    }
}
