//! How surely a comparison tells an unchanged server from one whose p99 is a tenth higher, by the number of runs: prints
//! what the table of `docs/gate.md` says. It takes minutes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool may end with a panic and prints what it found"
)]

#[path = "../tests/gate_simulation/simulation.rs"]
mod simulation;

use simulation::{Server, interleaved, stored, verdicts};

fn main() {
    for repeats in [5, 10, 20] {
        for (server, seeds) in [(Server::Unchanged, 0..200), (Server::SlowTail, 0..50)] {
            let turns = verdicts(seeds.clone(), |seed| interleaved(seed, server, repeats));
            let apart = verdicts(seeds, |seed| stored(seed, server, repeats));
            println!("{repeats} {server:?}\n  in turns {turns:?}\n  another day {apart:?}");
        }
    }
}
