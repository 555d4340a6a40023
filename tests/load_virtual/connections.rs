//! How connections begin and end.

use wsbench::clock::Moment;
use wsbench::metrics::{CloseCause, Counter, ErrorClass, Trend};

use crate::world::{Act, Door, ROUND_TRIP, SECOND, Seen, World, echo, ms, plan, polite};

fn at(world: &World, millis: u64) -> Moment {
    world.now + ms(millis)
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
