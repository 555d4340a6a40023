//! Clients that read slowly, or for a while not at all.

use std::time::Duration;

use wsbench::metrics::{CloseCause, Counter, Trend};

use crate::world::{Act, Behaviour, SECOND, Seen, World, ms, plan, polite};

/// A message of this payload is this many bytes on the wire.
const PAYLOAD: usize = 1020;
const ON_THE_WIRE: usize = 1024;

/// Sends so many messages to whoever connects, at once, and then does this.
fn flooding(messages: usize, then: &[(Duration, Act)]) -> impl FnMut() -> Behaviour + use<> {
    let then = then.to_vec();
    move || {
        let then = then.clone();
        Box::new(move |_, seen| match seen {
            Seen::Opened => {
                let message = (Duration::ZERO, Act::Binary(vec![7; PAYLOAD]));
                std::iter::repeat_n(message, messages)
                    .chain(then.clone())
                    .collect()
            }
            other => polite(other),
        })
    }
}

#[test]
fn a_slow_reader_takes_its_rate_and_no_more() {
    let plan = plan("connection: {read_rate: 10KiB/s}\nflow: [{receive: {count: 40}}]");
    let mut world = World::new(&plan, flooding(40, &[])).split_bytes(11);
    world.start();
    for second in 1..=3 {
        world.run(SECOND);
        let taken = world.count(Counter::MessagesReceived);
        // A portion, a twentieth of a second's bytes, is read at once.
        assert!(
            (second * 10..=second * 10 + 1).contains(&taken),
            "{taken} after {second} s"
        );
    }
    world.run(SECOND);
    assert_eq!(world.count(Counter::MessagesReceived), 40);
    assert_eq!(world.count(Counter::FlowsCompleted), 1);
    world.finish();
    world.assert_balanced();
}

#[test]
fn what_waits_behind_unread_bytes_is_as_late_as_they_are() {
    let plan =
        plan("connection: {read_rate: 10KiB/s}\nflow: [{ping: {timeout: 5s}}, {receive: {count: 20}}]");
    let mut world = World::new(&plan, flooding(20, &[]));
    world.start();
    world.run(5 * SECOND);
    let waited = world.exactly(Trend::Ping);
    let expected = Duration::from_secs_f64(20.0 * ON_THE_WIRE as f64 / 10_240.0);
    assert!(
        waited > expected - ms(60) && waited < expected + ms(60),
        "{waited:?}"
    );
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_stopped_reader_sees_neither_messages_nor_pongs_until_it_goes_on() {
    let plan = plan(
        "
heartbeat: {every: 1s, timeout: 1500ms}
flow: [{think: 100ms}, {read_rate: 0}, {think: 3300ms}, {read_rate: unlimited}, {receive: {for: 1s}}]",
    );
    let mut world = World::new(&plan, flooding(5, &[(ms(500), Act::Text("late".to_owned()))]));
    world.start();
    world.run(ms(3_400));
    assert_eq!(world.count(Counter::MessagesReceived), 5);
    assert_eq!(world.count(Counter::PingsSent), 3);
    assert_eq!(
        world.count(Counter::PingsUnanswered),
        1,
        "it was not read in time"
    );
    world.run(ms(150));
    assert_eq!(world.count(Counter::MessagesReceived), 6);
    assert_eq!(world.count(Counter::PingsAnswered), 2);
    world.run(ms(1_000));
    world.finish();
    world.assert_balanced();
    assert!(world.count(Counter::PingsUnanswered) < world.count(Counter::PingsSent));
}

#[test]
fn a_client_that_closes_reads_the_rest_at_once() {
    let plan =
        plan("connection: {read_rate: 1KiB/s, reconnect: none}\nflow: [{think: 1s}, close, {think: 1h}]");
    let mut world = World::new(&plan, flooding(100, &[]));
    world.start();
    world.run(ms(900));
    assert!(world.count(Counter::MessagesReceived) <= 1);
    world.run(ms(200));
    assert_eq!(world.count(Counter::MessagesReceived), 100);
    assert_eq!(world.cause(CloseCause::ClientClosed), 1);
    world.finish();
    world.assert_balanced();
}

#[test]
fn the_end_of_a_connection_is_learnt_in_its_turn_but_a_reset_at_once() {
    let plan = plan("connection: {read_rate: 10KiB/s, reconnect: none}\nflow: [{receive: {for: 1h}}]");
    for (act, cause, not_yet, then) in [
        (
            Act::Close(Some(1008)),
            CloseCause::ServerClosed,
            ms(1_900),
            ms(2_100),
        ),
        (Act::Eof, CloseCause::PeerEof, ms(1_900), ms(2_100)),
        (Act::Reset, CloseCause::TransportError, ms(3), ms(10)),
    ] {
        let ends = [(Duration::ZERO, act.clone()), (ms(10), Act::Eof)];
        let mut world = World::new(&plan, flooding(20, &ends));
        world.start();
        world.run(not_yet);
        assert_eq!(world.cause(cause), 0, "{act:?}");
        world.run(then - not_yet);
        assert_eq!(world.cause(cause), 1, "{act:?}");
        assert_eq!(world.count(Counter::MessagesReceived), 20, "{act:?}");
        world.finish();
        world.assert_balanced();
    }
}

#[test]
fn a_new_connection_begins_with_the_rate_of_its_section() {
    let plan = plan(
        "
connection: {read_rate: 0}
flow: [{repeat: 2, do: [connect, {read_rate: 100MB/s}, {receive: {count: 3}}, drop, connect, {think: 1s}, drop]}]",
    );
    let mut world = World::new(&plan, flooding(3, &[]));
    world.start();
    world.run(ms(1_500));
    assert_eq!(world.count(Counter::MessagesReceived), 6);
    world.finish();
    world.assert_balanced();
}
