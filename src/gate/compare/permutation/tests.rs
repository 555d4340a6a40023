use super::*;

const FOUR_EACH: [Stratum; 1] = [Stratum { a: 4, b: 4 }];
const FIVE_EACH: [Stratum; 1] = [Stratum { a: 5, b: 5 }];

fn sample(a: &[f64], b: &[f64]) -> Sample {
    Sample {
        a: a.to_vec(),
        b: b.to_vec(),
    }
}

/// How many labellings there are, by hand: C(5, 2), C(10, 5), C(4, 2) · C(3, 1).
#[test]
fn every_labelling_is_tried_once_and_the_observed_one_is_among_them() {
    let two_strata = [Stratum { a: 2, b: 2 }, Stratum { a: 2, b: 1 }];
    for (strata, all) in [
        (&[Stratum { a: 3, b: 2 }][..], 10),
        (&FIVE_EACH[..], 252),
        (&two_strata[..], 18),
    ] {
        let mut seen = Vec::new();
        for_each_labelling(strata, |labels| seen.push(labels.to_vec()));
        assert_eq!(seen.len(), all);
        assert!(seen.contains(&observed_labels(strata)));
        let on_b = |labels: &[bool]| labels.iter().filter(|on_b| **on_b).count();
        assert!(
            seen.iter()
                .all(|labels| on_b(&labels[..strata[0].a + strata[0].b]) == strata[0].b),
            "runs stay in their stratum"
        );
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all);
        assert!((least_p(strata) - 1.0 / all as f64).abs() < 1e-12);
    }
}

#[test]
fn too_many_labellings_are_drawn_with_the_observed_one_first() {
    let strata = [Stratum { a: 6, b: 7 }, Stratum { a: 6, b: 5 }];
    let mut count = 0;
    for_each_labelling(&strata, |labels| {
        assert_eq!(labels[..13].iter().filter(|on_b| **on_b).count(), 7);
        assert_eq!(labels[13..].iter().filter(|on_b| **on_b).count(), 5);
        if count == 0 {
            assert_eq!(labels, observed_labels(&strata));
        }
        count += 1;
    });
    assert_eq!(count, RELABELLINGS);
}

/// With all of B above all of A only the observed labelling is as extreme: 1 of C(8, 4).
#[test]
fn sides_without_overlap_have_the_least_chance_there_is() {
    let tested = test(
        &[sample(&[1.0, 1.1, 1.2, 1.3], &[2.0, 2.1, 2.2, 2.3])],
        &FOUR_EACH,
    )[0];
    assert!((tested.p_worse - 1.0 / 70.0).abs() < 1e-12, "{tested:?}");
    assert!((tested.p_better - 1.0).abs() < 1e-12 && (tested.difference - 1.0).abs() < 1e-9);
}

/// Two states of the machine, far apart: within each the sides differ clearly, over both they seem not to.
#[test]
fn strata_show_what_their_mixture_hides() {
    let apart = sample(&[1.0, 1.1, 5.0, 5.1, 5.05], &[1.5, 1.6, 1.55, 5.5, 5.6]);
    let strata = [Stratum { a: 2, b: 3 }, Stratum { a: 3, b: 2 }];
    let told = test(std::slice::from_ref(&apart), &strata)[0];
    assert!(
        (told.p_worse - 0.01).abs() < 1e-12 && (told.difference - 0.5).abs() < 0.01,
        "{told:?}"
    );
    let mixed = test(&[apart], &FIVE_EACH)[0];
    assert!(mixed.p_worse > 0.2 && mixed.difference < 0.0, "{mixed:?}");
}

/// Of eight runs each, one of A was disturbed: the others still tell, and the disturbed one does not become the verdict.
#[test]
fn a_single_run_far_out_hides_nothing_and_decides_nothing() {
    let a = [1.0, 1.02, 0.98, 1.01, 0.99, 1.005, 0.995, 3.5];
    let strata = [Stratum { a: 8, b: 8 }];
    let slower = a.map(|value| if value > 2.0 { 1.2 } else { value + 0.2 });
    let told = test(&[sample(&a, &slower)], &strata)[0];
    assert!(
        told.p_worse < 0.025 && (told.difference - 0.2).abs() < 0.03,
        "{told:?}"
    );
    let calm = a.map(|value| if value > 2.0 { 1.0 } else { value });
    let same = test(&[sample(&calm, &a)], &strata)[0];
    assert!(same.p_worse > 0.025 && same.difference < 0.03, "{same:?}");
}

/// A second figure that is only noise takes from the first one's certainty, never adds to it.
#[test]
fn more_figures_make_no_figure_more_certain() {
    let shifted = sample(&[1.0, 1.2, 1.1, 1.3, 1.25], &[1.2, 1.5, 1.4, 1.35, 1.45]);
    let noise = sample(&[3.0, 1.0, 2.0, 5.0, 4.0], &[2.5, 4.5, 1.5, 3.5, 2.2]);
    let alone = test(std::slice::from_ref(&shifted), &FIVE_EACH)[0];
    let together = test(&[shifted, noise], &FIVE_EACH)[0];
    assert!(together.p_worse >= alone.p_worse);
    assert!((together.difference - alone.difference).abs() < 1e-12);
}

/// The textbook's interval: n = 5 and 5, pooled variance 2.5, standard error 1, 8 degrees of freedom.
#[test]
fn the_interval_is_that_of_the_tables() {
    let tested = test(
        &[sample(&[1.0, 2.0, 3.0, 4.0, 5.0], &[2.0, 3.0, 4.0, 5.0, 6.0])],
        &FIVE_EACH,
    )[0];
    assert!(
        (tested.margin - 2.306 * (1.0 + STEADIEST)).abs() < 1e-9,
        "{tested:?}"
    );
    assert!((tested.noise - 2.5_f64.sqrt()).abs() < 1e-9);
    assert!((student(9_999) - 1.972).abs() < 1e-12 && (student(11) - student(10)).abs() < 1e-12);
}
