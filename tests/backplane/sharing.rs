//! What passes between servers while all is well.

use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::broker::{Broker, Kind};
use crate::port::free_port;
use crate::world::{Client, all_hear_all, joined_pair};

const CLIENTS: usize = 8;
const MESSAGES: usize = 250;

async fn every_broadcast_arrives_exactly_once_in_its_senders_order(kind: Kind) {
    let broker = Broker::start(kind, free_port()).await;
    let servers = joined_pair(&broker.settings()).await;
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(servers[number % 2].connect("/broadcast?room=a").await);
    }
    let mut outsider = servers[1].connect("/broadcast?room=b").await;
    all_hear_all(&mut clients, "here").await;
    let mut talking = Vec::new();
    for (sender, mut client) in clients.into_iter().enumerate() {
        talking.push(tokio::spawn(async move {
            for number in 0..MESSAGES {
                client.says(&format!("{sender}:{number}")).await;
            }
            let mut next = [0; CLIENTS];
            for _ in 0..CLIENTS * MESSAGES {
                let text = client.hears().await;
                let (sender, number) = text.split_once(':').unwrap();
                let sender: usize = sender.parse().unwrap();
                assert_eq!(number.parse::<usize>().unwrap(), next[sender], "from {sender}");
                next[sender] += 1;
            }
            assert_eq!(next, [MESSAGES; CLIENTS]);
            client
        }));
    }
    let mut clients = Vec::new();
    for client in talking {
        clients.push(client.await.unwrap());
    }
    // Nothing came twice: what is heard now is what is said now.
    all_hear_all(&mut clients, "and nothing more").await;
    let bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    clients[0]
        .socket
        .send(Message::binary(bytes.clone()))
        .await
        .unwrap();
    for client in &mut clients {
        assert_eq!(client.hears_message().await, Message::binary(bytes.clone()));
    }
    outsider.says("alone").await;
    assert_eq!(outsider.hears().await, "alone");
    for server in servers {
        assert_eq!(server.figure("wsbench_backplane_dropped_total").await, 0);
        let expected = (CLIENTS / 2 * (MESSAGES + 2)) as u64;
        assert!(server.figure("wsbench_backplane_received_total").await >= expected);
        server.stop().await;
    }
}

#[tokio::test]
async fn b18_redis_every_broadcast_arrives_exactly_once_in_its_senders_order() {
    every_broadcast_arrives_exactly_once_in_its_senders_order(Kind::Redis).await;
}

#[tokio::test]
async fn b18_nats_every_broadcast_arrives_exactly_once_in_its_senders_order() {
    every_broadcast_arrives_exactly_once_in_its_senders_order(Kind::Nats).await;
}

async fn login(client: &mut Client, name: &str) {
    client
        .says(&json!({"type": "login", "userId": name, "name": name}).to_string())
        .await;
}

async fn a_chat_is_one_over_two_servers(kind: Kind) {
    let broker = Broker::start(kind, free_port()).await;
    let servers = joined_pair(&broker.settings()).await;
    let mut ada = servers[0].connect("/chat?room=caf%C3%A9").await;
    let mut bob = servers[1].connect("/chat?room=caf%C3%A9").await;
    for client in [&mut ada, &mut bob] {
        assert_eq!(client.hears_json().await["type"], "connection");
    }
    login(&mut ada, "Ada").await;
    for client in [&mut ada, &mut bob] {
        assert_eq!(
            client.hears_json().await["message"],
            "Ada ist dem Chat beigetreten"
        );
        assert_eq!(client.hears_json().await["type"], "user_joined");
    }
    login(&mut bob, "Bob").await;
    for client in [&mut ada, &mut bob] {
        assert_eq!(
            client.hears_json().await["message"],
            "Bob ist dem Chat beigetreten"
        );
        assert_eq!(client.hears_json().await["type"], "user_joined");
    }
    bob.says(&json!({"type": "chat", "message": "Grüße"}).to_string())
        .await;
    for client in [&mut ada, &mut bob] {
        let expected = json!({"type": "chat", "userId": "Bob", "name": "Bob", "message": "Grüße"});
        assert_eq!(client.hears_json().await, expected);
    }
    drop(ada);
    assert_eq!(bob.hears_json().await["message"], "Ada hat den Chat verlassen");
    assert_eq!(bob.hears_json().await["type"], "user_left");
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn b18_b8_redis_a_chat_is_one_over_two_servers() {
    a_chat_is_one_over_two_servers(Kind::Redis).await;
}

#[tokio::test]
async fn b18_b8_nats_a_chat_is_one_over_two_servers() {
    a_chat_is_one_over_two_servers(Kind::Nats).await;
}

async fn a_match_is_one_over_two_servers(kind: Kind) {
    let broker = Broker::start(kind, free_port()).await;
    let servers = joined_pair(&broker.settings()).await;
    let mut players = Vec::new();
    let mut ids = Vec::new();
    for server in &servers {
        let mut player = server.connect("/game?room=m&hz=40").await;
        ids.push(player.hears_json().await["id"].as_str().unwrap().to_owned());
        players.push(player);
    }
    for (number, player) in players.iter_mut().enumerate() {
        let input = json!({"type": "input", "seq": 5, "x": number});
        player.says(&input.to_string()).await;
    }
    for player in &mut players {
        let complete = |message: &Value| ids.iter().all(|id| message["players"][id]["seq"] == 5);
        let state = player.hears_until(complete).await;
        for (number, id) in ids.iter().enumerate() {
            assert_eq!(state["players"][id]["x"], number);
        }
    }
    drop(players.remove(0));
    let mut other = players.remove(0);
    let left = other
        .hears_until(|message| message["type"] == "player_left")
        .await;
    assert_eq!(left["id"], ids[0]);
    let state = other.hears_until(|message| message["type"] == "state").await;
    assert_eq!(state["players"].as_object().unwrap().len(), 1);
    // Who comes later learns of those who said nothing since.
    let mut late = servers[0].connect("/game?room=m").await;
    late.hears_until(|message| message["players"][&ids[1]]["x"] == 1)
        .await;
    // A server that goes takes its players along.
    let [first, second] = servers;
    second.stop().await;
    late.hears_until(|message| message["type"] == "player_left" && message["id"] == ids[1].as_str())
        .await;
    first.stop().await;
}

#[tokio::test]
async fn b18_a25_redis_a_match_is_one_over_two_servers() {
    a_match_is_one_over_two_servers(Kind::Redis).await;
}

#[tokio::test]
async fn b18_a25_nats_a_match_is_one_over_two_servers() {
    a_match_is_one_over_two_servers(Kind::Nats).await;
}
