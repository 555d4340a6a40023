use serde_json::json;

use super::*;
use crate::server::relay::testing::{Client, Probe, Told, assignment, directory, send, stuck};
use crate::wire::MessageKind;

/// A directory, a probe as the target, and a client.
fn relayed(letters: usize) -> (Arc<Directory>, Probe, Client) {
    let directory = directory(letters, "{}");
    let target = Probe::new(directory.processes());
    let client = Client::new(&directory, &target.pid);
    (directory, target, client)
}

fn control(target: &Pid) -> Content {
    Content::Control {
        target: target.to_string(),
        topic: None,
    }
}

fn join(client: &Client) -> (String, serde_json::Value) {
    (
        "ws.join".to_owned(),
        json!({"client_pid": client.pid, "metadata": {}}),
    )
}

fn leave(client: &Pid, reason: &str) -> (String, serde_json::Value) {
    (
        "ws.leave".to_owned(),
        json!({"client_pid": client, "reason": reason, "metadata": {}}),
    )
}

#[tokio::test]
async fn e9_join_comes_before_the_first_message() {
    let (_directory, mut target, client) = relayed(4);
    client.says("hello");
    assert_eq!(target.json().await, join(&client));
    let payload = json!({"client_pid": client.pid, "type": "text", "data": "hello", "metadata": {}});
    assert_eq!(target.json().await, ("ws.message".to_owned(), payload));
}

#[tokio::test]
async fn e8_topic_and_metadata_as_assigned() {
    let directory = directory(4, "{}");
    let mut target = Probe::new(directory.processes());
    let metadata: Metadata = Arc::new(json!({"user_id": "42"}).as_object().cloned().unwrap());
    let assignment = Assignment {
        topic: "chat.in".into(),
        metadata,
        ..assignment(&target.pid)
    };
    let client = Client::assigned(&directory, assignment);
    client.says("x");
    let (_, payload) = target.json().await;
    assert_eq!(payload["metadata"], json!({"user_id": "42"}));
    let (topic, payload) = target.json().await;
    assert_eq!(
        (topic.as_str(), &payload["metadata"]),
        ("chat.in", &json!({"user_id": "42"}))
    );
    client.leaves("client closed: 1000", true);
    assert_eq!(target.json().await.1["metadata"], json!({"user_id": "42"}));
}

#[tokio::test(start_paused = true)]
async fn e11_heartbeats_come_in_their_interval_and_count_messages() {
    let directory = directory(4, "{}");
    let mut target = Probe::new(directory.processes());
    let heartbeat_interval = Some(Duration::from_secs(30));
    let client = Client::assigned(
        &directory,
        Assignment {
            heartbeat_interval,
            ..assignment(&target.pid)
        },
    );
    assert_eq!(target.json().await, join(&client));
    let heartbeat = |uptime: f64, count: u64| {
        (
            "ws.heartbeat".to_owned(),
            json!({"client_pid": client.pid, "uptime": uptime, "message_count": count}),
        )
    };
    assert_eq!(target.json().await, heartbeat(30.0, 0));
    for text in ["a", "b"] {
        client.says(text);
        assert_eq!(target.message().await, text);
    }
    assert_eq!(target.json().await, heartbeat(60.0, 2));
    assert_eq!(target.json().await, heartbeat(90.0, 2));
}

#[tokio::test]
async fn e12_leave_says_why_and_the_process_ends_with_its_client() {
    for (reason, orderly) in [("client closed: 1000", true), ("client vanished: 1006", false)] {
        let (directory, mut target, client) = relayed(4);
        let (mut watcher, pid) = (Probe::new(directory.processes()), client.pid.clone());
        directory.processes().monitor(&watcher.pid, &pid);
        client.says("last words");
        client.leaves(reason, orderly);
        target.json().await;
        assert_eq!(target.message().await, "last words");
        assert_eq!(target.json().await, leave(&pid, reason));
        let expected = if orderly {
            ExitReason::Normal
        } else {
            ExitReason::crashed(reason)
        };
        assert_eq!(watcher.exit().await, (pid, expected));
    }
}

#[tokio::test]
async fn e13_anyone_sends_text_and_binary_to_the_client() {
    let (directory, _target, mut client) = relayed(4);
    send(
        directory.processes(),
        &client.pid,
        Content::Send(Data::text("hallo")),
    )
    .await;
    let binary = Data {
        kind: MessageKind::Binary,
        bytes: bytes::Bytes::from_static(b"\x00\xff"),
    };
    send(directory.processes(), &client.pid, Content::Send(binary)).await;
    assert_eq!(client.told().await, Told::Text("hallo".to_owned()));
    assert_eq!(client.told().await, Told::Binary(b"\x00\xff".to_vec()));
}

#[tokio::test]
async fn e14_close_comes_behind_what_was_sent_before() {
    let (directory, _target, mut client) = relayed(4);
    send(
        directory.processes(),
        &client.pid,
        Content::Send(Data::text("bye")),
    )
    .await;
    let close = Content::Close {
        code: CloseCode(1000),
        reason: "Sitzung beendet".to_owned(),
    };
    send(directory.processes(), &client.pid, close).await;
    assert_eq!(client.told().await, Told::Text("bye".to_owned()));
    assert_eq!(
        client.told().await,
        Told::Close(1000, "Sitzung beendet".to_owned())
    );
}

#[tokio::test]
async fn e2_the_targets_end_closes_the_connection() {
    for (reason, code) in [
        (ExitReason::Normal, 1001),
        (ExitReason::crashed("x"), 1011),
        (ExitReason::killed("x"), 1011),
    ] {
        let (directory, mut target, mut client) = relayed(4);
        target.json().await;
        let (mut watcher, pid) = (Probe::new(directory.processes()), client.pid.clone());
        directory.processes().monitor(&watcher.pid, &pid);
        target.end(reason.clone()).await;
        let Told::Close(told, _) = client.told().await else {
            panic!("the client is closed")
        };
        assert_eq!(told, code, "{reason}");
        client.leaves("closed by process: 1011", reason == ExitReason::Normal);
        let (_, end) = watcher.exit().await;
        assert_eq!(end == ExitReason::Normal, reason == ExitReason::Normal, "{end}");
    }
}

#[tokio::test]
async fn e2_a_target_that_was_gone_before_the_join_closes_the_connection() {
    let (directory, target, _) = relayed(4);
    let pid = target.pid.clone();
    target.end(ExitReason::Normal).await;
    while directory.processes().find(&pid.to_string()).is_some() {
        tokio::task::yield_now().await;
    }
    let mut client = Client::new(&directory, &pid);
    assert_eq!(
        client.told().await,
        Told::Close(1011, "target process is gone".to_owned())
    );
}

#[tokio::test]
async fn e2_a_forged_exit_is_no_exit() {
    let (directory, target, mut client) = relayed(4);
    let other = Probe::new(directory.processes());
    let forged = Content::Exit {
        pid: target.pid.clone(),
        reason: ExitReason::Normal,
    };
    send(directory.processes(), &client.pid, forged.clone()).await;
    let letter = Letter::new(other.pid.clone(), forged);
    directory.processes().send(&client.pid, letter).await.unwrap();
    send(
        directory.processes(),
        &client.pid,
        Content::Send(Data::text("still here")),
    )
    .await;
    assert_eq!(client.told().await, Told::Text("still here".to_owned()));
}

#[tokio::test]
async fn e4_a_connection_can_be_killed_and_linked() {
    let (directory, mut target, mut client) = relayed(4);
    let partner = Probe::new(directory.processes());
    directory.processes().link(&partner.pid, &client.pid);
    target.json().await;
    partner.end(ExitReason::crashed("x")).await;
    assert_eq!(
        client.told().await,
        Told::Close(1011, "connection was killed".to_owned())
    );
    let (mut watcher, pid) = (Probe::new(directory.processes()), client.pid.clone());
    directory.processes().monitor(&watcher.pid, &pid);
    client.leaves("closed by process: 1011", false);
    assert_eq!(target.json().await, leave(&pid, "closed by process: 1011"));
    assert!(matches!(watcher.exit().await.1, ExitReason::Killed(_)));
}

#[tokio::test]
async fn e5_a_transfer_is_a_leave_then_a_join() {
    let (directory, mut old, client) = relayed(4);
    let mut new = Probe::new(directory.processes());
    old.json().await;
    client.says("to the old");
    assert_eq!(old.message().await, "to the old");
    let content = Content::Control {
        target: new.pid.to_string(),
        topic: Some("chat.in".into()),
    };
    send(directory.processes(), &client.pid, content).await;
    assert_eq!(old.json().await, leave(&client.pid, "transferred"));
    assert_eq!(new.json().await, join(&client));
    client.says("to the new");
    let (topic, payload) = new.json().await;
    assert_eq!(
        (topic.as_str(), &payload["data"]),
        ("chat.in", &json!("to the new"))
    );
}

#[tokio::test]
async fn e5_after_a_transfer_only_the_new_targets_end_matters() {
    let (directory, old, mut client) = relayed(4);
    let mut new = Probe::new(directory.processes());
    send(directory.processes(), &client.pid, control(&new.pid)).await;
    assert_eq!(new.json().await, join(&client));
    old.end(ExitReason::crashed("x")).await;
    send(
        directory.processes(),
        &client.pid,
        Content::Send(Data::text("still here")),
    )
    .await;
    assert_eq!(client.told().await, Told::Text("still here".to_owned()));
    new.end(ExitReason::Normal).await;
    assert_eq!(
        client.told().await,
        Told::Close(1001, "target process ended".to_owned())
    );
}

#[tokio::test]
async fn e5_a_transfer_to_nobody_or_to_a_connection_changes_nothing_and_its_sender_is_told() {
    let (directory, mut target, client) = relayed(4);
    let (mut sender, other) = (
        Probe::new(directory.processes()),
        Client::new(&directory, &target.pid),
    );
    for wrong in [
        "nobody".to_owned(),
        directory.processes().node().pid(99).to_string(),
        other.pid.to_string(),
    ] {
        let letter = Letter::new(
            sender.pid.clone(),
            Content::Control {
                target: wrong.clone(),
                topic: None,
            },
        );
        directory.processes().send(&client.pid, letter).await.unwrap();
        let (topic, payload) = sender.json().await;
        assert_eq!(topic, "process.error");
        assert_eq!(payload["topic"], "ws.control");
        assert!(payload["error"].as_str().unwrap().contains(&wrong), "{payload}");
    }
    target.json().await;
    target.json().await;
    client.says("as before");
    assert_eq!(target.message().await, "as before");
}

#[tokio::test]
async fn e5_a_transfer_to_the_same_target_changes_the_topic_only() {
    let (directory, mut target, client) = relayed(4);
    target.json().await;
    let content = Content::Control {
        target: target.pid.to_string(),
        topic: Some("other".into()),
    };
    send(directory.processes(), &client.pid, content).await;
    // The transfer is done once the process looks at its mailbox again.
    send(directory.processes(), &client.pid, Content::Send(Data::text("x"))).await;
    tokio::task::yield_now().await;
    client.says("x");
    assert_eq!(target.json().await.0, "other");
}

/// Mailboxes of two letters, so that every one is full all the time.
#[tokio::test]
async fn e5_transfer_under_load_loses_and_duplicates_nothing() {
    const MESSAGES: usize = 2000;
    let directory = directory(2, "{}");
    let mut targets: Vec<Probe> = (0..3).map(|_| Probe::new(directory.processes())).collect();
    let pids: Vec<Pid> = targets.iter().map(|target| target.pid.clone()).collect();
    let client = Client::new(&directory, &pids[0]);
    let pid = client.pid.clone();
    let talking = tokio::spawn(async move {
        for n in 0..MESSAGES {
            while !client.inlet_has_room() {
                tokio::task::yield_now().await;
            }
            client.says(&n.to_string());
        }
        client
    });
    let moving = tokio::spawn({
        let (directory, pids) = (directory.clone(), pids.clone());
        async move {
            for turn in 1..200 {
                let _ = directory
                    .processes()
                    .send(&pid, Letter::anonymous(control(&pids[turn % 3])))
                    .await;
                tokio::task::yield_now().await;
            }
        }
    });
    // Which target is joined, and what each got while it was.
    let (seen, mut log) = tokio::sync::mpsc::channel(1);
    for (index, mut target) in targets.drain(..).enumerate() {
        let seen = seen.clone();
        tokio::spawn(async move {
            loop {
                let letter = target.letter().await;
                if seen.send((index, letter.content)).await.is_err() {
                    return;
                }
            }
        });
    }
    let mut got: Vec<Vec<usize>> = vec![Vec::new(); 3];
    let (mut joined, mut transfers) = ([false; 3], 0);
    while got.iter().map(Vec::len).sum::<usize>() < MESSAGES {
        let (index, content) = log.recv().await.unwrap();
        match content {
            Content::Join { .. } => {
                assert!(!std::mem::replace(&mut joined[index], true), "joined twice");
                transfers += 1;
            }
            Content::Leave { .. } => assert!(std::mem::replace(&mut joined[index], false), "left twice"),
            Content::Message { data, .. } => {
                assert!(joined[index], "a message outside of a join");
                got[index].push(std::str::from_utf8(&data.bytes).unwrap().parse().unwrap());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(transfers > 10, "{transfers} transfers are no load");
    assert!(got.iter().all(|numbers| numbers.is_sorted()), "order is kept");
    let mut all = got.concat();
    all.sort_unstable();
    assert_eq!(all, Vec::from_iter(0..MESSAGES));
    moving.await.unwrap();
    drop(talking.await.unwrap());
}

/// The target waits for the connection to take a letter, while the connection waits for the target to take a message.
#[tokio::test(start_paused = true)]
async fn e3_a_target_and_its_connection_do_not_wait_for_each_other() {
    let directory = directory(1, "{}");
    let body = |mut me: Me| async move {
        while let Ok(letter) = me.next().await {
            let Content::Message { client, .. } = letter.content else {
                continue;
            };
            for n in 0..10 {
                me.send(&client, Content::Send(Data::text(&n.to_string())))
                    .await
                    .unwrap();
            }
        }
        ExitReason::Normal
    };
    let target = directory
        .processes()
        .spawn(Kind::Service("chatty".to_owned()), None, body)
        .unwrap();
    let mut client = Client::new(&directory, &target);
    for _ in 0..50 {
        client.says("x");
    }
    let started = Instant::now();
    for n in 0..500 {
        assert_eq!(client.told().await, Told::Text((n % 10).to_string()));
    }
    assert!(started.elapsed() < Duration::from_secs(1), "somebody waited");
}

#[tokio::test(start_paused = true)]
async fn e12_a_target_that_takes_no_letters_does_not_keep_the_connection_for_ever() {
    let directory = directory(1, "{}");
    let target = stuck(directory.processes());
    let client = Client::new(&directory, &target);
    let (mut watcher, pid) = (Probe::new(directory.processes()), client.pid.clone());
    directory.processes().monitor(&watcher.pid, &pid);
    client.says("x");
    client.leaves("client closed: 1000", true);
    assert_eq!(
        watcher.exit().await,
        (pid, ExitReason::crashed("its target took no letters"))
    );
}

#[tokio::test]
async fn e15_a_room_sends_to_all_of_its_clients() {
    let directory = directory(4, "{}");
    let room = directory.resolve("room").await.unwrap();
    assert_eq!(
        directory.resolve("room").await.unwrap(),
        room,
        "there is one room of this name"
    );
    let mut clients: Vec<Client> = (0..3).map(|_| Client::new(&directory, &room)).collect();
    let elsewhere = directory.start("room", Some("other")).await.unwrap();
    assert_ne!(elsewhere, room);
    let mut stranger = Client::new(&directory, &elsewhere);
    // Everyone has joined once its own message has come back.
    for (index, client) in clients.iter_mut().enumerate() {
        client.says(&format!("here is {index}"));
        while client.told().await != Told::Text(format!("here is {index}")) {}
    }
    clients.pop().unwrap().leaves("client closed: 1000", true);
    clients[0].says("to all");
    for client in &mut clients {
        while client.told().await != Told::Text("to all".to_owned()) {}
    }
    stranger.says("alone");
    assert_eq!(stranger.told().await, Told::Text("alone".to_owned()));
}

#[tokio::test]
async fn e3_the_recorder_tells_what_it_got() {
    let directory = directory(4, "{}");
    let recorder = directory.resolve("recorder").await.unwrap();
    let client = Client::new(&directory, &recorder);
    client.says("x");
    let pid = client.pid.clone();
    client.leaves("client closed: 1000", true);
    let mut reader = Probe::new(directory.processes());
    loop {
        let read = Content::Other {
            topic: "recorder.read".into(),
            payload: json!({}),
        };
        directory
            .processes()
            .send(&recorder, Letter::new(reader.pid.clone(), read))
            .await
            .unwrap();
        let (topic, payload) = reader.json().await;
        assert_eq!(
            (topic.as_str(), &payload["dropped"]),
            ("recorder.letters", &json!(0))
        );
        let topics: Vec<_> = payload["letters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|letter| &letter["topic"])
            .collect();
        if topics == ["ws.join", "ws.message", "ws.leave"] {
            assert_eq!(payload["letters"][0]["from"], json!(pid));
            return;
        }
    }
}
