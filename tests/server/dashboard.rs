//! `/dashboard` (seeds A23, A32).

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use wsbench::wire::deflate::DeflateOffer;

use crate::compression;
use crate::support::{Client, PATIENCE, body, exchange, journal, start};

async fn tick(client: &mut Client) -> Value {
    serde_json::from_str(&client.receive_text().await).unwrap()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap()
}

#[tokio::test]
async fn a23_figures_come_at_the_interval_without_drift() {
    let server = start("");
    let mut client = Client::connect(&server, "/dashboard?interval=20ms").await;
    let first = tick(&mut client).await;
    assert_eq!((&first["type"], &first["seq"]), (&"metrics".into(), &1.into()));
    assert_eq!(first["instance"], client.instance.as_str());
    let second = tick(&mut client).await;
    let mut last = second.clone();
    while number(&last, "seq") < 100 {
        let next = tick(&mut client).await;
        let skipped = number(&next, "skipped") - number(&last, "skipped");
        assert_eq!(
            number(&next, "seq"),
            number(&last, "seq") + 1 + skipped,
            "a gap is a skip"
        );
        last = next;
    }
    let ticks = number(&last, "seq") - number(&second, "seq");
    let took = number(&last, "t") - number(&second, "t");
    // A tick may be late, but a drift of a millisecond each would add up to more.
    assert!(took.abs_diff(20 * ticks) < 60, "{ticks} ticks took {took} ms");
    assert!(number(&last, "messages_out") >= 90);
    assert_eq!(number(&last, "connections"), 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a23_a_wrong_interval_is_refused_by_400_with_the_reason() {
    let server = start("");
    for (query, reason) in [
        ("interval=5ms", "interval: an interval is from 10ms to 60s"),
        (
            "interval=often",
            "interval: `often` is not a duration (examples: 250ms, 30s, 1h30m)",
        ),
    ] {
        let request = format!(
            "GET /dashboard?{query} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        let response = exchange(&server, &request).await;
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 "), "{response}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["message"], reason);
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a23_a_client_chooses_series_and_interval() {
    let server = start("routes: {/dashboard: {mode: {dashboard: {interval: 60s, series: 3}}}}");
    let mut client = Client::connect(&server, "/dashboard").await;
    assert_eq!(tick(&mut client).await["series"].as_object().unwrap().len(), 3);
    client
        .send_text(r#"{"type":"subscribe","series":["cpu.user"]}"#)
        .await;
    assert_eq!(
        tick(&mut client).await,
        json!({"type": "ack", "series": ["cpu.user"]})
    );
    client.send_text("nonsense").await;
    assert_eq!(tick(&mut client).await["type"], "error");
    client.send_text(r#"{"type":"interval","ms":10}"#).await;
    assert_eq!(tick(&mut client).await, json!({"type": "ack", "interval_ms": 10}));
    let next = tick(&mut client).await;
    assert_eq!(
        (number(&next, "seq") >= 2, &next["interval_ms"]),
        (true, &10.into())
    );
    assert_eq!(
        next["series"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["cpu.user"]
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a32_figures_are_compressed_for_clients_that_offer_it() {
    let server = start("routes: {/dashboard: {mode: {dashboard: {series: 100}}}}");
    let path = "/dashboard?interval=10ms";
    let offer = Some(DeflateOffer::default());
    let mut client = compression::Client::connect(&server, path, offer).await;
    assert!(client.params.is_some(), "without any configuration");
    let mut plain = 0;
    for _ in 0..20 {
        let text = client.receive().await;
        assert!(text.starts_with(r#"{"type":"metrics","#), "{text}");
        plain += text.len();
    }
    let saved = 100 - 100 * client.received / plain;
    println!(
        "{plain} bytes of JSON took {} on the wire: {saved} % less",
        client.received
    );
    assert!(saved >= 40, "{saved} %");
    let mut client = compression::Client::connect(&server, path, None).await;
    assert!(client.receive().await.len() < client.received);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b11_a_client_that_does_not_read_misses_ticks_and_sees_the_gap() {
    let server = start("routes: {/dashboard: {mode: {dashboard: {series: 10000}}, write_deadline: 0}}");
    let mut client = Client::connect(&server, "/dashboard?interval=10ms&tag=slow").await;
    let stall = async {
        let (mut sent, mut still) = (0, 0);
        while still < 50 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = number(&journal(&server, "?tag=slow").await[0], "messages_out");
            still = if now == sent { still + 1 } else { 0 };
            sent = now;
        }
    };
    timeout(PATIENCE, stall).await.expect("the kernel takes no more");
    let mut last = tick(&mut client).await;
    loop {
        let next = tick(&mut client).await;
        let skipped = number(&next, "skipped") - number(&last, "skipped");
        assert_eq!(number(&next, "seq"), number(&last, "seq") + 1 + skipped);
        if skipped >= 10 {
            break;
        }
        last = next;
    }
    let page = body(&server, "/metrics").await;
    let line = "wsbench_messages_dropped_total{route=\"/dashboard\"} ";
    let dropped = page.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    assert!(dropped.parse::<u64>().unwrap() >= 10, "{dropped}");
    server.stop().await.unwrap();
}
