use super::*;

fn read(metric: &str, text: &str) -> Result<Expression, ThresholdError> {
    Expression::parse(text, &Metric::parse(metric).unwrap())
}

#[test]
fn every_aggregate_and_operator_of_the_grammar_is_read() {
    let cases = [
        (
            "response_time",
            "avg<250ms",
            Aggregate::Avg,
            Operator::Less,
            250.0,
        ),
        (
            "response_time",
            "min >= 1us",
            Aggregate::Min,
            Operator::AtLeast,
            0.001,
        ),
        (
            "response_time",
            " med<=1.5s ",
            Aggregate::Med,
            Operator::AtMost,
            1500.0,
        ),
        ("response_time", "max<250", Aggregate::Max, Operator::Less, 250.0),
        (
            "response_time",
            "p(95)<250ms",
            Aggregate::Percentile(95.0),
            Operator::Less,
            250.0,
        ),
        (
            "response_time",
            "p(99.99) < 1m",
            Aggregate::Percentile(99.99),
            Operator::Less,
            60_000.0,
        ),
        (
            "response_time",
            "count>10k",
            Aggregate::Count,
            Operator::Greater,
            10_000.0,
        ),
        ("flows_failed", "rate<0.01", Aggregate::Rate, Operator::Less, 0.01),
        ("flows_failed", "rate<1%", Aggregate::Rate, Operator::Less, 0.01),
        (
            "flows_failed",
            "count===0",
            Aggregate::Count,
            Operator::Equal,
            0.0,
        ),
        (
            "messages_sent",
            "rate>2.5k/s",
            Aggregate::Rate,
            Operator::Greater,
            2500.0,
        ),
        (
            "messages_sent",
            "rate>100",
            Aggregate::Rate,
            Operator::Greater,
            100.0,
        ),
        (
            "bytes_sent",
            "rate<1MiB/s",
            Aggregate::Rate,
            Operator::Less,
            1_048_576.0,
        ),
        (
            "bytes_sent",
            "count<64KiB",
            Aggregate::Count,
            Operator::Less,
            65_536.0,
        ),
        ("errors", "count==0", Aggregate::Count, Operator::Equal, 0.0),
        ("errors", "count!=1", Aggregate::Count, Operator::NotEqual, 1.0),
        (
            "peak_connections",
            "value>=2000",
            Aggregate::Value,
            Operator::AtLeast,
            2000.0,
        ),
    ];
    for (metric, text, aggregate, operator, limit) in cases {
        let expression = read(metric, text).unwrap_or_else(|error| panic!("{metric} {text}: {error}"));
        assert_eq!(
            (expression.aggregate, expression.operator),
            (aggregate, operator),
            "{text}"
        );
        assert!(
            (expression.limit - limit).abs() < 1e-9,
            "{text}: {}",
            expression.limit
        );
        assert_eq!(expression.to_string(), text.replace(' ', ""));
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_is_expected() {
    let cases = [
        ("response_time", "p95<250ms", 0, "`response_time` has no `p95`"),
        ("response_time", "p(101)<1s", 0, "from 0 to 100"),
        ("response_time", " p(x)<1s", 1, "not a percentile"),
        ("response_time", "rate<0.01", 0, "it has: `avg`"),
        ("response_time", "mad<1s", 0, "did you mean `med`?"),
        ("response_time", "avg", 3, "`p(95)<250ms`"),
        ("response_time", "avg=250ms", 3, "expected one of `===`"),
        ("response_time", "avg< 250parsec", 5, "a duration such as"),
        ("response_time", "avg<", 4, "a duration such as"),
        ("response_time", "avg<NaN", 4, "a duration such as"),
        ("response_time", "avg<1s && max<2s", 4, "a duration such as"),
        ("flows_failed", "rate<1/s", 5, "a share such as"),
        ("messages_sent", "rate>x", 5, "per second"),
        ("messages_sent", "p(95)<1", 0, "it has: `count`, `rate`"),
        ("peak_clients", "count>1", 0, "it has: `value`"),
    ];
    for (metric, text, offset, message) in cases {
        let error = read(metric, text).unwrap_err();
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(error.offset, offset, "{text}: {error}");
    }
}

#[test]
fn operators_mean_what_they_say_at_the_limit_and_beside_it() {
    for (sign, below, at, above) in [
        (Operator::Less, true, false, false),
        (Operator::AtMost, true, true, false),
        (Operator::Greater, false, false, true),
        (Operator::AtLeast, false, true, true),
        (Operator::Equal, false, true, false),
        (Operator::NotEqual, true, false, true),
    ] {
        assert_eq!(
            [0.9, 1.0, 1.1].map(|value| sign.holds(value, 1.0)),
            [below, at, above],
            "{sign:?}"
        );
    }
}
