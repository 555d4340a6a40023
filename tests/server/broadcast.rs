//! `/broadcast` (seed B3).

use crate::support::{Client, start};

const CLIENTS: usize = 12;
const MESSAGES: usize = 300;

#[tokio::test]
async fn b3_every_client_on_every_worker_gets_each_message_once_and_in_its_senders_order() {
    let server = start("workers: 3");
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Client::connect(&server, "/broadcast").await);
    }
    // Messages reach those who are there; a client is when its own message has come back.
    for client in &mut clients {
        client.send_text("here").await;
    }
    for client in &mut clients {
        for _ in 0..CLIENTS {
            assert_eq!(client.receive_text().await, "here");
        }
    }
    for (sender, client) in clients.iter_mut().enumerate() {
        for number in 0..MESSAGES {
            client.send_text(&format!("{sender}:{number}")).await;
        }
    }
    for client in &mut clients {
        let mut next = [0; CLIENTS];
        for _ in 0..CLIENTS * MESSAGES {
            let text = client.receive_text().await;
            let (sender, number) = text.split_once(':').unwrap();
            let sender: usize = sender.parse().unwrap();
            assert_eq!(number.parse::<usize>().unwrap(), next[sender], "from {sender}");
            next[sender] += 1;
        }
        assert_eq!(next, [MESSAGES; CLIENTS]);
    }
    let report = server.stop().await.unwrap();
    let sent = (CLIENTS * (CLIENTS * MESSAGES + CLIENTS)) as u64;
    assert_eq!((report.messages_out, report.messages_dropped), (sent, 0));
}

#[tokio::test]
async fn routes_of_the_same_mode_do_not_hear_each_other() {
    let server = start("routes: {/other: {mode: broadcast}}");
    let mut here = Client::connect(&server, "/broadcast").await;
    let mut there = Client::connect(&server, "/other").await;
    here.send_text("a").await;
    there.send_text("b").await;
    assert_eq!(here.receive_text().await, "a");
    assert_eq!(there.receive_text().await, "b");
    here.send_text("c").await;
    assert_eq!(here.receive_text().await, "c");
    server.stop().await.unwrap();
}
