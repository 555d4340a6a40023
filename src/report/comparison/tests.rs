use super::*;
use crate::gate::{Aspect, COMPARISON_SCHEMA, Difference};

fn figure(name: &str, unit: ThresholdUnit, values: [f64; 2], verdict: Verdict) -> Figure {
    Figure {
        figure: name.to_owned(),
        group: None,
        unit,
        a: values[0],
        b: values[1],
        change: values[1] / values[0] - 1.0,
        low: values[1] / values[0] - 1.05,
        high: values[1] / values[0] - 0.95,
        noise: 0.031,
        p: 0.01,
        verdict,
        decisive: true,
    }
}

fn comparison() -> Comparison {
    let side = |name: &str, used| SideInfo {
        name: name.to_owned(),
        repeats: 10,
        used,
    };
    Comparison {
        schema: COMPARISON_SCHEMA.to_owned(),
        verdict: Verdict::Regressed,
        reason: "response_time p(99): 11.2ms instead of 10ms (+12.0 %)".to_owned(),
        a: side("main", 10),
        b: side("ws://10.0.0.6:8080", 8),
        interleaved: false,
        margin: 0.1,
        differences: vec![Difference {
            what: Aspect::Version,
            text: "A was measured by wsbench 1.0.0, B by 1.1.0".to_owned(),
            accepted: true,
        }],
        notes: vec!["run 3 of B is left out: the machine's speed changed by -23 % during it".to_owned()],
        rows: vec![
            figure(
                "response_time p(99)",
                ThresholdUnit::Ms,
                [10.0, 11.2],
                Verdict::Regressed,
            ),
            Figure {
                group: Some("chat".to_owned()),
                ..figure(
                    "connect_time p(50)",
                    ThresholdUnit::Ms,
                    [0.5, 0.4],
                    Verdict::Improved,
                )
            },
            figure(
                "messages_received rate",
                ThresholdUnit::PerSecond,
                [993.0, 991.0],
                Verdict::Same,
            ),
            figure(
                "flows_failed rate",
                ThresholdUnit::Share,
                [0.01, 0.012],
                Verdict::CannotTell,
            ),
        ],
    }
}

#[test]
fn a_regression_is_told_first() {
    let style = Style {
        colour: false,
        width: 100,
    };
    insta::assert_snapshot!(render(&comparison(), style));
}

#[test]
fn annotations_tell_what_is_worse_and_nothing_else() {
    use crate::report::annotations::of_comparison;
    let told = of_comparison(&comparison());
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines,
        [
            "::error title=ws%3A//10.0.0.6%3A8080 with main%3A regressed::response_time p(99): 11.2ms instead of 10ms \
             (+12.0 %25)",
            "::error title=ws%3A//10.0.0.6%3A8080 with main%3A response_time p(99) regressed::10ms to 11.2ms, +12.0 %25 \
             (+7.0 to +17.0)",
        ]
    );
    let with = |verdict| {
        of_comparison(&Comparison {
            verdict,
            ..comparison()
        })
    };
    assert_eq!(with(Verdict::Same) + &with(Verdict::Improved), "");
    assert!(with(Verdict::CannotTell).starts_with("::warning title="));
}
