use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::metrics::Tally;

/// What a worker may report while one thing runs its course.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Count(Counter),
    Ended(CloseCause),
    Error(ErrorClass),
}

use Event::{Count, Ended, Error};

fn tally(events: &[Event]) -> Tally {
    let mut tally = Tally::default();
    for &event in events {
        match event {
            Count(counter) => tally.add(counter, 1),
            Ended(cause) => tally.ended(cause),
            Error(class) => tally.error(class, || "refused".to_owned()),
        }
    }
    tally
}

fn check(events: &[Event]) -> Books {
    let figures = Figures::new(&tally(events), Duration::from_secs(1));
    Books::check(&figures, [("only", &figures)])
}

/// One thing of any kind, from its begin to one of its ends.
fn life() -> impl Strategy<Value = Vec<Event>> {
    use Counter::*;
    let connection = prop_oneof![
        prop::sample::select(&CloseCause::ALL[..]).prop_map(|cause| vec![
            Count(ConnectAttempted),
            Count(ConnectOpened),
            Ended(cause)
        ]),
        prop::sample::select(
            ErrorClass::ALL
                .into_iter()
                .filter(|class| class.is_connect())
                .collect::<Vec<_>>()
        )
        .prop_map(|class| vec![Count(ConnectAttempted), Count(ConnectFailed), Error(class)]),
        Just(vec![Count(ConnectAttempted), Count(ConnectAbandoned)]),
    ];
    let one_of = |begin: Counter, ends: &'static [Counter]| {
        prop::sample::select(ends).prop_map(move |end| vec![Count(begin), Count(end)])
    };
    prop_oneof![
        connection,
        one_of(MessagesSent, &[SentOneWay, SentLostConnection, SentInFlight]),
        Just(vec![
            Count(MessagesSent),
            Count(SentAnswered),
            Count(MessagesReceived)
        ]),
        Just(vec![
            Count(MessagesSent),
            Count(SentLostTimeout),
            Count(MessagesReceived),
            Count(RepliesLate)
        ]),
        one_of(RoomsJoined, &[RoomsLeft]),
        one_of(
            FanOutOwed,
            &[FanOutReceived, FanOutLost, FanOutReplaced, FanOutUnsettled]
        ),
        one_of(MessagesReceived, &[MessagesTaken, MessagesUnmatched]),
        one_of(PingsSent, &[PingsAnswered, PingsUnanswered, PingsInFlight]),
        one_of(FlowsStarted, &[FlowsCompleted, FlowsFailed, FlowsInterrupted]),
        one_of(ExpectsStarted, &[ExpectsFailed, ExpectsInterrupted]),
        Just(vec![
            Count(ExpectsStarted),
            Count(ExpectsMet),
            Count(MessagesReceived)
        ]),
    ]
}

proptest! {
    #[test]
    fn whatever_runs_its_course_balances_and_any_missing_event_shows(
        lives in prop::collection::vec(life(), 1..60),
        victim in any::<prop::sample::Index>(),
    ) {
        let mut events = lives.concat();
        prop_assert!(check(&events).balanced());
        let removed = events.swap_remove(victim.index(events.len()));
        prop_assert!(!check(&events).balanced(), "nothing noticed that {:?} is missing", removed);
    }
}

#[test]
fn an_empty_run_balances() {
    assert!(check(&[]).balanced());
}

#[test]
fn a_broken_equation_says_what_is_missing_and_where() {
    let books = check(&[Count(Counter::ConnectAttempted), Count(Counter::ConnectOpened)]);
    let lines: Vec<String> = books.broken().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "connections: opened 1 ≠ 0: 1 without a known end",
            "only: connections: opened 1 ≠ 0: 1 without a known end"
        ]
    );

    let books = check(&[Count(Counter::PingsAnswered), Count(Counter::PingsInFlight)]);
    let line = books.broken().next().unwrap().to_string();
    assert_eq!(
        line,
        "pings: sent 0 ≠ answered 1 + in flight 1: 2 more ends than begins"
    );
}

#[test]
fn errors_on_an_open_connection_do_not_count_as_failed_attempts() {
    assert!(check(&[Error(ErrorClass::ConnectionLost), Error(ErrorClass::ReplyTimeout)]).balanced());
    assert!(!check(&[Error(ErrorClass::Refused)]).balanced());
}
