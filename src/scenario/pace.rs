//! How many messages a flow would send per second if every reply came at once.

use std::ops::Range;

use super::plan::{LoopOp, Op};

/// What a flow sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pace {
    /// It ends: so many messages in so many seconds.
    PerFlow { messages: f64, seconds: f64 },
    /// It does not; `None` if only replies hold it up.
    Endless { per_second: Option<f64> },
}

/// Estimates the pace of a flow. Of a branch the arm with the most messages counts.
pub(super) fn pace(flow: &[Op]) -> Pace {
    stretch(flow, 0..flow.len())
}

fn stretch(flow: &[Op], range: Range<usize>) -> Pace {
    let (mut messages, mut seconds) = (0.0, 0.0);
    let mut index = range.start;
    while index < range.end {
        match &flow[index] {
            Op::Send(_) => messages += 1.0,
            Op::Think(delay) => seconds += delay.mean().as_secs_f64(),
            Op::Receive {
                duration: Some(length),
                ..
            } => seconds += length.as_secs_f64(),
            Op::LoopBegin(op) => {
                match rounds(op, stretch(flow, index + 1..op.end)) {
                    Pace::PerFlow {
                        messages: m,
                        seconds: s,
                    } => {
                        messages += m;
                        seconds += s;
                    }
                    endless => return endless,
                }
                index = op.end;
            }
            Op::Branch(op) => {
                let begins = op.cases.iter().map(|(_, begin)| *begin);
                let mut bounds: Vec<usize> = begins.collect();
                bounds.extend([op.otherwise, op.end]);
                let arms: Vec<Pace> = bounds
                    .windows(2)
                    .map(|arm| stretch(flow, arm[0]..arm[1]))
                    .collect();
                let mut most = (0.0, 0.0);
                for arm in arms {
                    match arm {
                        Pace::PerFlow { messages, seconds } if messages > most.0 => {
                            most = (messages, seconds);
                        }
                        Pace::PerFlow { .. } => {}
                        endless @ Pace::Endless { .. } => return endless,
                    }
                }
                messages += most.0;
                seconds += most.1;
                index = op.end;
                continue;
            }
            _ => {}
        }
        index += 1;
    }
    Pace::PerFlow { messages, seconds }
}

fn rounds(op: &LoopOp, body: Pace) -> Pace {
    let Pace::PerFlow { messages, seconds } = body else {
        return body;
    };
    let round = match &op.every {
        Some(every) => every.interval.as_secs_f64().max(seconds),
        None => seconds,
    };
    let by_time = op.duration.map(|length| match round {
        0.0 => f64::INFINITY,
        _ => (length.as_secs_f64() / round).ceil(),
    });
    let by_number = op.times.map(|times| times as f64);
    let rounds = match (by_number, by_time) {
        (Some(number), Some(time)) => number.min(time),
        (Some(bound), None) | (None, Some(bound)) => bound,
        (None, None) => f64::INFINITY,
    };
    if rounds.is_finite() {
        return Pace::PerFlow {
            messages: messages * rounds,
            seconds: round * rounds,
        };
    }
    Pace::Endless {
        per_second: (round > 0.0).then(|| messages / round),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Overrides, from_str};

    fn of(flow: &str) -> Pace {
        let text = format!("stages: [{{duration: 1s, clients: 1}}]\nflow: {flow}\n");
        let plan =
            from_str("test.yaml", &text, &Overrides::default()).unwrap_or_else(|errors| panic!("{errors}"));
        pace(&plan.groups[0].flow)
    }

    #[test]
    fn messages_are_counted_over_the_time_that_the_flow_takes() {
        let endless = |rate| Pace::Endless { per_second: rate };
        assert_eq!(
            of("[{send: {text: a}}, {think: 2s}, {think: {uniform: [1s, 3s]}}]"),
            Pace::PerFlow {
                messages: 1.0,
                seconds: 4.0
            }
        );
        assert_eq!(
            of("[{every: 500ms, do: [{send: {text: a}}, {send: {text: b}}]}]"),
            endless(Some(4.0))
        );
        assert_eq!(
            of("[{every: 1s, for: 10s, do: [{send: {text: a}}]}, {repeat: 3, do: [{send: {text: b}}]}]"),
            Pace::PerFlow {
                messages: 13.0,
                seconds: 10.0
            }
        );
        assert_eq!(
            of("[{repeat: forever, do: [{send: {text: a, reply: echo}}]}]"),
            endless(None)
        );
        assert_eq!(
            of(
                "[{expect: any}, {if: {contains: a}, then: [{send: {text: a}}, {think: 2s}], else: [{think: 9s}]}]"
            ),
            Pace::PerFlow {
                messages: 1.0,
                seconds: 2.0
            }
        );
    }
}
