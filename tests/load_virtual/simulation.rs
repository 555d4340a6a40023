//! Virtual clients against a scripted server, over virtual time: every duration is exact to the nanosecond.

use std::time::Duration;

use crate::world::{Act, DELAY, Door, ROUND_TRIP, Seen, World, answering, echo, plan, polite};
use wsbench::clock::Moment;
use wsbench::metrics::{CloseCause, Counter, ErrorClass, Trend};

const SECOND: Duration = Duration::from_secs(1);

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(world: &World, millis: u64) -> Moment {
    world.now + ms(millis)
}

#[test]
fn telemetry_and_acknowledgements() {
    let plan = plan(
        "
stages: [{duration: 0s, clients: 1}, {duration: 10s, clients: 1}]
flow:
  - every: 1s
    do:
      - send:
          json: {type: telemetry, seq: \"${seq}\"}
          reply: {json: {type: ack, seq: \"${seq}\"}, timeout: 5s}
",
    );
    let acknowledge = || {
        answering(|_, text| {
            let seq = text.chars().filter(char::is_ascii_digit).collect::<String>();
            vec![(ms(7), Act::Text(format!(r#"{{"type":"ack","seq":{seq}}}"#)))]
        })
    };
    let mut world = World::new(&plan, acknowledge);
    let opened = at(&world, 4);
    world.follow_plan();
    assert_eq!(world.count(Counter::SentAnswered), 10);
    assert_eq!(world.exactly(Trend::Response), ms(7) + ROUND_TRIP);
    assert_eq!(world.exactly(Trend::Service), ms(7) + ROUND_TRIP);
    assert_eq!(world.exactly(Trend::SendLag), Duration::ZERO);
    assert_eq!(world.exactly(Trend::Tcp), ROUND_TRIP);
    assert_eq!(world.exactly(Trend::Upgrade), ROUND_TRIP);
    assert_eq!(world.exactly(Trend::Connect), ROUND_TRIP * 2);
    for (n, (left, _)) in (0..).zip(&world.sent) {
        assert_eq!(*left, opened + SECOND * n, "message {n}");
    }
    assert_eq!(
        world.count(Counter::FlowsCompleted),
        1,
        "a loop without a bound ends when the run does"
    );
    assert_eq!(world.cause(CloseCause::ClientClosed), 1);
    assert_eq!(world.figures().close_codes.client.codes[&1000], 1);
    world.assert_balanced();
}

#[test]
fn a_message_without_reply_is_lost_and_the_flow_goes_on() {
    let plan = plan(
        "
flow:
  - repeat: 3
    do: [{send: {text: \"${seq}\", reply: {echo: {}, timeout: 2s}}}]
  - think: 50s
",
    );
    let mut world = World::new(&plan, || {
        answering(|_, text| {
            if text == "2" {
                vec![]
            } else {
                vec![(ms(1), Act::Text(text.to_owned()))]
            }
        })
    });
    world.start();
    world.run(ms(2_100));
    assert_eq!(world.count(Counter::SentLostTimeout), 1);
    assert_eq!(world.errors(ErrorClass::ReplyTimeout), 1);
    assert_eq!(world.count(Counter::SentAnswered), 2);
    assert_eq!(world.count(Counter::RepliesLate), 0);
    let third = world.sent[2].0 - world.sent[1].0;
    assert_eq!(third, 2 * SECOND, "the flow waits until the message is lost");
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_late_reply_is_recognised_by_its_number_and_by_its_order() {
    for correlated in [
        "text: \"m ${seq}\", reply: {text: \"m ${seq}\", timeout: 1s}",
        "text: m, reply: {text: m, timeout: 1s}",
    ] {
        let plan = plan(&format!(
            "flow: [{{repeat: 2, do: [{{send: {{{correlated}}}}}]}}, {{think: 5s}}]"
        ));
        let mut first = true;
        let mut world = World::new(&plan, move || {
            answering(move |_, text| {
                let after = if std::mem::take(&mut first) {
                    ms(1_500)
                } else {
                    ms(900)
                };
                vec![(after, Act::Text(text.to_owned()))]
            })
        });
        world.start();
        world.run(4 * SECOND);
        assert_eq!(world.count(Counter::SentLostTimeout), 1);
        assert_eq!(world.count(Counter::RepliesLate), 1, "{correlated}");
        assert_eq!(world.count(Counter::SentAnswered), 1);
        assert_eq!(
            world.exactly(Trend::Service),
            ms(900) + ROUND_TRIP,
            "the late reply answers nothing else"
        );
        assert_eq!(world.count(Counter::MessagesUnmatched), 0);
        world.finish();
        world.assert_balanced();
    }
}

#[test]
fn what_is_under_way_when_the_run_ends_is_neither_lost_nor_answered() {
    let plan = plan("graceful_stop: 1s\nflow: [{send: {text: hello, reply: {text: never, timeout: 50s}}}]");
    let mut world = World::new(&plan, echo);
    world.start();
    world.run(SECOND);
    world.finish();
    assert_eq!(world.count(Counter::SentInFlight), 1);
    assert_eq!(world.count(Counter::MessagesUnmatched), 1);
    assert_eq!(world.count(Counter::FlowsInterrupted), 1);
    assert_eq!(world.figures().close_codes.client.codes[&1001], 1);
    world.assert_balanced();
}

#[test]
fn what_is_under_way_when_the_connection_is_lost_is_lost() {
    let plan = plan("graceful_stop: 1s\nflow: [{send: {text: hello, reply: {text: never, timeout: 50s}}}]");
    for (act, cause) in [
        (Act::Eof, CloseCause::PeerEof),
        (Act::Reset, CloseCause::TransportError),
    ] {
        let mut world = World::new(&plan, echo);
        world.start();
        world.run(SECOND);
        world.server_acts(&act);
        world.run(ms(10));
        assert_eq!(world.count(Counter::SentLostConnection), 1);
        assert_eq!(world.cause(cause), 1);
        assert_eq!(world.count(Counter::FlowsFailed), 1);
        assert_eq!(world.figures().close_codes.nobody.codes[&1006], 1);
        world.finish();
        world.assert_balanced();
    }
}

#[test]
fn heartbeats_keep_their_schedule_and_count_what_is_not_answered() {
    let plan = plan("heartbeat: {every: 10s, timeout: 3s}\nflow: [{think: 45s}, {think: 20s}]");
    let mut pings = 0;
    let mut world = World::new(&plan, move || {
        Box::new(move |_, seen| match seen {
            Seen::Ping(payload) => {
                pings += 1;
                if pings == 2 {
                    vec![]
                } else {
                    vec![(ms(5), Act::Pong(payload.clone()))]
                }
            }
            other => polite(other),
        })
    });
    world.start();
    world.run(45 * SECOND);
    assert_eq!(world.count(Counter::PingsSent), 4);
    assert_eq!(world.count(Counter::PingsAnswered), 3);
    assert_eq!(world.count(Counter::PingsUnanswered), 1);
    assert_eq!(world.errors(ErrorClass::PingTimeout), 1);
    assert_eq!(world.exactly(Trend::Ping), ms(5) + ROUND_TRIP);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_pong_answers_all_pings_before_it() {
    let plan = plan("heartbeat: {every: 1s, timeout: 30s}\nflow: [{think: 30s}]");
    let mut pings = 0;
    let mut world = World::new(&plan, move || {
        Box::new(move |_, seen| match seen {
            Seen::Ping(payload) => {
                pings += 1;
                if pings == 3 {
                    vec![(Duration::ZERO, Act::Pong(payload.clone()))]
                } else {
                    vec![]
                }
            }
            other => polite(other),
        })
    });
    world.start();
    world.run(ms(3_500));
    assert_eq!(world.count(Counter::PingsAnswered), 3);
    assert_eq!(
        world.exactly(Trend::Ping),
        ROUND_TRIP,
        "only the ping that was named has a known round trip"
    );
    world.server_acts(&Act::Pong(b"unasked".to_vec()));
    world.run(ms(10));
    assert_eq!(world.count(Counter::PongsUnsolicited), 1);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_ping_step_waits_for_its_pong_or_its_timeout() {
    let plan = plan(
        "flow: [{repeat: 2, do: [{ping: {payload: abc, timeout: 1s}}, {send: {text: next, reply: none}}]}, {think: 9s}]",
    );
    let mut pings = 0;
    let mut world = World::new(&plan, move || {
        Box::new(move |_, seen| match seen {
            Seen::Ping(payload) => {
                pings += 1;
                if pings == 1 {
                    vec![(ms(30), Act::Pong(payload.clone()))]
                } else {
                    vec![]
                }
            }
            other => polite(other),
        })
    });
    let opened = at(&world, 4);
    world.start();
    world.run(4 * SECOND);
    assert_eq!(world.exactly(Trend::Ping), ms(32));
    assert_eq!(world.sent[0].0, opened + ms(32));
    assert_eq!(world.sent[1].0, opened + ms(32) + SECOND);
    assert_eq!(world.count(Counter::PingsUnanswered), 1);
    assert_eq!(world.count(Counter::SentOneWay), 2);
    world.finish();
    world.assert_balanced();
}

#[test]
fn the_client_closes() {
    let plan = plan("flow: [{close: {code: 4001, reason: enough}}, {think: 50s}]");
    let mut world = World::new(&plan, || {
        Box::new(|_, seen| match seen {
            Seen::Close(code) => vec![(ms(3), Act::Close(*code)), (ms(8), Act::Eof)],
            other => polite(other),
        })
    });
    world.start();
    world.run(SECOND);
    assert_eq!(world.cause(CloseCause::ClientClosed), 1);
    assert_eq!(world.exactly(Trend::Close), ms(8) + ROUND_TRIP);
    assert_eq!(world.exactly(Trend::Session), ms(8) + ROUND_TRIP);
    assert_eq!(world.figures().close_codes.client.codes[&4001], 1);
    assert_eq!(world.count(Counter::FlowsFailed), 0, "the flow asked for it");
    world.finish();
    world.assert_balanced();
}

#[test]
fn the_server_closes() {
    let plan = plan("flow: [{think: 50s}]");
    for (code, errors) in [(1000, 0), (1001, 0), (1008, 1)] {
        let mut world = World::new(&plan, || {
            Box::new(|_, seen| match seen {
                Seen::Close(_) => vec![(ms(2), Act::Eof)],
                other => polite(other),
            })
        });
        world.start();
        world.run(SECOND);
        world.server_acts(&Act::Close(Some(code)));
        world.run(ms(10));
        assert_eq!(world.cause(CloseCause::ServerClosed), 1);
        assert_eq!(world.figures().close_codes.server.codes[&code], 1);
        assert_eq!(world.errors(ErrorClass::ClosedWithError), errors);
        assert_eq!(world.count(Counter::FlowsFailed), 1);
        assert_eq!(world.exactly(Trend::Close), ms(2) + ROUND_TRIP);
        world.finish();
        world.assert_balanced();
    }
}

#[test]
fn a_close_that_nobody_answers_times_out() {
    let plan = plan("connection: {close_timeout: 2s}\nflow: [{close: {}}, {think: 50s}]");
    let mut world = World::new(&plan, || Box::new(|_, _| Vec::new()));
    world.start();
    world.run(3 * SECOND);
    assert_eq!(world.cause(CloseCause::CloseTimeout), 1);
    assert_eq!(world.errors(ErrorClass::CloseTimeout), 1);
    assert_eq!(world.exactly(Trend::Close), 2 * SECOND);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_server_that_answers_the_close_but_keeps_tcp_open_has_closed_cleanly() {
    let plan = plan("connection: {close_timeout: 2s}\nflow: [{close: {}}, {think: 50s}]");
    let mut world = World::new(&plan, || {
        Box::new(|_, seen| match seen {
            Seen::Close(code) => vec![(ms(1), Act::Close(*code))],
            _ => vec![],
        })
    });
    world.start();
    world.run(3 * SECOND);
    assert_eq!(world.cause(CloseCause::ClientClosed), 1);
    assert_eq!(world.exactly(Trend::Close), 2 * SECOND);
    world.finish();
    world.assert_balanced();
}

#[test]
fn the_client_drops_the_connection_and_connects_anew() {
    let plan = plan(
        "
flow:
  - repeat: 2
    do: [{connect: {}}, {send: {text: hello, reply: {echo: {}, timeout: 9s, wait: false}}}, {drop: {}}]
  - think: 50s
",
    );
    let mut world = World::new(&plan, echo);
    world.start();
    world.run(SECOND);
    assert_eq!(world.cause(CloseCause::ClientDropped), 2);
    assert_eq!(world.count(Counter::SentLostConnection), 2);
    assert_eq!(world.figures().close_codes.nobody.codes[&1006], 2);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_protocol_violation_fails_the_connection() {
    let plan = plan("connection: {max_message_size: 100}\nflow: [{think: 50s}]");
    let too_big = [&[0x81, 126, 0, 200][..], &[b'x'; 200]].concat();
    for (bytes, class, code) in [
        (vec![0x81, 0x80, 0, 0, 0, 0], ErrorClass::Protocol, 1002),
        (vec![0x81, 2, 0xff, 0xff], ErrorClass::Protocol, 1007),
        (too_big, ErrorClass::MessageTooBig, 1009),
    ] {
        let mut world = World::new(&plan, echo);
        world.start();
        world.run(SECOND);
        world.server_acts(&Act::Raw(bytes));
        world.run(ms(10));
        assert_eq!(world.cause(CloseCause::ProtocolError), 1);
        assert_eq!(world.errors(class), 1);
        assert_eq!(world.figures().close_codes.client.codes[&code], 1);
        assert_eq!(world.count(Counter::FlowsFailed), 1);
        world.finish();
        world.assert_balanced();
    }
}

#[test]
fn no_more_messages_under_way_than_allowed() {
    let plan = plan(
        "
flow:
  - repeat: 9
    do: [{send: {text: \"${seq}\", reply: {echo: {}, wait: false, max_in_flight: 3}}}]
  - think: 50s
",
    );
    let mut world = World::new(&plan, || {
        answering(|_, text| vec![(ms(98), Act::Text(text.to_owned()))])
    });
    let opened = at(&world, 4);
    world.start();
    world.run(SECOND);
    let left: Vec<_> = world.sent.iter().map(|(left, _)| *left - opened).collect();
    let expected: Vec<_> = (0..9).map(|n| ms(100) * (n / 3)).collect();
    assert_eq!(left, expected);
    // Each was meant to leave when the flow reached it: the wait for room counts, for the first three of each batch nothing.
    assert_eq!(world.exactly(Trend::Service), ms(100));
    assert_eq!(world.trend(Trend::Response).max(), ms(200));
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_schedule_does_not_drift_however_long_its_rounds_take() {
    let plan = plan(
        "
flow:
  - every: 100ms
    repeat: 50
    do: [{think: {uniform: [0ms, 60ms]}}, {send: {text: \"${seq}\", reply: echo}}, {send: {text: mark, reply: none}}]
  - think: 50s
",
    );
    let mut delay = 0;
    let mut world = World::new(&plan, move || {
        answering(move |_, text| {
            delay = (delay + 7) % 30;
            vec![(ms(delay), Act::Text(text.to_owned()))]
        })
    });
    world.start();
    world.run(6 * SECOND);
    assert_eq!(world.count(Counter::SentAnswered), 50);
    // Rounds take up to 92 ms of their 100, so none is ever late.
    assert_eq!(world.exactly(Trend::SendLag), Duration::ZERO);
    world.finish();
    world.assert_balanced();
}

#[test]
fn spread_clients_share_the_interval_and_keep_their_place_in_it() {
    let plan = plan(
        "flow: [{every: 1s, spread: true, repeat: 4, do: [{send: {text: \"${client}\", reply: none}}]}, {think: 50s}]",
    );
    let mut world = World::new(&plan, echo);
    let opened = at(&world, 4);
    for _ in 0..40 {
        world.start();
    }
    world.run(6 * SECOND);
    let first: Vec<_> = (0..40)
        .map(|n: usize| {
            let of_client: Vec<_> = world
                .sent
                .iter()
                .filter(|(_, text)| *text == n.to_string())
                .map(|(left, _)| *left)
                .collect();
            assert!(of_client.windows(2).all(|pair| pair[1] - pair[0] == SECOND));
            of_client[0] - opened
        })
        .collect();
    let mean = first.iter().sum::<Duration>() / 40;
    assert!(mean > ms(300) && mean < ms(700), "{mean:?}");
    assert!(first.iter().all(|begin| *begin < SECOND));
}

/// The server stalls for one second. A client that measures only from when it got to send would see one slow reply.
#[test]
fn a_stall_shows_in_the_response_time_of_everything_that_was_due_meanwhile() {
    let plan = plan(
        "
flow:
  - every: 100ms
    repeat: 40
    do: [{send: {text: \"${seq}\", reply: echo}}]
  - think: 50s
",
    );
    let mut stall: Option<(Moment, Moment)> = None;
    let mut world = World::new(&plan, move || {
        answering(move |now, text| {
            let (begin, end) = *stall.get_or_insert((now + ms(1_050), now + ms(2_050)));
            let after = if now >= begin && now < end {
                end - now
            } else {
                Duration::ZERO
            };
            vec![(after, Act::Text(text.to_owned()))]
        })
    });
    world.start();
    world.run(10 * SECOND);
    assert_eq!(world.count(Counter::SentAnswered), 40);
    let (service, response) = (world.trend(Trend::Service), world.trend(Trend::Response));
    let slow = |histogram: &wsbench::metrics::Histogram| {
        histogram
            .buckets()
            .filter(|bucket| bucket.lowest > ms(10))
            .map(|bucket| bucket.count)
            .sum::<u64>()
    };
    assert_eq!(
        slow(&service),
        1,
        "only the message that met the stall was served slowly"
    );
    // Due at 1100, 1200, ... 2000 ms; the stall ends at 2050 ms, and each reply then takes one round trip.
    assert_eq!(slow(&response), 10);
    assert_eq!(response.max(), service.max());
    assert!(response.mean() > service.mean() * 3);
    assert_eq!(world.trend(Trend::SendLag).max(), ms(850) + ROUND_TRIP);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_closed_loop_without_schedule_intends_each_message_when_it_gets_there() {
    let plan = plan("flow: [{repeat: 20, do: [{send: {text: \"${seq}\", reply: echo}}]}, {think: 50s}]");
    let mut n = 0;
    let mut world = World::new(&plan, move || {
        answering(move |_, text| {
            n += 1;
            vec![(ms(n), Act::Text(text.to_owned()))]
        })
    });
    world.start();
    world.run(2 * SECOND);
    assert_eq!(world.exactly(Trend::SendLag), Duration::ZERO);
    assert_eq!(
        world.trend(Trend::Response).max(),
        world.trend(Trend::Service).max()
    );
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_full_socket_makes_the_client_late_and_the_lateness_counts() {
    let plan =
        plan("flow: [{every: 1s, repeat: 3, do: [{send: {text: \"${seq}\", reply: echo}}]}, {think: 50s}]");
    let mut world = World::new(&plan, echo);
    let key = world.start();
    world.run(ms(500));
    world.set_blocked(key, true);
    world.run(SECOND);
    assert_eq!(
        world.count(Counter::MessagesSent),
        1,
        "nothing is sent into a full socket"
    );
    world.set_blocked(key, false);
    world.run(2 * SECOND);
    assert_eq!(world.trend(Trend::SendLag).max(), ms(496));
    assert_eq!(world.trend(Trend::Response).max(), ms(496) + ROUND_TRIP);
    assert_eq!(world.exactly(Trend::Service), ROUND_TRIP);
    world.finish();
    world.assert_balanced();
}

#[test]
fn expectations_are_met_or_fail_the_flow() {
    let plan = plan("flow: [{expect: {contains: welcome, timeout: 1s}}, {think: 50s}]");
    let greet = |text: &'static str| {
        move || -> crate::world::Behaviour {
            Box::new(move |_, seen| match seen {
                Seen::Opened => vec![(ms(20), Act::Text(text.to_owned()))],
                other => polite(other),
            })
        }
    };
    let mut world = World::new(&plan, greet("welcome home"));
    world.start();
    world.run(ms(500));
    assert_eq!(
        (
            world.count(Counter::ExpectsMet),
            world.count(Counter::ExpectsFailed)
        ),
        (1, 0)
    );
    world.finish();
    world.assert_balanced();

    let mut world = World::new(&plan, greet("go away"));
    world.start();
    world.run(ms(1_100));
    assert_eq!(
        (
            world.count(Counter::ExpectsMet),
            world.count(Counter::ExpectsFailed)
        ),
        (0, 1)
    );
    assert_eq!(world.errors(ErrorClass::ExpectTimeout), 1);
    assert_eq!(world.count(Counter::MessagesUnmatched), 1);
    assert_eq!(world.count(Counter::FlowsFailed), 1);
    world.finish();
    world.assert_balanced();
}

#[test]
fn replies_and_expectations_do_not_take_each_others_messages() {
    let plan = plan(
        "
flow:
  - send: {text: \"q ${seq}\", reply: {text: \"q ${seq}\", wait: false}}
  - expect: {contains: q, timeout: 5s}
  - think: 50s
",
    );
    let mut world = World::new(&plan, || {
        answering(|_, text| {
            vec![
                (ms(1), Act::Text(text.to_owned())),
                (ms(9), Act::Text("q news".to_owned())),
            ]
        })
    });
    world.start();
    world.run(SECOND);
    assert_eq!(world.count(Counter::SentAnswered), 1);
    assert_eq!(world.count(Counter::ExpectsMet), 1);
    assert_eq!(world.count(Counter::MessagesUnmatched), 0);
    world.finish();
    world.assert_balanced();
}

#[test]
fn receive_takes_what_comes_for_a_time_or_up_to_a_number() {
    let plan = plan(
        "flow: [{receive: {count: 3, for: 10s}}, {send: {text: three, reply: none}}, {receive: {for: 1s}}, {send: {text: time, reply: none}}, {think: 50s}]",
    );
    let mut world = World::new(&plan, || {
        Box::new(|_, seen| match seen {
            Seen::Opened => (0..5)
                .map(|n| (ms(100 * n), Act::Text("news".to_owned())))
                .collect(),
            other => polite(other),
        })
    });
    let opened = at(&world, 4);
    world.start();
    world.run(3 * SECOND);
    let left: Vec<_> = world
        .sent
        .iter()
        .map(|(left, text)| (*left - opened, text.as_str()))
        .collect();
    assert_eq!(left, [(ms(200), "three"), (ms(1_200), "time")]);
    assert_eq!(world.count(Counter::MessagesTaken), 5);
    world.finish();
    world.assert_balanced();
}

#[test]
fn every_way_to_fail_a_connect_is_counted_once_and_backs_off() {
    let plan = plan("connection: {connect_timeout: 2s}\nflow: [{think: 1s}]");
    for (door, class) in [
        (Door::Refused, ErrorClass::Refused),
        (Door::Silent, ErrorClass::ConnectTimeout),
        (Door::Mute, ErrorClass::ConnectTimeout),
        (Door::Slammed, ErrorClass::UpgradeEof),
        (Door::Forbidden, ErrorClass::UpgradeRefused),
    ] {
        let mut world = World::new(&plan, echo).door(move |_| door);
        world.start();
        world.run(60 * SECOND);
        let attempts = world.count(Counter::ConnectAttempted);
        assert!(
            (10..40).contains(&attempts),
            "{door:?}: {attempts} attempts in a minute"
        );
        assert!(world.errors(class) >= attempts - 1, "{door:?}");
        assert_eq!(world.count(Counter::ConnectOpened), 0);
        world.finish();
        world.assert_balanced();
    }
}

#[test]
fn clients_come_back_when_the_server_does() {
    let plan = plan("flow: [{every: 1s, do: [{send: {text: \"${seq}\", reply: echo}}]}]");
    let mut world = World::new(&plan, echo);
    let down = (at(&world, 5_000), at(&world, 9_000));
    world = world.door(move |now| {
        if now >= down.0 && now < down.1 {
            Door::Refused
        } else {
            Door::Open
        }
    });
    for _ in 0..10 {
        world.start();
    }
    world.run(5 * SECOND);
    world.server_acts(&Act::Eof);
    world.run(SECOND);
    assert_eq!(world.open(), 0);
    world.run(13 * SECOND);
    assert_eq!(world.open(), 10);
    assert_eq!(world.cause(CloseCause::PeerEof), 10);
    assert_eq!(world.count(Counter::ConnectOpened), 20);
    world.finish();
    world.assert_balanced();
}

#[test]
fn clients_ramp_up_and_down() {
    let plan = plan(
        "
stages: [{duration: 4s, clients: 4}, {duration: 2s, clients: 4}, {duration: 4s, clients: 0}]
flow: [{every: 1s, do: [{send: {text: \"${client}\", reply: echo}}]}]
",
    );
    let mut world = World::new(&plan, echo);
    world.follow_plan();
    assert_eq!(world.count(Counter::ConnectOpened), 4);
    assert_eq!(
        world.count(Counter::FlowsCompleted),
        4,
        "each loop ends with the round under way"
    );
    assert_eq!(world.count(Counter::FlowsInterrupted), 0);
    // Client n runs from n s to 10 - n s, less the last line's step: 10 + 8 + 6 + 4 seconds, a message in each.
    assert_eq!(world.count(Counter::MessagesSent), 28);
    world.assert_balanced();
}

#[test]
fn open_arrivals_beyond_the_maximum_are_dropped() {
    let plan = plan(
        "
arrivals: {stages: [{duration: 10s, rate: 10/s}], max_clients: 5}
flow: [{think: 1s}]
",
    );
    let mut world = World::new(&plan, echo);
    world.follow_plan();
    assert_eq!(
        world.count(Counter::ArrivalsDropped) + world.count(Counter::FlowsStarted),
        100
    );
    assert_eq!(
        world.count(Counter::FlowsCompleted),
        world.count(Counter::FlowsStarted)
    );
    let expected = 10.0 * 5.0 / (1.0 + 2.0 * ROUND_TRIP.as_secs_f64() + 3.0 * DELAY.as_secs_f64());
    let started = world.count(Counter::FlowsStarted) as f64;
    assert!((started - expected).abs() < 6.0, "{started} of {expected}");
    world.assert_balanced();
}

#[test]
fn a_client_that_is_asked_to_leave_finishes_its_round_and_no_more() {
    let plan = plan(
        "
graceful_stop: 5s
flow:
  - repeat: forever
    do: [{send: {text: \"${seq}\", reply: {echo: {}, timeout: 9s}}}, {think: 100ms}]
  - send: {text: bye, reply: none}
",
    );
    let mut world = World::new(&plan, || {
        answering(|_, text| vec![(ms(200), Act::Text(text.to_owned()))])
    });
    let key = world.start();
    world.run(ms(450));
    world.stop(key, 5 * SECOND);
    world.run(SECOND);
    assert_eq!(world.len(), 0);
    let texts: Vec<_> = world.sent.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["1", "2", "bye"]);
    assert_eq!(world.count(Counter::FlowsCompleted), 1);
    world.assert_balanced();
}

#[test]
fn clients_without_a_connection_leave_at_once() {
    let plan = plan("flow: [{think: 50s}]");
    for door in [Door::Refused, Door::Silent] {
        let mut world = World::new(&plan, echo).door(move |_| door);
        world.start();
        world.run(ms(50));
        world.interrupt_all();
        assert_eq!(world.len(), 0, "{door:?}");
        world.assert_balanced();
    }
}

#[test]
fn bytes_split_anywhere_make_no_difference() {
    let plan = plan(
        "flow: [{repeat: 30, do: [{send: {text: \"${seq} ${random_string(300)}\", reply: echo}}]}, {think: 50s}]",
    );
    for seed in 0..20 {
        let mut world = World::new(&plan, echo).split_bytes(seed);
        world.start();
        world.run(SECOND);
        assert_eq!(world.count(Counter::SentAnswered), 30);
        assert_eq!(world.exactly(Trend::Response), ROUND_TRIP);
        world.finish();
        world.assert_balanced();
    }
}

#[test]
fn the_same_seed_sends_the_same_payloads() {
    let plan = plan(
        "flow: [{every: 50ms, jitter: 20ms, repeat: 20, do: [{send: {text: \"${client} ${random_hex(16)}\", reply: none}}]}, {think: 50s}]",
    );
    let run = || {
        let mut world = World::new(&plan, echo);
        world.start();
        world.start();
        world.run(2 * SECOND);
        world.sent
    };
    let (first, second) = (run(), run());
    assert_eq!(first.len(), 40);
    assert_eq!(first, second);
}

#[test]
fn a_flood_gives_others_their_turn() {
    let plan = plan("flow: [{repeat: 10000, do: [{send: {text: flood, reply: none}}]}, {think: 50s}]");
    let mut world = World::new(&plan, echo);
    world.start();
    world.run(ms(100));
    assert_eq!(world.count(Counter::SentOneWay), 10_000);
    assert_eq!(
        world.count(Counter::MessagesUnmatched),
        10_000,
        "echoes that nobody asked for"
    );
    world.finish();
    world.assert_balanced();
}
