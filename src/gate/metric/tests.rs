use super::*;
use crate::metrics::Gauges;

/// Two groups: `chat` with 10 answered messages of 1 to 10 ms and a lost one, `feed` with one of 100 ms.
fn tallies() -> [Tally; 2] {
    let (mut chat, mut feed) = (Tally::default(), Tally::default());
    for millis in 1..=10 {
        chat.record(Trend::Response, Duration::from_millis(millis));
    }
    chat.add(Counter::MessagesSent, 11);
    chat.add(Counter::SentLostTimeout, 1);
    chat.add(Counter::ConnectOpened, 2);
    chat.ended(CloseCause::PeerEof);
    chat.ended(CloseCause::ServerClosed);
    chat.close_code(Side::Server, 1011);
    chat.close_code(Side::Nobody, 1006);
    chat.error(ErrorClass::ReplyTimeout, String::new);
    chat.error(ErrorClass::ConnectionLost, String::new);
    feed.record(Trend::Response, Duration::from_millis(100));
    feed.add(Counter::MessagesSent, 9);
    feed.add(Counter::ConnectOpened, 2);
    feed.ended(CloseCause::ClientClosed);
    feed.ended(CloseCause::ClientClosed);
    feed.close_code(Side::Client, 1000);
    feed.close_code(Side::Client, 1000);
    [chat, feed]
}

fn value(metric: &str, aggregate: Aggregate) -> Option<f64> {
    let [chat, feed] = tallies();
    let measured = Measured {
        elapsed: Duration::from_secs(2),
        peak: Gauges {
            clients_active: 4,
            connections_open: 3,
            ..Gauges::default()
        },
        groups: vec![("chat", &chat), ("feed", &feed)],
    };
    Metric::parse(metric).unwrap().value(aggregate, &measured)
}

#[test]
fn every_kind_of_metric_has_its_value_in_total_and_by_group() {
    let cases = [
        ("response_time", Aggregate::Max, 100.0),
        ("response", Aggregate::Max, 100.0),
        ("response_time{group:chat}", Aggregate::Max, 10.0),
        ("response_time{group:chat}", Aggregate::Avg, 5.5),
        ("response_time{group:feed}", Aggregate::Min, 100.0),
        ("response_time", Aggregate::Count, 11.0),
        ("ping_time", Aggregate::Count, 0.0),
        ("messages_sent", Aggregate::Rate, 10.0),
        ("messages_sent{group:feed}", Aggregate::Count, 9.0),
        ("messages_lost", Aggregate::Rate, 0.05),
        ("sent_lost_timeout{group:chat}", Aggregate::Rate, 1.0 / 11.0),
        ("connections_lost", Aggregate::Rate, 0.25),
        ("connections_closed{cause:server_closed}", Aggregate::Count, 1.0),
        ("connections_closed", Aggregate::Rate, 1.0),
        ("close_codes", Aggregate::Count, 4.0),
        ("close_codes{code:1006}", Aggregate::Rate, 0.25),
        ("close_codes{by:server, code:1011}", Aggregate::Count, 1.0),
        ("close_codes{by:client,group:chat}", Aggregate::Count, 0.0),
        ("errors", Aggregate::Count, 2.0),
        ("errors{class:reply_timeout}", Aggregate::Rate, 0.5),
        ("peak_clients", Aggregate::Value, 4.0),
        ("peak_connections", Aggregate::Value, 3.0),
    ];
    for (metric, aggregate, expected) in cases {
        let found = value(metric, aggregate).unwrap_or_else(|| panic!("{metric}: no value"));
        assert!((found - expected).abs() < 1e-9, "{metric}: {found}");
    }
}

#[test]
fn what_nobody_measured_has_no_value() {
    assert_eq!(value("ping_time", Aggregate::Avg), None);
    assert_eq!(value("pings_unanswered", Aggregate::Rate), None);
    assert_eq!(value("flows_failed", Aggregate::Count), Some(0.0));
}

/// A member that serde would write as anything but a word would have no name here.
#[test]
fn every_metric_has_a_name_of_its_own_under_which_it_is_found() {
    let names = names();
    assert_eq!(names.len(), Trend::ALL.len() + Counter::COUNT + OTHERS.len());
    for name in &names {
        assert!(
            name.len() > 3 && names.iter().filter(|other| *other == name).count() == 1,
            "{name}"
        );
        assert_eq!(Metric::parse(name).unwrap().to_string(), *name);
    }
    for (name, source, selectors) in OTHERS {
        assert_eq!(selectors_of(source), selectors, "{name}");
    }
}

#[test]
fn a_wrong_name_or_selector_is_told_with_its_place_and_what_was_meant() {
    let cases = [
        ("respons_time", 0, "did you mean `response_time`?"),
        (" mesages_sent", 1, "did you mean `messages_sent`?"),
        ("ws_session_duration", 0, "did you mean `session_time`?"),
        ("banana", 0, "metrics: `resolve_time`, "),
        ("response_time{group:chat", 24, "expected `}`"),
        ("response_time{gruop:chat}", 14, "selectors: `group`"),
        ("response_time{group}", 14, "`group:...`"),
        ("response_time{}", 14, "`group:...`"),
        (
            "errors{group:a, class:reply_timeuot}",
            16,
            "did you mean `reply_timeout`?",
        ),
        ("close_codes{code:99}", 12, "1000 to 4999"),
        ("close_codes{by:sever}", 12, "did you mean `server`?"),
        ("peak_clients{group:a}", 13, "takes no selectors"),
    ];
    for (text, offset, message) in cases {
        let error = Metric::parse(text).unwrap_err();
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(error.offset, offset, "{text}: {error}");
    }
}
