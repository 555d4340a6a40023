use super::*;
use crate::metrics::GroupId;
use std::thread;

const FIRST: GroupId = GroupId(0);
const SECOND: GroupId = GroupId(1);

fn at(seconds: u64) -> Moment {
    Moment::ZERO + Duration::from_secs(seconds)
}

fn open(connections: u64) -> Gauges {
    Gauges {
        connections_open: connections,
        ..Gauges::default()
    }
}

#[test]
fn spreads_are_made_for_whoever_asked() {
    let (mut recorder, mut senders) = Recorder::new(&["a", "b"], 1, Moment::ZERO);
    senders[0]
        .shard()
        .record(SECOND, Trend::Ping, Duration::from_millis(5));
    senders[0].flush(at(1), Gauges::default());
    assert!(recorder.tick(at(1)).total.spreads.is_empty());
    recorder.show_spreads();
    let snapshot = recorder.tick(at(2));
    assert!(snapshot.groups[0].spreads.is_empty());
    for group in [&snapshot.total, &snapshot.groups[1]] {
        assert_eq!(group.spreads[&Trend::Ping].count(), 1);
    }
}

#[test]
fn a_snapshot_shows_the_whole_run_and_the_last_window() {
    let (mut recorder, mut senders) = Recorder::new(&["a", "b"], 2, Moment::ZERO);
    for (sender, n) in senders.iter_mut().zip([10, 20]) {
        sender.shard().add(FIRST, Counter::MessagesSent, n);
        sender
            .shard()
            .record(SECOND, Trend::Ping, Duration::from_millis(n));
        sender.flush(at(2), open(n));
    }
    let first = recorder.tick(at(2));
    assert_eq!(first.gauges, open(30));
    assert_eq!(first.total.cumulative.counter(Counter::MessagesSent), 30);
    assert!((first.total.window.rate(Counter::MessagesSent) - 15.0).abs() < 1e-9);

    senders[0].shard().add(SECOND, Counter::MessagesSent, 6);
    for (sender, connections) in senders.iter_mut().zip([1, 20]) {
        sender.flush(at(3), open(connections));
    }
    let second = recorder.tick(at(3));
    assert_eq!(
        (second.elapsed, second.window),
        (Duration::from_secs(3), Duration::from_secs(1))
    );
    assert_eq!(second.gauges, open(21));
    assert_eq!(second.total.cumulative.counter(Counter::MessagesSent), 36);
    assert_eq!(second.total.window.counter(Counter::MessagesSent), 6);
    let [a, b] = &second.groups[..] else {
        panic!("two groups")
    };
    assert_eq!((&*a.name, a.cumulative.counter(Counter::MessagesSent)), ("a", 30));
    assert_eq!(b.cumulative.trend(Trend::Ping).unwrap().count, 2);
    assert_eq!(b.window.trend(Trend::Ping), None);
}

#[test]
fn a_recorder_that_is_behind_loses_nothing() {
    let (recorder, mut senders) = Recorder::new(&["only"], 1, Moment::ZERO);
    let mut sender = senders.remove(0);
    for round in 0..100 {
        sender.shard().add(FIRST, Counter::MessagesSent, 1);
        sender
            .shard()
            .error(FIRST, ErrorClass::ReplyTimeout, || format!("round {round}"));
        sender.flush(at(round), Gauges::default());
    }
    sender.finish(at(100), Gauges::default());
    let totals = recorder.finish();
    assert_eq!(totals.total.counter(Counter::MessagesSent), 100);
    assert_eq!(totals.total.errors().count(ErrorClass::ReplyTimeout), 100);
}

#[test]
fn workers_on_their_threads_and_a_ticking_recorder_agree_to_the_last_sample() {
    const EACH: u64 = 10_000;
    let (mut recorder, senders) = Recorder::new(&["only"], 4, Moment::ZERO);
    let workers: Vec<_> = senders
        .into_iter()
        .map(|mut sender| {
            thread::spawn(move || {
                for n in 0..EACH {
                    sender.shard().add(FIRST, Counter::MessagesReceived, 1);
                    sender
                        .shard()
                        .record(FIRST, Trend::Response, Duration::from_nanos(n));
                    if n % 7 == 0 {
                        sender.flush(Moment::ZERO, open(1));
                    }
                }
                sender.finish(Moment::ZERO, open(0));
            })
        })
        .collect();
    let mut windows = 0;
    while !workers.iter().all(thread::JoinHandle::is_finished) {
        windows += recorder
            .tick(Moment::ZERO)
            .total
            .window
            .counter(Counter::MessagesReceived);
        thread::yield_now();
    }
    let last = recorder.tick(Moment::ZERO);
    assert_eq!(
        windows + last.total.window.counter(Counter::MessagesReceived),
        4 * EACH
    );
    assert_eq!(last.gauges, open(0));
    let totals = recorder.finish();
    assert_eq!(totals.total.trend(Trend::Response).unwrap().count(), 4 * EACH);
    assert_eq!(totals.groups[0].1.counter(Counter::MessagesReceived), 4 * EACH);
}

#[test]
fn a_worker_outlives_a_recorder_that_is_gone() {
    let (recorder, mut senders) = Recorder::new(&["only"], 1, Moment::ZERO);
    drop(recorder);
    let mut sender = senders.remove(0);
    sender.flush(at(1), Gauges::default());
    sender.flush(at(2), Gauges::default());
    sender.finish(at(3), Gauges::default());
}

#[test]
fn the_peak_is_of_all_workers_together() {
    let (mut recorder, mut senders) = Recorder::new(&["only"], 2, Moment::ZERO);
    for (worker, connections) in [(0, 5), (1, 7), (0, 1), (1, 2)] {
        senders[worker].flush(at(1), open(connections));
        recorder.drain();
    }
    drop(senders);
    assert_eq!(recorder.finish().peak, open(12));
}

#[test]
fn a_steady_rate_is_steady_however_ticks_and_hand_overs_beat() {
    let ms = |millis: u64| Moment::ZERO + Duration::from_millis(millis);
    let (mut recorder, mut senders) = Recorder::new(&["only"], 2, Moment::ZERO);
    let mut rates = Vec::new();
    for now in (10..=10_000).step_by(10) {
        for (sender, phase) in senders.iter_mut().zip([0, 90]) {
            sender.shard().add(FIRST, Counter::MessagesSent, 5);
            if (now + phase) % 200 == 0 {
                sender.flush(ms(now), Gauges::default());
            }
        }
        if now % 250 == 0 {
            rates.push(recorder.tick(ms(now)).total.window.rate(Counter::MessagesSent));
        }
    }
    // The first hand-over of the second worker comes after 110 ms.
    assert!(
        rates[2..].iter().all(|rate| (rate - 1_000.0).abs() < 1e-6),
        "{rates:?}"
    );
    senders
        .into_iter()
        .for_each(|sender| sender.finish(ms(10_000), Gauges::default()));
    let totals = recorder.finish();
    assert_eq!(totals.total.counter(Counter::MessagesSent), 10_000);
    let whole = &totals.series.points[1..totals.series.points.len() - 1];
    assert!(
        whole
            .iter()
            .all(|point| (point.rate(Counter::MessagesSent) - 1_000.0).abs() < 1e-3),
        "{whole:?}"
    );
}

#[test]
fn a_worker_that_has_finished_does_not_stretch_the_windows_of_the_others() {
    let (mut recorder, mut senders) = Recorder::new(&["only"], 2, Moment::ZERO);
    senders.remove(0).finish(at(1), Gauges::default());
    for second in 1..=5 {
        senders[0].shard().add(FIRST, Counter::MessagesSent, 10);
        senders[0].flush(at(second), Gauges::default());
        let snapshot = recorder.tick(at(second));
        assert_eq!(snapshot.window, Duration::from_secs(1));
        assert!((snapshot.total.window.rate(Counter::MessagesSent) - 10.0).abs() < 1e-9);
    }
}

#[test]
fn a_peak_between_two_hand_overs_counts() {
    let (mut recorder, mut senders) = Recorder::new(&["only"], 1, Moment::ZERO);
    for connections in [1, 3, 0] {
        senders[0].saw(open(connections));
    }
    senders[0].flush(at(1), open(0));
    senders[0].flush(at(2), open(1));
    recorder.drain();
    drop(senders);
    assert_eq!(recorder.finish().peak, open(3));
}
