//! When a generator is to be believed, and when not.

use std::time::Duration;

use super::*;
use crate::clock::Moment;
use crate::metrics::sample::Trend;
use crate::metrics::shard::{GroupId, Shard};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What happens in a second.
#[derive(Clone, Copy)]
struct Second {
    /// Shares of the second in percent.
    cpu: u64,
    waiting: u64,
    lag: Duration,
    response: Option<Duration>,
}

const IDLE: Second = Second {
    cpu: 10,
    waiting: 1,
    lag: Duration::from_micros(80),
    response: Some(ms(2)),
};
const OVERLOADED: Second = Second {
    cpu: 99,
    waiting: 0,
    lag: ms(30),
    response: Some(ms(40)),
};

fn run(limits: GeneratorLimits, seconds: &[Second]) -> GeneratorFigures {
    let mut log = GeneratorLog::new(1, Moment::ZERO);
    log.limits = limits;
    let mut pulse = WorkerPulse {
        waited: Some(Duration::ZERO),
        ..WorkerPulse::default()
    };
    log.worker(0, pulse);
    for second in seconds {
        let mut window = Shard::new(1);
        for _ in 0..100 {
            window.timer_lag(second.lag);
            if let Some(response) = second.response {
                window.record(GroupId(0), Trend::Response, response);
            }
        }
        pulse.at += ms(1_000);
        pulse.cpu += ms(second.cpu * 10);
        pulse.waited = pulse.waited.map(|waited| waited + ms(second.waiting * 10));
        log.worker(0, pulse);
        log.add(&window);
        log.judge(pulse.at);
    }
    log.figures(0)
}

fn repeated(parts: &[(Second, usize)]) -> Vec<Second> {
    parts.iter().flat_map(|(second, n)| vec![*second; *n]).collect()
}

fn judge(parts: &[(Second, usize)]) -> GeneratorFigures {
    run(GeneratorLimits::default(), &repeated(parts))
}

#[test]
fn a_generator_that_keeps_up_is_believed() {
    let figures = judge(&[(IDLE, 60)]);
    assert_eq!(figures.verdict, Verdict::Valid);
    assert!(figures.problems.is_empty() && figures.notes.is_empty());
    assert!((figures.workers[0].cpu - 0.1).abs() < 1e-6);
    assert_eq!(
        figures.workers[0].waiting.map(|share| (share * 100.0).round()),
        Some(1.0)
    );
    assert_eq!(figures.timer_lag_ms.unwrap().count, 6_000);
}

#[test]
fn five_late_seconds_in_a_row_at_the_limit_make_a_run_invalid() {
    assert_eq!(
        judge(&[(IDLE, 60), (OVERLOADED, 4), (IDLE, 60)]).verdict,
        Verdict::Valid
    );
    let figures = judge(&[(IDLE, 60), (OVERLOADED, 5), (IDLE, 60)]);
    assert_eq!(figures.verdict, Verdict::Invalid);
    let [problem] = &figures.problems[..] else {
        panic!("one problem")
    };
    assert_eq!(problem.kind, FindingKind::Overloaded);
    assert_eq!(
        problem.reason,
        "a worker had no rest and was late for 5 s of 125 s, by up to 30.0ms at the 99th percentile of a second beside \
         response times of 40.0ms"
    );
    assert!(problem.advice.contains("--workers"));
    assert!((figures.late_longest_s - 5.0).abs() < 1e-9);
}

#[test]
fn a_tenth_of_the_run_is_too_much_in_pieces_as_well() {
    let pieces = |n: usize| [(OVERLOADED, 2), (IDLE, 18)].repeat(n);
    assert_eq!(judge(&pieces(2)).verdict, Verdict::Valid, "4 s are not sustained");
    assert_eq!(judge(&pieces(3)).verdict, Verdict::Invalid);
    let rare: Vec<_> = [(OVERLOADED, 2), (IDLE, 30)].repeat(5);
    assert_eq!(judge(&rare).verdict, Verdict::Valid);
}

#[test]
fn neither_load_nor_lag_alone_is_a_reason() {
    let busy = Second {
        lag: Duration::from_micros(900),
        ..OVERLOADED
    };
    let figures = judge(&[(busy, 30)]);
    assert_eq!(figures.verdict, Verdict::Valid);
    assert_eq!(figures.notes[0].kind, FindingKind::Saturated);

    let stalled = Second {
        cpu: 30,
        ..OVERLOADED
    };
    assert_eq!(
        judge(&[(stalled, 30)]).verdict,
        Verdict::Valid,
        "whatever it was, it was not the worker's work"
    );
}

#[test]
fn lag_counts_beside_the_response_times_that_it_is_in() {
    let slow_target = Second {
        response: Some(ms(400)),
        ..OVERLOADED
    };
    assert_eq!(judge(&[(slow_target, 30)]).verdict, Verdict::Valid);
    let nothing_to_compare = Second {
        response: None,
        ..OVERLOADED
    };
    assert_eq!(judge(&[(nothing_to_compare, 30)]).verdict, Verdict::Invalid);
}

#[test]
fn a_worker_that_shares_its_core_may_be_late_by_some_slices() {
    let shared = Second {
        cpu: 40,
        waiting: 58,
        lag: ms(8),
        response: Some(ms(12)),
    };
    assert_eq!(judge(&[(shared, 60)]).verdict, Verdict::Valid);
    let starved = Second {
        lag: ms(60),
        response: Some(ms(80)),
        ..shared
    };
    let figures = judge(&[(starved, 60)]);
    assert_eq!(figures.problems[0].kind, FindingKind::Starved);
    assert!(figures.problems[0].advice.contains("other programs"));
}

#[test]
fn limits_can_be_moved_and_an_invalid_run_tolerated() {
    let strict = GeneratorLimits {
        sustained: ms(1_000),
        tolerate: true,
        ..GeneratorLimits::default()
    };
    let figures = run(strict, &[IDLE, OVERLOADED]);
    assert_eq!((figures.verdict, figures.fails()), (Verdict::Invalid, false));
    let patient = GeneratorLimits {
        lag: ms(50),
        ..GeneratorLimits::default()
    };
    assert_eq!(
        run(patient, &repeated(&[(OVERLOADED, 60)])).verdict,
        Verdict::Valid
    );
}

#[test]
fn a_connect_that_failed_for_want_of_a_port_is_no_finding_about_the_target() {
    let log = GeneratorLog::new(1, Moment::ZERO);
    let figures = log.figures(3);
    assert_eq!(figures.verdict, Verdict::Invalid);
    assert!(figures.fails());
    assert_eq!(figures.problems[0].kind, FindingKind::Exhausted);
}

#[test]
fn what_runs_short_and_clocks_that_are_set_are_noted() {
    let mut log = GeneratorLog::new(1, Moment::ZERO);
    let plenty = ProcessPulse {
        open_files: Some(20),
        file_limit: Some(1_000),
        ports_left: Some(28_000),
        ports: Some(28_232),
        time_wait: Some(3),
        available_bytes: Some(1 << 30),
        clock_jump: Duration::ZERO,
    };
    log.process(plenty);
    assert!(log.figures(0).notes.is_empty());
    log.process(ProcessPulse {
        open_files: Some(950),
        ports_left: Some(12),
        time_wait: Some(27_000),
        available_bytes: Some(1 << 24),
        clock_jump: ms(3_600_000),
        ..plenty
    });
    log.process(plenty);
    let figures = log.figures(0);
    let kinds: Vec<_> = figures.notes.iter().map(|note| note.kind).collect();
    assert_eq!(
        kinds,
        [
            FindingKind::FewPorts,
            FindingKind::FewFiles,
            FindingKind::LittleMemory,
            FindingKind::ClockSet
        ]
    );
    assert_eq!(
        (figures.open_files, figures.ports_left, figures.time_wait),
        (Some(950), Some(12), Some(27_000))
    );
    assert_eq!(figures.verdict, Verdict::Valid);
}
