//! Pings, and clients that do not answer them.

use tokio::io::AsyncReadExt;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, ended, start};

/// Seed B13 pings every 30 s; the same in a hundredth of it.
const HEARTBEAT: &str = "routes: {/echo: {heartbeat: 300ms, idle_timeout: 0}}";

#[tokio::test]
async fn b13_a_client_that_answers_each_ping_lives_on() {
    let server = start(HEARTBEAT);
    let mut client = Client::connect(&server, "/echo").await;
    // The seed as written kills everyone at the second tick, for it never notes that an answer came.
    for _ in 0..5 {
        assert!(matches!(client.receive().await, Message::Ping(_)));
    }
    client.send_text("alive").await;
    while client.receive().await != Message::text("alive") {}
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b13_a_client_that_did_not_answer_by_the_next_ping_is_terminated_without_a_close_frame() {
    let server = start(HEARTBEAT);
    let mut client = Client::connect(&server, "/echo?tag=mute").await;
    let line = ended(&server, "mute").await;
    assert_eq!(
        (&line["cause"], &line["closed_by"], &line["code"]),
        (&"pong timeout".into(), &"nobody".into(), &1006.into())
    );
    assert_eq!(line["pings_out"], 1, "terminated in place of the second ping");
    let open = line["closed_at"].as_f64().unwrap() - line["opened_at"].as_f64().unwrap();
    assert!((0.6..5.0).contains(&open), "two ticks of 0.3 s, not {open} s");
    // The reset may have overtaken the ping.
    let mut received = Vec::new();
    let end = client.socket.get_mut().read_to_end(&mut received).await;
    assert!(
        end.is_err() || received == b"\x89\0",
        "no Close frame: {received:?}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn b13_the_same_with_a_close_frame_is_a_pong_wait_of_one_interval() {
    let server = start("routes: {/echo: {ping_interval: 200ms, pong_wait: 200ms, close_timeout: 100ms}}");
    let _client = Client::connect(&server, "/echo?tag=mute").await;
    let line = ended(&server, "mute").await;
    assert_eq!(
        (&line["cause"], &line["closed_by"], &line["code"]),
        (&"pong timeout".into(), &"server".into(), &1011.into())
    );
    assert_eq!(line["pings_out"], 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn d3_d5_pings_of_the_server_keep_a_silent_client_beyond_the_idle_timeout() {
    let server = start("routes: {/echo: {idle_timeout: 400ms, ping_interval: 100ms, pong_wait: 300ms}}");
    let mut client = Client::connect(&server, "/echo").await;
    // Three times the idle timeout.
    for _ in 0..12 {
        assert!(matches!(client.receive().await, Message::Ping(_)));
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a28_a34_pings_rarer_than_the_idle_timeout_do_not_keep_a_connection() {
    let server = start("routes: {/echo: {idle_timeout: 200ms, ping_interval: 300ms}}");
    let mut client = Client::connect(&server, "/echo?tag=rare").await;
    assert_eq!(client.receive_close().await, (1001, "idle timeout".to_owned()));
    client.finish().await;
    assert_eq!(ended(&server, "rare").await["pings_out"], 0);
    server.stop().await.unwrap();
}
