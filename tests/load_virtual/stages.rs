//! Clients that come and go as the stages say.

use wsbench::metrics::Counter;

use crate::world::{Act, DELAY, Door, ROUND_TRIP, SECOND, World, answering, echo, ms, plan};

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
