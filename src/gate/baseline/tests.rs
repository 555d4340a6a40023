use std::time::Duration;

use super::*;
use crate::gate::testing;
use crate::metrics::GroupId;

/// Two groups, `a` with responses of 1 to 100 ms and `b` with one of 1 s.
fn baseline() -> Baseline {
    let repeat = testing::repeat(&["a", "b"], |shard| {
        for millis in 1..=100 {
            shard.record(GroupId(0), Trend::Response, Duration::from_millis(millis));
        }
        shard.record(GroupId(1), Trend::Response, Duration::from_secs(1));
    });
    testing::baseline("main", vec![repeat])
}

#[test]
fn what_is_kept_comes_back_with_its_distributions() {
    let read = Baseline::from_json(&baseline().to_json().unwrap()).unwrap();
    assert_eq!(read, baseline());
    let of = |group| read.repeats[0].histogram(group, Trend::Response).unwrap();
    assert_eq!(
        (of(Some("a")).count(), of(Some("b")).count(), of(None).count()),
        (100, 1, 101)
    );
    let median = of(Some("a")).quantile(0.5).as_secs_f64();
    assert!((median / 0.05 - 1.0).abs() < 1e-3, "{median}");
    assert!(read.repeats[0].histogram(None, Trend::Ping).is_none());
}

#[test]
fn a_baseline_cut_off_anywhere_says_so() {
    let whole = baseline().to_json().unwrap();
    let text = whole.trim_end();
    for end in (1..text.len()).step_by(text.len() / 50) {
        let error = Baseline::from_json(&text[..end]).unwrap_err();
        assert!(
            matches!(error, BaselineError::Form(FormError::Truncated { .. })),
            "{end}: {error}"
        );
        assert!(error.to_string().contains("save the baseline again"), "{error}");
    }
}

#[test]
fn another_form_another_document_and_a_damaged_histogram_are_told_apart() {
    let text = baseline().to_json().unwrap();
    let other = text.replace(BASELINE_SCHEMA, "wsbench.baseline/9");
    let error = Baseline::from_json(&other).unwrap_err().to_string();
    assert!(
        error.contains("`wsbench.baseline/9`") && error.contains("`wsbench.baseline/1`"),
        "{error}"
    );

    assert!(matches!(
        Baseline::from_json("[1]"),
        Err(BaselineError::Form(FormError::Malformed { .. }))
    ));
    let without_runs = Baseline {
        repeats: Vec::new(),
        ..baseline()
    };
    let error = Baseline::from_json(&without_runs.to_json().unwrap()).unwrap_err();
    assert!(matches!(error, BaselineError::Empty), "{error}");

    let mut damaged = baseline();
    for encoded in damaged.repeats[0].histograms[0].trends.values_mut() {
        *encoded = "AAAA".to_owned();
    }
    let error = Baseline::from_json(&damaged.to_json().unwrap())
        .unwrap_err()
        .to_string();
    assert!(error.contains("`response` in repeat 1 is damaged"), "{error}");
}

#[test]
fn the_machine_is_steady_within_the_tolerance() {
    let steady = |before, after| Pace { before, after }.is_steady();
    assert!(steady(100.0, 110.0) && steady(110.0, 100.0));
    assert!(!steady(100.0, 130.0) && !steady(130.0, 100.0));
}
