//! Whatever a plan asks for, whatever a server does and however the bytes are split: the books balance, time goes on, and
//! nobody survives the end of the run.

use crate::world::{Act, Behaviour, Door, Seen, World, ms, plan, polite};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A step of a random flow, as it stands in a scenario.
fn step() -> impl Strategy<Value = String> {
    let reply = prop_oneof![
        Just("none".to_owned()),
        (1..40_u64, any::<bool>(), 1..4_u32).prop_map(|(tenths, wait, most)| {
            let limit = if wait {
                String::new()
            } else {
                format!(", max_in_flight: {most}")
            };
            format!("{{echo: {{}}, timeout: {}ms, wait: {wait}{limit}}}", tenths * 100)
        }),
        (1..40_u64).prop_map(|tenths| format!("{{any: {{}}, timeout: {}ms}}", tenths * 100)),
    ];
    let text = prop_oneof![
        Just("same"),
        Just("\"${seq}\""),
        Just("\"${random_string(200)}\"")
    ];
    prop_oneof![
        6 => (text, reply).prop_map(|(text, reply)| format!("{{send: {{text: {text}, reply: {reply}}}}}")),
        2 => (1..30_u64).prop_map(|tenths| format!("{{expect: {{contains: a, timeout: {}ms}}}}", tenths * 100)),
        2 => (1..30_u64).prop_map(|tenths| format!("{{ping: {{payload: p, timeout: {}ms}}}}", tenths * 100)),
        2 => (0..900_u64).prop_map(|millis| format!("{{think: {millis}ms}}")),
        1 => Just("{think: {exponential: 200ms}}".to_owned()),
        1 => (1..4_u32, 1..20_u64).prop_map(|(count, tenths)| format!("{{receive: {{count: {count}, for: {}ms}}}}", tenths * 100)),
        2 => (1..30_u64).prop_map(|tenths| format!(
            "{{expect: {{any: {{}}, timeout: {}ms, capture: {{v: {{regex: '^a'}}}}}}}}, {{if: {{contains: a}}, then: [{{think: 1ms}}], else: \
             [{{send: {{text: b}}}}]}}",
            tenths * 100
        )),
        1 => prop_oneof![Just("0"), Just("100/s"), Just("5KiB/s"), Just("unlimited")]
            .prop_map(|rate| format!("{{read_rate: {rate}}}")),
        1 => Just("{close: {code: 4000}}, {connect: {}}".to_owned()),
        1 => Just("{drop: {}}, {connect: {}}".to_owned()),
        1 => Just("{close: {}}, {think: 300ms}, {connect: {}}".to_owned()),
    ]
}

pub(crate) fn steps() -> impl Strategy<Value = String> {
    let nested = step().prop_recursive(3, 12, 4, |inner| {
        let body = prop::collection::vec(inner, 1..4).prop_map(|steps| steps.join(", "));
        let head = prop_oneof![
            (1..5_u32).prop_map(|times| format!("repeat: {times}")),
            (1..15_u32).prop_map(|tenths| format!("repeat: forever, for: {}ms", tenths * 100)),
            (1..6_u32, 1..8_u32, any::<bool>()).prop_map(|(times, tenths, spread)| format!(
                "every: {}ms, repeat: {times}, spread: {spread}, jitter: 40ms",
                tenths * 100
            )),
            Just("every: 700ms".to_owned()),
        ];
        // The pause keeps rounds without any wait from flooding a world in which they take no time.
        (head, body).prop_map(|(head, body)| format!("{{{head}, do: [{body}, {{think: 30ms}}]}}"))
    });
    prop::collection::vec(nested, 0..6).prop_map(|steps| steps.join(", "))
}

/// Does anything that a server may do, and much that it may not. `mischief` is how often, in percent.
pub(crate) fn erratic(seed: u64, mischief: u32) -> Behaviour {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    Box::new(move |_, seen| {
        let mut acts = match seen {
            Seen::Text(text) => match random.random_range(0..6) {
                0 => vec![],
                1 => vec![(ms(random.random_range(0..5_000)), Act::Text(text.clone()))],
                2 => vec![(ms(3), Act::Text(text.clone())), (ms(9), Act::Text(text.clone()))],
                _ => vec![(ms(random.random_range(0..50)), Act::Text(text.clone()))],
            },
            Seen::Ping(_) | Seen::Close(_) if random.random_range(0..5) == 0 => vec![],
            other => polite(other),
        };
        if random.random_range(0..100) < mischief {
            let act = match random.random_range(0..9) {
                0 => Act::Eof,
                1 => Act::Reset,
                2 => Act::Close(
                    [None, Some(1000), Some(1001), Some(1011), Some(4999)][random.random_range(0..5)],
                ),
                3 => Act::Raw((0..random.random_range(1..20)).map(|_| random.random()).collect()),
                4 => Act::Ping(vec![7; random.random_range(0..125)]),
                5 => Act::Pong(b"unasked".to_vec()),
                6 => Act::Binary(vec![1; random.random_range(0..3_000)]),
                7 => Act::Raw(vec![0x81, 0x05, b'h']),
                _ => Act::Text("a surprise".to_owned()),
            };
            acts.push((ms(random.random_range(0..2_000)), act));
        }
        acts
    })
}

pub(crate) fn door(seed: u64, refusals: u32) -> impl FnMut(wsbench::clock::Moment) -> Door {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    move |_| {
        if random.random_range(0..100) >= refusals {
            return Door::Open;
        }
        [
            Door::Refused,
            Door::Silent,
            Door::Mute,
            Door::Slammed,
            Door::Forbidden,
        ][random.random_range(0..5)]
    }
}

/// What the run itself does to its clients.
#[derive(Clone, Copy, Debug)]
enum Intervention {
    Wait,
    Start,
    Stop,
    Interrupt,
    Abandon,
    Block,
    Unblock,
}

fn interventions() -> impl Strategy<Value = Vec<(u64, Intervention)>> {
    use Intervention::{Abandon, Block, Interrupt, Start, Stop, Unblock, Wait};
    let what = prop_oneof![
        8 => Just(Wait), 4 => Just(Start), 1 => Just(Stop), 1 => Just(Interrupt), 1 => Just(Abandon), 1 => Just(Block), 2 => Just(Unblock)
    ];
    prop::collection::vec((0..3_000_u64, what), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_books_balance(
        flow in steps(),
        heartbeat in prop::option::of((200..3_000_u64, 100..4_000_u64)),
        open in any::<bool>(),
        seed in any::<u64>(),
        mischief in 0..40_u32,
        refusals in 0..50_u32,
        interventions in interventions(),
    ) {
        let mut text = String::new();
        if open {
            text.push_str("arrivals: {stages: [{duration: 10s, rate: 1/s}], max_clients: 3}\n");
        } else {
            text.push_str("stages: [{duration: 10s, clients: 3}]\n");
        }
        text.push_str("connection: {connect_timeout: 2s, close_timeout: 1s, max_message_size: 1000}\ngraceful_stop: 3s\n");
        if let Some((every, timeout)) = heartbeat {
            text.push_str(&format!("heartbeat: {{every: {every}ms, timeout: {timeout}ms}}\n"));
        }
        text.push_str(&format!("flow: [{{connect: {{}}}}, {flow}]\n"));
        let plan = plan(&text);
        let mut next = seed;
        let mut world = World::new(&plan, move || {
            next = next.wrapping_add(1);
            erratic(next, mischief)
        })
        .door(door(seed, refusals))
        .split_bytes(seed);
        world.start();
        for (after, intervention) in interventions {
            world.run(ms(after));
            match intervention {
                Intervention::Wait => {}
                Intervention::Start => { world.start(); }
                Intervention::Stop => world.stop_all(ms(1_000)),
                Intervention::Interrupt => world.interrupt_all(),
                Intervention::Abandon => world.abandon_all(),
                Intervention::Block => world.set_blocked(0, true),
                Intervention::Unblock => world.set_blocked(0, false),
            }
        }
        world.finish();
        world.assert_balanced();
    }
}
