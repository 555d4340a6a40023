//! How surely a comparison tells an unchanged server from one whose p99 is a tenth higher, by the number of runs: prints
//! what the table of `docs/gate.md` says. It takes minutes.
//!
//! `gate_repeats [FIRST-SEED [RUNS]...]`: with seeds that nothing was tuned on, and for some numbers of runs only.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool may end with a panic and prints what it found"
)]

#[path = "../tests/gate_simulation/simulation.rs"]
mod simulation;

use simulation::{Server, interleaved, stored, verdicts};

fn main() {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse().unwrap());
    let first = numbers.next().unwrap_or(0);
    let mut runs: Vec<usize> = numbers.map(|runs: u64| runs.try_into().unwrap()).collect();
    if runs.is_empty() {
        runs = vec![5, 10, 20];
    }
    for repeats in runs {
        for (server, seeds) in [
            (Server::Unchanged, first..first + 200),
            (Server::SlowTail, first..first + 50),
        ] {
            let turns = verdicts(seeds.clone(), |seed| interleaved(seed, server, repeats));
            let apart = verdicts(seeds, |seed| stored(seed, server, repeats));
            println!("{repeats} {server:?}\n  in turns {turns:?}\n  another day {apart:?}");
        }
    }
}
