//! Clients that do not read (seeds B11, D7).

use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, ended, start};

/// Far more than the kernel's buffers take, in messages of 64 KiB.
const MESSAGES: usize = 800;

async fn flood(server: &wsbench::server::Server, sluggish: &str) -> (Client, Client) {
    let slow = Client::connect(server, &format!("/broadcast?tag={sluggish}")).await;
    let mut fast = Client::connect(server, "/broadcast").await;
    for _ in 0..MESSAGES {
        fast.send(Message::binary(vec![7; 65_536])).await;
        assert_eq!(fast.receive().await.into_data().len(), 65_536);
    }
    (slow, fast)
}

#[tokio::test]
async fn b11_a_slow_consumer_is_disconnected_by_1008_and_others_are_not_held_up() {
    let server = start("routes: {/broadcast: {outbox_messages: 10, slow_consumer: disconnect}}");
    let (mut slow, _fast) = flood(&server, "slow").await;
    assert_eq!(slow.receive_close().await, (1008, "slow consumer".to_owned()));
    slow.finish().await;
    let line = ended(&server, "slow").await;
    assert_eq!(
        (&line["closed_by"], &line["cause"]),
        (&"server".into(), &"slow consumer".into())
    );
    let report = server.stop().await.unwrap();
    assert!(report.messages_dropped > 0, "{report:?}");
}

#[tokio::test]
async fn b11_dropping_the_oldest_keeps_the_connection_and_the_newest_messages() {
    let server = start("routes: {/broadcast: {outbox_messages: 10, slow_consumer: drop-oldest}}");
    let (mut slow, mut fast) = flood(&server, "slow").await;
    fast.send_text("last").await;
    let mut received = 0;
    while slow.receive().await != Message::text("last") {
        received += 1;
    }
    assert!(received < MESSAGES, "{received} of {MESSAGES}");
    let report = server.stop().await.unwrap();
    assert_eq!(report.messages_dropped, (MESSAGES - received) as u64);
}

#[tokio::test]
async fn d7_a_client_that_takes_nothing_is_cut_at_the_write_deadline() {
    let server = start("routes: {/echo: {write_deadline: 200ms, max_message_size: 64MiB}}");
    let mut client = Client::connect(&server, "/echo?tag=stuck").await;
    client.send(Message::binary(vec![7; 32 << 20])).await;
    let line = ended(&server, "stuck").await;
    assert_eq!(
        (&line["cause"], &line["code"]),
        (&"write deadline".into(), &1006.into())
    );
    // What it sent in between was not read, so it learns of the end by writing too.
    while client.socket.send(Message::text("x")).await.is_ok() {}
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_sends_without_reading_waits_and_loses_nothing() {
    let server = start("");
    let client = Client::connect(&server, "/echo").await;
    let (mut sink, mut stream) = futures_util::StreamExt::split(client.socket);
    let sending = tokio::spawn(async move {
        for number in 0..400_u32 {
            sink.send(Message::binary(vec![number as u8; 65_536]))
                .await
                .unwrap();
        }
        sink
    });
    for number in 0..400_u32 {
        let message = futures_util::StreamExt::next(&mut stream).await.unwrap().unwrap();
        assert_eq!(message.into_data()[65_535], number as u8);
    }
    drop(sending.await.unwrap());
    server.stop().await.unwrap();
}
