//! What passes between clients and processes.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::world::{World, topics};

const RECORDED: &str = "/recorded: {mode: {relay: {target: recorder, metadata: {user_id: '42'}}}}";

#[tokio::test]
async fn e9_e10_join_then_messages_with_metadata() {
    let world = World::new(RECORDED, "");
    let mut client = world.connect("/recorded").await;
    client.says("hé").await;
    client.says_bytes(b"\x00\xff\x10").await;
    let letters = world
        .letters_until("recorder", |letters| letters.len() == 3)
        .await;
    let pid = &letters[0]["payload"]["client_pid"];
    let metadata = json!({"user_id": "42"});
    let expected = [
        ("ws.join", json!({"client_pid": pid, "metadata": metadata})),
        (
            "ws.message",
            json!({"client_pid": pid, "type": "text", "data": "hé", "metadata": metadata}),
        ),
        (
            "ws.message",
            json!({"client_pid": pid, "type": "binary", "data": "AP8Q", "metadata": metadata}),
        ),
    ];
    for (letter, (topic, payload)) in letters.iter().zip(expected) {
        assert_eq!(
            (&letter["topic"], &letter["payload"], &letter["from"]),
            (&json!(topic), &payload, pid)
        );
    }
}

#[tokio::test]
async fn e11_heartbeats_count_messages() {
    let world = World::new(
        "/beating: {mode: {relay: {target: recorder, heartbeat_interval: 100ms}}}",
        "",
    );
    let mut client = world.connect("/beating").await;
    client.says("x").await;
    let is_beat =
        |letter: &&Value| letter["topic"] == "ws.heartbeat" && letter["payload"]["message_count"] == 1;
    let letters = world
        .letters_until("recorder", |letters| letters.iter().filter(is_beat).count() == 3)
        .await;
    let beats: Vec<&Value> = letters
        .iter()
        .filter(is_beat)
        .map(|letter| &letter["payload"])
        .collect();
    assert_eq!(
        beats[0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["client_pid", "message_count", "uptime"]
    );
    let uptimes: Vec<f64> = beats
        .iter()
        .map(|beat| beat["uptime"].as_f64().unwrap())
        .collect();
    assert!(
        uptimes[0] >= 0.1 && uptimes.is_sorted() && uptimes[2] - uptimes[0] >= 0.15,
        "{uptimes:?}"
    );
}

#[tokio::test]
async fn e12_leave_says_who_closed_and_how() {
    let world = World::new(RECORDED, "");
    let (client, _) = world.recorded("/recorded", "recorder").await;
    client.closes(4001, "bye").await;
    let (client, pid) = world.recorded("/recorded", "recorder").await;
    drop(client);
    let left = |letters: &[Value]| {
        topics(letters)
            .iter()
            .filter(|topic| **topic == "ws.leave")
            .count()
            == 2
    };
    let letters = world.letters_until("recorder", left).await;
    let leaves: Vec<&Value> = letters
        .iter()
        .filter(|letter| letter["topic"] == "ws.leave")
        .map(|letter| &letter["payload"])
        .collect();
    assert_eq!(leaves[0]["reason"], "client closed: 4001 bye");
    let vanished = json!({"client_pid": leaves[1]["client_pid"], "reason": "client vanished: 1006", "metadata": {"user_id": "42"}});
    assert_eq!(*leaves[1], vanished);
    assert!(
        world
            .processes()
            .await
            .iter()
            .all(|process| process["kind"] != "connection"),
        "{pid} has ended"
    );
}

#[tokio::test]
async fn e3_e13_anyone_with_the_pid_sends_to_the_client() {
    let world = World::new(RECORDED, "");
    let (mut client, pid) = world.recorded("/recorded", "recorder").await;
    for (kind, data) in [("text", "hallo"), ("binary", "AP8=")] {
        let payload = json!({"type": kind, "data": data});
        world
            .act(json!({"action": "send", "pid": pid, "topic": "ws.send", "payload": payload}))
            .await;
    }
    assert_eq!(client.hears().await, Message::text("hallo"));
    assert_eq!(client.hears().await, Message::binary(&b"\x00\xff"[..]));
}

#[tokio::test]
async fn e14_close_with_and_without_a_code() {
    let world = World::new(RECORDED, "");
    for (payload, expected) in [
        (json!({}), (1000, "")),
        (
            json!({"code": 4002, "reason": "Sitzung beendet"}),
            (4002, "Sitzung beendet"),
        ),
    ] {
        let (mut client, _) = world.recorded("/recorded", "recorder").await;
        let processes = world.processes().await;
        let connection = processes
            .iter()
            .rfind(|process| process["kind"] == "connection")
            .unwrap();
        world
            .act(json!({"action": "send", "pid": connection["pid"], "topic": "ws.close", "payload": payload}))
            .await;
        let (code, reason) = client.hears_close().await;
        assert_eq!((code, reason.as_str()), expected);
    }
}

#[tokio::test]
async fn e13_echo_returns_text_as_text_and_binary_as_binary() {
    let world = World::new("/echo2: {mode: relay}", "");
    for path in ["/relay", "/echo2"] {
        let mut client = world.connect(path).await;
        client.says("hello").await;
        client.says_bytes(b"\x00\xff").await;
        assert_eq!(client.hears().await, Message::text("hello"));
        assert_eq!(client.hears().await, Message::binary(&b"\x00\xff"[..]));
    }
}

#[tokio::test]
async fn e10_many_messages_of_any_size_stay_in_order() {
    let world = World::new("/big: {outbox_bytes: 64MiB, mode: {relay: {target: echo}}}", "");
    let mut client = world.connect("/big").await;
    let texts: Vec<String> = (0..200)
        .map(|n| format!("{n} {}", "x".repeat(n * n * 25)))
        .collect();
    for chunk in texts.chunks(10) {
        for text in chunk {
            client.says(text).await;
        }
        for text in chunk {
            assert!(client.hears_text().await == *text);
        }
    }
}

#[tokio::test]
async fn e15_rooms_are_processes_of_their_own() {
    let world = World::new(
        "/a: {mode: {relay: {target: a}}}, /b: {mode: {relay: {target: b}}}",
        "relay: {processes: {a: room, b: room}}",
    );
    let mut a = [
        world.connect("/a").await,
        world.connect("/a").await,
        world.connect("/a").await,
    ];
    let mut b = world.connect("/b").await;
    for (index, client) in a.iter_mut().enumerate() {
        client.says(&format!("here is {index}")).await;
        while client.hears_text().await != format!("here is {index}") {}
    }
    b.says("only b").await;
    assert_eq!(b.hears_text().await, "only b");
    a[0].says("all of a").await;
    for client in &mut a {
        while client.hears_text().await != "all of a" {}
    }
}
