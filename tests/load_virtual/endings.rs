//! Pings of the peer, how connections close, and how large a message may be.

use std::time::Duration;

use wsbench::metrics::{CloseCause, Counter, Side, Trend};

use crate::world::{Act, ROUND_TRIP, Seen, World, answering, ms, plan, polite};

#[test]
fn the_interval_of_the_peers_pings_is_measured_on_each_connection() {
    let plan = plan("flow: [{think: 50s}]");
    let mut world = World::new(&plan, || {
        Box::new(|_, seen| match seen {
            Seen::Opened => vec![(ms(700), Act::Ping(vec![1]))],
            Seen::Pong(payload) if payload[0] < 4 => vec![(ms(998), Act::Ping(vec![payload[0] + 1]))],
            other => polite(other),
        })
    });
    world.start();
    world.run(ms(100));
    world.start();
    world.run(ms(10_000));
    assert_eq!(world.count(Counter::PingsReceived), 8);
    assert_eq!(
        world.trend(Trend::PeerPing).count(),
        6,
        "the first ping has none before it"
    );
    assert_eq!(world.exactly(Trend::PeerPing), ms(998) + ROUND_TRIP);
    world.finish();
    world.assert_balanced();
}

#[test]
fn who_closed_with_which_code_and_reason_and_how_long_it_took() {
    let plan = plan(
        "connection: {reconnect: none}\nflow: [{send: {text: go, reply: none}}, {think: 1s}, {close: {code: 3001, reason: enough}}, {think: 1h}]",
    );
    let mut connection = 0;
    let mut world = World::new(&plan, move || {
        connection += 1;
        let closes = connection % 2 == 0;
        Box::new(move |_, seen| match seen {
            // A Close frame with 1008 and a reason, at once.
            Seen::Text(_) if closes => vec![
                (
                    Duration::ZERO,
                    Act::Raw([&[0x88, 12, 0x03, 0xf0][..], b"rate limit"].concat()),
                ),
                (ms(30), Act::Eof),
            ],
            Seen::Close(_) if closes => Vec::new(),
            Seen::Close(code) => vec![(ms(10), Act::Close(*code)), (ms(25), Act::Eof)],
            other => polite(other),
        })
    });
    for _ in 0..4 {
        world.start();
    }
    world.run(ms(1_500));
    let figures = world.figures();
    assert_eq!(
        figures.close_reasons.client,
        [("3001 enough".to_owned(), 2)].into()
    );
    assert_eq!(
        figures.close_reasons.server,
        [("1008 rate limit".to_owned(), 2)].into()
    );
    assert_eq!(figures.close_codes.by(Side::Client).codes[&3001], 2);
    assert_eq!(figures.close_codes.by(Side::Server).codes[&1008], 2);
    assert_eq!(world.count(Counter::ClosedClean), 4);
    assert_eq!(world.exactly(Trend::CloseAnswer), ms(10) + ROUND_TRIP);
    let close = world.trend(Trend::Close);
    assert_eq!(
        (close.count(), close.min(), close.max()),
        (4, ms(25) + ROUND_TRIP, ms(30))
    );
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_connection_that_breaks_is_not_closed_cleanly() {
    let plan = plan("flow: [{send: {text: go, reply: none}}, {think: 1s}, drop]");
    let mut world = World::new(&plan, || answering(|_, _| vec![(ms(5), Act::Reset)]));
    world.start();
    world.run(ms(20));
    assert_eq!(
        (
            world.count(Counter::ClosedClean),
            world.count(Counter::ConnectOpened)
        ),
        (0, 1)
    );
    assert_eq!(world.cause(CloseCause::TransportError), 1);
    world.finish();
    world.assert_balanced();
}

#[test]
fn numbered_messages_show_their_losses_their_interval_and_their_age() {
    let plan =
        plan("stream: {number: tick, sent_ms: meta.t, only: {json: {type: state}}}\nflow: [{think: 50s}]");
    let mut world = World::new(&plan, || {
        Box::new(|now, seen| match seen {
            Seen::Opened => {
                let begun = 1_700_000_000_000 + now.as_nanos() / 1_000_000;
                let tick = |at: u64, number: u64, kind: &str| {
                    let text = format!(
                        r#"{{"type":"{kind}","tick":{number},"meta":{{"t":{}}}}}"#,
                        begun + at * 50 - 7
                    );
                    (ms(at * 50), Act::Text(text))
                };
                let mut acts: Vec<_> = (0..20).map(|n| tick(n, n + 1000, "state")).collect();
                acts[12] = tick(12, 1013, "state");
                acts[13] = tick(13, 1012, "state");
                acts.push(tick(15, 1015, "state"));
                acts.push(tick(16, 5, "other"));
                acts.drain(4..7);
                acts
            }
            other => polite(other),
        })
    });
    world.start();
    world.run(ms(5_000));
    world.finish();
    assert_eq!(world.count(Counter::StreamReceived), 17);
    assert_eq!(world.count(Counter::StreamLost), 3);
    assert_eq!(world.count(Counter::StreamDisordered), 1);
    assert_eq!(world.count(Counter::StreamDuplicated), 1);
    assert_eq!(world.exactly(Trend::StreamAge), ms(7) + ROUND_TRIP / 2);
    let interval = world.trend(Trend::StreamInterval);
    assert_eq!(
        (interval.count(), interval.min(), interval.max()),
        (15, ms(50), ms(200))
    );
    world.assert_balanced();
}

/// How a server refuses.
#[derive(Clone, Copy)]
enum Refusal {
    Close,
    Reset,
    Eof,
    Silence,
}

impl Refusal {
    fn acts(self) -> Vec<(Duration, Act)> {
        match self {
            Self::Close => vec![(Duration::ZERO, Act::Close(Some(1009))), (ms(1), Act::Eof)],
            Self::Reset => vec![(Duration::ZERO, Act::Reset)],
            Self::Eof => vec![(Duration::ZERO, Act::Eof)],
            Self::Silence => Vec::new(),
        }
    }
}

/// A server that takes messages up to `limit`, and after a larger one says nothing but its refusal.
fn limited(limit: usize, echoes: bool, refusal: Refusal) -> impl FnMut() -> crate::world::Behaviour {
    move || {
        let mut refused = false;
        Box::new(move |_, seen| match seen {
            Seen::Binary(payload) if payload.len() > limit => {
                refused = true;
                refusal.acts()
            }
            Seen::Binary(payload) if echoes => vec![(Duration::ZERO, Act::Binary(payload.clone()))],
            _ if refused => Vec::new(),
            other => polite(other),
        })
    }
}

#[test]
fn the_largest_accepted_message_is_found_and_so_is_how_larger_ones_are_refused() {
    for (refusal, look) in [
        (Refusal::Close, r#"close 1009 message too big: """#),
        (Refusal::Reset, "connection reset"),
        (Refusal::Eof, "the end of TCP without a Close frame"),
        (Refusal::Silence, "no answer in time"),
    ] {
        for answer in ["pong", "echo"] {
            let plan = plan(&format!(
                "flow: [{{size_probe: {{from: 100, to: 64KiB, answer: {answer}, timeout: 1s}}}}, {{think: 1h}}]"
            ));
            let mut world = World::new(&plan, limited(12_345, answer == "echo", refusal));
            world.start();
            world.run(ms(60_000));
            let limits = world.figures().size_limits.expect("there was a probe");
            assert_eq!(limits.probes, 1);
            assert_eq!(
                limits.accepted.map(|range| (range.min, range.max)),
                Some((12_345, 12_345))
            );
            assert_eq!(
                limits.refused.map(|range| (range.min, range.max)),
                Some((12_346, 12_346))
            );
            let looks: Vec<_> = limits.refusals.iter().collect();
            assert_eq!(looks.len(), 1, "{looks:?}");
            assert_eq!(looks[0].0, look);
            assert_eq!(
                *looks[0].1 + 1,
                world.count(Counter::ConnectOpened),
                "a new connection after each refusal"
            );
            assert_eq!(world.count(Counter::FlowsFailed), 0);
            world.finish();
            world.assert_balanced();
        }
    }
}

#[test]
fn a_target_without_a_limit_and_one_that_takes_nothing_are_told() {
    for (limit, accepted, refused) in [(usize::MAX, Some(65_536), None), (10, None, Some(100))] {
        let plan = plan("flow: [{size_probe: {from: 100, to: 64KiB}}, {think: 1h}]");
        let mut world = World::new(&plan, limited(limit, false, Refusal::Close));
        world.start();
        world.run(ms(10_000));
        let limits = world.figures().size_limits.expect("there was a probe");
        assert_eq!(limits.accepted.map(|range| range.max), accepted);
        assert_eq!(limits.refused.map(|range| range.min), refused);
        world.finish();
        world.assert_balanced();
    }
}
