use super::*;
use crate::gate::testing;
use crate::metrics::{ErrorFigures, SizeLimitFigures, SizeRange, TrendFigures};

/// A run of one group in which nothing happened.
fn run() -> Summary {
    testing::repeat(&["only"], |_| {}).summary
}

/// A run with these counts.
fn counted(counts: &[(Counter, u64)]) -> Summary {
    let mut run = run();
    run.groups[0].figures.counters.extend(counts.iter().copied());
    run
}

fn closed(client: &[u16], server: &[u16], nobody: bool) -> Summary {
    let mut run = run();
    let codes = &mut run.groups[0].figures.close_codes;
    codes.client.codes = client.iter().map(|&code| (code, 7)).collect();
    codes.server.codes = server.iter().map(|&code| (code, 2)).collect();
    codes.nobody.codes = nobody.then_some((1006, 1)).into_iter().collect();
    run
}

/// What is said about one subject, directly and through.
fn said(subject: Subject, direct: &Summary, through: &Summary) -> (String, String) {
    let facts = facts(&[direct], &[through]);
    let fact = facts.iter().find(|fact| fact.subject == subject).unwrap();
    let all = |values: &BTreeSet<String>| values.iter().cloned().collect::<Vec<_>>().join("|");
    (all(&fact.direct), all(&fact.through))
}

#[test]
fn a_scenario_without_a_subject_has_no_fact_about_it() {
    assert_eq!(facts(&[&run()], &[&run()]), []);
}

#[test]
fn codes_are_told_by_who_closed_and_not_by_how_often() {
    let (direct, through) = said(
        Subject::CloseCodes,
        &closed(&[1000, 4001], &[1009], false),
        &closed(&[1000], &[], true),
    );
    assert_eq!(direct, "1000, 4001 by the client; 1009 by the server");
    assert_eq!(
        through,
        "1000 by the client; connections lost without a Close frame (1006)"
    );
}

#[test]
fn connections_that_are_lost_are_told_with_their_age() {
    let mut through = closed(&[], &[], true);
    let figures = &mut through.groups[0].figures;
    figures.closed.insert(crate::metrics::CloseCause::PeerEof, 2);
    let session = TrendFigures {
        count: 2,
        med: 1_020.0,
        ..TrendFigures::default()
    };
    figures.trends_ms.insert(Trend::Session, session);
    let facts = facts(&[&closed(&[1000], &[], false)], &[&through]);
    assert_eq!(facts[0].note.as_deref(), Some("after 1.0 s"));
}

#[test]
fn refused_upgrades_are_told_by_what_was_answered_and_why() {
    let mut through = counted(&[(Counter::ConnectAttempted, 3), (Counter::ConnectFailed, 3)]);
    let refused = ErrorFigures {
        count: 3,
        examples: vec![
            "the server refused the upgrade: 426 Upgrade Required ({\"message\":\"header Upgrade ...\"})"
                .to_owned(),
        ],
    };
    through.groups[0]
        .figures
        .errors
        .insert(ErrorClass::UpgradeRefused, refused);
    let direct = counted(&[(Counter::ConnectAttempted, 3), (Counter::ConnectOpened, 3)]);
    assert_eq!(
        said(Subject::Connects, &direct, &through),
        (
            "all opened".to_owned(),
            "none opened: the server refused the upgrade: 426 Upgrade Required".to_owned()
        )
    );
    let facts = facts(&[&direct], &[&through]);
    assert_eq!(
        facts[0].note.as_deref(),
        Some("the headers Upgrade and Connection are not passed on")
    );
}

#[test]
fn a_size_limit_is_told_to_the_byte_with_what_a_larger_message_gets() {
    let limited = |bytes, look: &str| {
        let mut run = counted(&[(Counter::PingsSent, 9), (Counter::PingsUnanswered, 4)]);
        run.groups[0].figures.size_limits = Some(SizeLimitFigures {
            probes: 1,
            accepted: Some(SizeRange {
                min: bytes,
                max: bytes,
            }),
            refusals: [(look.to_owned(), 4)].into(),
            ..SizeLimitFigures::default()
        });
        run
    };
    let direct = limited(
        1_048_576,
        "close 1009 message too big: \"message above the limit of 1048576 bytes\"",
    );
    assert_eq!(
        said(Subject::SizeLimit, &direct, &limited(65_536, "TCP reset")),
        (
            "1048576 bytes accepted, more refused by close 1009 message too big".to_owned(),
            "65536 bytes accepted, more refused by TCP reset".to_owned()
        )
    );
    let about_pings = |fact: &Fact| fact.subject == Subject::Pings;
    assert!(!facts(&[&direct], &[&direct]).iter().any(about_pings));
}

#[test]
fn troubles_of_every_kind_have_words() {
    let cases = [
        (
            Subject::Messages,
            &[(Counter::MessagesSent, 5), (Counter::SentOneWay, 1)][..],
            &[(Counter::MessagesSent, 5), (Counter::SentLostConnection, 1)][..],
            ["all answered", "some lost with their connection"],
        ),
        (
            Subject::Pings,
            &[(Counter::PingsSent, 5)],
            &[(Counter::PingsSent, 5), (Counter::PingsUnanswered, 1)],
            ["all answered", "some not answered"],
        ),
        (
            Subject::Expects,
            &[(Counter::ExpectsStarted, 1)],
            &[(Counter::ExpectsStarted, 1), (Counter::ExpectsFailed, 1)],
            ["as expected", "not as expected"],
        ),
        (
            Subject::FanOut,
            &[(Counter::RoomsJoined, 5)],
            &[
                (Counter::RoomsJoined, 5),
                (Counter::FanOutLost, 1),
                (Counter::FanOutDisordered, 1),
            ],
            [
                "everybody got everything",
                "some messages lost; some messages out of order",
            ],
        ),
    ];
    for (subject, well, ill, [direct, through]) in cases {
        assert_eq!(
            said(subject, &counted(well), &counted(ill)),
            (direct.to_owned(), through.to_owned())
        );
    }
}

#[test]
fn runs_that_differ_among_themselves_are_all_told() {
    let (well, ill) = (closed(&[1000], &[], false), closed(&[], &[1001], false));
    let facts = facts(&[&well, &well], &[&well, &ill]);
    assert_eq!(facts[0].direct.len(), 1);
    assert_eq!(facts[0].through.len(), 2);
}
