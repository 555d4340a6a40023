//! How fast the machine is right now: a fixed piece of work of the kind that load is made of.
//!
//! Machines, shared ones above all, have states of speed that last for minutes. Runs made in different states differ by
//! more than most regressions, so each repeated run is measured between two looks at the machine.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use crate::net::system::usage_of_self;

/// Bytes through a connection to ourselves: two system calls and the loopback device, as for a message.
const ROUNDS: u32 = 2_000;
/// The fastest one of several tells the speed: the others were disturbed.
const PARTS: usize = 9;

/// Rounds per second of processor time. Waiting for the processor, as on a busy machine, does not count: a busy
/// neighbour is noise, which more runs even out, not another machine.
pub(super) fn measure() -> io::Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    let mut least = Duration::MAX;
    for _ in 0..PARTS {
        let begin = processor_time()?;
        for round in 0..ROUNDS {
            let mut bytes = round.to_le_bytes();
            near.write_all(&bytes)?;
            far.read_exact(&mut bytes)?;
        }
        least = least.min(processor_time()?.saturating_sub(begin));
    }
    Ok(f64::from(ROUNDS) / least.as_secs_f64().max(1e-6))
}

fn processor_time() -> io::Result<Duration> {
    let usage = usage_of_self()?;
    Ok(usage.user + usage.system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_a_speed() {
        let speed = measure().unwrap();
        assert!(speed.is_finite() && speed > 0.0, "{speed}");
    }
}
