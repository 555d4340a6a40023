//! Remote processes over a real NATS server.

use std::time::Duration;

use async_nats::{Client as Nats, Subscriber};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::time::timeout;

use crate::nats_server;
use crate::port::free_port;
use crate::world::{Client, PATIENCE, World};

/// A NATS server, ended when dropped.
struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    async fn start(port: u16) -> Self {
        let child = nats_server::start(port, &[]).await;
        Self { child, port }
    }

    async fn end(mut self) -> u16 {
        self.child.kill().await.unwrap();
        self.port
    }

    /// A server that is connected to this.
    fn world(&self, routes: &str) -> World {
        World::new(
            routes,
            &format!("relay: {{nats: 'nats://127.0.0.1:{}'}}", self.port),
        )
    }
}

/// The next letter that is no ping; pings are answered.
async fn letter(nats: &Nats, subscriber: &mut Subscriber) -> Value {
    loop {
        let message = timeout(PATIENCE, subscriber.next()).await.unwrap().unwrap();
        match message.reply {
            Some(reply) => nats.publish(reply, "{}".into()).await.unwrap(),
            None => return serde_json::from_slice(&message.payload).unwrap(),
        }
    }
}

/// Waits until the broker has seen everything of this connection: it handles that in order.
async fn known_to_the_broker(nats: &Nats) {
    let inbox = nats.new_inbox();
    let mut own = nats.subscribe(inbox.clone()).await.unwrap();
    nats.publish(inbox, "".into()).await.unwrap();
    timeout(PATIENCE, own.next()).await.unwrap().unwrap();
}

#[tokio::test]
async fn e3_e2_a_remote_process_is_a_target_until_it_listens_no_more() {
    let broker = Broker::start(free_port()).await;
    let nats = async_nats::connect(format!("127.0.0.1:{}", broker.port))
        .await
        .unwrap();
    let world = broker.world("/r: {mode: {relay: {target: 'nats:app.chat', metadata: {a: 1}}}}");
    let refused = world.connect_with("/r", &[]).await.err().unwrap();
    assert_eq!(refused.status, 502, "nobody listens");

    let mut subscriber = nats.subscribe("app.chat").await.unwrap();
    known_to_the_broker(&nats).await;
    let remote = async {
        assert_eq!(letter(&nats, &mut subscriber).await["topic"], "process.init");
        letter(&nats, &mut subscriber).await
    };
    let (mut client, join) = tokio::join!(world.connect("/r"), remote);
    assert_eq!(
        (&join["topic"], &join["payload"]["metadata"]),
        (&json!("ws.join"), &json!({"a": 1}))
    );
    client.says("hello").await;
    let message = letter(&nats, &mut subscriber).await;
    let payload =
        json!({"type": "text", "data": message["payload"]["data"].as_str().unwrap().to_uppercase()});
    let answer = json!({"to": join["payload"]["client_pid"], "topic": "ws.send", "payload": payload});
    nats.publish(
        message["reply_to"].as_str().unwrap().to_owned(),
        answer.to_string().into(),
    )
    .await
    .unwrap();
    assert_eq!(client.hears_text().await, "HELLO");
    subscriber.unsubscribe().await.unwrap();
    drop(subscriber);
    assert_eq!(
        client.hears_close().await,
        (1011, "target process crashed".to_owned())
    );
}

#[tokio::test]
async fn e3_e5_pids_are_good_on_every_server_also_after_the_broker_was_gone() {
    let broker = Broker::start(free_port()).await;
    let (a, b) = (broker.world(""), broker.world(""));
    let room = a.act(json!({"action": "start", "process": "room"})).await["pid"].clone();

    let mut clients = [a.connect("/relay").await, b.connect("/relay").await];
    let mut moves = Vec::new();
    // Each server moves the other's client into the room.
    for (client, (world, other)) in clients.iter_mut().zip([(&a, &b), (&b, &a)]) {
        let pid = newest(client, world).await;
        let payload = json!({"target_pid": room});
        moves.push((
            other,
            json!({"action": "send", "pid": pid, "topic": "ws.control", "payload": payload}),
        ));
    }
    bring_together(&mut clients, &moves, "hello").await;

    let port = broker.end().await;
    let mut alone = b.connect("/relay").await;
    alone.says("still here").await;
    assert_eq!(
        alone.hears_text().await,
        "still here",
        "without a broker, a server goes on by itself"
    );
    let _broker = Broker::start(port).await;
    let mut clients = [a.connect("/relay").await, b.connect("/relay").await];
    let mut moves = Vec::new();
    for (client, world) in clients.iter_mut().zip([&a, &b]) {
        let pid = newest(client, world).await;
        moves.push((
            world,
            json!({"action": "transfer", "pid": pid, "target_pid": room}),
        ));
    }
    bring_together(&mut clients, &moves, "hello again").await;
}

/// The PID of a client that has just connected.
async fn newest(client: &mut Client, world: &World) -> Value {
    client.says("x").await;
    client.hears_text().await;
    let processes = world.processes().await;
    let connection = processes.iter().rfind(|process| process["kind"] == "connection");
    connection.unwrap()["pid"].clone()
}

/// Asks for these moves until the clients hear each other: as long as a server is not connected to the broker, it finds nobody
/// and changes nothing.
async fn bring_together(clients: &mut [Client; 2], moves: &[(&World, Value)], text: &str) {
    let moving = async {
        loop {
            for (world, order) in moves {
                world.post(order).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = hear_each_other(clients, text) => {}
        () = moving => {}
    }
}

/// Says something until everybody hears it: a transfer takes its time.
async fn hear_each_other(clients: &mut [Client; 2], text: &str) {
    let [first, second] = clients;
    let hearing = async { while second.hears_text().await != text {} };
    let saying = async {
        loop {
            first.says(text).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = hearing => {}
        () = saying => {}
        () = tokio::time::sleep(PATIENCE) => panic!("nobody heard `{text}`"),
    }
}
