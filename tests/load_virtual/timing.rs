//! Schedules, pings, and what a stall does to the figures.

use std::time::Duration;

use wsbench::clock::Moment;
use wsbench::metrics::{Counter, ErrorClass, Trend};

use crate::world::{Act, ROUND_TRIP, SECOND, Seen, World, answering, echo, ms, plan, polite};

fn at(world: &World, millis: u64) -> Moment {
    world.now + ms(millis)
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
