use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::clock::Moment;
use crate::metrics::{
    CloseCause, Environment, ErrorClass, Gauges, GroupId, Recorder, RunEnd, RunFacts, ScenarioText, Shard,
    Side, ThresholdResult, ThresholdUnit, Trend,
};

fn run(groups: &[&str], end: RunEnd, connections: u64, measure: impl FnOnce(&mut Shard)) -> Summary {
    let (recorder, mut senders) = Recorder::new(groups, 1, Moment::ZERO);
    let mut sender = senders.remove(0);
    let gauges = Gauges {
        clients_wanted: connections,
        clients_active: connections,
        connections_open: connections,
    };
    measure(sender.shard());
    sender.finish(Moment::ZERO + Duration::from_secs(30), gauges);
    let facts = RunFacts {
        name: "iot-telemetry".to_owned(),
        target: "ws://127.0.0.1:40001/iot".to_owned(),
        seed: 42,
        started: UNIX_EPOCH + Duration::from_secs(1_790_000_000),
        duration: Duration::from_secs(30),
        end,
    };
    let processes = Processes {
        generator: ProcessUsage {
            cpu_user_s: 0.41,
            cpu_system_s: 0.82,
            rss_start_bytes: Some(10 << 20),
            rss_peak_bytes: Some(12 << 20),
            open_files: Some(2_012),
        },
        server: Some(ProcessUsage {
            cpu_user_s: 0.5,
            cpu_system_s: 0.9,
            ..ProcessUsage::default()
        }),
    };
    Summary::new(facts, &recorder.finish(), processes)
}

/// Figures of a group in which everything is counted and timed.
pub(in crate::report) fn busy(shard: &mut Shard, group: GroupId) {
    let counts = {
        use Counter::*;
        [
            (ConnectAttempted, 2_010),
            (ConnectOpened, 2_000),
            (ConnectFailed, 9),
            (ConnectAbandoned, 1),
            (MessagesSent, 59_800),
            (SentOneWay, 800),
            (SentAnswered, 58_900),
            (SentLostTimeout, 60),
            (SentLostConnection, 30),
            (SentInFlight, 10),
            (MessagesReceived, 59_012),
            (MessagesTaken, 2),
            (MessagesUnmatched, 5),
            (RepliesLate, 5),
            (PingsSent, 4_000),
            (PingsAnswered, 3_998),
            (PingsUnanswered, 1),
            (PingsInFlight, 1),
            (PingsReceived, 7),
            (PongsUnsolicited, 1),
            (BytesSent, 5_930_000),
            (BytesReceived, 2_400_100),
            (PayloadSent, 5_400_000),
            (PayloadReceived, 2_100_000),
            (FlowsStarted, 2_100),
            (FlowsCompleted, 2_000),
            (FlowsFailed, 90),
            (FlowsInterrupted, 10),
            (ArrivalsDropped, 3),
            (ExpectsStarted, 120),
            (ExpectsMet, 100),
            (ExpectsFailed, 19),
            (ExpectsInterrupted, 1),
            (ClosedClean, 1_970),
            (RoomsJoined, 40),
            (RoomsLeft, 40),
            (FanOutSent, 500),
            (FanOutOwed, 19_500),
            (FanOutReceived, 19_400),
            (FanOutLost, 90),
            (FanOutReplaced, 7),
            (FanOutUnsettled, 3),
            (FanOutDisordered, 12),
            (FanOutDuplicated, 4),
            (FanOutLate, 2),
            (FanOutOutside, 30),
            (FanOutStray, 1),
            (FanOutForeign, 1),
            (StreamReceived, 8_000),
            (StreamLost, 20),
            (StreamDisordered, 3),
            (StreamDuplicated, 2),
            (StreamRestarted, 1),
        ]
    };
    counts
        .into_iter()
        .for_each(|(counter, n)| shard.add(group, counter, n));
    for (n, cause) in [
        (1_950, CloseCause::ClientClosed),
        (30, CloseCause::PeerEof),
        (20, CloseCause::ServerClosed),
    ] {
        (0..n).for_each(|_| shard.ended(group, cause));
    }
    for (n, by, code) in [
        (1_950, Side::Client, 1000),
        (15, Side::Server, 1001),
        (5, Side::Server, 4_003),
        (30, Side::Nobody, 1006),
    ] {
        (0..n).for_each(|_| shard.close_code(group, by, code));
    }
    for (by, code, reason) in [
        (Side::Server, 4_003, "rate limit exceeded"),
        (Side::Client, 1000, "enough"),
    ] {
        shard.close_reason(group, by, code, reason.as_bytes());
    }
    let limits = shard.size_limits(group);
    limits.probed(Some(65_536), Some(65_537));
    limits.probed(Some(65_536), None);
    limits.refusal("close 1009 message too big: \"\"", 20);
    for (index, trend) in Trend::ALL.into_iter().enumerate() {
        (1..=100).for_each(|n| {
            shard.record(
                group,
                trend,
                Duration::from_micros(n * 10_u64.pow(index as u32 % 6)),
            );
        });
    }
    (0..9).for_each(|_| {
        shard.error(group, ErrorClass::UpgradeRefused, || {
            "HTTP 503 Service Unavailable from ws://127.0.0.1:40001/iot, Retry-After: 5, body `upstream has no capacity`".to_owned()
        });
    });
    (0..30).for_each(|_| {
        shard.error(group, ErrorClass::ConnectionLost, || {
            "connection reset by peer".to_owned()
        });
    });
}

/// A summary in which nothing is empty; also what the JSON report and its schema are tested with.
pub(in crate::report) fn sample() -> Summary {
    let mut summary = run(&["sensors", "gateways"], RunEnd::Completed, 2_000, |shard| {
        busy(shard, GroupId(0));
        shard.add(GroupId(1), Counter::ConnectAttempted, 1);
        shard.add(GroupId(1), Counter::ConnectOpened, 1);
        shard.ended(GroupId(1), CloseCause::ClientClosed);
        shard.close_code(GroupId(1), Side::Client, 1000);
    });
    summary.thresholds = thresholds();
    summary
}

/// One that held, one that did not, and one about what nobody measured.
fn thresholds() -> Thresholds {
    let result = |metric: &str, expression: &str, unit, limit, value, state| ThresholdResult {
        metric: metric.to_owned(),
        expression: expression.to_owned(),
        unit,
        limit,
        value,
        state,
        aborted: false,
    };
    Thresholds {
        verdict: ThresholdVerdict::Crossed,
        results: vec![
            result(
                "response_time{group:sensors}",
                "p(95)<250ms",
                ThresholdUnit::Ms,
                250.0,
                Some(41.5),
                ThresholdState::Passed,
            ),
            result(
                "flows_failed",
                "rate<1%",
                ThresholdUnit::Share,
                0.01,
                Some(0.031),
                ThresholdState::Crossed,
            ),
            result(
                "ping_time",
                "max<1s",
                ThresholdUnit::Ms,
                1000.0,
                None,
                ThresholdState::NoData,
            ),
        ],
    }
}

/// Three seconds of a run of two groups, with a second in which nothing was answered.
pub(in crate::report) fn three_seconds() -> Summary {
    let (mut recorder, mut senders) = Recorder::new(&["sensors", "gateways"], 1, Moment::ZERO);
    for (second, answered) in [(1, 100), (2, 0), (3, 50)] {
        let shard = senders[0].shard();
        shard.add(GroupId(0), Counter::MessagesSent, 100);
        shard.add(GroupId(0), Counter::SentAnswered, answered);
        shard.add(GroupId(0), Counter::SentLostTimeout, 100 - answered);
        shard.add(GroupId(0), Counter::MessagesReceived, answered);
        shard.add(GroupId(1), Counter::ConnectAttempted, 1);
        shard.add(GroupId(1), Counter::ConnectOpened, 1);
        shard.ended(GroupId(1), CloseCause::ClientClosed);
        for n in 1..=answered {
            shard.record(GroupId(0), Trend::Response, Duration::from_millis(n * second));
        }
        let now = Moment::ZERO + Duration::from_secs(second);
        let gauges = Gauges {
            clients_wanted: 10 * second,
            clients_active: 10 * second,
            connections_open: 9 * second,
        };
        senders[0].flush(now, gauges);
        recorder.tick(now);
    }
    drop(senders);
    let facts = RunFacts {
        name: "three seconds".to_owned(),
        target: "ws://127.0.0.1:40001/iot".to_owned(),
        seed: 42,
        started: UNIX_EPOCH + Duration::from_secs(1_790_000_000),
        duration: Duration::from_secs(3),
        end: RunEnd::Completed,
    };
    Summary::new(facts, &recorder.finish(), Processes::default())
}

/// A summary in which no field is left out.
pub(in crate::report) fn full() -> Summary {
    Summary {
        scenario: Some(ScenarioText {
            file: "scenarios/iot.yaml".to_owned(),
            text: "name: iot\n".to_owned(),
            variables: vec!["clients=5".to_owned()],
        }),
        environment: Some(Environment {
            system: "linux 6.1".to_owned(),
            processor: Some("Some CPU".to_owned()),
            cores: 2,
            memory_bytes: Some(8 << 30),
            workers: 1,
        }),
        series: three_seconds().series,
        ..sample()
    }
}

/// A run of one group in which all went well.
pub(in crate::report) fn single() -> Summary {
    run(&["only"], RunEnd::Completed, 2_000, |shard| {
        busy(shard, GroupId(0));
    })
}

fn at(width: usize) -> Style {
    Style { colour: false, width }
}

#[test]
fn a_completed_run_at_full_width() {
    insta::assert_snapshot!(render(&single(), at(100)));
}

#[test]
fn a_completed_run_on_eighty_columns() {
    insta::assert_snapshot!(render(&single(), at(80)));
}

#[test]
fn a_run_of_several_groups() {
    insta::assert_snapshot!(render(&sample(), at(100)));
}

#[test]
fn a_run_without_a_target_says_why_at_the_top() {
    let summary = run(&["only"], RunEnd::Completed, 0, |shard| {
        shard.add(GroupId(0), Counter::ConnectAttempted, 3);
        shard.add(GroupId(0), Counter::ConnectFailed, 3);
        (0..3).for_each(|_| {
            shard.error(GroupId(0), ErrorClass::Refused, || {
                "127.0.0.1:9: connection refused".to_owned()
            });
        });
    });
    insta::assert_snapshot!(render(&summary, at(80)));
}

/// A run that was interrupted and whose books do not balance.
pub(in crate::report) fn unbalanced() -> Summary {
    run(&["only"], RunEnd::Interrupted, 1, |shard| {
        shard.add(GroupId(0), Counter::ConnectAttempted, 2);
        shard.add(GroupId(0), Counter::ConnectOpened, 1);
        shard.add(GroupId(0), Counter::PingsAnswered, 1);
    })
}

#[test]
fn books_that_do_not_balance_are_shown_in_full() {
    insta::assert_snapshot!(render(&unbalanced(), at(80)));
}

#[test]
fn no_line_is_wider_than_asked_for() {
    for width in [60, 80, 100] {
        for summary in [single(), sample()] {
            let text = render(&summary, at(width));
            let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
            assert!(widest.chars().count() <= width, "{width}: {widest}");
        }
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let coloured = render(
        &sample(),
        Style {
            colour: true,
            width: 80,
        },
    );
    let mut plain = coloured.clone();
    for escape in ["\x1b[1;32m", "\x1b[1;31m", "\x1b[1m", "\x1b[0m"] {
        plain = plain.replace(escape, "");
    }
    assert_ne!(coloured, plain);
    assert_eq!(plain, render(&sample(), at(80)));
}
