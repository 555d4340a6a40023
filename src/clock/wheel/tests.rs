use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TICK: u64 = 250_000;
const NONE: [u32; 0] = [];

fn wheel() -> Wheel {
    Wheel::new(Duration::from_nanos(TICK), Moment::ZERO)
}

fn expired(wheel: &mut Wheel, nanos: u64) -> Vec<u32> {
    let mut keys = Vec::new();
    wheel.expire(Moment::from_nanos(nanos), &mut |key| keys.push(key));
    keys.sort_unstable();
    keys
}

#[test]
fn a_timer_stays_within_its_memory() {
    assert!(size_of::<Timer>() <= 24);
}

#[test]
fn fires_at_the_tick_after_its_deadline_and_never_before() {
    let mut wheel = wheel();
    wheel.schedule(3, Moment::from_nanos(TICK + 1));
    assert_eq!(expired(&mut wheel, 2 * TICK - 1), NONE);
    assert_eq!(wheel.next_deadline(), Some(Moment::from_nanos(2 * TICK)));
    assert_eq!(expired(&mut wheel, 2 * TICK), [3]);
    assert!(wheel.is_empty());
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn a_deadline_in_the_past_fires_with_the_next_tick() {
    let mut wheel = wheel();
    assert_eq!(expired(&mut wheel, 10 * TICK), NONE);
    wheel.schedule(0, Moment::ZERO);
    assert_eq!(expired(&mut wheel, 10 * TICK), NONE);
    assert_eq!(expired(&mut wheel, 11 * TICK), [0]);
}

#[test]
fn rescheduling_replaces_and_never_cancels() {
    let mut wheel = wheel();
    wheel.schedule(1, Moment::from_nanos(5 * TICK));
    wheel.schedule(1, Moment::from_nanos(500 * TICK));
    assert_eq!(wheel.len(), 1);
    assert_eq!(expired(&mut wheel, 499 * TICK), NONE);
    assert_eq!(expired(&mut wheel, 500 * TICK), [1]);
    wheel.schedule(1, Moment::from_nanos(600 * TICK));
    wheel.schedule(1, Moment::NEVER);
    assert_eq!(expired(&mut wheel, 900 * TICK), NONE);
}

#[test]
fn scheduling_by_a_deadline_only_brings_it_forward() {
    let mut wheel = wheel();
    wheel.schedule_by(1, Moment::from_nanos(50 * TICK));
    wheel.schedule_by(1, Moment::from_nanos(90 * TICK));
    wheel.schedule_by(1, Moment::NEVER);
    assert_eq!(expired(&mut wheel, 50 * TICK), [1]);
    wheel.schedule_by(1, Moment::from_nanos(90 * TICK));
    wheel.schedule_by(1, Moment::from_nanos(60 * TICK));
    assert_eq!(expired(&mut wheel, 60 * TICK), [1]);
}

#[test]
fn holds_the_farthest_deadlines() {
    let mut wheel = Wheel::new(Duration::from_nanos(1), Moment::from_nanos(7));
    wheel.schedule(0, Moment::from_nanos(u64::MAX - 1));
    assert_eq!(expired(&mut wheel, u64::MAX - 2), NONE);
    assert_eq!(expired(&mut wheel, u64::MAX - 1), [0]);
}

/// What may happen to a wheel; moments are distances from the present, in nanoseconds.
#[derive(Clone, Debug)]
enum Act {
    Schedule(u32, u64),
    ScheduleBy(u32, u64),
    Cancel(u32),
    Advance(u64),
    AdvanceToNext,
}

fn distance() -> impl Strategy<Value = u64> {
    prop_oneof![0..4 * TICK, 0..200 * TICK, 0..20_000 * TICK, 0..1_u64 << 48]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..40_u32, distance()).prop_map(|(key, after)| Act::Schedule(key, after)),
        2 => (0..40_u32, distance()).prop_map(|(key, after)| Act::ScheduleBy(key, after)),
        1 => (0..40_u32).prop_map(Act::Cancel),
        3 => distance().prop_map(Act::Advance),
        2 => Just(Act::AdvanceToNext),
    ]
}

/// The same thing in the simplest way: each key's tick in a map.
#[derive(Default)]
struct Model {
    ticks: BTreeMap<u32, u64>,
    elapsed: u64,
}

impl Model {
    fn tick_of(&self, nanos: u64) -> u64 {
        nanos.div_ceil(TICK).max(self.elapsed + 1)
    }

    fn expire(&mut self, nanos: u64) -> Vec<u32> {
        self.elapsed = nanos / TICK;
        let due = self
            .ticks
            .iter()
            .filter(|(_, tick)| **tick <= self.elapsed)
            .map(|(key, _)| *key)
            .collect();
        self.ticks.retain(|_, tick| *tick > self.elapsed);
        due
    }
}

proptest! {
    #[test]
    fn agrees_with_a_map_of_deadlines(start in 0..1_u64 << 40, acts in prop::collection::vec(act(), 1..200)) {
        let mut now = start;
        let mut wheel = Wheel::new(Duration::from_nanos(TICK), Moment::from_nanos(now));
        let mut model = Model { elapsed: now / TICK, ..Model::default() };
        for act in acts {
            match act {
                Act::Schedule(key, after) => {
                    wheel.schedule(key, Moment::from_nanos(now + after));
                    model.ticks.insert(key, model.tick_of(now + after));
                }
                Act::ScheduleBy(key, after) => {
                    wheel.schedule_by(key, Moment::from_nanos(now + after));
                    let tick = model.tick_of(now + after);
                    model.ticks.entry(key).and_modify(|held| *held = (*held).min(tick)).or_insert(tick);
                }
                Act::Cancel(key) => {
                    wheel.cancel(key);
                    model.ticks.remove(&key);
                }
                Act::Advance(by) => {
                    now += by;
                    prop_assert_eq!(expired(&mut wheel, now), model.expire(now));
                }
                Act::AdvanceToNext => {
                    if let Some(next) = wheel.next_deadline() {
                        now = now.max(next.as_nanos());
                        prop_assert_eq!(expired(&mut wheel, now), model.expire(now));
                    }
                }
            }
            prop_assert_eq!(wheel.len(), model.ticks.len());
            let earliest = model.ticks.values().min().map(|tick| Moment::from_nanos(tick * TICK));
            prop_assert_eq!(wheel.next_deadline().is_some(), earliest.is_some());
            prop_assert!(wheel.next_deadline() <= earliest);
            prop_assert!(wheel.next_deadline().is_none_or(|next| next.as_nanos() > now / TICK * TICK));
        }
    }
}
