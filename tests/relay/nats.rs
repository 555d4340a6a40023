//! Remote processes over a real NATS server.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use async_nats::{Client as Nats, Subscriber};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::examples::free_port;
use crate::world::{PATIENCE, World};

/// A NATS server, ended when dropped.
struct Broker {
    child: Child,
    port: u16,
}

impl Broker {
    async fn start(port: u16) -> Self {
        // Debian installs it where only root's PATH leads.
        let debian = "/usr/sbin/nats-server";
        let program = if Path::new(debian).exists() {
            debian
        } else {
            "nats-server"
        };
        let mut command = Command::new(program);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        let mut child = command
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("nats-server is installed: run scripts/install-test-tools");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while !lines
            .next_line()
            .await
            .unwrap()
            .expect("NATS starts")
            .contains("Server is ready")
        {}
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
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
    nats.flush().await.unwrap();
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
    for (client, world) in clients.iter_mut().zip([&a, &b]) {
        client.says("x").await;
        client.hears_text().await;
        let processes = world.processes().await;
        let pid = &processes
            .iter()
            .find(|process| process["kind"] == "connection")
            .unwrap()["pid"];
        // Each server moves the other's client into the room.
        let other = if std::ptr::eq(world, &a) { &b } else { &a };
        let payload = json!({"target_pid": room});
        other
            .act(json!({"action": "send", "pid": pid, "topic": "ws.control", "payload": payload}))
            .await;
    }
    hear_each_other(&mut clients, "hello").await;

    let port = broker.end().await;
    let mut alone = b.connect("/relay").await;
    alone.says("still here").await;
    assert_eq!(
        alone.hears_text().await,
        "still here",
        "without a broker, a server goes on by itself"
    );
    let _broker = Broker::start(port).await;
    let mut third = [a.connect("/relay").await, b.connect("/relay").await];
    for (client, world) in third.iter_mut().zip([&a, &b]) {
        client.says("x").await;
        client.hears_text().await;
        let processes = world.processes().await;
        let pid = &processes
            .iter()
            .rfind(|process| process["kind"] == "connection")
            .unwrap()["pid"];
        // The way to the other server may still be on the mend.
        let transfer = json!({"action": "transfer", "pid": pid, "target_pid": room});
        let wait = async {
            while world.post(&transfer).await.0 != 200 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap();
    }
    hear_each_other(&mut third, "hello again").await;
}

/// Says something until everybody hears it: a transfer takes its time.
async fn hear_each_other(clients: &mut [crate::world::Client; 2], text: &str) {
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
