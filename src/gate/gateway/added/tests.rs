use super::*;

fn latency(direct: &[f64], through: &[f64]) -> Added {
    compared("echo", "response p(50)", direct.to_vec(), through.to_vec())
}

#[test]
fn a_ratio_is_that_of_neighbours_whatever_the_machine_does_meanwhile() {
    // The machine is three times as slow in the second half; the gateway doubles the latency all the time.
    let added = latency(&[1.0, 1.0, 3.0, 3.0], &[2.0, 2.0, 6.0, 6.0]);
    assert!((added.ratio - 2.0).abs() < 1e-9, "{added:?}");
    assert!((added.low - 2.0).abs() < 1e-9, "{added:?}");
    assert!(
        added.high.is_some_and(|high| (high - 2.0).abs() < 1e-9),
        "{added:?}"
    );
    assert!((added.added_ms() - 2.0).abs() < 1e-9, "{added:?}");
}

#[test]
fn the_interval_is_student_s() {
    // Logarithms 0 and ln 4: mean ln 2, standard error ln 2, one degree of freedom.
    let added = latency(&[1.0, 1.0], &[1.0, 4.0]);
    assert!((added.ratio - 2.0).abs() < 1e-9);
    assert!((added.least - 1.0).abs() < 1e-9);
    let half = 12.71 * 2.0_f64.ln();
    let high = added.high.unwrap_or_default();
    assert!((high.ln() - (2.0_f64.ln() + half)).abs() < 1e-6, "{high}");
    assert!((added.low.ln() - (2.0_f64.ln() - half)).abs() < 1e-6);
}

#[test]
fn one_round_has_no_interval() {
    let added = latency(&[1.0], &[1.5]);
    assert_eq!((added.low, added.high), (0.0, None));
}

#[test]
fn the_median_of_few_is_their_middle() {
    assert_eq!(
        [
            median(vec![3.0, 1.0, 2.0]),
            median(vec![1.0, 3.0]),
            median(vec![])
        ],
        [2.0, 2.0, 0.0]
    );
}
