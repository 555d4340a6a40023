use super::*;

fn sample(a: &[f64], b: &[f64]) -> Sample {
    Sample {
        a: a.to_vec(),
        b: b.to_vec(),
    }
}

/// How many labellings there are, by hand: 2³ swaps, and C(5, 2) choices.
#[test]
fn every_relabelling_is_tried_once_and_the_observed_one_is_among_them() {
    for (design, a, b, all) in [
        (Design::Paired, 3, 3, 8),
        (Design::Free, 3, 2, 10),
        (Design::Free, 5, 5, 252),
    ] {
        let mut seen = Vec::new();
        for_each_relabelling(a, b, design, |labels| seen.push(labels.0.clone()));
        assert_eq!(seen.len(), all, "{design:?}");
        assert!(seen.contains(&Relabelling::none(a, b, design).0));
        if design == Design::Free {
            assert!(
                seen.iter()
                    .all(|labels| labels.iter().filter(|on_b| **on_b).count() == b)
            );
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all, "{design:?}");
        assert!((design.least_p(a, b) - 1.0 / all as f64).abs() < 1e-12);
    }
}

#[test]
fn too_many_relabellings_are_drawn_with_the_observed_one_first() {
    let mut count = 0;
    for_each_relabelling(12, 12, Design::Free, |labels| {
        assert_eq!(labels.0.iter().filter(|on_b| **on_b).count(), 12);
        if count == 0 {
            assert_eq!(labels.0, Relabelling::none(12, 12, Design::Free).0);
        }
        count += 1;
    });
    assert_eq!(count, RELABELLINGS);
}

/// With all of B above all of A only the observed labelling is as extreme: 1 of C(8, 4), and 1 of 2⁶.
#[test]
fn sides_without_overlap_have_the_least_chance_there_is() {
    let [tested] = test(
        &[sample(&[1.0, 1.1, 1.2, 1.3], &[2.0, 2.1, 2.2, 2.3])],
        Design::Free,
    )[..] else {
        panic!("one figure")
    };
    assert!((tested.p_worse - 1.0 / 70.0).abs() < 1e-12, "{tested:?}");
    assert!((tested.p_better - 1.0).abs() < 1e-12 && (tested.difference - 1.0).abs() < 1e-9);

    let a = [1.0, 5.0, 2.0, 8.0, 3.0, 4.0];
    let b = a.map(|value| value + 0.1 + value / 1e3);
    let [paired] = test(&[sample(&a, &b)], Design::Paired)[..] else {
        panic!("one figure")
    };
    assert!((paired.p_worse - 1.0 / 64.0).abs() < 1e-12, "{paired:?}");
    // Pairs tell what the same runs do not tell without them.
    assert!(test(&[sample(&a, &b)], Design::Free)[0].p_worse > 0.2);
}

/// A second figure that is only noise takes from the first one's certainty, never adds to it.
#[test]
fn more_figures_make_no_figure_more_certain() {
    let shifted = sample(&[1.0, 1.2, 1.1, 1.3, 1.25], &[1.2, 1.5, 1.4, 1.35, 1.45]);
    let noise = sample(&[3.0, 1.0, 2.0, 5.0, 4.0], &[2.5, 4.5, 1.5, 3.5, 2.2]);
    let alone = test(std::slice::from_ref(&shifted), Design::Free)[0];
    let together = test(&[shifted, noise], Design::Free)[0];
    assert!(together.p_worse >= alone.p_worse && together.difference == alone.difference);
}

/// Student's interval of the textbook: n = 5 and 5, pooled variance 2.5, standard error 1, 8 degrees of freedom.
#[test]
fn the_interval_is_that_of_the_tables() {
    let tested = test(
        &[sample(&[1.0, 2.0, 3.0, 4.0, 5.0], &[2.0, 3.0, 4.0, 5.0, 6.0])],
        Design::Free,
    )[0];
    assert!(
        (tested.margin - 2.306 * (1.0 + STEADIEST)).abs() < 1e-9,
        "{tested:?}"
    );
    assert!((tested.noise - 2.5_f64.sqrt()).abs() < 1e-9);
    assert_eq!(student(9_999), 1.972);
    assert_eq!(student(11), student(10));
}
