use super::*;
use crate::gate::baseline::{Machine, ScenarioId};

fn fact(group: &str, subject: Subject, direct: &str, through: &str) -> Fact {
    let set = |text: &str| {
        text.split('|')
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect()
    };
    Fact {
        group: group.to_owned(),
        subject,
        direct: set(direct),
        through: set(through),
        note: None,
    }
}

fn latency(direct_ms: f64, ratio: f64) -> Added {
    Added {
        group: "echo".to_owned(),
        figure: "response p(50)".to_owned(),
        direct_ms,
        through_ms: direct_ms * ratio,
        ratio,
        least: ratio,
        low: ratio * 0.9,
        high: Some(ratio * 1.1),
    }
}

fn record(facts: Vec<Fact>, added: Vec<Added>) -> GatewayRecord {
    let created = "2026-01-01T00:00:00Z".to_owned();
    GatewayRecord {
        rounds: 5,
        facts,
        added,
        ..GatewayRecord::new(ScenarioId::default(), Machine::default(), created, &[])
    }
}

fn codes(direct: &str, through: &str) -> GatewayRecord {
    record(vec![fact("idle", Subject::CloseCodes, direct, through)], vec![])
}

fn slow(direct_ms: f64, ratio: f64) -> GatewayRecord {
    record(vec![], vec![latency(direct_ms, ratio)])
}

fn texts(verdict: &GatewayVerdict) -> Vec<&str> {
    verdict
        .findings
        .iter()
        .map(|finding| finding.text.as_str())
        .collect()
}

#[test]
fn without_a_baseline_a_gateway_may_change_no_fact() {
    let judged = judge(&codes("1000", "1000"), None, 1.0);
    assert_eq!((judged.verdict, texts(&judged)), (Verdict::Same, vec![]));
    let judged = judge(&codes("1000", "1006"), None, 1.0);
    assert_eq!(judged.verdict, Verdict::Regressed);
    assert_eq!(
        texts(&judged),
        ["close codes: \"1006\" through the gateway, instead of \"1000\"; directly it is \"1000\" (idle)"]
    );
}

#[test]
fn what_a_gateway_changed_before_it_may_change_again() {
    let known = codes("1001", "1006");
    let judged = judge(&known, Some(&known), 1.0);
    assert_eq!(judged.verdict, Verdict::Same);
    assert_eq!(
        judged.changes,
        ["close codes: \"1006\" through the gateway, \"1001\" directly (idle)"]
    );
}

#[test]
fn a_backend_that_changed_is_told_from_a_gateway_that_did() {
    let judged = judge(&codes("1009", "1009"), Some(&codes("1000", "1000")), 1.0);
    assert_eq!(
        texts(&judged),
        [
            "close codes: \"1009\" through the gateway, instead of \"1000\"; directly too: it is the backend (idle)"
        ]
    );
    let judged = judge(&codes("1009", "1000"), Some(&codes("1000", "1000")), 1.0);
    assert_eq!(
        texts(&judged),
        ["close codes: \"1009\" directly, instead of \"1000\": it is the backend (idle)"]
    );
}

#[test]
fn one_run_that_went_another_way_is_no_change() {
    let judged = judge(&codes("1000", "1000|1006"), None, 1.0);
    assert_eq!(judged.verdict, Verdict::Same);
}

#[test]
fn a_group_that_does_not_get_in_is_told_once_and_groups_are_told_together() {
    let closed = |group| {
        [
            fact(group, Subject::Connects, "all opened", "none opened"),
            fact(group, Subject::Messages, "all answered", ""),
        ]
    };
    let now = record([closed("echo"), closed("idle")].concat(), vec![]);
    assert_eq!(
        texts(&judge(&now, None, 1.0)),
        [
            "connections: \"none opened\" through the gateway, instead of \"all opened\"; directly it is \"all opened\" (echo, idle)"
        ]
    );
}

#[test]
fn a_group_that_nobody_was_in_cannot_be_judged() {
    let now = record(vec![fact("idle", Subject::Connects, "all opened", "")], vec![]);
    assert_eq!(judge(&now, None, 1.0).verdict, Verdict::CannotTell);
}

#[test]
fn another_scenario_is_not_comparable() {
    let mut other = codes("1000", "1000");
    other.scenario.name = "other".to_owned();
    assert_eq!(
        judge(&codes("1000", "1000"), Some(&other), 1.0).verdict,
        Verdict::CannotTell
    );
}

#[test]
fn another_machine_is_comparable_and_told() {
    let mut other = codes("1000", "1000");
    other.machine.cores = 64;
    let judged = judge(&codes("1000", "1000"), Some(&other), 1.0);
    assert_eq!((judged.verdict, judged.notes.len()), (Verdict::Same, 1));
}

#[test]
fn latency_counts_by_ratio_and_only_from_a_millisecond_on() {
    let verdict = |now: &GatewayRecord, before: &GatewayRecord| judge(now, Some(before), 1.0).verdict;
    // A buffer or a timer in the way: 40 ms more.
    assert_eq!(verdict(&slow(0.2, 200.0), &slow(0.2, 1.5)), Verdict::Regressed);
    // Five times as much of next to nothing.
    assert_eq!(verdict(&slow(0.1, 5.0), &slow(0.1, 1.5)), Verdict::Same);
    // A machine that is four times as slow has the same gateway.
    assert_eq!(verdict(&slow(8.0, 1.5), &slow(2.0, 1.5)), Verdict::Same);
    // Less than the margin.
    assert_eq!(verdict(&slow(10.0, 1.8), &slow(10.0, 1.5)), Verdict::Same);
}

#[test]
fn latency_that_may_be_worse_cannot_be_told() {
    let mut now = slow(1.0, 4.0);
    now.added[0].low = 0.2;
    now.added[0].high = Some(45.0);
    let judged = judge(&now, Some(&slow(1.0, 1.5)), 1.0);
    assert_eq!(judged.verdict, Verdict::CannotTell, "{judged:?}");
    // A fast run shows that the others were disturbed.
    let mut calm = now.clone();
    calm.added[0].least = 1.2;
    assert_eq!(judge(&calm, Some(&slow(1.0, 1.5)), 1.0).verdict, Verdict::Same);
    // A fact that is wrong needs no more rounds.
    now.facts.push(fact("idle", Subject::CloseCodes, "1000", "1006"));
    let judged = judge(&now, Some(&slow(1.0, 1.5)), 1.0);
    assert_eq!((judged.verdict, judged.findings.len()), (Verdict::Regressed, 1));
}

#[test]
fn a_late_backend_is_told_from_a_late_gateway() {
    let judged = judge(&slow(50.3, 1.01), Some(&slow(0.3, 1.5)), 1.0);
    assert_eq!(
        texts(&judged),
        [
            "latency: response p(50) of echo is 50.3 ms directly, instead of 0.3 ms: it is the backend that answers 50.0 ms later"
        ]
    );
}

#[test]
fn a_tail_needs_more_milliseconds_and_keeps_no_verdict_back() {
    let tail = |ratio: f64, spread: f64| {
        let mut record = slow(1.0, ratio);
        record.added[0].figure = "response p(95)".to_owned();
        record.added[0].low = ratio / spread;
        record.added[0].high = Some(ratio * spread);
        record
    };
    let verdict = |now: &GatewayRecord| judge(now, Some(&tail(1.5, 1.1)), 1.0).verdict;
    assert_eq!(verdict(&tail(4.0, 1.1)), Verdict::Same);
    assert_eq!(verdict(&tail(9.0, 1.1)), Verdict::Regressed);
    assert_eq!(verdict(&tail(9.0, 50.0)), Verdict::Same);
}
