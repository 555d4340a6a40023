//! Runs that are paused, scaled and ended while they go on.

use std::time::Duration;

use crate::books::{door, erratic, steps};
use crate::world::{Act, DELAY, ROUND_TRIP, SECOND, World, answering, echo, ms, plan};
use proptest::prelude::*;
use wsbench::clock::Moment;
use wsbench::load::roster::{Order, Roster};
use wsbench::metrics::{CloseCause, Counter, Trend};

/// What someone asks of a run.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Pause,
    Resume,
    Clients(Option<u64>),
    Rate(f64),
    Stop,
    Interrupt,
    Abort,
}

/// A run of one worker over virtual time: its roster, and a schedule that stands still while it is paused.
struct Steered {
    world: World,
    roster: Roster,
    begin: Moment,
    paused: Option<Moment>,
    keys: Vec<usize>,
}

impl Steered {
    fn new(world: World) -> Self {
        Self {
            roster: Roster::new(&world.plan, 0, 1),
            begin: world.now,
            paused: None,
            keys: Vec::new(),
            world,
        }
    }

    /// Lets the run go on for `length`, or until its last stage is over: then this is false.
    fn go(&mut self, length: Duration) -> bool {
        let until = self.world.now + length;
        loop {
            let end = match self.paused {
                Some(_) => Moment::NEVER,
                None => self.begin + self.world.plan.duration(),
            };
            if self.world.now >= end {
                return false;
            }
            let next = if self.paused.is_some() {
                Moment::NEVER
            } else {
                self.follow_roster()
            };
            let now = self.world.now;
            if now >= until {
                return true;
            }
            self.world.run(next.min(end).min(until) - now);
        }
    }

    fn follow_roster(&mut self) -> Moment {
        let elapsed = self.world.now - self.begin;
        while let Some(order) = self.roster.next_order(elapsed, self.world.len() as u64) {
            match order {
                Order::Start { group, at, .. } => {
                    let key = self.world.start_at(group, self.begin + at);
                    self.keys.push(key);
                }
                Order::StopLast { .. } => {
                    let key = self.keys.pop().expect("only what started stops");
                    self.world.stop(key, self.world.plan.graceful_stop);
                }
                Order::Drop { .. } => self.world.drop_arrival(),
            }
        }
        self.roster.next_at().map_or(Moment::NEVER, |at| self.begin + at)
    }

    /// True if the run goes on.
    fn wish(&mut self, wish: Wish) -> bool {
        let elapsed = self.paused.unwrap_or(self.world.now) - self.begin;
        match wish {
            Wish::Pause if self.paused.is_none() => {
                self.paused = Some(self.world.now);
                self.world.hold_all();
            }
            Wish::Pause => {}
            Wish::Resume => self.resume(),
            Wish::Clients(clients) => self.roster.set_clients(clients, elapsed),
            Wish::Rate(factor) => self.roster.set_rate_factor(factor, elapsed),
            Wish::Stop => return false,
            Wish::Interrupt => {
                self.resume();
                self.world.interrupt_all();
                return false;
            }
            Wish::Abort => {
                self.world.abandon_all();
                return false;
            }
        }
        true
    }

    fn resume(&mut self) {
        if let Some(since) = self.paused.take() {
            let pause = self.world.now - since;
            self.begin += pause;
            self.world.resume_all(pause);
        }
    }

    fn end(mut self) -> World {
        self.resume();
        self.world.finish();
        self.world
    }
}

#[test]
fn a_pause_is_taken_out_of_the_schedule_and_nothing_is_late_for_it() {
    let plan = plan(
        "
stages: [{duration: 0s, clients: 3}, {duration: 10s, clients: 3}]
heartbeat: {every: 900ms, timeout: 5s}
flow: [{every: 100ms, do: [{send: {text: \"${seq}\", reply: echo}}]}]
",
    );
    let mut run = Steered::new(World::new(&plan, echo));
    assert!(run.go(ms(4_050)));
    let before = run.world.count(Counter::MessagesSent);
    let pause = run.world.now;
    run.wish(Wish::Pause);
    assert!(run.go(20 * SECOND), "the end is as far away as before");
    let resume = run.world.now;
    assert_eq!(
        run.world.count(Counter::MessagesSent),
        before,
        "nobody sends in a pause"
    );
    assert_eq!(run.world.open(), 3);
    assert!(
        run.world.count(Counter::PingsSent) >= 3 * 26,
        "connections are kept alive"
    );
    run.wish(Wish::Resume);
    assert!(!run.go(20 * SECOND));
    assert_eq!(run.world.now - run.begin, 10 * SECOND);
    // What was due 50 ms after the pause began is due 50 ms after its end.
    let offset = |(left, _): &(Moment, String)| *left;
    let last = run
        .world
        .sent
        .iter()
        .map(offset)
        .filter(|at| *at < resume)
        .max()
        .unwrap();
    let next = run.world.sent.iter().map(offset).find(|at| *at > resume).unwrap();
    assert_eq!((next - resume) + (pause - last), ms(100));
    let world = run.end();
    assert_eq!(world.exactly(Trend::SendLag), Duration::ZERO);
    assert_eq!(world.exactly(Trend::Response), ROUND_TRIP);
    assert_eq!(world.count(Counter::FlowsCompleted), 3);
    world.assert_balanced();
}

#[test]
fn a_reply_that_comes_in_a_pause_is_measured_and_the_next_step_waits_for_its_end() {
    let plan = plan("flow: [{send: {text: a, reply: echo}}, {send: {text: b, reply: echo}}, {think: 50s}]");
    let mut world = World::new(&plan, || {
        answering(|_, text| vec![(ms(298), Act::Text(text.to_owned()))])
    });
    world.start();
    world.run(ms(100));
    world.hold_all();
    world.run(10 * SECOND);
    assert_eq!(
        (
            world.count(Counter::MessagesSent),
            world.count(Counter::SentAnswered)
        ),
        (1, 1)
    );
    let resumed = world.now;
    world.resume_all(10 * SECOND);
    assert_eq!(world.count(Counter::MessagesSent), 2);
    world.run(SECOND);
    assert_eq!(world.sent[1].0, resumed);
    assert_eq!(world.exactly(Trend::Response), ms(300));
    assert_eq!(world.exactly(Trend::SendLag), Duration::ZERO);
    world.finish();
    world.assert_balanced();
}

#[test]
fn lateness_from_before_a_pause_stays_and_no_more_comes_to_it() {
    let plan =
        plan("flow: [{every: 1s, repeat: 3, do: [{send: {text: \"${seq}\", reply: echo}}]}, {think: 50s}]");
    let mut world = World::new(&plan, echo);
    let key = world.start();
    world.run(ms(500));
    world.set_blocked(key, true);
    world.run(ms(700));
    world.hold_all();
    world.run(30 * SECOND);
    world.set_blocked(key, false);
    world.resume_all(30 * SECOND);
    world.run(3 * SECOND);
    // The second round was due at 1,004 ms (two round trips to connect) and blocked until the pause began at 1,200 ms.
    assert_eq!(
        world.trend(Trend::SendLag).max(),
        ms(1_200) - SECOND - 2 * ROUND_TRIP
    );
    assert_eq!(world.count(Counter::SentAnswered), 3);
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_client_that_wants_a_connection_in_a_pause_connects_after_it() {
    let plan = plan("flow: [{connect: {}}, {think: 500ms}, {close: {}}, {think: 100ms}]");
    let mut world = World::new(&plan, echo);
    world.start();
    world.run(ms(550));
    world.hold_all();
    let attempts = world.attempts.len();
    world.run(10 * SECOND);
    assert_eq!(world.attempts.len(), attempts);
    assert_eq!(world.open(), 0);
    world.resume_all(10 * SECOND);
    world.run(SECOND);
    assert!(world.attempts.len() > attempts);
    assert_eq!(
        world.trend(Trend::Connect).max(),
        2 * ROUND_TRIP,
        "the pause is no part of a connect"
    );
    world.finish();
    world.assert_balanced();
}

#[test]
fn a_client_that_is_held_when_its_time_to_leave_is_up_leaves() {
    let plan = plan("flow: [{think: 50s}]");
    let mut world = World::new(&plan, echo);
    let key = world.start();
    world.run(SECOND);
    world.hold_all();
    world.stop(key, 2 * SECOND);
    world.run(ms(1_999));
    assert_eq!(world.len(), 1);
    world.run(SECOND);
    assert_eq!((world.len(), world.count(Counter::FlowsInterrupted)), (0, 1));
    assert_eq!(world.cause(CloseCause::ClientClosed), 1);
    world.assert_balanced();
}

#[test]
fn a_closed_model_has_as_many_clients_as_someone_wants_and_then_as_planned() {
    let plan = plan(
        "
stages: [{duration: 0s, clients: 5}, {duration: 10s, clients: 5}, {duration: 10s, clients: 15}]
flow: [{every: 100ms, do: [{send: {text: x, reply: echo}}]}]
",
    );
    let mut run = Steered::new(World::new(&plan, echo));
    for (after, wish, clients) in [
        (2, Wish::Clients(Some(12)), 12),
        (3, Wish::Clients(Some(2)), 2),
        (3, Wish::Clients(Some(0)), 0),
        (7, Wish::Clients(None), 11),
    ] {
        assert!(run.go(after * SECOND));
        run.wish(wish);
        run.go(ms(200));
        assert_eq!(run.world.open(), clients, "{wish:?}");
    }
    assert!(!run.go(20 * SECOND));
    assert_eq!(run.world.open(), 15);
    run.end().assert_balanced();
}

#[test]
fn an_open_model_has_the_rate_that_someone_wants_less_its_pauses() {
    let plan = plan(
        "
arrivals: {stages: [{duration: 40s, rate: 10/s}], max_clients: 100}
flow: [{think: 100ms}]
",
    );
    let mut run = Steered::new(World::new(&plan, echo));
    let started = |run: &Steered| run.world.count(Counter::FlowsStarted);
    let mut expected = 0;
    for (wish, seconds, arrivals) in [
        (Wish::Rate(1.0), 10, 100),
        (Wish::Rate(5.0), 4, 200),
        (Wish::Pause, 60, 0),
        (Wish::Rate(0.5), 60, 0),
        (Wish::Resume, 8, 40),
        (Wish::Rate(0.0), 5, 0),
        (Wish::Rate(2.0), 5, 100),
    ] {
        run.wish(wish);
        assert!(run.go(Duration::from_secs(seconds)));
        expected += arrivals;
        assert!(
            started(&run).abs_diff(expected) <= 1,
            "{wish:?}: {} of {expected}",
            started(&run)
        );
    }
    run.wish(Wish::Rate(1.0));
    assert!(!run.go(60 * SECOND));
    let world = run.end();
    assert!(world.count(Counter::FlowsStarted).abs_diff(expected + 80) <= 1);
    // Each client connects at once, whatever happened before.
    assert_eq!(world.trend(Trend::Connect).max(), 2 * ROUND_TRIP);
    assert_eq!(world.exactly(Trend::Connect), 4 * DELAY);
    world.assert_balanced();
}

fn wishes() -> impl Strategy<Value = Vec<(u64, Wish)>> {
    let wish = prop_oneof![
        6 => Just(Wish::Pause),
        6 => Just(Wish::Resume),
        3 => prop::option::of(0..8_u64).prop_map(Wish::Clients),
        3 => (0..40_u32).prop_map(|tenths| Wish::Rate(f64::from(tenths) / 10.0)),
        1 => Just(Wish::Stop),
        1 => Just(Wish::Interrupt),
        1 => Just(Wish::Abort),
    ];
    prop::collection::vec((0..4_000_u64, wish), 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn the_books_balance_however_a_run_is_steered(
        flow in steps(),
        open in any::<bool>(),
        seed in any::<u64>(),
        mischief in 0..30_u32,
        refusals in 0..40_u32,
        wishes in wishes(),
    ) {
        let load = if open {
            "arrivals: {stages: [{duration: 10s, rate: 2/s}], process: poisson, max_clients: 5}"
        } else {
            "stages: [{duration: 3s, clients: 4}, {duration: 5s, clients: 1}]"
        };
        let plan = plan(&format!(
            "{load}\nconnection: {{connect_timeout: 2s, close_timeout: 1s}}\ngraceful_stop: 3s\n\
             heartbeat: {{every: 700ms, timeout: 900ms}}\nflow: [{{connect: {{}}}}, {flow}]\n"
        ));
        let mut next = seed;
        let world = World::new(&plan, move || {
            next = next.wrapping_add(1);
            erratic(next, mischief)
        })
        .door(door(seed, refusals));
        let mut run = Steered::new(world);
        let mut goes_on = true;
        for (after, wish) in wishes {
            goes_on = run.go(ms(after)) && run.wish(wish);
            if !goes_on {
                break;
            }
        }
        if goes_on {
            run.wish(Wish::Resume);
            run.go(60 * SECOND);
        }
        run.end().assert_balanced();
    }
}
