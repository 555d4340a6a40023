//! What is answered, what is lost, and what is expected.

use std::time::Duration;

use wsbench::clock::Moment;
use wsbench::metrics::{CloseCause, Counter, ErrorClass, Trend};

use crate::world::{Act, ROUND_TRIP, SECOND, Seen, World, answering, echo, ms, plan, polite};

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
