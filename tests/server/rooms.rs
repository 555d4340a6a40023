//! Named rooms inside a route.

use crate::support::{Client, exchange, start};

/// Those who are in a room hear what is said there, and nobody else does.
#[tokio::test]
async fn b3_a_broadcast_stays_in_its_room_on_every_worker() {
    let server = start("workers: 3");
    let rooms = ["", "?room=red", "?room=blue", "?room=r%65d", "?tag=t&room=blue"];
    let mut clients = Vec::new();
    for room in rooms.iter().cycle().take(15) {
        clients.push(Client::connect(&server, &format!("/broadcast{room}")).await);
    }
    let same_room = |a: usize, b: usize| [0, 1, 2, 1, 2][a % 5] == [0, 1, 2, 1, 2][b % 5];
    // A client is in its room when its own message has come back.
    for sender in 0..clients.len() {
        clients[sender].send_text(&format!("{sender}")).await;
        for receiver in (0..clients.len()).filter(|&other| same_room(sender, other)) {
            assert_eq!(clients[receiver].receive_text().await, format!("{sender}"));
        }
    }
    // Had anybody heard another room, its next message would not be this.
    for client in &mut clients {
        client.send_text("end").await;
    }
    for client in &mut clients {
        assert_eq!(client.receive_text().await, "end");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_room_that_emptied_can_be_filled_again() {
    let server = start("workers: 2");
    for round in 0..3 {
        let mut first = Client::connect(&server, "/broadcast?room=again").await;
        let mut second = Client::connect(&server, "/broadcast?room=again").await;
        for client in [&mut first, &mut second] {
            client.send_text(&format!("here {round}")).await;
            client.receive_text().await;
        }
        for mut client in [first, second] {
            client.socket.close(None).await.unwrap();
            while !matches!(
                futures_util::StreamExt::next(&mut client.socket).await,
                None | Some(Err(_))
            ) {}
        }
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_room_with_an_impossible_name_is_refused_by_400() {
    let server = start("");
    let upgrade = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
    };
    let long = "x".repeat(65);
    for (path, reason) in [
        (
            format!("/broadcast?room={long}"),
            "a room's name has at most 64 bytes",
        ),
        (format!("/chat?room={long}"), "a room's name has at most 64 bytes"),
        (
            "/game?room=%00".to_owned(),
            "a room's name is UTF-8 without control characters",
        ),
        (
            "/chat?room=%FF".to_owned(),
            "a room's name is UTF-8 without control characters",
        ),
        ("/game?hz=0".to_owned(), "`hz` is a number from 1 to 120"),
        ("/game?hz=121".to_owned(), "`hz` is a number from 1 to 120"),
    ] {
        let response = exchange(&server, &upgrade(&path)).await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{path}: {response}");
        assert!(response.contains(reason), "{path}: {response}");
    }
    let mut client = Client::connect(&server, &format!("/broadcast?room={}", &long[1..])).await;
    client.send_text("64 bytes are fine").await;
    assert_eq!(client.receive_text().await, "64 bytes are fine");
    // A route without rooms does not care.
    Client::connect(&server, &format!("/echo?room={long}")).await;
    server.stop().await.unwrap();
}
