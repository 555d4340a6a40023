//! Faults on request, as a client sees them.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep, timeout};

use crate::raw::{Raw, masked, refusal};
use crate::support::{body, ended, journal, start};

/// Every fault with a setting.
const FAULTS: [&str; 18] = [
    "delay:1ms",
    "stall:1ms/10s",
    "drop:1",
    "duplicate:1",
    "reorder:1",
    "corrupt:1",
    "corrupt-header:1",
    "dribble:1/1ms",
    "stop-reading:1",
    "read-rate:1KiB",
    "mute-pong",
    "close-code:1000",
    "close-after:1",
    "fin:1",
    "rst:1",
    "half-close:1",
    "bad-101:no-accept",
    "hold:1ms",
];

#[tokio::test]
async fn without_faults_every_fault_is_refused_by_403() {
    let server = start("routes: {/late: {mode: echo, faults: {delay: 10ms}}}");
    let paths = FAULTS.map(|fault| format!("/echo?fault={fault}"));
    for path in paths
        .iter()
        .map(String::as_str)
        .chain(["/late", "/sink?fault=drop:1"])
    {
        let (status, body) = refusal(&server, path).await;
        assert_eq!(status, "HTTP/1.1 403 Forbidden", "{path}");
        assert!(
            body.contains("faults are off; start the server with --faults"),
            "{body}"
        );
    }
    assert!(!body(&server, "/metrics").await.contains("wsbench_faults_total"));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_no_fault_is_refused_by_400() {
    let server = start("faults: true");
    for (fault, reason) in [
        (
            "dealy:1ms",
            "there is no fault `dealy`; there are `delay`, `stall`",
        ),
        ("drop:0", "fault `drop:0`: expected message numbers from 1"),
        ("delay", "fault `delay:`: expected `50ms`"),
    ] {
        let (status, body) = refusal(&server, &format!("/echo?fault={fault}")).await;
        assert_eq!(status, "HTTP/1.1 400 Bad Request");
        assert!(body.contains(reason), "{body}");
    }
    server.stop().await.unwrap();
}

/// Ten messages to a route with this fault, and all that comes back up to the close.
async fn ten(fault: &str) -> (Vec<u8>, serde_json::Value) {
    let server = start("faults: true");
    let mut raw = Raw::open(&server, &format!("/echo?tag=ten&fault=seed:1&fault={fault}")).await;
    for number in 0..10 {
        raw.send(&number.to_string()).await;
    }
    raw.tcp.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    let rest = raw.rest().await.unwrap();
    drop(raw);
    let line = ended(&server, "ten").await;
    let metrics = body(&server, "/metrics").await;
    let name = fault.split(':').next().unwrap();
    let count = &line["faults"][fault];
    let sample = format!("wsbench_faults_total{{fault=\"{name}\"}} {count}");
    assert!(
        metrics.lines().any(|found| found == sample),
        "{sample} is missing in\n{metrics}"
    );
    server.stop().await.unwrap();
    (rest, line)
}

fn frames(numbers: &[u8]) -> Vec<u8> {
    let messages = numbers.iter().flat_map(|number| [0x81, 1, b'0' + number]);
    messages.chain([0x88, 0]).collect()
}

#[tokio::test]
async fn dropped_duplicated_and_reordered_messages_are_just_that_and_the_books_say_so() {
    for (fault, numbers, count) in [
        ("drop:every(3)", &[0, 1, 3, 4, 6, 7, 9][..], 3),
        ("drop:1,10", &[1, 2, 3, 4, 5, 6, 7, 8], 2),
        ("duplicate:2", &[0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1),
        ("reorder:2", &[0, 2, 1, 3, 4, 5, 6, 7, 8, 9], 1),
        ("reorder:10", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1),
    ] {
        let (bytes, line) = ten(fault).await;
        assert_eq!(bytes, frames(numbers), "{fault}");
        assert_eq!(line["messages_in"], 10);
        assert_eq!(line["messages_out"], numbers.len(), "{fault}: {line}");
        assert_eq!(line["bytes_out"], bytes.len(), "{fault}: {line}");
        assert_eq!(line["faults"][fault], count, "{line}");
    }
}

#[tokio::test]
async fn d12_a_corrupted_frame_differs_in_one_bit() {
    for fault in ["corrupt:5", "corrupt-header:5"] {
        let (bytes, _) = ten(fault).await;
        let good = frames(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(bytes.len(), good.len(), "{fault}");
        let flipped: u32 = good
            .iter()
            .zip(&bytes)
            .map(|(good, bytes)| (good ^ bytes).count_ones())
            .sum();
        assert_eq!(flipped, 1, "{fault}");
        let payload = 4 * 3 + 2;
        assert_eq!(good[payload] != bytes[payload], fault == "corrupt:5", "{fault}");
    }
}

#[tokio::test]
async fn a_delay_is_kept_to_the_millisecond() {
    let server = start("faults: true\nroutes: {/late: {mode: echo, faults: {delay: 40ms}}}");
    for path in ["/echo?fault=delay:40ms", "/late"] {
        let mut raw = Raw::open(&server, path).await;
        let mut trips = Vec::new();
        for number in 0..10 {
            trips.push(raw.round_trip(&number.to_string()).await);
        }
        trips.sort();
        assert!(trips[0] >= Duration::from_millis(40), "never early: {trips:?}");
        // The median: a busy machine may be late now and then.
        assert!(trips[5] < Duration::from_millis(50), "{path}: {trips:?}");
    }
    // A query wins over the route.
    let mut raw = Raw::open(&server, "/late?fault=delay:0").await;
    assert!(raw.round_trip("x").await < Duration::from_millis(40));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn delayed_messages_do_not_hold_up_reading() {
    let server = start("faults: true");
    let mut raw = Raw::open(&server, "/echo?fault=delay:200ms").await;
    let start = Instant::now();
    for number in 0..10 {
        raw.send(&number.to_string()).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for number in 0..10 {
        assert_eq!(raw.text().await, number.to_string());
    }
    // One after the other, it would take two seconds.
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_delayed_still_comes_after_the_client_has_ended_its_side() {
    let server = start("faults: true");
    for end in [&b""[..], b"\x88\x80\0\0\0\0"] {
        let mut raw = Raw::open(&server, "/echo?fault=delay:100ms").await;
        raw.send("late").await;
        raw.tcp.write_all(end).await.unwrap();
        raw.tcp.shutdown().await.unwrap();
        let rest = raw.rest().await.unwrap();
        assert!(rest.starts_with(b"\x81\x04late"), "{rest:?}");
    }
    server.stop().await.unwrap();
}

/// When round trips ended that took as long as a stall.
async fn ends_of_stalls(raw: &mut Raw, until: Instant) -> Vec<Instant> {
    let mut ends = Vec::new();
    while Instant::now() < until {
        if raw.round_trip("x").await > Duration::from_millis(80) {
            ends.push(Instant::now());
        }
    }
    ends
}

#[tokio::test]
async fn a_stall_stops_everybody_at_the_same_time() {
    let server = start("faults: true");
    let mut one = Raw::open(&server, "/echo?fault=stall:100ms/300ms").await;
    // Half a period later: stalls of each connection's own would be apart by that.
    sleep(Duration::from_millis(150)).await;
    let mut two = Raw::open(&server, "/echo?fault=stall:100ms/300ms").await;
    let until = Instant::now() + Duration::from_millis(700);
    let (one, two) = tokio::join!(ends_of_stalls(&mut one, until), ends_of_stalls(&mut two, until));
    let apart = |&first: &Instant, &second: &Instant| first.max(second) - first.min(second);
    let together = |first| {
        two.iter()
            .any(|second| apart(first, second) < Duration::from_millis(50))
    };
    assert!(one.iter().any(together), "{one:?} {two:?}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_dribble_comes_byte_by_byte() {
    let server = start("faults: true");
    let mut raw = Raw::open(&server, "/echo?fault=dribble:1/10ms").await;
    let trip = raw.round_trip("twelve bytes").await;
    assert!(
        trip >= Duration::from_millis(130),
        "14 bytes, 10 ms each: {trip:?}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d7_a_server_that_stops_reading_makes_the_client_wait_and_blames_nobody() {
    let server =
        start("faults: true\nroutes: {/echo: {ping_interval: 50ms, pong_wait: 100ms, idle_timeout: 200ms}}");
    let mut raw = Raw::open(&server, "/echo?tag=deaf&fault=stop-reading:2").await;
    for text in ["one", "two"] {
        raw.send(text).await;
    }
    let flood = async {
        loop {
            raw.tcp.write_all(&masked(0x81, &[b'x'; 100])).await.unwrap();
        }
    };
    assert!(timeout(Duration::from_millis(600), flood).await.is_err());
    let line = journal(&server, "?tag=deaf").await.remove(0);
    assert_eq!(
        (&line["messages_in"], &line["messages_out"]),
        (&2.into(), &2.into()),
        "{line}"
    );
    assert!(
        line["closed_at"].is_null(),
        "the client did nothing wrong: {line}"
    );
    assert_eq!(line["faults"]["stop-reading:2"], 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn e14_wrong_close_codes_reach_the_client_and_the_journal() {
    let server =
        start("faults: true\nroutes: {/echo: {idle_timeout: 50ms, ping_interval: 0, close_timeout: 50ms}}");
    for (setting, payload, code) in [
        ("1006", &b"\x03\xeeidle timeout"[..], 1006),
        ("2999", b"\x0b\xb7idle timeout", 2999),
        ("none", b"", 1005),
    ] {
        let mut raw = Raw::open(
            &server,
            &format!("/echo?tag=x{setting}&fault=close-code:{setting}"),
        )
        .await;
        assert_eq!(raw.frame().await, (0x88, payload.to_vec()), "{setting}");
        let line = ended(&server, &format!("x{setting}")).await;
        assert_eq!(
            (&line["code"], &line["closed_by"]),
            (&code.into(), &"server".into()),
            "{line}"
        );
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn several_faults_work_together() {
    let server = start("faults: true");
    let path =
        "/echo?tag=many&fault=drop:1&fault=duplicate:2&fault=delay:20ms&fault=close-after:3,4001,enough";
    let mut raw = Raw::open(&server, path).await;
    let start = Instant::now();
    for text in ["a", "b", "c", "d"] {
        raw.send(text).await;
    }
    let mut texts = Vec::new();
    for _ in 0..3 {
        texts.push(raw.text().await);
    }
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert_eq!(texts, ["b", "b", "c"]);
    assert_eq!(raw.frame().await, (0x88, b"\x0f\xa1enough".to_vec()));
    let line = journal(&server, "?tag=many").await.remove(0);
    assert_eq!(
        line["faults"],
        serde_json::json!({ "drop:1": 1, "duplicate:2": 1, "delay:20ms": 2, "close-after:3,4001,enough": 1 })
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_delayed_echo_under_load_loses_and_swaps_nothing() {
    let server = start("faults: true");
    let path = "/echo?tag=load&fault=delay:normal(20ms,10ms)&fault=seed:3";
    let mut raw = Raw::open(&server, path).await;
    for number in 0..2000 {
        raw.send(&number.to_string()).await;
    }
    for number in 0..2000 {
        assert_eq!(raw.text().await, number.to_string());
    }
    drop(raw);
    assert_eq!(ended(&server, "load").await["messages_out"], 2000);
    server.stop().await.unwrap();
}
