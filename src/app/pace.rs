//! How fast the machine is right now: a fixed piece of work of the kind that load is made of.
//!
//! Machines, shared ones above all, have states of speed that last for minutes. Runs made in different states differ by
//! more than most regressions, so each repeated run is measured between two looks at the machine.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use crate::clock::now;

/// Bytes through a connection to ourselves: two system calls and the loopback device, as for a message.
const ROUNDS: u32 = 1_500;
/// The middle one of several tells the speed; a single one may have been interrupted.
const PARTS: usize = 9;

/// Rounds per second.
pub(super) fn measure() -> io::Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    let mut speeds = Vec::with_capacity(PARTS);
    for _ in 0..PARTS {
        let begin = now();
        for round in 0..ROUNDS {
            let mut bytes = round.to_le_bytes();
            near.write_all(&bytes)?;
            far.read_exact(&mut bytes)?;
        }
        speeds.push(f64::from(ROUNDS) / now().since(begin).as_secs_f64().max(1e-9));
    }
    speeds.sort_by(f64::total_cmp);
    Ok(speeds[PARTS / 2])
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
