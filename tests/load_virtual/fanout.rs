//! Rooms over virtual time: the server loses, doubles and delays as it likes and writes down what it does; whatever the
//! clients counted must follow from that.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use wsbench::clock::Moment;
use wsbench::metrics::{Counter, Trend};

use crate::world::{Act, DELAY, Seen, World, ms, plan, polite};

/// What the server wrote down, in moments of its own.
#[derive(Default)]
struct Record {
    members: BTreeSet<usize>,
    /// Client, and when it was acknowledged.
    joins: Vec<(usize, Moment)>,
    leaves: Vec<(usize, Moment)>,
    /// Sender, when it came, and the text.
    messages: Vec<(usize, Moment, String)>,
    /// Receiver, message, when it was passed on.
    deliveries: Vec<(usize, usize, Moment)>,
}

/// What becomes of a message on its way to one receiver: after how long it is passed on, each time.
type Fate = Box<dyn FnMut() -> Vec<Duration>>;

/// A server with one room: `join` is acknowledged, everything else goes to all members.
fn room(
    record: &Rc<RefCell<Record>>,
    mut fate: Fate,
) -> impl FnMut(Moment, usize, &Seen) -> Vec<(usize, Duration, Act)> + use<> {
    let record = Rc::clone(record);
    move |now, from, seen| {
        let record = &mut *record.borrow_mut();
        match seen {
            Seen::Text(text) if text == "join" => {
                record.members.insert(from);
                record.joins.push((from, now));
                vec![(from, Duration::ZERO, Act::Text("joined".to_owned()))]
            }
            Seen::Text(text) => {
                record.messages.push((from, now, text.clone()));
                let index = record.messages.len() - 1;
                let mut acts = Vec::new();
                for to in record.members.iter().copied() {
                    for after in fate() {
                        record.deliveries.push((to, index, now + after));
                        acts.push((to, after, Act::Text(text.clone())));
                    }
                }
                acts
            }
            Seen::Close(_) | Seen::Gone => {
                if record.members.remove(&from) {
                    record.leaves.push((from, now));
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}

fn unreliable(seed: u64, longest: Duration) -> Fate {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    Box::new(move || {
        let copies = match random.random_range(0..20) {
            0 => 0,
            1 => 2,
            _ => 1,
        };
        (0..copies).map(|_| longest.mul_f64(random.random())).collect()
    })
}

fn reliable() -> Fate {
    Box::new(|| vec![Duration::ZERO])
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Truth {
    owed: u64,
    received: u64,
    duplicated: u64,
    outside: u64,
    disordered: u64,
    /// Missing for longer than `settle` and a sixteenth of it, and for longer than `settle`.
    lost: (u64, u64),
}

/// What follows from the record: all moments as the clients saw them. Each client is a member once.
fn truth(record: &Record, settle: Duration) -> Truth {
    let mut truth = Truth::default();
    let back = |at: Moment| Moment::from_nanos(at.as_nanos() - DELAY.as_nanos() as u64);
    let leaves: BTreeMap<_, _> = record
        .leaves
        .iter()
        .map(|(client, at)| (*client, back(*at)))
        .collect();
    for &(client, acknowledged) in &record.joins {
        let (join, leave) = (acknowledged + DELAY, leaves[&client]);
        let mut arrivals: BTreeMap<usize, Vec<Moment>> = BTreeMap::new();
        for (_, index, at) in record.deliveries.iter().filter(|(to, ..)| *to == client) {
            arrivals.entry(*index).or_default().push(*at + DELAY);
        }
        let mut previous: BTreeMap<usize, (bool, Moment)> = BTreeMap::new();
        for (index, (sender, seen, _)) in record.messages.iter().enumerate() {
            let sent = back(*seen);
            let mut came = arrivals.remove(&index).unwrap_or_default();
            came.sort_unstable();
            let owed = sent >= join && sent < leave;
            // What arrives after the client's TCP connection ended is nobody's; the peer's Close takes one round trip.
            came.retain(|at| *at < leave + DELAY * 2);
            if !owed {
                truth.outside += came.len() as u64;
                continue;
            }
            truth.owed += 1;
            truth.duplicated += (came.len() as u64).saturating_sub(1);
            if came.is_empty() {
                truth.lost.0 += u64::from(sent + settle + settle / 16 <= leave);
                truth.lost.1 += u64::from(sent + settle <= leave);
            } else {
                truth.received += 1;
            }
            let arrived = came.first().copied();
            if let (Some((true, before)), Some(at)) = (previous.get(sender), arrived) {
                truth.disordered += u64::from(*before > at);
            }
            previous.insert(*sender, (arrived.is_some(), arrived.unwrap_or(Moment::ZERO)));
        }
    }
    truth
}

const MEMBERS: &str = "
stages: [{duration: 20s, clients: 60}]
fanout: {settle: 2s}
flow:
  - connect
  - send: {text: join, reply: {text: joined}}
  - join: lobby
  - repeat: 15
    do:
      - think: {uniform: [100ms, 900ms]}
      - send: {text: 'hear: ${mark}', reply: none}
  - think: {uniform: [0s, 3s]}
  - close
  - think: 1h
";

#[test]
fn members_who_come_and_go_count_what_the_server_did_to_the_last_message() {
    for seed in [1, 2, 3] {
        let record = Rc::default();
        let plan = plan(MEMBERS);
        let mut world = World::new(&plan, || Box::new(|_, seen| polite(seen)))
            .hub(room(&record, unreliable(seed, ms(1_500))));
        world.follow_plan();
        let truth = truth(&record.borrow(), ms(2_000));
        let count = |counter| world.count(counter);
        assert_eq!(count(Counter::FanOutSent), 60 * 15);
        assert_eq!(count(Counter::RoomsJoined), 60);
        assert_eq!(count(Counter::FanOutOwed), truth.owed);
        assert_eq!(count(Counter::FanOutReceived), truth.received);
        assert_eq!(count(Counter::FanOutDuplicated), truth.duplicated);
        assert_eq!(count(Counter::FanOutDisordered), truth.disordered);
        assert_eq!(count(Counter::FanOutOutside), truth.outside);
        let lost = count(Counter::FanOutLost);
        assert!((truth.lost.0..=truth.lost.1).contains(&lost), "{lost}, {truth:?}");
        assert!(truth.lost.0 > 100 && truth.disordered > 100 && truth.duplicated > 100 && truth.outside > 0);
        for never in [
            Counter::FanOutLate,
            Counter::FanOutStray,
            Counter::FanOutForeign,
            Counter::FanOutReplaced,
        ] {
            assert_eq!(count(never), 0, "{never:?}");
        }
        assert_eq!(world.trend(Trend::Delivery).count(), truth.received);
        world.assert_balanced();
    }
}

#[test]
fn a_reliable_server_delivers_everything_and_the_latency_is_what_it_is() {
    let record = Rc::default();
    let plan = plan(MEMBERS);
    let mut world = World::new(&plan, || Box::new(|_, seen| polite(seen))).hub(room(&record, reliable()));
    world.follow_plan();
    let truth = truth(&record.borrow(), ms(2_000));
    assert_eq!(world.count(Counter::FanOutOwed), truth.owed);
    assert_eq!(world.count(Counter::FanOutReceived), truth.received);
    assert_eq!(world.count(Counter::FanOutLost), 0);
    assert_eq!(world.exactly(Trend::Delivery), DELAY * 2);
    assert_eq!(world.figures().reach, Some(1.0));
    world.assert_balanced();
}

/// Two clients: one talks every 100 ms and then what `end` says, the other listens.
fn pair(end: &str) -> String {
    format!(
        "
fanout: {{settle: 1s}}
flow:
  - send: {{text: join, reply: {{text: joined}}}}
  - join: lobby
  - repeat: 30
    do: [{{think: 100ms}}, {{send: {{text: '${{mark}}', reply: none}}}}]
{end}
"
    )
}

#[test]
fn a_sender_that_breaks_off_leaves_open_whether_it_was_heard() {
    let record = Rc::default();
    let plan = plan(&pair("  - drop\n  - think: 1h"));
    // The server never reads the last four messages of the first client.
    let mut inner = room(&record, reliable());
    let mut read = 0;
    let mut world = World::new(&plan, || Box::new(|_, seen| polite(seen))).hub(move |now, from, seen| {
        let message = from == 0 && matches!(seen, Seen::Text(text) if text != "join");
        read += u32::from(message);
        if message && read > 26 {
            Vec::new()
        } else {
            inner(now, from, seen)
        }
    });
    world.start();
    world.run(ms(10));
    world.start();
    world.run(ms(10_000));
    assert_eq!(world.count(Counter::FanOutSent), 60);
    assert_eq!(
        world.count(Counter::FanOutLost),
        0,
        "nobody knows whether they were sent"
    );
    // The first misses its own four and, as it leaves, the second's that is on its way; the second misses the four.
    assert_eq!(world.count(Counter::FanOutUnsettled), 4 + 4 + 1);
    world.finish();
    world.assert_balanced();
}

#[test]
fn what_a_sender_said_long_before_it_broke_off_is_lost() {
    let record = Rc::default();
    let plan = plan(&pair("  - think: 2s\n  - drop\n  - think: 1h"));
    let nothing: Fate = Box::new(Vec::new);
    let mut world = World::new(&plan, || Box::new(|_, seen| polite(seen))).hub(room(&record, nothing));
    world.start();
    world.run(ms(10_000));
    assert_eq!(world.count(Counter::FanOutLost), 30);
    assert_eq!(world.figures().reach, Some(0.0));
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_server_may_leave_out_the_sender_or_repeat_the_latest() {
    for (setting, owed, replaced) in [("own: false", 1, 0), ("latest: true", 30, 20)] {
        let plan = plan(
            &pair("  - think: 3s\n  - close\n  - think: 1h")
                .replace("settle: 1s", &format!("settle: 1s, {setting}")),
        );
        let mut said = 0;
        let mut world =
            World::new(&plan, || Box::new(|_, seen| polite(seen))).hub(move |_, from, seen| match seen {
                Seen::Text(text) if text == "join" => {
                    vec![(from, Duration::ZERO, Act::Text("joined".to_owned()))]
                }
                Seen::Text(text) => {
                    said += 1;
                    // A state twice, of every third input; and to the others: nobody.
                    let state = Act::Text(format!("{{{text}}}"));
                    if setting == "own: false" || said % 3 > 0 {
                        Vec::new()
                    } else {
                        vec![(from, Duration::ZERO, state.clone()), (from, ms(50), state)]
                    }
                }
                _ => Vec::new(),
            });
        world.start();
        world.run(ms(10_000));
        let owed = if setting == "own: false" { owed - 1 } else { owed };
        assert_eq!(world.count(Counter::FanOutOwed), owed, "{setting}");
        assert_eq!(world.count(Counter::FanOutReplaced), replaced, "{setting}");
        assert_eq!(world.count(Counter::FanOutReceived), owed - replaced, "{setting}");
        assert_eq!(
            world.count(Counter::FanOutDuplicated) + world.count(Counter::FanOutLost),
            0,
            "{setting}"
        );
        world.finish();
        world.assert_balanced();
    }
}

#[test]
fn a_message_of_another_room_or_run_is_told_apart() {
    let plan = plan(
        "
fanout: {settle: 1s}
flow:
  - connect
  - join: 'room ${client}'
  - think: 1s
  - send: {text: '${mark}', reply: none}
  - think: 5s
",
    );
    let mut world = World::new(&plan, || Box::new(|_, seen| polite(seen))).hub(|_, from, seen| match seen {
        Seen::Text(text) => {
            let other_run = format!("wsb-00000001{}", &text["wsb-00000000".len()..]);
            vec![
                (1 - from, Duration::ZERO, Act::Text(text.clone())),
                (from, Duration::ZERO, Act::Text(other_run)),
            ]
        }
        _ => Vec::new(),
    });
    world.start();
    world.start();
    world.run(ms(5_000));
    assert_eq!(world.count(Counter::FanOutStray), 2);
    assert_eq!(world.count(Counter::FanOutForeign), 2);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_publisher_need_not_be_a_member() {
    let record = Rc::default();
    let plan = plan(
        "
scenarios:
  - name: listener
    fanout: {settle: 1s}
    flow: [{send: {text: join, reply: {text: joined}}}, {join: news}, {think: 10s}]
  - name: publisher
    fanout: {settle: 1s}
    flow: [{think: 1s}, {repeat: 5, do: [{send: {text: '${mark}', room: news, reply: none}}, {think: 100ms}]}, {think: 9s}]
",
    );
    let mut world = World::new(&plan, || Box::new(|_, seen| polite(seen))).hub(room(&record, reliable()));
    let now = world.now;
    world.start_at(wsbench::metrics::GroupId(0), now);
    world.start_at(wsbench::metrics::GroupId(0), now);
    world.start_at(wsbench::metrics::GroupId(1), now);
    world.run(ms(9_000));
    world.finish();
    assert_eq!(world.count(Counter::FanOutSent), 5);
    assert_eq!(world.count(Counter::FanOutOwed), 10);
    assert_eq!(
        world.figures().counter(Counter::FanOutReceived),
        10,
        "counted for the receivers' group"
    );
}
