//! Ends, links, transfers, programs.

use std::time::Duration;

use serde_json::{Value, json};

use tokio::time::timeout;

use crate::world::{PATIENCE, World, topics};

/// A program of Python's standard library, as YAML.
fn python(name: &str, script: &str) -> String {
    let command = json!(["python3", "-c", script]);
    format!("relay: {{processes: {{{name}: {{program: {{command: {command}}}}}}}}}")
}

const READ_LETTERS: &str = "
import json, sys
def send(to, topic, payload): print(json.dumps({'to': to, 'topic': topic, 'payload': payload}), flush=True)
def ask(topic, payload): print(json.dumps({'topic': topic, 'payload': payload}), flush=True)
for line in sys.stdin:
    letter = json.loads(line)
    topic, payload = letter['topic'], letter['payload']
";

#[tokio::test]
async fn e2_a_target_that_exits_closes_with_1001_and_one_that_crashes_with_1011() {
    let script = format!("{READ_LETTERS}    if topic == 'ws.message': sys.exit(int(payload['data']))\n");
    let world = World::new("/p: {mode: {relay: {target: p}}}", &python("p", &script));
    for (status, expected) in [
        ("0", (1001, "target process ended")),
        ("3", (1011, "target process crashed")),
    ] {
        let mut client = world.connect("/p").await;
        client.says(status).await;
        let (code, reason) = client.hears_close().await;
        assert_eq!((code, reason.as_str()), expected);
    }
}

#[tokio::test]
async fn e2_a_killed_target_closes_every_one_of_its_connections() {
    let world = World::new("", "");
    let mut clients = [world.connect("/relay").await, world.connect("/relay").await];
    for client in &mut clients {
        client.says("x").await;
        client.hears_text().await;
    }
    world.act(json!({"action": "kill", "pid": "echo"})).await;
    for client in &mut clients {
        assert_eq!(
            client.hears_close().await,
            (1011, "target process was killed".to_owned())
        );
    }
    let mut client = world.connect("/relay").await;
    client.says("again").await;
    assert_eq!(
        client.hears_text().await,
        "again",
        "the next connection starts a new one"
    );
}

#[tokio::test]
async fn e4_exits_reach_monitors_and_pass_through_links() {
    // It reports every exit to the recorder.
    let script = format!(
        "{READ_LETTERS}    if topic in ('process.monitor', 'process.link', 'process.trap_exits'): ask(topic, payload); send('recorder', 'did', topic)
    if topic == 'process.exit': send('recorder', 'saw', payload)\n"
    );
    let routes = "/recorded: {mode: {relay: {target: recorder}}}";
    let world = World::new(routes, &python("watcher", &script));
    let watcher = world
        .act(json!({"action": "start", "process": "watcher", "name": "watcher"}))
        .await["pid"]
        .clone();
    let (client, pid) = world.recorded("/recorded", "recorder").await;
    let ask = |topic: &str, payload: Value| json!({"action": "send", "pid": "watcher", "topic": topic, "payload": payload});
    world.act(ask("process.monitor", json!({"pid": pid}))).await;
    let did =
        |letters: &[Value], count| topics(letters).iter().filter(|topic| **topic == "did").count() == count;
    world.letters_until("recorder", |letters| did(letters, 1)).await;
    drop(client);
    let saw = |letters: &[Value]| topics(letters).contains(&"saw");
    let letters = world.letters_until("recorder", saw).await;
    let seen = letters.iter().find(|letter| letter["topic"] == "saw").unwrap();
    assert_eq!(seen["payload"]["pid"], json!(pid));
    assert_eq!(
        seen["payload"]["reason"],
        json!({"kind": "crashed", "detail": "client vanished: 1006"})
    );

    // Now linked: the watcher's end closes the connection, which is bound to the recorder.
    let (mut client, _) = world.recorded("/recorded", "recorder").await;
    let processes = world.processes().await;
    let connection = processes
        .iter()
        .find(|process| process["kind"] == "connection")
        .unwrap();
    world
        .act(ask("process.link", json!({"pid": connection["pid"]})))
        .await;
    world.letters_until("recorder", |letters| did(letters, 2)).await;
    let (_, shown) = world
        .http(
            &format!(
                "GET /admin?pid={} HTTP/1.1\r\n",
                connection["pid"].as_str().unwrap()
            ),
            "",
        )
        .await;
    assert_eq!(shown["links"], json!([watcher]));
    world.act(json!({"action": "kill", "pid": "watcher"})).await;
    assert_eq!(
        client.hears_close().await,
        (1011, "connection was killed".to_owned())
    );
}

#[tokio::test]
async fn e5_transfer_under_load_loses_and_duplicates_nothing() {
    const TURNS: usize = 40;
    const MESSAGES_PER_TURN: usize = 20;
    let world = World::new(
        "/a: {mode: {relay: {target: a}}}",
        "relay: {processes: {a: recorder, b: recorder}, mailbox_letters: 4}",
    );
    world
        .act(json!({"action": "start", "process": "b", "name": "b"}))
        .await;
    let (mut client, pid) = world.recorded("/a", "a").await;
    for turn in 0..TURNS {
        let talking = async {
            for n in 0..MESSAGES_PER_TURN {
                client.says(&(turn * MESSAGES_PER_TURN + n).to_string()).await;
            }
        };
        let target = if turn % 2 == 0 { "b" } else { "a" };
        let moving = world.act(json!({"action": "transfer", "pid": pid, "target_pid": target}));
        tokio::join!(talking, moving);
    }
    client.closes(1000, "").await;
    let numbers = |letters: &[Value]| -> Vec<usize> {
        let messages = letters.iter().filter(|letter| letter["topic"] == "ws.message");
        messages
            .map(|letter| letter["payload"]["data"].as_str().unwrap().parse().unwrap())
            .collect()
    };
    let left = |letters: &[Value]| topics(letters).last() == Some(&"ws.leave");
    let (a, b) = (
        world.letters_until("a", left).await,
        world.letters_until("b", left).await,
    );
    for letters in [&a, &b] {
        let mut joined = false;
        for topic in topics(letters) {
            match topic {
                "ws.join" => assert!(!std::mem::replace(&mut joined, true), "joined twice"),
                "ws.leave" => assert!(std::mem::replace(&mut joined, false), "left twice"),
                _ => assert!(joined, "a message outside of a join"),
            }
        }
        assert!(numbers(letters).is_sorted(), "order is kept");
    }
    for letters in [&a, &b] {
        assert!(!numbers(letters).is_empty(), "both got some");
    }
    let mut all = [numbers(&a), numbers(&b)].concat();
    all.sort_unstable();
    assert_eq!(all, Vec::from_iter(0..TURNS * MESSAGES_PER_TURN));
}

#[tokio::test]
async fn e5_a_process_hands_its_client_on() {
    let script = format!(
        "{READ_LETTERS}    if topic == 'ws.message': send(payload['client_pid'], 'ws.control', {{'target_pid': 'recorder', 'message_topic': 'second'}})\n"
    );
    let world = World::new("/p: {mode: {relay: {target: p}}}", &python("p", &script));
    let mut client = world.connect("/p").await;
    client.says("first").await;
    world
        .letters_until("recorder", |letters| topics(letters) == ["ws.join"])
        .await;
    client.says("second").await;
    let letters = world
        .letters_until("recorder", |letters| letters.len() == 2)
        .await;
    assert_eq!(
        (&letters[1]["topic"], &letters[1]["payload"]["data"]),
        (&json!("second"), &json!("second"))
    );
}

/// A target that reads nothing makes its clients wait; nobody else, and not the server's memory, feels it.
#[tokio::test]
async fn e3_a_full_mailbox_makes_the_client_wait() {
    let world = World::new(
        "/p: {mode: {relay: {target: p}}}",
        &python("p", "import time; time.sleep(600)"),
    );
    let mut client = world.connect("/p").await;
    let text = "x".repeat(100_000);
    let mut taken = 0;
    while taken < 1000 && client.tries_to_say(&text, Duration::from_millis(500)).await {
        taken += 1;
    }
    assert!(
        (10..500).contains(&taken),
        "{taken} messages of 100 kB were taken"
    );
    let mut other = world.connect("/relay").await;
    other.says("hello").await;
    assert_eq!(other.hears_text().await, "hello");
    world.act(json!({"action": "kill", "pid": "p"})).await;
    assert_eq!(client.hears_close().await.0, 1011);
}

/// While the target makes the client wait, nobody reads its pongs, so it is not blamed for missing ones.
#[tokio::test]
async fn e3_a_slow_target_costs_no_connection() {
    let script = READ_LETTERS.replace("for line", "import time; time.sleep(2)\nfor line");
    let script = format!(
        "{script}    if topic == 'ws.message': send(payload['client_pid'], 'ws.send', {{'type': 'text', 'data': payload['data'][:4]}})\n"
    );
    let route =
        "/p: {ping_interval: 100ms, pong_wait: 400ms, idle_timeout: 400ms, mode: {relay: {target: p}}}";
    let world = World::new(route, &python("p", &script));
    let mut client = world.connect("/p").await;
    for n in 0..1000 {
        client.says(&format!("{n:04}{}", "x".repeat(20_000))).await;
    }
    for n in 0..1000 {
        assert_eq!(client.hears_text().await, format!("{n:04}"));
    }
}

#[tokio::test]
async fn a_stop_tells_clients_and_programs() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = format!(
        "import sys\nwith open({:?}, 'w', buffering=1) as log:\n    for line in sys.stdin: log.write(line)",
        log.display().to_string()
    );
    let world = World::new("/p: {mode: {relay: {target: p}}}", &python("p", &script));
    let mut client = world.connect("/p").await;
    client.says("hello").await;
    // A stop does not wait for what the server has not read yet.
    let heard = async {
        while !std::fs::read_to_string(&log).is_ok_and(|log| log.contains("ws.message")) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, heard).await.expect("the program hears nothing");
    let hearing = tokio::spawn(async move { client.hears_close().await });
    world.stop().await;
    assert_eq!(hearing.await.unwrap().0, 1001);
    let letters: Vec<Value> = std::fs::read_to_string(log)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        topics(&letters),
        ["process.init", "ws.join", "ws.message", "ws.leave"]
    );
    assert_eq!(
        letters[3]["payload"]["reason"],
        "server stopped: 1001 server is stopping"
    );
}
