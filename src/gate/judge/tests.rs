use std::time::Duration;

use super::*;
use crate::metrics::{Counter, Gauges, Tally, Trend};

fn measured(tally: &Tally, seconds: u64) -> Measured<'_> {
    Measured {
        elapsed: Duration::from_secs(seconds),
        peak: Gauges::default(),
        groups: vec![("only", tally)],
    }
}

fn judge_of(texts: &[&str]) -> Judge {
    Judge::new(
        texts
            .iter()
            .map(|text| Threshold::of_flag(text).unwrap())
            .collect(),
    )
}

fn responses(millis: &[u64]) -> Tally {
    let mut tally = Tally::default();
    for &millis in millis {
        tally.record(Trend::Response, Duration::from_millis(millis));
    }
    tally
}

#[test]
fn thresholds_follow_the_run_and_are_settled_at_its_end() {
    let mut judge = judge_of(&["response_time: avg<50ms", "messages_sent: count>=2"]);
    assert!(
        judge
            .results()
            .iter()
            .all(|result| result.state == ThresholdState::NoData)
    );

    let mut tally = responses(&[100]);
    assert_eq!(judge.look(&measured(&tally, 1)), None);
    let states = |judge: &Judge| {
        judge
            .results()
            .iter()
            .map(|result| result.state)
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&judge), [ThresholdState::Crossed; 2]);
    assert_eq!(judge.results()[0].present(), "100ms");
    assert_eq!(judge.results()[0].aggregate(), "avg");

    tally.record(Trend::Response, Duration::from_millis(2));
    tally.record(Trend::Response, Duration::from_millis(3));
    tally.add(Counter::MessagesSent, 3);
    let thresholds = judge.clone().finish(&measured(&tally, 2));
    assert_eq!(thresholds.verdict, ThresholdVerdict::Passed);
    tally.record(Trend::Response, Duration::from_millis(400));
    assert_eq!(
        judge.finish(&measured(&tally, 3)).verdict,
        ThresholdVerdict::Crossed
    );
}

#[test]
fn no_thresholds_are_no_verdict_and_no_data_is_no_pass() {
    let nothing = Tally::default();
    assert_eq!(
        Judge::default().finish(&measured(&nothing, 1)).verdict,
        ThresholdVerdict::None
    );
    let thresholds = judge_of(&["response_time: avg<1s"]).finish(&measured(&nothing, 1));
    assert_eq!(thresholds.verdict, ThresholdVerdict::Crossed);
    assert_eq!(thresholds.results[0].state, ThresholdState::NoData);
}

#[test]
fn the_run_is_ended_once_and_not_before_its_delay() {
    let mut threshold = Threshold::of_flag("response_time: max<50ms").unwrap();
    threshold.abort_on_fail = true;
    threshold.delay_abort_eval = Duration::from_secs(10);
    let mut judge = Judge::new(vec![
        Threshold::of_flag("response_time: avg<1ms").unwrap(),
        threshold,
    ]);
    let slow = responses(&[100]);
    assert_eq!(judge.look(&measured(&slow, 9)), None);
    assert_eq!(
        judge
            .look(&measured(&slow, 10))
            .map(ToString::to_string)
            .as_deref(),
        Some("response_time: max<50ms")
    );
    assert_eq!(judge.look(&measured(&slow, 11)), None);
    let end = judge.finish(&measured(&slow, 11));
    assert_eq!(
        end.results
            .iter()
            .map(|result| result.aborted)
            .collect::<Vec<_>>(),
        [false, true]
    );
}

#[test]
fn nothing_measured_ends_no_run_and_what_ended_it_stays_crossed() {
    let mut threshold = Threshold::of_flag("response_time: avg<50ms").unwrap();
    threshold.abort_on_fail = true;
    let mut judge = Judge::new(vec![threshold]);
    assert_eq!(judge.look(&measured(&Tally::default(), 1)), None);
    assert!(judge.look(&measured(&responses(&[60]), 2)).is_some());
    let end = judge.finish(&measured(&responses(&[60, 1, 1]), 3));
    assert_eq!(end.verdict, ThresholdVerdict::Crossed);
}
