//! The comparison judged by simulated runs, whose truth is known: how often does it raise a false alarm on an unchanged
//! server, and how often does it catch one whose p99 is 10 % higher?

#![expect(clippy::unwrap_used, reason = "whatever does not work fails the test")]

mod simulation;

use simulation::{Server, interleaved, stored, verdicts};

/// The number of runs that `--repeat` has by default.
const REPEATS: usize = 20;

#[test]
fn an_unchanged_server_raises_few_alarms() {
    let found = verdicts(0..200, |seed| interleaved(seed, Server::Unchanged, REPEATS));
    assert!(found.regressed + found.improved < 10, "{found:?}");
    // A gate that cannot tell anything raises no alarms either.
    assert!(found.same > 150, "{found:?}");
}

#[test]
fn a_p99_that_is_a_tenth_slower_is_caught() {
    let tail = verdicts(0..50, |seed| interleaved(seed, Server::SlowTail, REPEATS));
    assert!(tail.regressed > 47, "{tail:?}");
}

#[test]
fn an_unchanged_server_raises_few_alarms_against_a_baseline_of_another_day() {
    let found = verdicts(0..60, |seed| stored(seed, Server::Unchanged, REPEATS));
    assert!(found.regressed + found.improved <= 3, "{found:?}");
}
