use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Uplink;
use super::bus::{Bus, BusMessage};
use super::testing::TestBus;
use crate::server::relay::directory::{Directory, ResolveError};
use crate::server::relay::exit::ExitReason;
use crate::server::relay::letter::{Content, Data, Letter};
use crate::server::relay::testing::{Client, Probe, Told, directory};

/// A node on the bus.
async fn node(bus: &TestBus) -> Arc<Directory> {
    let directory = directory(16, "{}");
    let processes = directory.processes();
    let uplink = Uplink::new(Arc::new(bus.clone()), processes.node().clone());
    processes.connect(uplink.clone());
    uplink.listen(processes.clone()).await.unwrap();
    directory
}

/// A remote process that the test plays.
struct Actor {
    bus: TestBus,
    messages: mpsc::Receiver<BusMessage>,
}

impl Actor {
    async fn new(bus: &TestBus, subject: &str) -> Self {
        Self {
            bus: bus.clone(),
            messages: bus.subscribe(subject.to_owned()).await.unwrap(),
        }
    }

    /// The next letter that is no ping.
    async fn letter(&mut self) -> Value {
        loop {
            let message = timeout(std::time::Duration::from_secs(60), self.messages.recv())
                .await
                .unwrap()
                .unwrap();
            let letter: Value = serde_json::from_slice(&message.payload).unwrap();
            match message.answer_to {
                Some(answer_to) => self
                    .bus
                    .publish(answer_to, Bytes::from_static(b"{}"))
                    .await
                    .unwrap(),
                None => return letter,
            }
        }
    }

    /// Answers to a letter.
    async fn send(&self, letter: &Value, to: &Value, topic: &str, payload: Value) {
        let envelope = json!({ "to": to, "topic": topic, "payload": payload });
        let subject = letter["reply_to"].as_str().unwrap().to_owned();
        self.bus
            .publish(subject, Bytes::from(envelope.to_string()))
            .await
            .unwrap();
    }
}

/// The client of a node whose target is the actor; what the actor got at first; the node.
async fn acted(bus: &TestBus, actor: &mut Actor) -> (Arc<Directory>, Value, Client) {
    let node = node(bus).await;
    let resolving = {
        let node = node.clone();
        tokio::spawn(async move { node.resolve("nats:app.chat").await })
    };
    let init = actor.letter().await;
    let target = resolving.await.unwrap().unwrap();
    assert_eq!(
        (&init["topic"], &init["payload"]["pid"]),
        (&json!("process.init"), &json!(target))
    );
    let client = Client::new(&node, &target);
    (node, init, client)
}

#[tokio::test]
async fn e3_a_remote_process_is_a_target() {
    let bus = TestBus::default();
    let mut actor = Actor::new(&bus, "app.chat").await;
    let (_node, _, mut client) = acted(&bus, &mut actor).await;
    let join = actor.letter().await;
    assert_eq!(
        (&join["topic"], &join["payload"]["client_pid"]),
        (&json!("ws.join"), &json!(client.pid))
    );
    client.says("hello");
    let message = actor.letter().await;
    assert_eq!(
        (&message["topic"], &message["payload"]["data"]),
        (&json!("ws.message"), &json!("hello"))
    );
    let payload = json!({"type": "text", "data": "from afar"});
    actor
        .send(&message, &message["payload"]["client_pid"], "ws.send", payload)
        .await;
    assert_eq!(client.told().await, Told::Text("from afar".to_owned()));
}

#[tokio::test]
async fn e2_a_remote_process_says_how_it_ends() {
    for (kind, code) in [
        (json!({"kind": "normal"}), 1001),
        (json!({"kind": "crashed", "detail": "x"}), 1011),
    ] {
        let bus = TestBus::default();
        let mut actor = Actor::new(&bus, "app.chat").await;
        let (_node, init, mut client) = acted(&bus, &mut actor).await;
        actor.letter().await;
        let own = &init["payload"]["pid"];
        actor
            .send(&init, own, "process.exit", json!({"pid": own, "reason": kind}))
            .await;
        let Told::Close(told, _) = client.told().await else {
            panic!("the client is closed")
        };
        assert_eq!(told, code);
    }
}

#[tokio::test(start_paused = true)]
async fn e2_a_remote_process_that_answers_no_more_has_crashed() {
    let bus = TestBus::default();
    let mut actor = Actor::new(&bus, "app.chat").await;
    let (_node, _, mut client) = acted(&bus, &mut actor).await;
    actor.letter().await;
    bus.silence("app.chat");
    assert_eq!(
        client.told().await,
        Told::Close(1011, "target process crashed".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn e5_nobody_is_bound_to_a_remote_process_that_is_silent_although_others_are() {
    let bus = TestBus::default();
    let mut actor = Actor::new(&bus, "app.chat").await;
    let (node, _, _client) = acted(&bus, &mut actor).await;
    actor.letter().await;
    bus.silence("app.chat");
    let found = node.resolve("nats:app.chat").await;
    assert!(matches!(found, Err(ResolveError::Silent { .. })), "{found:?}");
}

#[tokio::test]
async fn e4_a_remote_process_monitors_through_its_stand_in() {
    let bus = TestBus::default();
    let mut actor = Actor::new(&bus, "app.chat").await;
    let (_node, init, client) = acted(&bus, &mut actor).await;
    let join = actor.letter().await;
    let wish = json!({"pid": join["payload"]["client_pid"]});
    actor
        .send(&init, &init["payload"]["pid"], "process.monitor", wish)
        .await;
    // A wish that is refused is answered, and so tells that the one before was granted.
    actor
        .send(
            &init,
            &init["payload"]["pid"],
            "process.link",
            json!({"pid": "nobody"}),
        )
        .await;
    assert_eq!(actor.letter().await["topic"], "process.error");
    client.leaves("client vanished: 1006", false);
    assert_eq!(actor.letter().await["topic"], "ws.leave");
    let exit = actor.letter().await;
    assert_eq!(
        (&exit["topic"], &exit["payload"]["reason"]["kind"]),
        (&json!("process.exit"), &json!("crashed"))
    );
}

#[tokio::test(start_paused = true)]
async fn e1_who_does_not_listen_is_no_target() {
    let bus = TestBus::default();
    let node = node(&bus).await;
    let error = node.resolve("nats:app.nobody").await.unwrap_err();
    assert!(matches!(error, ResolveError::Silent { .. }), "{error}");
    let _deaf = bus.subscribe("app.deaf".to_owned()).await.unwrap();
    let error = node.resolve("nats:app.deaf").await.unwrap_err();
    assert!(matches!(error, ResolveError::Silent { .. }), "{error}");
    let alone = directory(16, "{}");
    assert!(matches!(
        alone.resolve("nats:app.chat").await,
        Err(ResolveError::NoUplink(_))
    ));
}

#[tokio::test]
async fn e3_a_pid_is_good_on_every_node() {
    let bus = TestBus::default();
    let (here, there) = (node(&bus).await, node(&bus).await);
    let room = there.resolve("room").await.unwrap();
    // Anyone may send to a connection, from wherever.
    let mut client = Client::new(&there, &room);
    let sent = Letter::anonymous(Content::Send(Data::text("hi")));
    here.processes().send(&client.pid, sent).await.unwrap();
    assert_eq!(client.told().await, Told::Text("hi".to_owned()));
    // A process of one node is the target of another node's connection.
    let stand_in = here.resolve(&room.to_string()).await.unwrap();
    let mut guest = Client::new(&here, &stand_in);
    guest.says("from here");
    for client in [&mut client, &mut guest] {
        assert_eq!(client.told().await, Told::Text("from here".to_owned()));
    }
    there.processes().kill(&room, ExitReason::killed("x"));
    assert_eq!(
        guest.told().await,
        Told::Close(1011, "target process was killed".to_owned())
    );
}

#[tokio::test]
async fn e4_a_process_of_another_node_can_be_monitored() {
    let bus = TestBus::default();
    let (here, there) = (node(&bus).await, node(&bus).await);
    let (mut watcher, watched) = (Probe::new(here.processes()), Probe::new(there.processes()));
    here.processes().monitor(&watcher.pid, &watched.pid);
    let pid = watched.pid.clone();
    while !there
        .processes()
        .inspect(|entry| entry.monitors.contains(&watcher.pid))
        .contains(&true)
    {
        tokio::task::yield_now().await;
    }
    watched.end(ExitReason::crashed("x")).await;
    assert_eq!(watcher.exit().await, (pid.clone(), ExitReason::crashed("x")));
    here.processes().monitor(&watcher.pid, &pid);
    assert_eq!(watcher.exit().await, (pid, ExitReason::Unknown));
}
