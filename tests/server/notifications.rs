//! `/ws-notifications` (seeds D6, D13, D15, D16, D22), over a real NATS server with JetStream.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use wsbench::server::Server;

use crate::nats_server;
use crate::port::free_port;
use crate::support::{Client, PATIENCE, body, exchange, start};

/// A NATS server that keeps its streams in `store`; ended when dropped.
struct Broker {
    child: Child,
    port: u16,
    store: TempDir,
}

impl Broker {
    async fn start() -> Self {
        Self::start_at(free_port(), tempfile::tempdir().unwrap()).await
    }

    async fn start_at(port: u16, store: TempDir) -> Self {
        let child = nats_server::start(port, &["-js", "-sd", store.path().to_str().unwrap()]).await;
        Self { child, port, store }
    }

    /// Kills it; what it needs to be started again.
    async fn kill(mut self) -> (u16, TempDir) {
        self.child.kill().await.unwrap();
        (self.port, self.store)
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A server whose notifications come from here.
    fn server(&self) -> Server {
        server(&self.url())
    }

    async fn publisher(&self) -> Context {
        jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }
}

fn server(url: &str) -> Server {
    start(&format!(
        "routes: {{/ws-notifications: {{mode: {{notifications: {{nats: '{url}', ack_wait: 1s}}}}}}}}"
    ))
}

/// One of the route's figures.
async fn figure(server: &Server, name: &str) -> u64 {
    let line = format!("wsbench_notifications_{name}{{route=\"/ws-notifications\"}} ");
    let page = body(server, "/metrics").await;
    let found = page.lines().find_map(|found| found.strip_prefix(&line));
    found
        .unwrap_or_else(|| panic!("no {line} in {page}"))
        .parse()
        .unwrap()
}

/// Waits until a figure has this value.
async fn until(server: &Server, name: &str, value: u64) {
    let wait = async {
        while figure(server, name).await != value {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{name} does not become {value}"));
}

/// Publishes an event with this number, once, however often that has to be tried.
async fn publish(publisher: &Context, number: u64) {
    let once = async || {
        let message = jetstream::message::PublishMessage::build()
            .payload(json!({"number": number}).to_string().into())
            .message_id(format!("{number}"));
        let sent = publisher.send_publish("notifications.test", message).await;
        match sent {
            Ok(acknowledged) => acknowledged.await.is_ok(),
            Err(_) => false,
        }
    };
    while !once().await {
        sleep(Duration::from_millis(50)).await;
    }
}

async fn event(client: &mut Client) -> Value {
    loop {
        match client.receive().await {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("expected an event, not {other:?}"),
        }
    }
}

async fn numbers(client: &mut Client, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        numbers.push(event(client).await["data"]["number"].as_u64().unwrap());
    }
    numbers
}

#[tokio::test]
async fn d22_events_reach_all_clients_and_wait_while_there_is_none() {
    let broker = Broker::start().await;
    let server = broker.server();
    until(&server, "broker_up", 1).await;
    let publisher = broker.publisher().await;
    for number in 0..5 {
        publish(&publisher, number).await;
    }
    let mut first = Client::connect(&server, "/ws-notifications").await;
    let told = event(&mut first).await;
    assert_eq!(
        told,
        json!({
            "type": "event", "seq": 1, "subject": "notifications.test", "time": told["time"], "encoding": "json",
            "data": {"number": 0},
        })
    );
    assert_eq!(numbers(&mut first, 4).await, [1, 2, 3, 4]);

    let mut second = Client::connect(&server, "/ws-notifications").await;
    second.send_text("here").await;
    assert_eq!(
        second.receive_text().await,
        "here",
        "what a client sends comes back"
    );
    for number in 5..105 {
        publish(&publisher, number).await;
    }
    let expected: Vec<_> = (5..105).collect();
    assert_eq!(numbers(&mut first, 100).await, expected);
    assert_eq!(numbers(&mut second, 100).await, expected);
    until(&server, "delivered_total", 105).await;

    for mut client in [first, second] {
        client.socket.close(None).await.unwrap();
        client.finish().await;
    }
    for number in 105..108 {
        publish(&publisher, number).await;
    }
    let mut third = Client::connect(&server, "/ws-notifications").await;
    let late: HashSet<_> = numbers(&mut third, 3).await.into_iter().collect();
    assert_eq!(late, HashSet::from([105, 106, 107]));
    until(&server, "delivered_total", 108).await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d22_a_broker_that_is_killed_and_started_again_costs_no_event_and_doubles_none() {
    let broker = Broker::start().await;
    let server = broker.server();
    until(&server, "broker_up", 1).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Client::connect(&server, "/ws-notifications").await);
    }
    let publisher = broker.publisher().await;
    let publishing = tokio::spawn(async move {
        for number in 0..600 {
            publish(&publisher, number).await;
        }
    });
    let mut seen = numbers(&mut clients[0], 200).await;
    let (port, store) = broker.kill().await;
    until(&server, "broker_up", 0).await;
    clients[1].send_text("still here").await;
    let broker = Broker::start_at(port, store).await;
    until(&server, "broker_up", 1).await;
    publishing.await.unwrap();
    publish(&broker.publisher().await, 600).await;

    let all: HashSet<u64> = (0..=600).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        let mut numbers = if index == 0 {
            std::mem::take(&mut seen)
        } else {
            Vec::new()
        };
        let mut seqs = HashSet::new();
        while numbers.len() < all.len() {
            match client.receive().await {
                Message::Text(text) if text.as_str() == "still here" => {}
                Message::Text(text) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    assert!(seqs.insert(event["seq"].as_u64().unwrap()), "twice: {event}");
                    numbers.push(event["data"]["number"].as_u64().unwrap());
                }
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(numbers.len(), all.len());
        assert_eq!(numbers.into_iter().collect::<HashSet<_>>(), all, "client {index}");
    }
    until(&server, "delivered_total", 601).await;
    // Whatever came again has come by then, and was pushed to nobody.
    sleep(Duration::from_millis(1500)).await;
    for client in &mut clients {
        client.send_text("end").await;
        assert_eq!(client.receive_text().await, "end");
    }
    println!("{} events came again", figure(&server, "repeated_total").await);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d22_without_a_broker_there_are_no_notifications() {
    let server = start("");
    let request = "GET /ws-notifications HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let response = exchange(&server, request).await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(
        response.contains("notifications need a broker: the route's setting `nats`"),
        "{response}"
    );
    server.stop().await.unwrap();
}

/// Where nobody listens.
const NOWHERE: &str = "nats://127.0.0.1:1";

#[tokio::test]
async fn d13_d15_100_kib_are_above_the_limit_of_64_kib() {
    let server = server(NOWHERE);
    let mut client = Client::connect(&server, "/ws-notifications").await;
    assert_eq!(
        figure(&server, "broker_up").await,
        0,
        "a broker that is away is no reason to refuse"
    );
    let text = "x".repeat(65_536);
    client.send_text(&text).await;
    assert_eq!(client.receive_text().await, text);
    client.send_text(&"x".repeat(102_400)).await;
    let (code, reason) = client.receive_close().await;
    assert_eq!(code, 1009);
    assert!(
        reason.starts_with("message above the limit of 65536 bytes"),
        "{reason}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d16_text_is_utf8() {
    let server = server(NOWHERE);
    let mut client = Client::connect(&server, "/ws-notifications").await;
    client.send_text("Žluťoučký кот 🐈").await;
    assert_eq!(client.receive_text().await, "Žluťoučký кот 🐈");
    let tcp = client.socket.get_mut();
    tcp.write_all(b"\x81\x82\0\0\0\0\xc3\x28").await.unwrap();
    assert_eq!(client.receive_close().await.0, 1007);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d6_pings_come_every_period_and_one_that_is_not_answered_ends_the_connection() {
    let server = start(&format!(
        "routes: {{/ws-notifications: {{mode: {{notifications: {{nats: '{NOWHERE}'}}}}, ping_interval: 30ms, pong_wait: 60ms, close_timeout: 50ms}}}}"
    ));
    let mut client = Client::connect(&server, "/ws-notifications?tag=mute").await;
    for _ in 0..5 {
        // Reading on answers the one before.
        assert!(matches!(client.receive().await, Message::Ping(_)));
    }
    // Now nothing is read, so nothing is answered.
    let line = crate::support::ended(&server, "mute").await;
    assert_eq!(line["cause"], "pong timeout");
    server.stop().await.unwrap();
}
