//! `/echo` and `/ws`.

use std::time::Duration;

use futures_util::SinkExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};

use crate::support::{Client, PATIENCE, start};

#[tokio::test]
async fn b1_text_and_binary_come_back_as_they_were() {
    let server = start("");
    let mut client = Client::connect(&server, "/echo").await;
    assert_eq!(client.instance, server.instance());
    let messages = [
        Message::text(""),
        Message::text("h\u{e9}llo"),
        Message::binary(vec![0, 255, 128]),
        Message::binary(vec![]),
    ];
    for message in messages {
        client.send(message.clone()).await;
        assert_eq!(client.receive().await, message);
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn messages_of_every_length_form_survive() {
    let server = start("routes: {/echo: {max_message_size: 32MiB}}");
    let mut client = Client::connect(&server, "/echo").await;
    for length in [125, 126, 8_191, 8_192, 65_535, 65_536, 131_072, 1 << 20, 15 << 20] {
        let payload: Vec<u8> = (0..length).map(|index| (index * 7 % 251) as u8).collect();
        let message = Message::binary(payload);
        client.send(message.clone()).await;
        assert!(client.receive().await == message, "length {length}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d18_text_of_5_mb_and_binary_of_50_mb_pass_where_the_limit_allows_it_and_one_byte_more_does_not() {
    const LIMIT: usize = 50 << 20;
    let server = start("routes: {/echo: {max_message_size: 50MiB}}");
    let mut client = Client::connect(&server, "/echo").await;
    for message in [
        Message::text("\u{e9}".repeat(5 << 19)),
        Message::binary(vec![7; LIMIT]),
    ] {
        client.send(message.clone()).await;
        assert!(client.receive().await == message);
    }
    // The server closes at the header of the message, so it may not take the rest.
    let _ = client.socket.send(Message::binary(vec![7; LIMIT + 1])).await;
    let (code, reason) = client.receive_close().await;
    assert_eq!(code, 1009, "{reason}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn many_messages_in_one_segment_are_all_answered_in_order() {
    let server = start("");
    let mut client = Client::connect(&server, "/echo").await;
    for number in 0..2_000 {
        client
            .socket
            .feed(Message::text(number.to_string()))
            .await
            .unwrap();
        if number % 7 == 0 {
            client
                .socket
                .feed(Message::Ping(number.to_string().into_bytes().into()))
                .await
                .unwrap();
        }
        if number % 100 == 0 {
            client
                .socket
                .feed(Message::binary(vec![1; 50_000]))
                .await
                .unwrap();
        }
    }
    client.socket.flush().await.unwrap();
    for number in 0..2_000 {
        assert_eq!(client.receive_text().await, number.to_string());
        if number % 7 == 0 {
            assert_eq!(
                client.receive().await,
                Message::Pong(number.to_string().into_bytes().into())
            );
        }
        if number % 100 == 0 {
            assert_eq!(client.receive().await.into_data().len(), 50_000);
        }
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn fragments_are_put_together_with_control_frames_between() {
    let server = start("");
    let mut client = Client::connect(&server, "/echo").await;
    let part =
        |text: &'static str, opcode, fin| Message::Frame(Frame::message(text, OpCode::Data(opcode), fin));
    client.send(part("one ", Data::Text, false)).await;
    client.send(Message::Ping("between".into())).await;
    client.send(part("two ", Data::Continue, false)).await;
    client.send(part("three", Data::Continue, true)).await;
    assert_eq!(client.receive().await, Message::Pong("between".into()));
    assert_eq!(client.receive_text().await, "one two three");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b2_ws_puts_the_prefix_before_the_message() {
    let server = start("");
    let mut client = Client::connect(&server, "/ws").await;
    client.send_text("Hallo").await;
    assert_eq!(client.receive_text().await, "Server hat empfangen: Hallo");
    client.send(Message::binary(vec![7])).await;
    assert_eq!(
        client.receive().await,
        Message::binary(b"Server hat empfangen: \x07".to_vec())
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_frame_in_the_segment_of_the_request_is_answered() {
    let server = start("");
    let mut tcp = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    let mut bytes = b"GET /echo HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        .to_vec();
    bytes.extend_from_slice(b"\x81\x82\0\0\0\0hi\x81\x82\0\0\0\0ho");
    tcp.write_all(&bytes).await.unwrap();
    let mut received = Vec::new();
    while !received.ends_with(b"\r\n\r\n\x81\x02hi\x81\x02ho") {
        let read = tokio::time::timeout(PATIENCE, tcp.read_buf(&mut received)).await;
        assert!(
            read.expect("an answer in time").unwrap() > 0,
            "the connection ended"
        );
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_sent_before_a_half_close_is_answered() {
    let server = start("");
    let mut client = Client::connect(&server, "/echo").await;
    client.send(Message::binary(vec![9; 3_000_000 / 4])).await;
    client.socket.get_mut().shutdown().await.unwrap();
    assert_eq!(client.receive().await.into_data().len(), 3_000_000 / 4);
    let line = tokio::time::timeout(Duration::from_secs(20), server.stop())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((line.opened, line.ended), (1, 1));
}

#[tokio::test]
async fn the_clients_close_is_answered_with_its_code() {
    let server = start("");
    let mut client = Client::connect(&server, "/echo").await;
    let frame = CloseFrame {
        code: 3_999.into(),
        reason: "bye".into(),
    };
    client.send(Message::Close(Some(frame))).await;
    assert_eq!(client.receive_close().await, (3_999, String::new()));
    client.finish().await;
    server.stop().await.unwrap();
}
