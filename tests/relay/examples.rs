//! The handlers and the program under `scenarios/relay`, run for real.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use wsbench::server::ServerConfig;

use crate::port::free_port;
use crate::world::World;
#[cfg(feature = "real-tests")]
use crate::world::topics;

fn example(name: &str) -> String {
    format!("{}/scenarios/relay/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A handler that runs until it is dropped, and its port.
async fn start(command: &mut Command) -> (Child, u16) {
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .await
        .unwrap();
    let port = line.trim_end().rsplit(':').next().unwrap().parse().unwrap();
    (child, port)
}

#[test]
fn the_example_configuration_is_valid() {
    let config = ServerConfig::read(example("serve.yaml").as_ref()).unwrap();
    config.check().unwrap();
}

#[tokio::test]
async fn e1_e15_the_python_handler_starts_a_room_for_each_name() {
    // The handler has to be told the server's address before there is a server.
    let port = free_port();
    let route = format!("/rooms: {{mode: {{relay: {{handler: 'http://127.0.0.1:{port}'}}}}}}");
    let world = World::new(&route, "");
    let processes = format!("http://{}/admin", world.address());
    let mut command = Command::new("python3");
    command
        .arg(example("rooms.py"))
        .args(["--port", &port.to_string(), "--processes", &processes]);
    let (_handler, _) = start(&mut command).await;

    let refused = world.connect_with("/rooms", &[]).await.err().unwrap();
    assert_eq!(
        (refused.status.as_u16(), refused.json()),
        (401, json!({"error": "say who you are: ?user_id="}))
    );
    let mut kitchen = [
        world.connect("/rooms?room=kitchen&user_id=1").await,
        world.connect("/rooms?room=kitchen&user_id=2").await,
    ];
    let mut hall = world.connect("/rooms?room=hall&user_id=3").await;
    for (index, client) in kitchen.iter_mut().enumerate() {
        client.says(&format!("here is {index}")).await;
        while client.hears_text().await != format!("here is {index}") {}
    }
    kitchen[0].says("dinner").await;
    for client in &mut kitchen {
        while client.hears_text().await != "dinner" {}
        assert!(!client.headers.contains_key("x-ws-relay"));
    }
    hall.says("quiet here").await;
    assert_eq!(hall.hears_text().await, "quiet here");
    let names: Vec<Value> = world
        .processes()
        .await
        .iter()
        .map(|process| process["name"].clone())
        .collect();
    assert!(
        names.contains(&json!("room-kitchen")) && names.contains(&json!("room-hall")),
        "{names:?}"
    );
}

#[tokio::test]
async fn e5_e13_the_python_program_shouts_and_hands_on() {
    let command = json!(["python3", example("shout.py")]);
    let world = World::new(
        "/shout: {mode: {relay: {target: shout}}}",
        &format!("relay: {{processes: {{shout: {{program: {{command: {command}}}}}}}}}"),
    );
    let mut client = world.connect("/shout").await;
    assert_eq!(client.hears_text().await, "WELCOME");
    client.says("hello").await;
    assert_eq!(client.hears_text().await, "HELLO");
    client.says("/quit").await;
    while world
        .processes()
        .await
        .iter()
        .all(|process| process["name"] != "echo")
    {}
    client.says("hello").await;
    assert_eq!(client.hears_text().await, "hello");
    let mut other = world.connect("/shout").await;
    other.says_bytes(b"\x00").await;
    assert_eq!(other.hears_text().await, "WELCOME");
    assert_eq!(
        other.hears_close().await,
        (1003, "only text can be shouted".to_owned())
    );
    let mut third = world.connect("/shout").await;
    third.says("/crash").await;
    assert_eq!(third.hears_text().await, "WELCOME");
    assert_eq!(third.hears_close().await.0, 1011);
}

/// Needs Node.js, as the other tests of the feature do.
#[cfg(feature = "real-tests")]
#[tokio::test]
async fn e8_the_node_handler_sends_who_it_is_along() {
    let (_handler, port) = start(Command::new("node").arg(example("support.mjs")).arg("0")).await;
    let world = World::new(
        &format!("/support: {{mode: {{relay: {{handler: 'http://127.0.0.1:{port}'}}}}}}"),
        "relay: {processes: {echo: recorder}}",
    );
    let client = world
        .connect_with("/support", &[("x-user", "ada")])
        .await
        .unwrap();
    assert_eq!(client.headers["set-cookie"], "user=ada");
    let letters = world.letters_until("echo", |letters| !letters.is_empty()).await;
    assert_eq!(topics(&letters), ["ws.join"]);
    assert_eq!(
        letters[0]["payload"]["metadata"],
        json!({"user": "ada", "address": "127.0.0.1"})
    );
}
