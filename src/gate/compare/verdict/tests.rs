use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::gate::baseline::{Pace, Repeat};
use crate::gate::testing::{baseline, repeat};
use crate::metrics::{Counter, GroupId, Trend};

/// A run of 6,000 responses around `millis` and of so many failed flows of 1,000.
fn run(millis: f64, failed: u64) -> Repeat {
    repeat(&["only"], |shard| {
        for step in 0..6_000 {
            let response = millis * (0.9 + f64::from(step) / 30_000.0);
            shard.record(
                GroupId(0),
                Trend::Response,
                Duration::from_secs_f64(response / 1e3),
            );
        }
        shard.add(GroupId(0), Counter::FlowsStarted, 1_000);
        shard.add(GroupId(0), Counter::FlowsFailed, failed);
        shard.add(GroupId(0), Counter::FlowsCompleted, 1_000 - failed);
    })
}

/// Six runs whose response times differ by up to two per cent.
fn steady(name: &str, millis: f64, failed: u64) -> Baseline {
    let runs = [0.99, 1.01, 1.0, 1.005, 0.995, 1.002];
    baseline(name, runs.map(|factor| run(millis * factor, failed)).into())
}

fn told(a: &Baseline, b: &Baseline) -> Comparison {
    compare(a, b, &CompareOptions::default())
}

#[test]
fn the_verdict_is_on_b() {
    let before = steady("a", 10.0, 0);
    for (millis, failed, verdict, reason) in [
        (10.02, 0, Verdict::Same, "no figure changed"),
        (11.5, 0, Verdict::Regressed, "response_time p("),
        (8.5, 0, Verdict::Improved, "response_time p("),
        (10.3, 0, Verdict::Same, "no figure changed"),
        (
            10.0,
            20,
            Verdict::Regressed,
            "flows_failed rate: 2% instead of 0% (+2.00 percentage points)",
        ),
        (8.0, 20, Verdict::Regressed, "flows_failed rate"),
    ] {
        let comparison = told(&before, &steady("b", millis, failed));
        assert_eq!(
            comparison.verdict, verdict,
            "{millis} {failed}: {}",
            comparison.reason
        );
        assert!(comparison.reason.contains(reason), "{}", comparison.reason);
    }
}

#[test]
fn a_margin_says_what_matters() {
    let (a, b) = (steady("a", 10.0, 0), steady("b", 10.3, 0));
    let with = |margin| {
        let options = CompareOptions {
            margin,
            interleaved: true,
            ..CompareOptions::default()
        };
        compare(&a, &b, &options).verdict
    };
    assert_eq!((with(0.1), with(0.05)), (Verdict::Same, Verdict::Regressed));
}

#[test]
fn noise_among_the_runs_leaves_nothing_to_tell() {
    let noisy = |name| {
        baseline(
            name,
            [6.0, 14.0, 9.0, 12.0, 8.0, 11.0]
                .map(|millis| run(millis, 0))
                .into(),
        )
    };
    let comparison = told(&noisy("a"), &noisy("b"));
    assert_eq!(comparison.verdict, Verdict::CannotTell);
    assert!(
        comparison.reason.contains("among themselves"),
        "{}",
        comparison.reason
    );
}

#[test]
fn too_few_runs_leave_nothing_to_tell() {
    let few = |name, count| {
        let all = steady(name, 10.0, 0);
        baseline(name, all.repeats[..count].to_vec())
    };
    for (a, b) in [(1, 1), (3, 3), (1, 6)] {
        let comparison = told(&few("a", a), &few("b", b));
        assert_eq!(comparison.verdict, Verdict::CannotTell, "{a} {b}");
        assert!(comparison.reason.contains("too few"), "{}", comparison.reason);
    }
    assert_eq!(told(&few("a", 4), &few("b", 4)).verdict, Verdict::Same);
}

#[test]
fn what_is_not_comparable_is_not_compared_unless_accepted() {
    let a = steady("a", 10.0, 0);
    let mut scenario = a.clone();
    scenario.scenario.fingerprint = "2".to_owned();
    let mut version = a.clone();
    version.version = "1.1.0".to_owned();
    let mut machine = a.clone();
    machine.machine.cores = 8;
    for (b, aspect, text) in [
        (scenario, Aspect::Scenario, "the scenario `iot` was changed"),
        (
            version,
            Aspect::Version,
            "A was measured by wsbench 1.0.0, B by 1.1.0",
        ),
        (
            machine,
            Aspect::Machine,
            "4 cores of A processor (linux x86_64), B on 8 cores",
        ),
    ] {
        let comparison = told(&a, &b);
        assert_eq!(
            (comparison.verdict, comparison.rows.len()),
            (Verdict::CannotTell, 0)
        );
        assert!(comparison.reason.contains(text), "{}", comparison.reason);
        assert!(comparison.reason.contains(&format!("--accept {}", aspect.word())));
        let options = CompareOptions {
            accept: [aspect].into(),
            ..CompareOptions::default()
        };
        assert_eq!(compare(&a, &b, &options).verdict, Verdict::Same);
    }
}

#[test]
fn runs_at_another_speed_of_the_machine_are_left_out_with_a_word() {
    let a = steady("a", 10.0, 0);
    let mut b = steady("b", 10.0, 0);
    b.repeats[0].pace.after = 70.0;
    b.repeats[1] = run(14.0, 0);
    b.repeats[1].pace = Pace {
        before: 70.0,
        after: 70.0,
    };
    let comparison = told(&a, &b);
    assert_eq!((comparison.verdict, comparison.b.used), (Verdict::Same, 4));
    assert!(
        comparison
            .notes
            .iter()
            .any(|note| note.contains("run 1 of B is left out: the machine's speed changed by -30 %"))
            && comparison
                .notes
                .iter()
                .any(|note| note.contains("1 run of B is left out: the machine had that speed")),
        "{:?}",
        comparison.notes
    );
}

/// Each percentile of each group has its row; what nobody measured has none.
#[test]
fn rows_are_of_what_was_measured() {
    let comparison = told(&steady("a", 10.0, 3), &steady("b", 10.0, 3));
    let figures: BTreeMap<&str, Option<&str>> = comparison
        .rows
        .iter()
        .map(|row| (row.figure.as_str(), row.group.as_deref()))
        .collect();
    assert_eq!(
        figures.into_keys().collect::<Vec<_>>(),
        [
            "flows_failed rate",
            "response_time p(50)",
            "response_time p(90)",
            "response_time p(95)",
            "response_time p(99)"
        ]
    );
}

/// Four per cent are beyond the noise of six runs, but not beyond what another day changes.
#[test]
fn a_baseline_of_another_day_tells_less_than_two_targets_in_turns() {
    let (a, b) = (steady("a", 10.0, 0), steady("b", 10.4, 0));
    let with = |interleaved| {
        let options = CompareOptions {
            margin: 0.05,
            interleaved,
            ..CompareOptions::default()
        };
        compare(&a, &b, &options)
    };
    let (turns, apart) = (with(true), with(false));
    assert_eq!(
        (turns.verdict, apart.verdict),
        (Verdict::Regressed, Verdict::CannotTell)
    );
    assert!(apart.rows[0].high > turns.rows[0].high && apart.rows[0].low < turns.rows[0].low);
}
