//! Percentiles that are known beforehand, and what is reported of them. `scripts/accuracy` shows the same over real sockets.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::world::{Act, ROUND_TRIP, SECOND, World, answering, plan};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use wsbench::clock::Moment;
use wsbench::metrics::{Counter, Histogram, Trend};

const SHARES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

/// The value that a share of the sorted values does not exceed.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1)]
}

/// Within 1 % or 100 us.
fn assert_agrees(reported: &Histogram, known: &[Duration]) {
    assert_eq!(reported.count(), known.len() as u64);
    for share in SHARES {
        let (reported, known) = (reported.quantile(share), quantile(known, share));
        let allowed = known.mul_f64(0.01).max(Duration::from_micros(100));
        assert!(
            reported.abs_diff(known) <= allowed,
            "p{}: {reported:?} is reported of {known:?}",
            share * 100.0
        );
    }
}

#[test]
fn delays_of_a_known_distribution_are_reported_as_they_are() {
    let plan = plan("flow: [{repeat: 500, do: [{send: {text: \"${seq}\", reply: echo}}]}, {think: 5h}]");
    let quantile_of =
        |n: u32| Duration::from_millis(20).mul_f64(-(1.0 - (f64::from(n) + 0.5) / 10_000.0).ln());
    let mut delays: Vec<Duration> = (0..10_000).map(quantile_of).collect();
    let known: Vec<Duration> = delays.iter().map(|delay| *delay + ROUND_TRIP).collect();
    delays.shuffle(&mut Pcg64Mcg::seed_from_u64(1));
    let delays = Rc::new(RefCell::new(delays));
    let mut world = World::new(&plan, move || {
        let delays = Rc::clone(&delays);
        answering(move |_, text| {
            let delay = delays.borrow_mut().pop().expect("one for each message");
            vec![(delay, Act::Text(text.to_owned()))]
        })
    });
    for _ in 0..20 {
        world.start();
    }
    world.run(60 * SECOND);
    assert_eq!(world.count(Counter::SentAnswered), 10_000);
    assert_agrees(&world.trend(Trend::Service), &known);
    assert_agrees(&world.trend(Trend::Response), &known);
    assert_eq!(world.exactly(Trend::SendLag), Duration::ZERO);
    world.finish();
    world.assert_balanced();
}

/// When a server that stalls in the last second of every ten answers what reaches it at `at`.
fn answered(begin: Moment, at: Moment) -> Moment {
    let since = (at - begin).as_nanos() as u64 % 10_000_000_000;
    if since >= 9_000_000_000 {
        at + Duration::from_nanos(10_000_000_000 - since)
    } else {
        at
    }
}

#[test]
fn stalls_show_in_the_response_time_as_theory_says_and_hardly_in_the_service_time() {
    const EVERY: Duration = Duration::from_millis(47);
    let plan =
        plan("flow: [{every: 47ms, for: 60s, do: [{send: {text: \"${seq}\", reply: echo}}]}, {think: 5h}]");
    let begin = Moment::ZERO + 100 * SECOND;
    let mut world = World::new(&plan, move || {
        answering(move |now, text| vec![(answered(begin, now) - now, Act::Text(text.to_owned()))])
    });
    assert_eq!(world.now, begin);
    let (mut response, mut service) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        // The flow begins when its connection opens, after two round trips.
        let first = world.now + 2 * ROUND_TRIP;
        let mut free = first;
        let mut due = first;
        while due < first + 60 * SECOND && free < first + 60 * SECOND {
            let sent = due.max(free);
            free = answered(begin, sent + ROUND_TRIP / 2) + ROUND_TRIP / 2;
            response.push(free - due);
            service.push(free - sent);
            due += EVERY;
        }
        world.start();
        world.run(Duration::from_millis(25));
    }
    world.run(70 * SECOND);
    response.sort_unstable();
    service.sort_unstable();
    assert_agrees(&world.trend(Trend::Response), &response);
    assert_agrees(&world.trend(Trend::Service), &service);
    // A tenth of the time is stalled; whoever is due in it waits for what is left of it: P(R > x) = (1 s - x) / 10 s.
    for (share, theory) in [(0.92, 0.2), (0.95, 0.5), (0.99, 0.9)] {
        let reported = world.trend(Trend::Response).quantile(share).as_secs_f64();
        assert!(
            (reported - theory).abs() < 0.05,
            "p{}: {reported} s, not {theory} s and what it takes to catch up",
            share * 100.0
        );
    }
    assert!(world.trend(Trend::Service).quantile(0.99) < 2 * ROUND_TRIP);
    world.finish();
    world.assert_balanced();
}
